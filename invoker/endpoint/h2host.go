package endpoint

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"sync"
)

// h2host is the pool of our own connections to one plain address, and owns everything that happens
// on them: one lock guards its connections and their streams, since all that is done under it takes
// microseconds. Streams are packed into as few connections as the limits allow, because a shared
// connection needs fewer system calls.
//
// The lock is never held while a handler is called or the network is waited for.
type h2host struct {
	cfg  Config
	base *url.URL
	dial func(ctx context.Context) (net.Conn, error)

	mu     sync.Mutex
	conns  []*h2conn // guarded by mu; those that take streams
	dials  []*h2dial // guarded by mu; under way
	closed bool      // guarded by mu
}

// h2dial is a connection being opened and the streams that wait for it.
type h2dial struct{ streams []*h2stream }

func newH2Host(cfg Config, d *http2Dialer, base *url.URL) *h2host {
	base = &url.URL{Scheme: base.Scheme, Host: base.Host}
	return &h2host{
		cfg: cfg, base: base,
		dial: func(ctx context.Context) (net.Conn, error) { return d.connect(ctx, base) },
	}
}

// place puts s on a connection with room, or has one opened. Called with mu held.
func (h *h2host) place(s *h2stream) {
	if h.closed {
		s.finish(fmt.Errorf("connect to %s: client %w", h.base.Host, ErrClosed))
		return
	}
	for _, c := range h.conns {
		if c != s.avoid && c.hasRoom() {
			c.open(s)
			return
		}
	}
	for _, d := range h.dials {
		if len(d.streams) < h.cfg.StreamsPerConn {
			d.streams = append(d.streams, s)
			return
		}
	}
	d := &h2dial{streams: []*h2stream{s}}
	h.dials = append(h.dials, d)
	go h.connect(d)
}

// connect finishes d. It takes no stream's context: others may wait for the same connection.
func (h *h2host) connect(d *h2dial) {
	ctx, cancel := context.WithTimeout(context.Background(), h.cfg.ConnectTimeout)
	nc, err := h.dial(ctx)
	cancel()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dials = slices.DeleteFunc(h.dials, func(o *h2dial) bool { return o == d })
	if err == nil && h.closed {
		nc.Close()
		err = fmt.Errorf("to %s: client %w", h.base.Host, ErrClosed)
	}
	if err == nil {
		h.conns = append(h.conns, newH2Conn(h, nc))
	}
	for _, s := range d.streams {
		switch {
		case s.over:
		case err != nil:
			s.finish(fmt.Errorf("connect: %w", err))
		default:
			h.place(s)
		}
	}
}

// remove takes c out of the pool; streams on it may go on. Called with mu held.
func (h *h2host) remove(c *h2conn) {
	h.conns = slices.DeleteFunc(h.conns, func(o *h2conn) bool { return o == c })
}

// close ends all connections; the caller has ended the streams.
func (h *h2host) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, c := range slices.Clone(h.conns) {
		c.fail(fmt.Errorf("client %w", ErrClosed))
	}
}
