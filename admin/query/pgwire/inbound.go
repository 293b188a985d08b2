package pgwire

import (
	"io"
	"net"
	"sync"
)

// inboundBytes is how much a client may send ahead of what is being done for it.
const inboundBytes = 64 << 10

// inbound reads ahead of the session, so that it is noticed at once when the client leaves.
type inbound struct {
	mu     sync.Mutex
	change *sync.Cond
	held   []byte // guarded by mu
	err    error  // guarded by mu; after held
	ended  bool   // guarded by mu; nobody reads any more
}

// newInbound starts to read; left is called when there is no more to come.
func newInbound(conn net.Conn, left func(error)) *inbound {
	in := &inbound{}
	in.change = sync.NewCond(&in.mu)
	go in.pump(conn, left)
	return in
}

func (in *inbound) pump(conn net.Conn, left func(error)) {
	buffer := make([]byte, 8<<10)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			left(err)
		}
		in.mu.Lock()
		for len(in.held) >= inboundBytes && !in.ended {
			in.change.Wait()
		}
		in.held = append(in.held, buffer[:n]...)
		in.err = err
		in.change.Broadcast()
		ended := in.ended || err != nil
		in.mu.Unlock()
		if ended {
			return
		}
	}
}

// Read implements io.Reader.
func (in *inbound) Read(p []byte) (int, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.held) == 0 && in.err == nil {
		in.change.Wait()
	}
	if len(in.held) == 0 {
		return 0, in.err
	}
	n := copy(p, in.held)
	in.held = append(in.held[:0], in.held[n:]...)
	in.change.Broadcast()
	return n, nil
}

// end lets go of the connection; it is to be closed too.
func (in *inbound) end() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.ended = true
	in.change.Broadcast()
}

func readFull(conn net.Conn, b []byte) error {
	_, err := io.ReadFull(conn, b)
	return err
}
