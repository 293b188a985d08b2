package mux

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// PrefixBytes is the length of what a protocol of ours begins a connection with. HTTP requests are
// always longer and begin with a method, so the two cannot be confused.
const PrefixBytes = 8

// Prefixes of the protocols between nodes; the last character is the version. They are part of the
// protocol and never change.
const (
	Raft = "PRDRAFT1" // the replicated logs: bifrost/transport
	Link = "PRDLINK1" // requests from node to node: cluster/link
)

const (
	// sniffTimeout is how long a connection may take to say what it is, with the TLS handshake.
	sniffTimeout = 10 * time.Second
	// maxUnknown is how many connections may be at that point; beyond it, new ones are closed.
	maxUnknown = 1024
	// tlsRecord is the first byte of a TLS handshake; no method of HTTP begins with it.
	tlsRecord = 0x16
)

// ErrClosed means that the Mux was closed.
var ErrClosed = net.ErrClosed

// Config configures a Mux.
type Config struct {
	// TLS is used for connections that begin with a TLS handshake. Default: none, they are closed.
	TLS *tls.Config
	// RequireTLS closes connections that speak a protocol of ours without TLS and a certificate that
	// was verified. HTTP is left to its handler; see Verified.
	RequireTLS bool
	// Refused is told why a connection was closed. Optional; it must not block.
	Refused func(remote net.Addr, err error)
}

// Mux takes connections from listeners and sorts them.
type Mux struct {
	cfg     Config
	unknown chan struct{} // a slot per connection that has not said what it is

	mu       sync.Mutex
	branches map[string]*branch // guarded by mu; the empty name is HTTP
	sources  []net.Listener     // guarded by mu
	closed   chan struct{}
	once     sync.Once
	workers  sync.WaitGroup
}

// New makes a Mux.
func New(cfg Config) *Mux {
	return &Mux{
		cfg: cfg, unknown: make(chan struct{}, maxUnknown),
		branches: map[string]*branch{}, closed: make(chan struct{}),
	}
}

// HTTP is the listener of connections that begin like none of our protocols.
func (m *Mux) HTTP(address net.Addr) net.Listener { return m.add("", address) }

// Listen is the listener of connections that begin with prefix, which is taken off. Connections of
// a protocol that nobody listens to are closed.
func (m *Mux) Listen(prefix string, address net.Addr) net.Listener { return m.add(prefix, address) }

func (m *Mux) add(name string, address net.Addr) net.Listener {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := &branch{
		mux: m, address: address, conns: make(chan net.Conn), closed: make(chan struct{}),
	}
	m.branches[name] = b
	return b
}

// Serve sorts what l accepts until the Mux or l is closed; then it returns nil, or l's error.
func (m *Mux) Serve(l net.Listener) error {
	if !m.adopt(l) {
		return l.Close()
	}
	for {
		c, err := l.Accept()
		if err != nil {
			select {
			case <-m.closed:
				return nil
			default:
			}
			var temporary interface{ Temporary() bool }
			if errors.As(err, &temporary) && temporary.Temporary() {
				time.Sleep(10 * time.Millisecond) // out of descriptors: others will end
				continue
			}
			return err
		}
		select {
		case m.unknown <- struct{}{}:
			m.workers.Go(func() {
				defer func() { <-m.unknown }()
				m.sort(c)
			})
		default:
			m.refuse(c, errors.New("too many connections have not said what they are"))
		}
	}
}

// adopt has l closed by Close; it reports false if that came first.
func (m *Mux) adopt(l net.Listener) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-m.closed:
		return false
	default:
	}
	m.sources = append(m.sources, l)
	return true
}

// sort finds out what a connection is and hands it on.
func (m *Mux) sort(c net.Conn) {
	stop := context.AfterFunc(contextOf(m.closed), func() { _ = c.Close() })
	defer stop()
	_ = c.SetDeadline(time.Now().Add(sniffTimeout))
	c, verified, err := m.unwrap(c)
	if err != nil {
		m.refuse(c, err)
		return
	}
	name, begun, err := sniff(c)
	if err != nil {
		m.refuse(c, err)
		return
	}
	_ = c.SetDeadline(time.Time{})
	m.mu.Lock()
	b := m.branches[name]
	m.mu.Unlock()
	switch {
	case b == nil:
		m.refuse(c, errors.New("nobody here speaks the protocol "+name))
		return
	case name != "" && m.cfg.RequireTLS && !verified:
		m.refuse(c, errors.New("it came without TLS and a certificate, which this cluster requires: "+
			"configure certificates of one authority on all nodes"))
		return
	case len(begun) > 0:
		c = &begunConn{Conn: c, begun: begun, verified: verified}
	}
	select {
	case b.conns <- c:
	case <-b.closed:
		_ = c.Close()
	case <-m.closed:
		_ = c.Close()
	}
}

// contextOf ends when c is closed.
func contextOf(c <-chan struct{}) context.Context { return channelContext{c} }

type channelContext struct{ done <-chan struct{} }

func (channelContext) Deadline() (time.Time, bool) { return time.Time{}, false }
func (c channelContext) Done() <-chan struct{}     { return c.done }
func (channelContext) Value(any) any               { return nil }
func (c channelContext) Err() error {
	select {
	case <-c.done:
		return context.Canceled
	default:
		return nil
	}
}

// unwrap takes TLS off if there is any, and tells whether the other side has shown a certificate that
// was verified.
func (m *Mux) unwrap(c net.Conn) (net.Conn, bool, error) {
	first := make([]byte, 1)
	if _, err := io.ReadFull(c, first); err != nil {
		return c, false, err
	}
	begun := &begunConn{Conn: c, begun: first}
	if first[0] != tlsRecord {
		return begun, false, nil
	}
	if m.cfg.TLS == nil {
		return c, false, errors.New("it came with TLS, which this node is not configured for: " +
			"configure the same certificates on all nodes")
	}
	t := tls.Server(begun, m.cfg.TLS)
	err := t.Handshake()
	return t, err == nil && len(t.ConnectionState().VerifiedChains) > 0, err
}

// sniff reads what a connection begins with. For HTTP, begun is what was read; a protocol of ours
// has its prefix taken off.
func sniff(c net.Conn) (name string, begun []byte, err error) {
	own := []byte(Raft)[:3] // what all of ours begin with
	b := make([]byte, 0, PrefixBytes)
	for len(b) < PrefixBytes {
		n, err := c.Read(b[len(b):PrefixBytes])
		b = b[:len(b)+n]
		if !bytes.HasPrefix(b, own[:min(len(b), len(own))]) {
			return "", b, nil
		}
		if err != nil {
			return "", nil, err
		}
	}
	return string(b), nil, nil
}

func (m *Mux) refuse(c net.Conn, err error) {
	if f := m.cfg.Refused; f != nil && !errors.Is(err, io.EOF) {
		f(c.RemoteAddr(), err)
	}
	_ = c.Close()
}

// Close stops sorting and closes the listeners; connections that were handed on are left alone.
func (m *Mux) Close() error {
	m.once.Do(func() { close(m.closed) })
	m.mu.Lock()
	sources := m.sources
	m.sources = nil
	m.mu.Unlock()
	var errs []error
	for _, l := range sources {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	m.workers.Wait()
	return errors.Join(errs...)
}

// branch is the listener of one protocol.
type branch struct {
	mux     *Mux
	address net.Addr
	conns   chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

// Accept implements net.Listener.
func (b *branch) Accept() (net.Conn, error) {
	select {
	case c := <-b.conns:
		return c, nil
	case <-b.closed:
		return nil, ErrClosed
	case <-b.mux.closed:
		return nil, ErrClosed
	}
}

// Close implements net.Listener. Later connections of the protocol are closed.
func (b *branch) Close() error {
	b.once.Do(func() { close(b.closed) })
	return nil
}

// Addr implements net.Listener.
func (b *branch) Addr() net.Addr { return b.address }

// begunConn is a connection some bytes of which were read already. One goroutine reads it at a time.
type begunConn struct {
	net.Conn
	begun    []byte
	verified bool // the other side has shown a certificate that was verified
}

// Read implements net.Conn.
func (c *begunConn) Read(p []byte) (int, error) {
	if len(c.begun) > 0 {
		n := copy(p, c.begun)
		c.begun = c.begun[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

type verifiedKey struct{}

// ConnContext is for http.Server: with it, Verified tells about the connections of an HTTP listener.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if b, ok := c.(*begunConn); ok && b.verified {
		return context.WithValue(ctx, verifiedKey{}, true)
	}
	return ctx
}

// Verified tells of a request's context whether its connection came with TLS and a certificate that
// was verified.
func Verified(ctx context.Context) bool { return ctx.Value(verifiedKey{}) != nil }
