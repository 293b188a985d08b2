package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// readBufferBytes is how much of an answer is read at once; it holds one HTTP/2 frame.
const readBufferBytes = 16 << 10

// keepBufferBytes is the largest request buffer kept for the next write.
const keepBufferBytes = 64 << 10

var readBuffers = sync.Pool{New: func() any { return new([readBufferBytes]byte) }}

// stream is a request over one of the library transports. One goroutine makes the request and reads
// the answer; the transport's own goroutine reads the body.
type stream struct {
	client  *Client
	handler Handler
	req     *http.Request
	body    *body
	cancel  context.CancelFunc

	mu      sync.Mutex
	paused  bool       // guarded by mu
	aborted bool       // guarded by mu
	resume  *sync.Cond // of mu
}

func (s *stream) Write(b []byte)   { s.body.write(b) }
func (s *stream) Give(b []byte)    { s.body.give(b) }
func (s *stream) Flush() error     { return s.body.flush(nil) }
func (s *stream) CloseSend() error { return s.body.flush(io.EOF) }

func (s *stream) SetReading(on bool) {
	s.mu.Lock()
	s.paused = !on
	s.mu.Unlock()
	s.resume.Signal()
}

func (s *stream) Abort() {
	s.mu.Lock()
	s.aborted = true
	s.mu.Unlock()
	s.resume.Signal()
	s.body.fail(ErrAborted)
	s.cancel()
}

// awaitReading waits until the reader is not paused, or the stream was aborted.
func (s *stream) awaitReading() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.paused && !s.aborted {
		s.resume.Wait()
	}
}

// run makes the request and calls the handler until the end.
func (s *stream) run(trip func(*http.Request) (*http.Response, error)) {
	err := s.exchange(trip)
	if err == nil && s.body.close() {
		// Everything written was taken and the body ended: the transport ends the stream itself.
		// Cancelling here would turn that end into a reset.
	} else {
		s.cancel()
	}
	s.mu.Lock()
	if s.aborted {
		err = ErrAborted
	}
	s.mu.Unlock()
	s.client.forget(s)
	if err != nil {
		err = fmt.Errorf("%s %s: %w", s.req.Method, s.req.URL.Redacted(), err)
	}
	s.handler.OnEnd(err)
}

func (s *stream) exchange(trip func(*http.Request) (*http.Response, error)) error {
	resp, err := trip(s.req)
	if err != nil {
		s.body.fail(err)
		return err
	}
	// Closing may wait for the connection, so an abort has it done by a goroutine of its own.
	stop := context.AfterFunc(s.req.Context(), func() { resp.Body.Close() })
	s.handler.OnHeaders(resp.StatusCode, resp.Header)
	buf := readBuffers.Get().(*[readBufferBytes]byte)
	defer readBuffers.Put(buf)
	for {
		s.awaitReading()
		n, err := resp.Body.Read(buf[:])
		if n > 0 {
			s.handler.OnData(buf[:n])
		}
		if errors.Is(err, io.EOF) {
			stop()
			return nil
		}
		if err != nil {
			s.body.fail(err)
			resp.Body.Close()
			return fmt.Errorf("read the answer: %w", err)
		}
	}
}

// body is the request's body: a buffer that is written at one end and read by the transport at the
// other.
type body struct {
	limit int

	mu      sync.Mutex
	filled  sync.Cond // of mu
	buf     []byte    // guarded by mu; [off, ready) may be read, the rest is not flushed
	off     int       // guarded by mu
	ready   int       // guarded by mu
	first   bool      // guarded by mu; nothing was flushed yet
	touched bool      // guarded by mu; the transport has read something
	err     error     // guarded by mu; io.EOF once closed for sending
}

func newBody(limit int) *body {
	b := &body{limit: limit, first: true}
	b.filled.L = &b.mu
	return b
}

func (b *body) write(p []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.buf = append(b.buf, p...)
	}
}

// give is write of what the body may keep.
func (b *body) give(p []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil && len(b.buf) == 0 {
		b.buf = p
	} else if b.err == nil {
		b.buf = append(b.buf, p...)
	}
}

// flush hands over what was written; with end, nothing follows.
func (b *body) flush(end error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		if end != nil && errors.Is(b.err, io.EOF) {
			return nil
		}
		return fmt.Errorf("send to the deployment: %w", b.err)
	}
	if !b.first && len(b.buf)-b.off > b.limit {
		b.err, b.buf, b.off, b.ready = ErrOverflow, nil, 0, 0
		b.filled.Signal()
		return ErrOverflow
	}
	if b.ready == len(b.buf) && end == nil {
		return nil
	}
	b.first, b.ready, b.err = false, len(b.buf), end
	b.filled.Signal()
	return nil
}

// fail drops what was not sent.
func (b *body) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil || b.off < b.ready {
		b.err, b.buf, b.off, b.ready = err, nil, 0, 0
	}
	b.filled.Signal()
}

// close ends the body and reports whether the transport had taken everything.
func (b *body) close() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := b.off == len(b.buf)
	if b.err == nil {
		b.err = io.EOF
	}
	b.filled.Signal()
	return taken && errors.Is(b.err, io.EOF)
}

// untouched reports whether the request can still be made on another connection.
func (b *body) untouched() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.touched && (b.err == nil || errors.Is(b.err, io.EOF))
}

// Read implements io.Reader for the transport; it waits for the next flush.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.off == b.ready && b.err == nil {
		b.filled.Wait()
	}
	b.touched = true
	if b.off == b.ready {
		return 0, b.err
	}
	n := copy(p, b.buf[b.off:b.ready])
	b.off += n
	if b.off == len(b.buf) {
		b.off, b.ready = 0, 0
		if b.buf = b.buf[:0]; cap(b.buf) > keepBufferBytes {
			b.buf = nil
		}
	}
	return n, nil
}

// Close implements io.Closer for the transport, which will not read again.
func (b *body) Close() error {
	b.fail(ErrClosed)
	return nil
}
