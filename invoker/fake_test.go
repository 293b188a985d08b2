package invoker

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/perdure/perdure/invoker/endpoint"
	"github.com/perdure/perdure/protocol/journal"
	"github.com/perdure/perdure/protocol/service"
)

// fakeClient is a deployment in memory: deploy plays the deployment for one stream at a time, each
// on a goroutine of its own. Its error ends the answer.
type fakeClient struct {
	t       *testing.T
	version service.Version
	deploy  func(s *fakeStream) error
	running sync.WaitGroup // one per stream

	mu       sync.Mutex
	opened   int
	requests []endpoint.Request
}

func (c *fakeClient) Open(_ context.Context, r endpoint.Request, h endpoint.Handler) (endpoint.Stream, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &fakeStream{
		t: c.t, n: c.opened, version: c.version, handler: h, request: r,
		in: make(chan []byte, 4096), aborted: make(chan struct{}), reading: make(chan bool, 64),
		parser: service.NewParser(1 << 30),
	}
	c.opened++
	c.requests = append(c.requests, r)
	c.running.Go(func() {
		err := c.deploy(s)
		select {
		case <-s.aborted:
			err = endpoint.ErrAborted
		default:
		}
		h.OnEnd(err)
	})
	return s, nil
}

// fakeStream is both ends of one stream.
type fakeStream struct {
	t       *testing.T
	n       int // which stream of the client, from 0
	version service.Version
	handler endpoint.Handler
	request endpoint.Request
	in      chan []byte
	aborted chan struct{}
	reading chan bool
	once    sync.Once

	mu      sync.Mutex
	written []byte
	flushes int
	closed  bool

	parser *service.Parser // owned by deploy
	frames []service.Frame
}

func (s *fakeStream) Write(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written = append(s.written, b...)
}

func (s *fakeStream) Give(b []byte) { s.Write(b) }

func (s *fakeStream) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.written) > 0 && !s.closed {
		s.in <- s.written
		s.written = nil
		s.flushes++
	}
	return nil
}

func (s *fakeStream) CloseSend() error {
	err := s.Flush()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.in)
	}
	return err
}

func (s *fakeStream) SetReading(on bool) { s.reading <- on }
func (s *fakeStream) Abort()             { s.once.Do(func() { close(s.aborted) }) }

var errHalfClosed = errors.New("half closed")

// receive gives the next frame; errHalfClosed after the last one.
func (s *fakeStream) receive() (service.Frame, error) {
	for len(s.frames) == 0 {
		select {
		case <-s.aborted:
			return service.Frame{}, endpoint.ErrAborted
		case b, ok := <-s.in:
			if !ok {
				return service.Frame{}, errHalfClosed
			}
			err := s.parser.Feed(b, func(f service.Frame) error {
				f.Body = append([]byte(nil), f.Body...)
				s.frames = append(s.frames, f)
				return nil
			})
			if err != nil {
				return service.Frame{}, err
			}
		}
	}
	f := s.frames[0]
	s.frames = s.frames[1:]
	return f, nil
}

// replay answers with the right headers and takes Start and the journal.
func (s *fakeStream) replay() (*service.Start, []journal.Type, error) {
	s.headers(200, service.ContentType(s.version))
	f, err := s.receive()
	if err != nil {
		return nil, nil, err
	}
	m, err := service.Decode(f.Type, s.version, f.Body)
	if err != nil {
		return nil, nil, err
	}
	start := m.(*service.Start)
	var types []journal.Type
	for range start.KnownEntries {
		f, err := s.receive()
		if err != nil {
			return nil, nil, err
		}
		types = append(types, f.Type)
	}
	return start, types, nil
}

func (s *fakeStream) headers(status int, contentType string, more ...string) {
	h := endpoint.Header{"Content-Type": {contentType}, "X-Restate-Server": {"fake/1"}}
	for i := 0; i < len(more); i += 2 {
		h.Set(more[i], more[i+1])
	}
	s.handler.OnHeaders(status, h)
}

// say sends frames that arrive together; see parseFrame.
func (s *fakeStream) say(frames ...string) {
	var b []byte
	for _, f := range frames {
		b = append(b, parseFrame(s.t, s.version, f)...)
	}
	s.handler.OnData(b)
}

// gone waits until the server gives the stream up.
func (s *fakeStream) gone() error {
	<-s.aborted
	return endpoint.ErrAborted
}

func typesOf(types []journal.Type) string {
	var names []string
	for _, t := range types {
		names = append(names, t.Name())
	}
	return strings.Join(names, " ")
}
