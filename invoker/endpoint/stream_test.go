package endpoint

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/perdure/perdure/protocol"
)

const testTimeout = 20 * time.Second

// recorder is a Handler that passes what it is told through channels.
type recorder struct {
	headers chan int
	data    chan string
	end     chan error
	ends    atomic.Int32
	header  Header
}

func newRecorder() *recorder {
	return &recorder{headers: make(chan int, 1), data: make(chan string, 4096), end: make(chan error, 2)}
}

func (r *recorder) OnHeaders(status int, h Header) { r.header = h; r.headers <- status }
func (r *recorder) OnData(b []byte)                { r.data <- string(b) }
func (r *recorder) OnEnd(err error)                { r.ends.Add(1); r.end <- err; close(r.data) }

func await[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(testTimeout):
		t.Fatalf("no %s within %v", what, testTimeout)
		panic("unreachable")
	}
}

func (r *recorder) all(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for {
		select {
		case s, ok := <-r.data:
			if !ok {
				return b.String()
			}
			b.WriteString(s)
		case <-time.After(testTimeout):
			t.Fatal("the answer does not end")
		}
	}
}

func (r *recorder) read(t *testing.T, want string) {
	t.Helper()
	got := ""
	for len(got) < len(want) {
		got += await(t, "data", r.data)
	}
	if got != want {
		t.Fatalf("read %q, want %q", got, want)
	}
}

func serve(t *testing.T, version string, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(version == HTTP11)
	s.Config.Protocols.SetUnencryptedHTTP2(version == HTTP2)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func newClient(t *testing.T, cfg Config) *Client {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func open(t *testing.T, c *Client, address, version string) (Stream, *recorder) {
	t.Helper()
	r := newRecorder()
	s, err := c.Open(context.Background(), Request{
		Address: address, HTTPVersion: version, Path: "/invoke/S/h",
		Headers: []protocol.KeyValue{{Key: "content-type", Value: "x/y"}},
	}, r)
	if err != nil {
		t.Fatal(err)
	}
	return s, r
}

// send flushes text. A peer may have ended the stream already; its end tells.
func send(t *testing.T, s Stream, text string) {
	t.Helper()
	s.Write([]byte(text))
	if err := s.Flush(); errors.Is(err, ErrOverflow) {
		t.Fatal(err)
	}
}

func TestBidirectional(t *testing.T) {
	srv := serve(t, HTTP2, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/prefix/invoke/S/h" || r.Header.Get("Content-Type") != "x/y" {
			w.WriteHeader(400)
			return
		}
		w.WriteHeader(200)
		rc := http.NewResponseController(w)
		rc.Flush()
		buf := make([]byte, 1024)
		for {
			n, err := r.Body.Read(buf)
			w.Write(bytes.ToUpper(buf[:n]))
			rc.Flush()
			if err != nil {
				return
			}
		}
	})
	c := newClient(t, Config{})
	s, r := open(t, c, srv.URL+"/prefix/", HTTP2)
	send(t, s, "one")
	if st := await(t, "headers", r.headers); st != 200 {
		t.Fatalf("status %d", st)
	}
	r.read(t, "ONE")
	send(t, s, "two")
	r.read(t, "TWO")
	s.Write([]byte("three"))
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if got := r.all(t); got != "THREE" {
		t.Fatalf("read %q after the half close", got)
	}
	if err := await(t, "end", r.end); err != nil {
		t.Fatalf("clean end gave %v", err)
	}
	s.Write([]byte("late"))
	s.Abort()
	if r.ends.Load() != 1 {
		t.Fatal("more than one end")
	}
}

func TestHTTP11RequestResponse(t *testing.T) {
	srv := serve(t, HTTP11, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %v %s", r.Proto, r.TransferEncoding, b)
	})
	c := newClient(t, Config{})
	for range 3 {
		s, r := open(t, c, srv.URL, HTTP11)
		send(t, s, "abc")
		s.CloseSend()
		if got := r.all(t); got != "HTTP/1.1 [chunked] abc" {
			t.Fatalf("got %q", got)
		}
		if err := await(t, "end", r.end); err != nil {
			t.Fatal(err)
		}
	}
}

// A deployment that answers and ends before it has read the request ends the stream cleanly, and
// the connection stays usable.
func TestEarlyAnswer(t *testing.T) {
	for _, version := range []string{HTTP11, HTTP2} {
		srv := serve(t, version, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(415)
			io.WriteString(w, "no")
		})
		c := newClient(t, Config{})
		for range 5 {
			s, r := open(t, c, srv.URL, version)
			send(t, s, "abc")
			if version == HTTP11 {
				s.CloseSend() // such servers answer nothing before the request has ended
			}
			if st := await(t, "headers", r.headers); st != 415 {
				t.Fatalf("%s: status %d", version, st)
			}
			if got := r.all(t); got != "no" {
				t.Fatalf("%s: body %q", version, got)
			}
			await(t, "end", r.end)
		}
	}
}

func TestResetByDeployment(t *testing.T) {
	srv := serve(t, HTTP2, func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("partial"))
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	c := newClient(t, Config{})
	s, r := open(t, c, srv.URL, HTTP2)
	send(t, s, "abc")
	if err := await(t, "end", r.end); err == nil {
		t.Fatal("a reset ended the stream without error")
	}
	if got := r.all(t); got != "partial" {
		t.Fatalf("got %q", got)
	}
}

func TestConnectionRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := "http://" + l.Addr().String()
	l.Close()
	c := newClient(t, Config{})
	for _, version := range []string{HTTP11, HTTP2} {
		s, r := open(t, c, addr, version)
		send(t, s, "x")
		if err := await(t, "end", r.end); err == nil || !strings.Contains(err.Error(), "connect") {
			t.Fatalf("%s: end %v, want a failure to connect", version, err)
		}
	}
}

// Abort ends a stream whatever it waits for: the connection, the headers, or the body.
func TestAbort(t *testing.T) {
	for _, version := range []string{HTTP11, HTTP2} {
		release := make(chan struct{})
		cancelled := make(chan struct{}, 2)
		srv := serve(t, version, func(w http.ResponseWriter, r *http.Request) {
			if b := make([]byte, 1); r.URL.Query().Get("x") == "" {
				r.Body.Read(b)
				if b[0] == 'b' {
					w.Write([]byte("started"))
					http.NewResponseController(w).Flush()
				}
			}
			select {
			case <-r.Context().Done():
				cancelled <- struct{}{}
			case <-release:
			}
		})
		t.Cleanup(func() { close(release) })
		c := newClient(t, Config{})
		for _, stage := range []string{"a", "b"} {
			s, r := open(t, c, srv.URL, version)
			send(t, s, stage)
			if version == HTTP11 {
				s.CloseSend()
			}
			if stage == "b" {
				r.read(t, "started")
			}
			s.Abort()
			if err := await(t, "end", r.end); !errors.Is(err, ErrAborted) {
				t.Fatalf("%s: end %v, want aborted", version, err)
			}
			if stage == "b" {
				await(t, "cancellation at the deployment", cancelled)
			}
		}
	}
}

// A paused reader holds the deployment back instead of buffering what it sends.
func TestPausedReading(t *testing.T) {
	var sent atomic.Int64
	var streams atomic.Int32
	const total = 8 << 20
	srv := serve(t, HTTP2, func(w http.ResponseWriter, r *http.Request) {
		if streams.Add(1) > 1 {
			return
		}
		chunk := make([]byte, 64<<10)
		for sent.Load() < total {
			if _, err := w.Write(chunk); err != nil {
				return
			}
			sent.Add(int64(len(chunk)))
		}
	})
	c := newClient(t, Config{StreamWindowBytes: 1 << 20})
	s, r := open(t, c, srv.URL, HTTP2)
	s.SetReading(false)
	s.CloseSend()
	await(t, "headers", r.headers)
	// Another stream on the same connection gets through meanwhile.
	other, or := open(t, c, srv.URL, HTTP2)
	send(t, other, "x")
	await(t, "headers of another stream", or.headers)
	other.CloseSend()
	await(t, "end of another stream", or.end)
	if n := sent.Load(); n >= total {
		t.Fatalf("the deployment could send all %d bytes to a paused reader", n)
	}
	s.SetReading(true)
	if n := len(r.all(t)); n != total {
		t.Fatalf("read %d bytes, want %d", n, total)
	}
}

// A deployment that does not read fails the stream once the buffer is full; the first flush, which
// replays a journal, is exempt.
func TestOverflow(t *testing.T) {
	srv := serve(t, HTTP2, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c := newClient(t, Config{MaxBufferedBytes: 1 << 20})
	s, r := open(t, c, srv.URL, HTTP2)
	send(t, s, strings.Repeat("x", 4<<20))
	var err error
	for i := 0; i < 100 && err == nil; i++ {
		s.Write(make([]byte, 1<<20))
		err = s.Flush()
	}
	if !errors.Is(err, ErrOverflow) {
		t.Fatalf("flush gave %v, want an overflow", err)
	}
	s.Abort()
	await(t, "end", r.end)
}

func TestManyStreamsUseMoreConnections(t *testing.T) {
	var mu sync.Mutex
	peers := map[string]int{}
	release := make(chan struct{})
	srv := serve(t, HTTP2, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		peers[r.RemoteAddr]++
		mu.Unlock()
		http.NewResponseController(w).Flush()
		<-release
	})
	c := newClient(t, Config{})
	const streams = 300
	var all []*recorder
	for range streams {
		s, r := open(t, c, srv.URL, HTTP2)
		s.CloseSend()
		all = append(all, r)
	}
	for _, r := range all {
		await(t, "headers", r.headers)
	}
	close(release)
	for _, r := range all {
		if err := await(t, "end", r.end); err != nil {
			t.Fatal(err)
		}
	}
	if len(peers) < 3 || len(peers) > 6 {
		t.Fatalf("%d connections for %d streams, want about 3", len(peers), streams)
	}
	for p, n := range peers {
		if n > 128 {
			t.Errorf("%d streams on connection %s, want at most 128", n, p)
		}
	}
}

// rawServer speaks HTTP/2 by hand: script gets each connection after the settings were exchanged.
func rawServer(t *testing.T, script func(n int, fr *http2.Framer, nc net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ; n++ {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer nc.Close()
				nc.SetDeadline(time.Now().Add(testTimeout))
				io.ReadFull(nc, make([]byte, len(http2.ClientPreface)))
				fr := http2.NewFramer(nc, nc)
				fr.WriteSettings()
				script(n, fr, nc)
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return "http://" + l.Addr().String()
}

func untilHeaders(fr *http2.Framer) uint32 {
	for {
		f, err := fr.ReadFrame()
		if err != nil {
			return 0
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				fr.WriteSettingsAck()
			}
		case *http2.HeadersFrame:
			return f.StreamID
		}
	}
}

func answer(fr *http2.Framer, id uint32, body string) {
	var hb bytes.Buffer
	hpack.NewEncoder(&hb).WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
	fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: hb.Bytes(), EndHeaders: true})
	fr.WriteData(id, true, []byte(body))
}

func drain(fr *http2.Framer) {
	for {
		if _, err := fr.ReadFrame(); err != nil {
			return
		}
	}
}

// A stream that both sides end is not reset, and its connection is used again.
func TestCleanEndDoesNotReset(t *testing.T) {
	resets := make(chan http2.ErrCode, 16)
	var conns atomic.Int32
	addr := rawServer(t, func(n int, fr *http2.Framer, nc net.Conn) {
		conns.Add(1)
		for {
			f, err := fr.ReadFrame()
			if err != nil {
				return
			}
			switch f := f.(type) {
			case *http2.DataFrame:
				if f.StreamEnded() {
					answer(fr, f.StreamID, "done")
				}
			case *http2.RSTStreamFrame:
				resets <- f.ErrCode
			}
		}
	})
	c := newClient(t, Config{})
	for range 20 {
		s, r := open(t, c, addr, HTTP2)
		send(t, s, "x")
		s.CloseSend()
		if got := r.all(t); got != "done" {
			t.Fatalf("got %q", got)
		}
		if err := await(t, "end", r.end); err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	if len(resets) > 0 || conns.Load() != 1 {
		t.Errorf("%d resets, %d connections", len(resets), conns.Load())
	}
}

// A connection that says GOAWAY before it saw a stream does not fail it.
func TestGoAwayMovesNewStreams(t *testing.T) {
	addr := rawServer(t, func(n int, fr *http2.Framer, nc net.Conn) {
		id := untilHeaders(fr)
		if n == 0 {
			fr.WriteGoAway(id, http2.ErrCodeNo, nil)
		}
		answer(fr, id, fmt.Sprint("connection ", n))
		if n == 0 {
			drain(fr)
			return
		}
		drain(fr)
	})
	c := newClient(t, Config{})
	for n := range 2 {
		s, r := open(t, c, addr, HTTP2)
		send(t, s, "x")
		if got, want := r.all(t), fmt.Sprint("connection ", n); got != want {
			t.Fatalf("stream %d: got %q, want %q (end %v)", n, got, want, <-r.end)
		}
	}
}

// Garbage instead of frames fails the streams on that connection and nothing else.
func TestGarbageInsteadOfHTTP2(t *testing.T) {
	addr := rawServer(t, func(n int, fr *http2.Framer, nc net.Conn) {
		id := untilHeaders(fr)
		if n == 0 {
			nc.Write(bytes.Repeat([]byte{0xff}, 100))
			return
		}
		answer(fr, id, "fine")
		drain(fr)
	})
	c := newClient(t, Config{})
	s, r := open(t, c, addr, HTTP2)
	send(t, s, "x")
	if err := await(t, "end", r.end); err == nil {
		t.Fatal("garbage ended the stream without error")
	}
	s, r = open(t, c, addr, HTTP2)
	send(t, s, "x")
	if got := r.all(t); got != "fine" {
		t.Fatalf("got %q", got)
	}
}

func TestTLS(t *testing.T) {
	for _, version := range []string{HTTP11, HTTP2} {
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s", r.Proto, b)
		}))
		srv.EnableHTTP2 = version == HTTP2
		srv.StartTLS()
		t.Cleanup(srv.Close)
		roots := srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		c := newClient(t, Config{TLS: &tls.Config{RootCAs: roots}})
		s, r := open(t, c, srv.URL, version)
		send(t, s, "abc")
		s.CloseSend()
		if got := r.all(t); got != version+" abc" {
			t.Fatalf("got %q (end %v), want %s", got, <-r.end, version)
		}
		// Without the root, the handshake fails and says so.
		bad := newClient(t, Config{})
		s, r = open(t, bad, srv.URL, version)
		s.CloseSend()
		if err := await(t, "end", r.end); err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Fatalf("end %v, want an unknown certificate", err)
		}
	}
}

// With a proxy, HTTP/2 goes through a tunnel, except to excepted hosts, of which
// loopback addresses are always some.
func TestProxy(t *testing.T) {
	var target atomic.Value
	var tunnels atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host == "refused.example:80" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		tunnels.Add(1)
		to, err := net.Dial("tcp", target.Load().(string))
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusOK)
		from, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			to.Close()
			return
		}
		go func() { io.Copy(to, from); to.Close() }()
		io.Copy(from, to)
		from.Close()
	}))
	t.Cleanup(proxy.Close)
	srv := serve(t, HTTP2, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) })
	target.Store(srv.Listener.Addr().String())
	c := newClient(t, Config{Proxy: proxy.URL, NoProxy: []string{"10.0.0.0/8"}})
	s, r := open(t, c, "http://deployment.example", HTTP2)
	s.CloseSend()
	if got := r.all(t); got != "deployment.example" || tunnels.Load() != 1 {
		t.Fatalf("got %q (end %v), %d tunnels", got, <-r.end, tunnels.Load())
	}
	s, r = open(t, c, "http://refused.example", HTTP2)
	s.CloseSend()
	if err := await(t, "end", r.end); err == nil || !strings.Contains(err.Error(), "status 403") {
		t.Errorf("a refused tunnel gave %v", err)
	}
	s, r = open(t, c, srv.URL, HTTP2)
	s.CloseSend()
	if err := await(t, "end", r.end); err != nil || tunnels.Load() != 1 {
		t.Errorf("an excepted host gave %v with %d tunnels", err, tunnels.Load())
	}
	if _, err := New(Config{Proxy: "socks5://x"}); err == nil {
		t.Error("a bad proxy was accepted")
	}
}

func TestCloseEndsStreams(t *testing.T) {
	srv := serve(t, HTTP2, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	_, r := open(t, c, srv.URL, HTTP2)
	c.Close()
	if err := await(t, "end", r.end); !errors.Is(err, ErrAborted) {
		t.Fatalf("end %v", err)
	}
	if _, err := c.Open(context.Background(), Request{Address: srv.URL}, newRecorder()); !errors.Is(err, ErrClosed) {
		t.Fatalf("open after close gave %v", err)
	}
}

func TestBadAddress(t *testing.T) {
	c := newClient(t, Config{})
	for _, a := range []string{"", "ftp://x", "http://", "http://[::1", "localhost:9080"} {
		if _, err := c.Open(context.Background(), Request{Address: a}, newRecorder()); err == nil {
			t.Errorf("address %q was accepted", a)
		}
	}
	if _, err := New(Config{StreamsPerConn: -1, IdentityKey: []byte{1}}); err == nil ||
		!strings.Contains(err.Error(), "streams") || !strings.Contains(err.Error(), "identity") {
		t.Errorf("bad configuration gave %v, want every problem", err)
	}
}
