package link

import (
	"context"
	"net"
	"sync"
	"time"
)

const (
	// maxQueuedBytes is what may wait for a connection; beyond it, senders wait.
	maxQueuedBytes = 32 << 20
	// writeTimeout is how long the other side may take in nothing before it counts as gone.
	writeTimeout = 5 * time.Second
)

// sender writes frames to a connection. Whoever queues a frame while nobody writes, writes it and
// what others queue meanwhile: no hand-off when little is going on, few writes when much is.
type sender struct {
	conn net.Conn

	mu      sync.Mutex
	queue   net.Buffers   // guarded by mu
	bytes   int           // in queue; guarded by mu
	writing bool          // guarded by mu
	broken  bool          // guarded by mu
	room    chan struct{} // guarded by mu; closed when the queue is taken, nil unless somebody waits
}

// push sends a frame, or queues it behind the one that is being written. It waits for room as long
// as ctx. An error of the connection shows where it is read, which the sender closes it for.
func (s *sender) push(ctx context.Context, frame []byte) error {
	s.mu.Lock()
	for s.writing && s.bytes > 0 && s.bytes+len(frame) > maxQueuedBytes && !s.broken {
		if s.room == nil {
			s.room = make(chan struct{})
		}
		room := s.room
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-room:
		}
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	if s.broken {
		return net.ErrClosed
	}
	s.queue = append(s.queue, frame)
	s.bytes += len(frame)
	if !s.writing {
		s.flush()
	}
	return nil
}

// flush writes until nothing is queued. Caller holds mu, which is released around each write.
func (s *sender) flush() {
	s.writing = true
	for len(s.queue) > 0 && !s.broken {
		q := s.queue
		s.queue, s.bytes = nil, 0
		s.makeRoom()
		s.mu.Unlock()
		err := s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		if err == nil {
			_, err = q.WriteTo(s.conn)
		}
		s.mu.Lock()
		s.broken = s.broken || err != nil
	}
	s.writing = false
	if s.broken {
		s.makeRoom()
		_ = s.conn.Close() // its reader tells
	}
}

func (s *sender) makeRoom() {
	if s.room != nil {
		close(s.room)
		s.room = nil
	}
}

// stop makes later pushes fail.
func (s *sender) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = true
	s.makeRoom()
}
