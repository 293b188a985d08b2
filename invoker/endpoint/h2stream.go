package endpoint

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// h2KeepForMove is how much of a request is kept until its answer begins, so that it can be made on
// another connection if the deployment has not looked at it.
const h2KeepForMove = 1 << 20

// h2stream is a request on a connection of our own. Everything below host is guarded by host.mu.
//
// The handler is called by one goroutine at a time: the connection's reader as long as nothing
// waits, otherwise one that pump was called on.
type h2stream struct {
	client  *Client
	handler Handler
	url     string              // for errors
	fields  []hpack.HeaderField // of the request
	stop    func() bool         // nil, or stops watching the context
	host    *h2host

	conn  *h2conn // nil until the first flush, and while it waits for a connection
	avoid *h2conn // refused the stream
	id    uint32
	moves int

	// The request: [0, sent) is in frames, [sent, ready) is flushed, the rest is not.
	buf         []byte
	sent, ready int
	flushed     bool // at least once
	shared      bool // frames refer to buf
	gone        bool // a part that was sent is not kept
	closing     bool // nothing follows
	closed      bool // and the peer is told
	blocked     bool // is in conn.blocked
	window      int64

	// The answer.
	answered bool // its headers came
	interim  int
	recv     int64 // bytes that the peer may still send
	consumed int   // since the window was last opened
	queue    [][]byte
	paused   bool
	busy     bool // the handler is being called
	over     bool // err is how the stream ended, and nothing joins queue any more
	done     bool // OnEnd was called
	err      error
}

// headerBytes is the size of the request's headers as the protocol counts it.
func (s *h2stream) headerBytes() (n uint64) {
	for i := range s.fields {
		n += uint64(s.fields[i].Size())
	}
	return n
}

func (s *h2stream) Write(b []byte) {
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	if !s.over && !s.closing {
		s.buf = append(s.buf, b...)
	}
}

func (s *h2stream) Give(b []byte) {
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	switch {
	case s.over || s.closing:
	case len(s.buf) == 0:
		s.buf = b
	default:
		s.buf = append(s.buf, b...)
	}
}

func (s *h2stream) Flush() error { return s.flush(false) }

func (s *h2stream) CloseSend() error { return s.flush(true) }

func (s *h2stream) flush(end bool) error {
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	switch {
	case s.over && s.err == nil:
		if end {
			return nil
		}
		return fmt.Errorf("send to the deployment: %w", ErrClosed)
	case s.over:
		return fmt.Errorf("send to the deployment: %w", s.err)
	case s.closing:
		return nil
	case s.flushed && len(s.buf)-s.sent > s.client.cfg.MaxBufferedBytes:
		s.reset(http2.ErrCodeCancel, ErrOverflow)
		return ErrOverflow
	}
	first := !s.flushed
	s.flushed, s.ready, s.closing = true, len(s.buf), end
	switch {
	case first:
		s.host.place(s)
	case s.conn != nil && !s.blocked:
		s.conn.send(s)
		s.conn.kick()
	}
	return nil
}

// release forgets what was sent, unless it may be needed on another connection.
func (s *h2stream) release() {
	if !s.answered && len(s.buf) <= h2KeepForMove && !s.gone {
		return
	}
	if s.sent > 0 {
		s.gone = true
	}
	rest := s.buf[s.sent:]
	switch {
	case s.shared || cap(s.buf) > keepBufferBytes:
		s.buf, s.shared = append([]byte(nil), rest...), false
	default:
		s.buf = s.buf[:copy(s.buf, rest)]
	}
	s.ready -= s.sent
	s.sent = 0
}

func (s *h2stream) SetReading(on bool) {
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	s.paused = !on
	if on && !s.busy && (len(s.queue) > 0 || s.over && !s.done) {
		go s.pumpAlone()
	}
}

func (s *h2stream) Abort() {
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	if s.over && s.done {
		return
	}
	for _, b := range s.queue {
		s.took(len(b))
	}
	s.queue = nil
	if s.over { // the end waited behind what was just dropped
		s.err = ErrAborted
		s.ended()
		return
	}
	s.reset(http2.ErrCodeCancel, ErrAborted)
}

// move makes the request anew on another connection, if it was kept. The peer must not have looked
// at it.
func (s *h2stream) move() bool {
	if s.over || s.answered || s.gone || s.moves == maxRedials {
		return false
	}
	s.moves++
	s.conn, s.sent, s.closed, s.blocked = nil, 0, false, false
	s.host.place(s)
	return true
}

// reset ends the stream on both sides.
func (s *h2stream) reset(code http2.ErrCode, err error) {
	if c := s.conn; c != nil && c.err == nil && c.streams[s.id] == s {
		c.appendReset(s.id, code)
		c.kick()
		c.drop(s)
	}
	s.finish(err)
}

// endedByPeer takes the end of the answer. A request that has not ended is of no use to the peer.
func (s *h2stream) endedByPeer() {
	if s.over {
		return
	}
	if !s.closed {
		s.conn.appendReset(s.id, http2.ErrCodeCancel)
		s.conn.kick()
	}
	s.conn.drop(s)
	s.over = true
	s.pump()
}

// finish ends the stream with an error; what the peer sent before is still passed on.
func (s *h2stream) finish(err error) {
	if s.over {
		return
	}
	s.over, s.err = true, err
	if s.conn != nil {
		s.conn.drop(s)
	}
	s.ended()
}

// ended has the end passed on by a goroutine of its own: the caller may hold what the handler needs.
func (s *h2stream) ended() {
	s.buf, s.sent, s.ready, s.shared = nil, 0, 0, false
	if !s.busy {
		go s.pumpAlone()
	}
}

func (s *h2stream) pumpAlone() {
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	s.pump()
}

// pump calls the handler as long as there is something to say. host.mu is let go of meanwhile.
func (s *h2stream) pump() {
	if s.busy {
		return
	}
	for s.busy = true; ; {
		switch {
		case len(s.queue) > 0 && !s.paused:
			b := s.queue[0]
			s.queue = s.queue[1:]
			s.call(func() { s.handler.OnData(b) })
			s.took(len(b))
		case s.over && len(s.queue) == 0 && !s.done:
			s.done = true
			if s.stop != nil {
				s.stop()
			}
			err := s.err
			if err != nil {
				err = fmt.Errorf("POST %s: %w", s.url, err)
			}
			s.call(func() {
				s.client.forget(s)
				s.handler.OnEnd(err)
				s.client.running.Done()
			})
		default:
			s.busy = false
			return
		}
	}
}

func (s *h2stream) call(f func()) {
	s.host.mu.Unlock()
	f()
	s.host.mu.Lock()
}

// headers passes on the headers of the answer; it is called by the reader.
func (s *h2stream) headers(status int, h Header) {
	s.answered = true
	s.release()
	s.busy = true
	s.call(func() { s.handler.OnHeaders(status, h) })
	s.busy = false
	s.pump()
}

// data passes on b, or a copy of it later; it is called by the reader.
func (s *h2stream) data(b []byte) {
	switch {
	case s.over:
		s.took(len(b))
	case s.busy || s.paused || len(s.queue) > 0:
		s.queue = append(s.queue, bytes.Clone(b))
	default:
		s.busy = true
		s.call(func() { s.handler.OnData(b) })
		s.busy = false
		s.took(len(b))
		s.pump()
	}
}

// took lets the peer send as much again as was consumed.
func (s *h2stream) took(n int) {
	c := s.conn
	if n == 0 || c == nil {
		return
	}
	c.give(n)
	s.consumed += n
	if s.consumed >= s.client.cfg.StreamWindowBytes/2 && c.err == nil && c.streams[s.id] == s {
		c.appendWindowUpdate(s.id, s.consumed)
		s.recv += int64(s.consumed)
		s.consumed = 0
		c.kick()
	}
}

// watch aborts the stream when ctx ends.
func (s *h2stream) watch(ctx context.Context) {
	stop := context.AfterFunc(ctx, s.Abort)
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	if s.stop = stop; s.done {
		stop()
	}
}

// newH2Stream makes a stream for a connection of our own.
func (c *Client) newH2Stream(h *h2host, base *url.URL, r Request, handler Handler,
) (*h2stream, error) {
	headers, err := c.headers(r)
	if err != nil {
		return nil, err
	}
	path := strings.TrimSuffix(base.EscapedPath(), "/") + r.Path
	fields := make([]hpack.HeaderField, 4, 4+len(headers))
	fields[0] = hpack.HeaderField{Name: ":method", Value: "POST"}
	fields[1] = hpack.HeaderField{Name: ":scheme", Value: base.Scheme}
	fields[2] = hpack.HeaderField{Name: ":authority", Value: base.Host}
	fields[3] = hpack.HeaderField{Name: ":path", Value: path}
	for _, f := range headers {
		if belongsToConnection(f.Key) {
			continue
		}
		if !httpguts.ValidHeaderFieldName(f.Key) || !httpguts.ValidHeaderFieldValue(f.Value) {
			return nil, fmt.Errorf("open %s: header %q is not one that HTTP allows", base.Redacted(), f.Key)
		}
		fields = append(fields,
			hpack.HeaderField{Name: f.Key, Value: f.Value, Sensitive: changes(f.Key)})
	}
	return &h2stream{
		client: c, handler: handler, url: base.Scheme + "://" + base.Host + path, fields: fields, host: h,
	}, nil
}

// belongsToConnection names the headers that HTTP/2 does not carry.
func belongsToConnection(name string) bool {
	switch name {
	case "host", "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade",
		"content-length", "te":
		return true
	}
	return false
}

// changes names the headers that differ from request to request: it does not pay to have the peer
// remember them, and some are nobody else's business.
func changes(name string) bool {
	switch name {
	case "x-restate-invocation-id", "x-restate-service-key", "traceparent", headerToken:
		return true
	}
	return false
}
