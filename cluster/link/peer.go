package link

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// peer is the way to one other node.
type peer struct {
	links *Links
	node  uint64

	mu      sync.Mutex
	conn    *connection   // guarded by mu; nil while there is none
	dialing chan struct{} // guarded by mu; closed when the try that is under way has ended
	failed  error         // guarded by mu; of the last try
	retryAt time.Time     // guarded by mu; no try before
	pause   time.Duration // guarded by mu
	closed  bool          // guarded by mu
}

// connection returns the one there is, or makes one.
func (p *peer) connection(ctx context.Context) (*connection, error) {
	for {
		p.mu.Lock()
		switch {
		case p.conn != nil:
			defer p.mu.Unlock()
			return p.conn, nil
		case p.closed:
			p.mu.Unlock()
			return nil, fmt.Errorf("%w: this node is stopping", ErrUnreachable)
		case p.dialing == nil && p.failed != nil && time.Now().Before(p.retryAt):
			defer p.mu.Unlock()
			return nil, fmt.Errorf("%w: %w", ErrUnreachable, p.failed)
		case p.dialing == nil:
			p.dialing = make(chan struct{})
			p.mu.Unlock()
			if err := p.dial(); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
			}
			continue
		}
		dialing := p.dialing
		p.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrUnreachable, context.Cause(ctx))
		case <-dialing:
		}
	}
}

// dial makes one try, on behalf of all who wait: it does not end with one of them.
func (p *peer) dial() error {
	raw, err := p.links.cfg.Dial(p.links.ctx, p.node)
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.dialing)
	p.dialing, p.failed = nil, err
	if err != nil {
		p.pause = min(max(2*p.pause, firstRetry), lastRetry)
		p.retryAt = time.Now().Add(p.pause)
		return err
	}
	p.pause = 0
	if p.closed {
		_ = raw.Close()
		return net.ErrClosed
	}
	c := &connection{node: p.node, sender: sender{conn: raw}, waiting: map[uint64]*waiting{}}
	p.conn = c
	p.links.workers.Go(func() {
		c.read()
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.conn == c {
			p.conn = nil
		}
	})
	return nil
}

func (p *peer) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.conn != nil {
		_ = p.conn.sender.conn.Close()
	}
}

// connection carries requests of this node to another.
type connection struct {
	node   uint64
	sender sender

	mu      sync.Mutex
	last    uint64              // number of the last request; guarded by mu
	waiting map[uint64]*waiting // guarded by mu; nil once the connection is broken
}

// waiting is a request without an answer.
type waiting struct {
	progress func([]byte)
	answered chan struct{} // closed once body or err is set
	body     []byte
	err      error
}

func (c *connection) call(ctx context.Context, request []byte, progress func([]byte)) ([]byte, error) {
	w := &waiting{progress: progress, answered: make(chan struct{})}
	c.mu.Lock()
	if c.waiting == nil {
		c.mu.Unlock()
		return nil, fmt.Errorf("%w: the connection to node %d has just broken", ErrUnreachable, c.node)
	}
	c.last++
	id := c.last
	c.waiting[id] = w
	c.mu.Unlock()
	if err := c.sender.push(ctx, newFrame(frameRequest, id, request)); err != nil {
		if c.forget(id) {
			return nil, fmt.Errorf("%w: %w", ErrUnreachable, err) // it was not even queued
		}
		<-w.answered
		return w.body, w.err
	}
	select {
	case <-w.answered:
		return w.body, w.err
	case <-ctx.Done():
	}
	if c.forget(id) {
		_ = c.sender.push(c.gone(), newFrame(frameCancel, id, nil)) // if there is room: it is a courtesy
		return nil, context.Cause(ctx)
	}
	<-w.answered
	return w.body, w.err
}

// gone is a context that has ended, for a push that must not wait.
func (*connection) gone() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// forget takes a request back; it reports false if it has been answered.
func (c *connection) forget(id uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.waiting[id]
	delete(c.waiting, id)
	return ok
}

// read takes answers until the connection breaks, and ends all who wait then.
func (c *connection) read() {
	r := bufio.NewReaderSize(c.sender.conn, readBufferBytes)
	var f frame
	var err error
	for err == nil {
		if f, err = readFrame(r); err == nil {
			err = c.take(f)
		}
	}
	c.sender.stop()
	_ = c.sender.conn.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.waiting {
		w.err = fmt.Errorf("%w (node %d): %w", ErrBroken, c.node, err)
		close(w.answered)
	}
	c.waiting = nil
}

func (c *connection) take(f frame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.waiting[f.id]
	switch f.kind {
	case frameProgress:
		if w != nil && w.progress != nil {
			w.progress(f.body) // under the lock: none comes after Call has returned
		}
		return nil
	case frameAnswer:
		if w != nil {
			w.body = f.body
		}
	case frameRefused:
		if w != nil {
			w.err = fmt.Errorf("%w: node %d runs too many requests", ErrUnreachable, c.node)
		}
	default:
		return fmt.Errorf("%w: an answer of the unknown kind %d", errBadFrame, f.kind)
	}
	if w != nil {
		delete(c.waiting, f.id)
		close(w.answered)
	}
	return nil
}
