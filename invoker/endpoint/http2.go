package endpoint

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/net/http2"
)

// keepAliveJitter is the part of the interval by which the pings of nodes differ.
const keepAliveJitter = 0.2

// maxRedials is how often a request that nobody has seen yet is moved to another connection.
const maxRedials = 2

// http2Dialer opens HTTP/2 connections: with prior knowledge on plain addresses, by ALPN over TLS.
type http2Dialer struct {
	cfg       Config
	transport *http2.Transport
	proxy     func(*url.URL) (*url.URL, error)
	net       net.Dialer
}

func newHTTP2Dialer(cfg Config) *http2Dialer {
	interval := float64(cfg.KeepAliveInterval) * (1 - keepAliveJitter*rand.Float64())
	t, err := http2.ConfigureTransports(&http.Transport{
		DisableCompression: true,
		HTTP2: &http.HTTP2Config{
			MaxReadFrameSize:              cfg.MaxFrameBytes,
			MaxReceiveBufferPerStream:     cfg.StreamWindowBytes,
			MaxReceiveBufferPerConnection: cfg.ConnWindowBytes,
			SendPingTimeout:               time.Duration(interval),
			PingTimeout:                   cfg.KeepAliveTimeout,
		},
	})
	if err != nil {
		panic(fmt.Sprintf("configure a fresh HTTP/2 transport: %v", err)) // only a used one can fail
	}
	t.AllowHTTP, t.DisableCompression, t.IdleConnTimeout = true, true, cfg.IdleConnTimeout
	return &http2Dialer{cfg: cfg, transport: t, proxy: proxyFunc(cfg)}
}

// dial opens one connection to base.
func (d *http2Dialer) dial(ctx context.Context, base *url.URL) (*http2.ClientConn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.ConnectTimeout)
	defer cancel()
	nc, err := d.connect(ctx, base)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if base.Scheme == "https" {
		nc, err = d.handshake(ctx, nc, base.Hostname())
		if err != nil {
			return nil, err
		}
	} else {
		nc = &sniffConn{Conn: nc}
	}
	cc, err := d.transport.NewClientConn(nc)
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("start HTTP/2 with %s: %w", base.Host, err)
	}
	return cc, nil
}

func (d *http2Dialer) handshake(ctx context.Context, nc net.Conn, name string) (net.Conn, error) {
	tc := tls.Client(nc, tlsConfig(d.cfg.TLS, name, http2.NextProtoTLS))
	if err := tc.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, fmt.Errorf("TLS handshake with %s: %w", name, err)
	}
	if p := tc.ConnectionState().NegotiatedProtocol; p != http2.NextProtoTLS {
		tc.Close()
		return nil, fmt.Errorf("TLS handshake with %s agreed on protocol %q, want h2: %w",
			name, p, ErrHTTP11Peer)
	}
	return tc, nil
}

func tlsConfig(base *tls.Config, name string, protos ...string) *tls.Config {
	cfg := &tls.Config{}
	if base != nil {
		cfg = base.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = name
	}
	cfg.NextProtos = protos
	return cfg
}

func authority(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	return net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
}

// sniffConn notices a peer that answers in HTTP/1.1, which reads as nonsense in HTTP/2.
type sniffConn struct {
	net.Conn
	seen bool // owned by the reading goroutine
}

func (c *sniffConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.seen {
		c.seen = true
		if bytes.HasPrefix(p[:n], []byte("HTTP/1.")) {
			return 0, ErrHTTP11Peer
		}
	}
	return n, err
}

// host is the pool of connections to one address. Streams are packed into as few connections as
// the limit allows, because shared connections need fewer system calls.
type host struct {
	dialer *http2Dialer
	base   *url.URL

	mu     sync.Mutex
	conns  []*conn // guarded by mu
	dials  []*dial // guarded by mu; under way
	closed bool    // guarded by mu
}

type conn struct {
	cc     *http2.ClientConn
	active int // guarded by host.mu
}

// dial is a connection being opened and the streams that will wait for it.
type dial struct {
	done   chan struct{}
	err    error // set before done is closed
	claims int   // guarded by host.mu
}

func newHost(d *http2Dialer, base *url.URL) *host {
	return &host{dialer: d, base: &url.URL{Scheme: base.Scheme, Host: base.Host}}
}

// roundTrip makes the request on a connection with room. A request that lost its connection before
// anybody read its body moves to another one.
func (h *host) roundTrip(req *http.Request) (*http.Response, error) {
	for try := 0; ; try++ {
		c, err := h.acquire(req.Context())
		if err != nil {
			return nil, err
		}
		resp, err := c.cc.RoundTrip(req)
		if err == nil {
			resp.Body = &countedBody{ReadCloser: resp.Body, release: sync.OnceFunc(func() { h.release(c) })}
			return resp, nil
		}
		h.release(c)
		b, ok := req.Body.(*body)
		if !ok || try == maxRedials || !b.untouched() || errors.Is(err, ErrHTTP11Peer) ||
			req.Context().Err() != nil {
			return nil, err
		}
	}
}

// acquire takes a place on a connection, opening one if all are full.
func (h *host) acquire(ctx context.Context) (*conn, error) {
	for {
		c, d, err := h.claim()
		if c != nil || err != nil {
			return c, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for a connection: %w", ctx.Err())
		case <-d.done:
			if d.err != nil {
				return nil, d.err
			}
		}
	}
}

func (h *host) claim() (*conn, *dial, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, nil, fmt.Errorf("connect to %s: client %w", h.base.Host, ErrClosed)
	}
	kept := h.conns[:0]
	var found *conn
	for _, c := range h.conns {
		if found == nil && c.active < h.dialer.cfg.StreamsPerConn && c.cc.ReserveNewRequest() {
			c.active++
			found = c
		}
		if c.active > 0 || usable(c.cc) {
			kept = append(kept, c)
		}
	}
	clear(h.conns[len(kept):])
	h.conns = kept
	if found != nil {
		return found, nil, nil
	}
	for _, d := range h.dials {
		if d.claims < h.dialer.cfg.StreamsPerConn {
			d.claims++
			return nil, d, nil
		}
	}
	d := &dial{done: make(chan struct{}), claims: 1}
	h.dials = append(h.dials, d)
	go h.connect(d)
	return nil, d, nil
}

func usable(cc *http2.ClientConn) bool {
	st := cc.State()
	return !st.Closed && !st.Closing
}

// connect finishes d. It takes no stream's context: others may wait for the same connection.
func (h *host) connect(d *dial) {
	cc, err := h.dialer.dial(context.Background(), h.base)
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.dials {
		if h.dials[i] == d {
			h.dials = append(h.dials[:i], h.dials[i+1:]...)
			break
		}
	}
	switch {
	case err != nil:
		d.err = err
	case h.closed:
		d.err = fmt.Errorf("connect to %s: client %w", h.base.Host, ErrClosed)
		cc.Close()
	default:
		h.conns = append(h.conns, &conn{cc: cc})
	}
	close(d.done)
}

func (h *host) release(c *conn) {
	h.mu.Lock()
	c.active--
	h.mu.Unlock()
}

func (h *host) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, c := range h.conns {
		c.cc.Close()
	}
	h.conns = nil
}

// countedBody gives the stream's place on its connection back when the answer has ended.
type countedBody struct {
	io.ReadCloser
	release func()
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.release()
	}
	return n, err
}

func (b *countedBody) Close() error {
	b.release()
	return b.ReadCloser.Close()
}
