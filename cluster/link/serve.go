package link

import (
	"bufio"
	"context"
	"net"
	"sync"
)

// incoming are the requests that run for another node.
type incoming struct {
	links  *Links
	from   uint64
	sender sender

	mu      sync.Mutex
	running map[uint64]context.CancelFunc // guarded by mu
}

// serve answers what one connection brings, until it breaks.
func (l *Links) serve(c net.Conn, from uint64) {
	in := &incoming{
		links: l, from: from, sender: sender{conn: c}, running: map[uint64]context.CancelFunc{},
	}
	ctx, cancel := context.WithCancel(l.ctx)
	defer cancel() // and with it all requests
	defer in.sender.stop()
	r := bufio.NewReaderSize(c, readBufferBytes)
	for {
		f, err := readFrame(r)
		if err != nil {
			return // the node sees its requests end, and calls again
		}
		switch f.kind {
		case frameRequest:
			in.start(ctx, f)
		case frameCancel:
			in.cancel(f.id)
		default:
			return // it speaks another protocol
		}
	}
}

// start runs a request, unless too many run.
func (in *incoming) start(ctx context.Context, f frame) {
	in.mu.Lock()
	if _, twice := in.running[f.id]; twice || len(in.running) >= maxRunning {
		in.mu.Unlock()
		_ = in.sender.push(ctx, newFrame(frameRefused, f.id, nil)) // broken: the reader sees it
		return
	}
	ctx, in.running[f.id] = context.WithCancel(ctx)
	in.mu.Unlock()
	in.links.served.Add(1)
	in.links.workers.Go(func() {
		defer in.cancel(f.id)
		answer := in.links.cfg.Handle(ctx, in.from, f.body, func(body []byte) {
			_ = in.sender.push(ctx, newFrame(frameProgress, f.id, body)) // as above
		})
		if ctx.Err() == nil {
			_ = in.sender.push(ctx, newFrame(frameAnswer, f.id, answer)) // as above
		}
	})
}

func (in *incoming) cancel(id uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if cancel := in.running[id]; cancel != nil {
		cancel()
		delete(in.running, id)
	}
}
