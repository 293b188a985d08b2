package transport

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// firstRedial and lastRedial are the pauses between tries to connect.
	firstRedial = 20 * time.Millisecond
	lastRedial  = 250 * time.Millisecond
	// refusedRedial is the last pause of those to a node that refuses this one: somebody has to mend
	// that first, and it says so in the log of the other each time.
	refusedRedial = 5 * time.Second
	// unacknowledged is how long what was sent may stay unacknowledged before the connection counts
	// as broken: a network that swallows everything is noticed that soon.
	unacknowledged = 2 * time.Second
)

// peer is the way to one other node: a queue, and the connection that empties it.
type peer struct {
	t         *Transport
	node      uint64
	connected atomic.Bool
	wake      chan struct{}
	stopped   chan struct{}
	once      sync.Once

	mu    sync.Mutex
	queue net.Buffers // sealed frames; guarded by mu
	bytes int         // in queue; guarded by mu
}

func newPeer(t *Transport, node uint64) *peer {
	return &peer{t: t, node: node, wake: make(chan struct{}, 1), stopped: make(chan struct{})}
}

func (p *peer) stop() { p.once.Do(func() { close(p.stopped) }) }

// push queues a frame, or drops it when too much waits. It does not wait.
func (p *peer) push(frame []byte) {
	p.mu.Lock()
	full := p.bytes > 0 && p.bytes+len(frame) > p.t.cfg.QueueBytes
	if !full {
		p.queue = append(p.queue, frame)
		p.bytes += len(frame)
	}
	p.mu.Unlock()
	if full {
		p.t.dropped.Add(1)
		return
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// take empties the queue.
func (p *peer) take() net.Buffers {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := p.queue
	p.queue, p.bytes = nil, 0
	return q
}

// run connects whenever there is something to say, and says it.
func (p *peer) run() {
	pause, told := firstRedial, ""
	for {
		select {
		case <-p.stopped:
			return
		case <-p.wake:
		}
		c, err := p.t.dial(p.t.ctx, p.node, false)
		if err == nil {
			pause, told = firstRedial, ""
			if f := p.t.cfg.Events.Connected; f != nil {
				f(p.node)
			}
			p.signal() // what woke us is still in the queue
			p.connected.Store(true)
			err = p.send(c)
			p.connected.Store(false)
		}
		if f := p.t.cfg.Events.Disconnected; f != nil && err.Error() != told && p.t.ctx.Err() == nil {
			f(p.node, err)
			told = err.Error()
		}
		// What waited meanwhile is old: consensus has said it again, or will.
		p.t.dropped.Add(uint64(len(p.take())))
		select {
		case <-p.stopped:
			return
		case <-time.After(pause):
			last := lastRedial
			if errors.As(err, new(*RefusedError)) {
				last = refusedRedial
			}
			pause = min(2*pause, last)
		}
		p.signal() // and tries again, whether or not somebody has something to say
	}
}

func (p *peer) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// send writes frames until the connection breaks.
func (p *peer) send(c net.Conn) error {
	broken := make(chan error, 1)
	go func() { broken <- drain(c) }()
	ended := false
	defer func() {
		_ = c.Close()
		if !ended {
			<-broken
		}
	}()
	for {
		select {
		case <-p.stopped:
			return net.ErrClosed
		case err := <-broken:
			ended = true
			return err
		case <-p.wake:
		}
		frames := p.take()
		count, size := len(frames), 0
		for _, f := range frames {
			size += len(f)
		}
		if err := c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return err
		}
		if _, err := frames.WriteTo(c); err != nil {
			return err
		}
		p.t.sentFrames.Add(uint64(count))
		p.t.sentBytes.Add(uint64(size))
	}
}

// writeTimeout is how long a peer may take in nothing.
const writeTimeout = 5 * time.Second

// quickToNotice makes the system give up on a silent peer soon.
func quickToNotice(_, _ string, raw syscall.RawConn) error {
	var err error
	controlled := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT,
			int(unacknowledged/time.Millisecond))
	})
	if controlled != nil {
		return controlled
	}
	return err
}
