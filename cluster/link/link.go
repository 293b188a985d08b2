package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

var (
	// ErrUnreachable means that a request was not taken: the node cannot be reached, or has too much
	// to do.
	ErrUnreachable = errors.New("the node cannot be reached")
	// ErrBroken means that a connection broke with the request on its way: it may have been taken.
	ErrBroken = errors.New("the connection to the node broke with a request on its way")
)

const (
	// firstRetry and lastRetry are the pauses after tries to connect that failed; requests fail
	// meanwhile.
	firstRetry = 10 * time.Millisecond
	lastRetry  = 250 * time.Millisecond
	// maxRunning is how many requests of one connection run at once.
	maxRunning = 1 << 16

	readBufferBytes = 64 << 10
)

// Handler answers a request of a node. It is called on a goroutine of its own; ctx ends when the
// answer is no longer wanted. progress may be called before it returns.
type Handler func(ctx context.Context, from uint64, request []byte, progress func([]byte)) []byte

// Config configures Links. All fields are required.
type Config struct {
	// Dial connects to a node and agrees with it; Welcome is the other end of it, on a connection
	// that Serve has accepted.
	Dial    func(ctx context.Context, node uint64) (net.Conn, error)
	Welcome func(net.Conn) (node uint64, err error)
	Handle  Handler
}

// Links are the connections of one node to all others.
type Links struct {
	cfg     Config
	ctx     context.Context
	cancel  context.CancelFunc
	workers sync.WaitGroup

	sent, failed, served atomic.Uint64

	mu       sync.Mutex
	peers    map[uint64]*peer      // guarded by mu
	incoming map[net.Conn]struct{} // guarded by mu
	closed   bool                  // guarded by mu
}

// New makes Links; nothing runs until they are used.
func New(cfg Config) *Links {
	ctx, cancel := context.WithCancel(context.Background())
	return &Links{
		cfg: cfg, ctx: ctx, cancel: cancel,
		peers: map[uint64]*peer{}, incoming: map[net.Conn]struct{}{},
	}
}

// Call sends a request to a node and waits for its answer, or until ctx ends, whose cause is then
// the error; the node is told that nobody waits any more. progress hears what the handler tells
// before its answer; it must not block, and is not called after Call has returned.
func (l *Links) Call(ctx context.Context, node uint64, request []byte, progress func([]byte)) (
	[]byte, error,
) {
	if len(request) > maxBodyBytes {
		return nil, fmt.Errorf("send %d bytes to node %d: at most %d are sent", len(request), node,
			maxBodyBytes)
	}
	answer, err := l.call(ctx, node, request, progress)
	l.sent.Add(1)
	if err != nil {
		l.failed.Add(1)
	}
	return answer, err
}

func (l *Links) call(ctx context.Context, node uint64, request []byte, progress func([]byte)) (
	[]byte, error,
) {
	p, err := l.peer(node)
	if err != nil {
		return nil, err
	}
	c, err := p.connection(ctx)
	if err != nil {
		return nil, err
	}
	return c.call(ctx, request, progress)
}

// Stats counts since the start.
type Stats struct {
	// Sent are requests of this node that have ended, Failed those of them that ended with an error,
	// Served requests of other nodes that were taken.
	Sent, Failed, Served uint64
}

// Stats returns the counters.
func (l *Links) Stats() Stats {
	return Stats{l.sent.Load(), l.failed.Load(), l.served.Load()}
}

func (l *Links) peer(node uint64) (*peer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, fmt.Errorf("%w: this node is stopping", ErrUnreachable)
	}
	p := l.peers[node]
	if p == nil {
		p = &peer{links: l, node: node}
		l.peers[node] = p
	}
	return p, nil
}

// Serve takes connections from other nodes until lis or Links is closed.
func (l *Links) Serve(lis net.Listener) error {
	for {
		c, err := lis.Accept()
		if err != nil {
			if l.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return fmt.Errorf("accept connections of nodes: %w", err)
		}
		if !l.enter(c) {
			_ = c.Close()
			continue
		}
		go func() {
			defer l.workers.Done()
			defer l.leave(c)
			if from, err := l.cfg.Welcome(c); err == nil { // Welcome tells about those it refuses
				l.serve(c, from)
			}
		}()
	}
}

func (l *Links) enter(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.incoming[c] = struct{}{}
	l.workers.Add(1)
	return true
}

func (l *Links) leave(c net.Conn) {
	l.mu.Lock()
	delete(l.incoming, c)
	l.mu.Unlock()
	_ = c.Close()
}

// Close ends all connections; requests on their way end with ErrBroken, handlers by their context.
func (l *Links) Close() {
	l.mu.Lock()
	l.closed = true
	peers, incoming := l.peers, l.incoming
	l.peers, l.incoming = map[uint64]*peer{}, map[net.Conn]struct{}{}
	l.mu.Unlock()
	l.cancel()
	for c := range incoming {
		_ = c.Close()
	}
	for _, p := range peers {
		p.close()
	}
	l.workers.Wait()
}
