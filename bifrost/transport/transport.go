package transport

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults and limits.
const (
	// DefaultQueueBytes is what may wait for one peer; beyond it, messages are dropped.
	DefaultQueueBytes = 64 << 20
	// DefaultSnapshotRate is how fast snapshots leave a node, all together, in bytes per second.
	DefaultSnapshotRate = 64 << 20
	// MaxNoticeBytes bounds a notice.
	MaxNoticeBytes = 4 << 20
	// maxIncoming is how many connections from other nodes are served at once.
	maxIncoming = 4096

	readBufferBytes = 64 << 10
)

// Config configures a Transport. Self, Cluster, Prefix and Resolve are required.
type Config struct {
	// Self is this node, and Generation how often it was started.
	Self, Generation uint64
	// Cluster names the cluster, with its fingerprint.
	Cluster string
	// Release is the version of the server, for people.
	Release string
	// Prefix is what a connection begins with. The listener that Serve gets has taken it off.
	Prefix string
	// Resolve says where a node can be reached now, host:port.
	Resolve func(node uint64) (address string, ok bool)
	// TLS is what connections to other nodes are made with; it is asked for each. nil: no TLS.
	TLS func() (*tls.Config, error)
	// QueueBytes bounds what waits for one peer. Default: DefaultQueueBytes.
	QueueBytes int
	// SnapshotRate bounds snapshots, in bytes per second. Default: DefaultSnapshotRate.
	SnapshotRate int
	// Admit may object to another node, for which it gives a reason. Optional.
	Admit func(Hello) error
	// Notice is given the notices of other nodes, one at a time per node. Optional.
	Notice func(from uint64, notice []byte)
	Events Events
}

// Events are optional callbacks; they must not block.
type Events struct {
	// Connected and Disconnected: the connection to a node was made, or broke or could not be made.
	// Disconnected is called once for the tries in a row that fail for one reason.
	Connected    func(node uint64)
	Disconnected func(node uint64, err error)
	// Refused: a connection from elsewhere was refused, or broken off because of what it sent.
	Refused func(remote net.Addr, err error)
}

// Stats counts since the start.
type Stats struct {
	SentFrames, SentBytes, ReceivedFrames, ReceivedBytes, Dropped, Dials uint64
}

// Transport is one node's end of all connections.
type Transport struct {
	cfg     Config
	limiter *limiter
	ctx     context.Context
	cancel  context.CancelFunc
	workers sync.WaitGroup

	sentFrames, sentBytes, receivedFrames, receivedBytes, dropped, dials atomic.Uint64

	mu       sync.Mutex
	peers    map[uint64]*peer          // guarded by mu
	incoming map[net.Conn]uint64       // from which node, 0 before it is known; guarded by mu
	closed   bool                      // guarded by mu
	sinks    atomic.Pointer[consensus] // where messages go; nil while there is no consensus
}

// New makes a Transport; nothing runs until it is used.
func New(cfg Config) (*Transport, error) {
	if cfg.Self == 0 || cfg.Cluster == "" || cfg.Resolve == nil || cfg.Prefix == "" {
		return nil, errors.New("make a transport: Self, Cluster, Prefix and Resolve are required")
	}
	if cfg.QueueBytes <= 0 {
		cfg.QueueBytes = DefaultQueueBytes
	}
	if cfg.SnapshotRate <= 0 {
		cfg.SnapshotRate = DefaultSnapshotRate
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Transport{
		cfg: cfg, limiter: newLimiter(cfg.SnapshotRate), ctx: ctx, cancel: cancel,
		peers: map[uint64]*peer{}, incoming: map[net.Conn]uint64{},
	}, nil
}

// Address is the name by which consensus knows a node; it never changes, wherever the node is.
func Address(node uint64) string { return "node-" + strconv.FormatUint(node, 10) }

// nodeOf is the inverse of Address.
func nodeOf(address string) (uint64, bool) {
	number, ok := strings.CutPrefix(address, "node-")
	n, err := strconv.ParseUint(number, 10, 64)
	return n, ok && err == nil && n > 0
}

// Serve takes connections from other nodes until l or the Transport is closed.
func (t *Transport) Serve(l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			if t.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return fmt.Errorf("accept connections of nodes: %w", err)
		}
		if !t.enter(c) {
			_ = c.Close()
			continue
		}
		go func() {
			defer t.workers.Done()
			err := t.receive(c)
			t.leave(c)
			if f := t.cfg.Events.Refused; err != nil && f != nil && t.ctx.Err() == nil {
				f(c.RemoteAddr(), err)
			}
		}()
	}
}

// enter notes an incoming connection, whose worker the caller starts.
func (t *Transport) enter(c net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || len(t.incoming) >= maxIncoming {
		return false
	}
	t.incoming[c] = 0
	t.workers.Add(1)
	return true
}

// known notes which node a connection comes from.
func (t *Transport) known(c net.Conn, from uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.incoming[c]; ok {
		t.incoming[c] = from
	}
}

// Hears tells whether a connection from a node stands.
func (t *Transport) Hears(node uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, from := range t.incoming {
		if from == node {
			return true
		}
	}
	return false
}

func (t *Transport) leave(c net.Conn) {
	t.mu.Lock()
	delete(t.incoming, c)
	t.mu.Unlock()
	_ = c.Close()
}

// receive delivers what one connection brings. A connection that ends is no error.
func (t *Transport) receive(c net.Conn) error {
	h, err := t.welcome(c)
	if err != nil {
		return err
	}
	t.known(c, h.Node)
	r := bufio.NewReaderSize(c, readBufferBytes)
	for {
		kind, body, err := readFrame(r)
		if errors.Is(err, errBadFrame) {
			return fmt.Errorf("read from node %d: %w", h.Node, err)
		} else if err != nil {
			return nil //nolint:nilerr // the node will call again
		}
		t.receivedFrames.Add(1)
		t.receivedBytes.Add(uint64(frameHeaderBytes + len(body)))
		if err := t.deliver(h, kind, body); err != nil {
			return fmt.Errorf("take a frame of node %d: %w", h.Node, err)
		}
	}
}

func (t *Transport) deliver(h Hello, kind frameKind, body []byte) error {
	switch kind {
	case frameMessages:
		return t.deliverMessages(h.Node, body)
	case frameChunk:
		return t.deliverChunk(body)
	case frameNotice:
		if t.cfg.Notice != nil {
			t.cfg.Notice(h.Node, body)
		}
		return nil
	default:
		return fmt.Errorf("%w: it is of the unknown kind %d", errBadFrame, kind)
	}
}

// Notify sends a notice to a node, if it can be reached and keeps up; no notice is sent twice.
func (t *Transport) Notify(node uint64, notice []byte) {
	if len(notice) > MaxNoticeBytes {
		t.dropped.Add(1)
		return
	}
	b := beginFrame(make([]byte, 0, frameHeaderBytes+len(notice)), frameNotice)
	if p := t.peer(node); p != nil {
		p.push(seal(append(b, notice...)))
	}
}

// Connected tells whether the connection to a node stands.
func (t *Transport) Connected(node uint64) bool {
	t.mu.Lock()
	p := t.peers[node]
	t.mu.Unlock()
	return p != nil && p.connected.Load()
}

// Forget ends the connections to and from a node that is no longer in the cluster. Should it come
// again, Admit hears of it.
func (t *Transport) Forget(node uint64) {
	t.mu.Lock()
	p := t.peers[node]
	delete(t.peers, node)
	for c, from := range t.incoming {
		if from == node {
			_ = c.Close()
		}
	}
	t.mu.Unlock()
	if p != nil {
		p.stop()
	}
}

// peer finds or starts the connection to a node; nil after Close.
func (t *Transport) peer(node uint64) *peer {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	p := t.peers[node]
	if p == nil {
		p = newPeer(t, node)
		t.peers[node] = p
		t.workers.Go(p.run)
	}
	return p
}

// Dial connects to a node for another protocol than this one, whose prefix it sends. Both sides have
// then agreed on cluster, protocol and who they are; the connection is the caller's.
func (t *Transport) Dial(ctx context.Context, node uint64, prefix string) (net.Conn, error) {
	return t.connect(ctx, node, prefix, false)
}

// Welcome is the other end of Dial: it takes a connection whose prefix was taken off. Events.Refused
// hears of those it refuses.
func (t *Transport) Welcome(c net.Conn) (Hello, error) {
	h, err := t.welcome(c)
	if f := t.cfg.Events.Refused; err != nil && f != nil && t.ctx.Err() == nil {
		f(c.RemoteAddr(), err)
	}
	return h, err
}

// dial connects to a node and greets it.
func (t *Transport) dial(ctx context.Context, node uint64, snapshot bool) (net.Conn, error) {
	return t.connect(ctx, node, t.cfg.Prefix, snapshot)
}

func (t *Transport) connect(ctx context.Context, node uint64, prefix string, snapshot bool) (
	net.Conn, error,
) {
	address, ok := t.cfg.Resolve(node)
	if !ok {
		return nil, fmt.Errorf("connect to node %d: its address is not known: was it removed?", node)
	}
	t.dials.Add(1)
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	dialer := net.Dialer{Control: quickToNotice, KeepAlive: keepAlive}
	raw, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connect to node %d: %w", node, err)
	}
	stop := context.AfterFunc(t.ctx, func() { _ = raw.Close() })
	defer stop()
	c, err := t.secure(ctx, raw, address)
	if err == nil {
		err = t.greet(c, node, prefix, snapshot)
	}
	if err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("connect to node %d at %s: %w", node, address, err)
	}
	return c, nil
}

// secure puts TLS on a connection if that is configured.
func (t *Transport) secure(ctx context.Context, c net.Conn, address string) (net.Conn, error) {
	if t.cfg.TLS == nil {
		return c, nil
	}
	cfg, err := t.cfg.TLS()
	if err != nil {
		return c, err
	}
	if cfg.ServerName == "" {
		cfg = cfg.Clone()
		cfg.ServerName, _, _ = net.SplitHostPort(address)
	}
	secured := tls.Client(c, cfg)
	if err := secured.HandshakeContext(ctx); err != nil {
		return c, fmt.Errorf("agree on TLS: %w: check that the certificates of both nodes come from "+
			"one authority and name their hosts", err)
	}
	return secured, nil
}

// Stats returns the counters.
func (t *Transport) Stats() Stats {
	return Stats{
		SentFrames: t.sentFrames.Load(), SentBytes: t.sentBytes.Load(),
		ReceivedFrames: t.receivedFrames.Load(), ReceivedBytes: t.receivedBytes.Load(),
		Dropped: t.dropped.Load(), Dials: t.dials.Load(),
	}
}

// Close ends all connections.
func (t *Transport) Close() error {
	t.mu.Lock()
	t.closed = true
	peers, incoming := t.peers, t.incoming
	t.peers, t.incoming = map[uint64]*peer{}, map[net.Conn]uint64{}
	t.mu.Unlock()
	t.cancel()
	for c := range incoming {
		_ = c.Close()
	}
	for _, p := range peers {
		p.stop()
	}
	t.workers.Wait()
	return nil
}

// drain reads what never comes, to notice the end of a connection.
func drain(c net.Conn) error {
	_, err := io.Copy(io.Discard, c)
	if err == nil {
		err = io.EOF
	}
	return err
}

const (
	dialTimeout = time.Second
	keepAlive   = time.Second
)
