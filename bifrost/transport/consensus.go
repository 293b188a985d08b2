package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/raftio"
	"github.com/lni/dragonboat/v4/raftpb"
)

// Factory shows a Transport to the consensus library.
type Factory struct{ *Transport }

var _ config.TransportFactory = Factory{}

// Create implements config.TransportFactory.
func (f Factory) Create(_ config.NodeHostConfig, messages raftio.MessageHandler,
	chunks raftio.ChunkHandler) raftio.ITransport {
	return &consensus{t: f.Transport, messages: messages, chunks: chunks}
}

// Validate implements config.TransportFactory.
func (Factory) Validate(address string) bool {
	_, ok := nodeOf(address)
	return ok
}

// consensus is a Transport as the library sees it.
type consensus struct {
	t        *Transport
	messages raftio.MessageHandler
	chunks   raftio.ChunkHandler

	mu     sync.RWMutex // held for reading around deliveries: none is made after Close
	closed bool
}

// Name implements raftio.ITransport.
func (*consensus) Name() string { return "perdure" }

// Start implements raftio.ITransport.
func (c *consensus) Start() error {
	c.t.sinks.Store(c)
	return nil
}

// Close implements raftio.ITransport. The Transport itself stays open for notices.
func (c *consensus) Close() error {
	c.t.sinks.CompareAndSwap(c, nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return nil
}

// GetConnection implements raftio.ITransport. It never fails, so that the library never decides to
// stay away from a node for a while.
func (c *consensus) GetConnection(_ context.Context, target string) (raftio.IConnection, error) {
	node, ok := nodeOf(target)
	if !ok {
		return nil, fmt.Errorf("connect to %q: it is no name of a node", target)
	}
	return connection{c.t, node}, nil
}

// GetSnapshotConnection implements raftio.ITransport.
func (c *consensus) GetSnapshotConnection(ctx context.Context, target string) (
	raftio.ISnapshotConnection, error) {
	node, ok := nodeOf(target)
	if !ok {
		return nil, fmt.Errorf("connect to %q: it is no name of a node", target)
	}
	conn, err := c.t.dial(ctx, node, true)
	if err != nil {
		return nil, fmt.Errorf("stream a snapshot: %w", err)
	}
	return &snapshotConnection{t: c.t, conn: conn}, nil
}

// connection sends messages to one node.
type connection struct {
	t    *Transport
	node uint64
}

// Close implements raftio.IConnection: others may be using the connection beneath.
func (connection) Close() {}

// SendMessageBatch implements raftio.IConnection.
func (c connection) SendMessageBatch(batch raftpb.MessageBatch) error {
	p := c.t.peer(c.node)
	if p == nil {
		return nil
	}
	b := beginFrame(make([]byte, 0, frameHeaderBytes+batch.SizeUpperLimit()), frameMessages)
	body := b[len(b):cap(b)]
	n, err := batch.MarshalTo(body)
	if err != nil {
		return fmt.Errorf("encode messages: %w", err)
	}
	if n > maxFrameBytes {
		c.t.dropped.Add(1)
		return nil
	}
	p.push(seal(b[:len(b)+n]))
	return nil
}

// snapshotConnection streams one snapshot.
type snapshotConnection struct {
	t    *Transport
	conn net.Conn
	buf  []byte
}

// Close implements raftio.ISnapshotConnection.
func (s *snapshotConnection) Close() { _ = s.conn.Close() }

// SendChunk implements raftio.ISnapshotConnection.
func (s *snapshotConnection) SendChunk(chunk raftpb.Chunk) error {
	size := chunk.Size()
	if err := s.t.limiter.wait(s.t.ctx, size); err != nil {
		return err
	}
	if cap(s.buf) < frameHeaderBytes+size {
		s.buf = make([]byte, 0, frameHeaderBytes+size)
	}
	b := beginFrame(s.buf[:0], frameChunk)
	n, err := chunk.MarshalTo(b[len(b) : frameHeaderBytes+size])
	if err != nil {
		return fmt.Errorf("encode a piece of a snapshot: %w", err)
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(chunkTimeout)); err != nil {
		return err
	}
	if _, err := s.conn.Write(seal(b[:len(b)+n])); err != nil {
		return fmt.Errorf("send a piece of a snapshot: %w", err)
	}
	s.t.sentFrames.Add(1)
	s.t.sentBytes.Add(uint64(frameHeaderBytes + n))
	return nil
}

const chunkTimeout = 30 * time.Second // for one piece to leave

func (t *Transport) deliverMessages(from uint64, body []byte) error {
	var batch raftpb.MessageBatch
	if err := batch.Unmarshal(body); err != nil {
		return fmt.Errorf("%w: %w", errBadFrame, err)
	}
	if batch.SourceAddress != Address(from) {
		return fmt.Errorf("%w: messages of %q came from node %d", errBadFrame, batch.SourceAddress, from)
	}
	t.withConsensus(func(c *consensus) { c.messages(batch) })
	return nil
}

var errChunkRefused = errors.New("a piece of a snapshot was not wanted: the sender begins anew")

func (t *Transport) deliverChunk(body []byte) error {
	var chunk raftpb.Chunk
	if err := chunk.Unmarshal(body); err != nil {
		return fmt.Errorf("%w: %w", errBadFrame, err)
	}
	taken := true
	t.withConsensus(func(c *consensus) { taken = c.chunks(chunk) })
	if !taken {
		return errChunkRefused
	}
	return nil
}

// withConsensus calls f unless consensus is not running, and keeps it from closing meanwhile.
func (t *Transport) withConsensus(f func(*consensus)) {
	c := t.sinks.Load()
	if c == nil {
		return
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if !c.closed {
		f(c)
	}
}
