package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
)

const (
	// tapPayloadBytes is how much of one message a tap keeps.
	tapPayloadBytes = 64 << 10
	// tapStreams is how many attempts a tap notes; later ones pass unseen.
	tapStreams = 10_000
)

// tap is a proxy between the server and a deployment, both speaking cleartext HTTP/2, that notes
// the frames of both directions. What breaks on one side breaks on the other.
type tap struct {
	url    string
	target string // address of the deployment
	client *http.Transport
	server *http.Server
	done   chan struct{} // closed when the server has ended

	mu          sync.Mutex
	streams     []*tapStream  // in the order of their requests; guarded by mu
	discoveries []http.Header // guarded by mu
}

// tapStream is one attempt that went through a tap.
type tapStream struct {
	invocation string
	header     http.Header // of the request

	mu    sync.Mutex
	notes []note // in the order seen; guarded by mu
}

// note is one thing that went through a tap: a frame, or the end of a direction.
type note struct {
	fromServer bool
	end        bool
	frame
}

// String is short and readable: which way it went, and what it was.
func (n note) String() string {
	way := "<"
	if n.fromServer {
		way = ">"
	}
	if n.end {
		return way + "end"
	}
	return fmt.Sprintf("%s%04x", way, n.kind)
}

// newTap starts a tap before the deployment at an address.
func newTap(target string) (*tap, error) {
	listener, err := listenFresh()
	if err != nil {
		return nil, err
	}
	t := &tap{
		url:    "http://" + listener.Addr().String(),
		target: target,
		client: &http.Transport{Protocols: new(http.Protocols)},
		done:   make(chan struct{}),
	}
	t.client.Protocols.SetUnencryptedHTTP2(true)
	t.server = &http.Server{Handler: t, Protocols: new(http.Protocols)}
	t.server.Protocols.SetUnencryptedHTTP2(true)
	go func() {
		defer close(t.done)
		_ = t.server.Serve(listener) // ends when the tap is closed
	}()
	return t, nil
}

// close breaks what still goes through the tap.
func (t *tap) close() {
	_ = t.server.Close()
	<-t.done
	t.client.CloseIdleConnections()
}

// ServeHTTP passes one request on. An answer that breaks is broken on this side too.
func (t *tap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := t.open(r)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	out := r.Clone(ctx)
	out.URL.Scheme, out.URL.Host, out.Host, out.RequestURI = "http", t.target, t.target, ""
	out.Body = &tapReader{ReadCloser: r.Body, scan: frameScanner{s: s, fromServer: true}}
	res, err := t.client.RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	body := &tapReader{ReadCloser: res.Body, scan: frameScanner{s: s}}
	defer body.Close()
	for name, values := range res.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(res.StatusCode)
	if err := pass(w, body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// pass copies an answer piece by piece, each as soon as it is there.
func pass(w http.ResponseWriter, body io.Reader) error {
	out := http.NewResponseController(w)
	buf := make([]byte, 32<<10)
	for {
		if err := out.Flush(); err != nil {
			return err
		}
		n, err := body.Read(buf)
		if _, failed := w.Write(buf[:n]); failed != nil {
			return failed
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// open notes a request.
func (t *tap) open(r *http.Request) *tapStream {
	s := &tapStream{invocation: r.Header.Get("x-restate-invocation-id"), header: r.Header.Clone()}
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.invocation == "" {
		t.discoveries = append(t.discoveries, s.header)
	} else if len(t.streams) < tapStreams {
		t.streams = append(t.streams, s)
	}
	return s
}

// of returns the attempts of an invocation, first to last.
func (t *tap) of(invocation string) []*tapStream {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(t.streams), func(s *tapStream) bool {
		return s.invocation != invocation
	})
}

// seen returns what has gone through so far.
func (s *tapStream) seen() []note {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.notes)
}

func (s *tapStream) add(n note) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, n)
}

// tapReader shows what is read to a scanner.
type tapReader struct {
	io.ReadCloser
	scan frameScanner
}

func (r *tapReader) Read(b []byte) (int, error) {
	n, err := r.ReadCloser.Read(b)
	r.scan.feed(b[:n])
	if errors.Is(err, io.EOF) {
		r.scan.s.add(note{fromServer: r.scan.fromServer, end: true})
	}
	return n, err
}

// frameScanner finds the frames of one direction and keeps the start of each payload.
type frameScanner struct {
	s          *tapStream
	fromServer bool

	head [8]byte
	have int // bytes of head
	left int // bytes of the payload still to come, once head is whole
	now  note
}

func (f *frameScanner) feed(b []byte) {
	for len(b) > 0 || f.have == len(f.head) {
		if f.have < len(f.head) {
			n := copy(f.head[f.have:], b)
			f.have, b = f.have+n, b[n:]
			if f.have < len(f.head) {
				return
			}
			f.left = int(binary.BigEndian.Uint32(f.head[4:]))
			f.now = note{fromServer: f.fromServer, frame: frame{
				kind:  binary.BigEndian.Uint16(f.head[:]),
				flags: binary.BigEndian.Uint16(f.head[2:]),
			}}
		}
		n := min(f.left, len(b))
		keep := min(n, tapPayloadBytes-len(f.now.payload))
		f.now.payload = append(f.now.payload, b[:keep]...)
		f.left, b = f.left-n, b[n:]
		if f.left > 0 {
			return
		}
		f.s.add(f.now)
		f.have = 0
	}
}
