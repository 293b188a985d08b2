package endpoint

import (
	"bytes"
	"context"
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
)

// peer plays a deployment by hand on one connection.
type peer struct {
	t  *testing.T
	fr *http2.Framer
	nc net.Conn
	n  int // number of the connection
}

func headerBlock(fields ...string) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for i := 0; i < len(fields); i += 2 {
		_ = e.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return b.Bytes()
}

func (p *peer) headers(id uint32, end bool, fields ...string) {
	p.fr.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: headerBlock(fields...), EndHeaders: true, EndStream: end,
	})
}

func (p *peer) ok(id uint32) { p.headers(id, false, ":status", "200") }

// transcript is what a stream's user sees: everything but the texts of errors.
type transcript struct {
	Status string
	Body   string
	Failed bool
	Conns  int32
}

// misbehaviours are what deployments, good and bad, do after a request came.
var misbehaviours = map[string]func(p *peer, id uint32){
	"answer": func(p *peer, id uint32) { answer(p.fr, id, "body") },
	"answer without body": func(p *peer, id uint32) {
		p.headers(id, true, ":status", "415")
	},
	"trailers": func(p *peer, id uint32) {
		p.ok(id)
		p.fr.WriteData(id, false, []byte("body"))
		p.headers(id, true, "x-checksum", "1")
	},
	"interim answers": func(p *peer, id uint32) {
		p.headers(id, false, ":status", "100")
		p.headers(id, false, ":status", "103", "link", "x")
		answer(p.fr, id, "body")
	},
	"padded data": func(p *peer, id uint32) {
		p.ok(id)
		p.fr.WriteDataPadded(id, true, []byte("body"), make([]byte, 200))
	},
	"empty data": func(p *peer, id uint32) {
		p.ok(id)
		for range 50 {
			p.fr.WriteData(id, false, nil)
		}
		p.fr.WriteData(id, true, []byte("body"))
	},
	"headers in pieces": func(p *peer, id uint32) {
		b := headerBlock(":status", "200", "x-long", strings.Repeat("x", 1000))
		p.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: b[:1]})
		p.fr.WriteContinuation(id, false, b[1:10])
		p.fr.WriteContinuation(id, true, b[10:])
		p.fr.WriteData(id, true, []byte("body"))
	},
	"large headers": func(p *peer, id uint32) {
		b := headerBlock(":status", "200", "x-long", strings.Repeat("x", 100<<10))
		p.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: b[:1000]})
		for b = b[1000:]; len(b) > 10_000; b = b[10_000:] {
			p.fr.WriteContinuation(id, false, b[:10_000])
		}
		p.fr.WriteContinuation(id, true, b)
		p.fr.WriteData(id, true, []byte("body"))
	},
	"unknown frames and priorities": func(p *peer, id uint32) {
		p.fr.WriteRawFrame(0xee, 0xff, id, []byte("what"))
		p.fr.WriteRawFrame(0xee, 0, 0, nil)
		p.fr.WritePriority(id, http2.PriorityParam{StreamDep: 0, Weight: 3})
		answer(p.fr, id, "body")
	},
	"pings and settings": func(p *peer, id uint32) {
		p.fr.WritePing(false, [8]byte{1})
		p.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 100},
			http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0},
			http2.Setting{ID: 0x99, Val: 1})
		p.fr.WriteWindowUpdate(0, 1)
		p.fr.WriteWindowUpdate(id, 1)
		answer(p.fr, id, "body")
	},
	"reset after the answer": func(p *peer, id uint32) {
		answer(p.fr, id, "body")
		p.fr.WriteRSTStream(id, http2.ErrCodeNo)
	},
	"frames of an ended stream": func(p *peer, id uint32) {
		answer(p.fr, id, "body")
		p.fr.WriteWindowUpdate(id, 10)
		p.fr.WriteRSTStream(id, http2.ErrCodeCancel)
	},
	"reset in the body": func(p *peer, id uint32) {
		p.ok(id)
		p.fr.WriteData(id, false, []byte("par"))
		p.fr.WriteRSTStream(id, http2.ErrCodeInternal)
	},
	"closed in the body": func(p *peer, id uint32) {
		p.ok(id)
		p.fr.WriteData(id, false, []byte("par"))
		p.nc.Close()
	},
	"going away in the body": func(p *peer, id uint32) {
		p.ok(id)
		p.fr.WriteGoAway(id, http2.ErrCodeNo, []byte("bye"))
		p.fr.WriteData(id, true, []byte("body"))
	},
	"data before headers": func(p *peer, id uint32) { p.fr.WriteData(id, true, []byte("body")) },
	"headers twice": func(p *peer, id uint32) {
		p.ok(id)
		p.ok(id)
		p.fr.WriteData(id, true, []byte("body"))
	},
	"no status":        func(p *peer, id uint32) { p.headers(id, true, "x", "y") },
	"status in words":  func(p *peer, id uint32) { p.headers(id, true, ":status", "fine") },
	"upper case names": func(p *peer, id uint32) { p.headers(id, true, ":status", "200", "X-Y", "z") },
	"bad compression": func(p *peer, id uint32) {
		p.fr.WriteHeaders(http2.HeadersFrameParam{
			StreamID: id, BlockFragment: []byte{0xff, 0xff, 0xff, 0xff}, EndHeaders: true,
		})
	},
	"push": func(p *peer, id uint32) {
		p.fr.WritePushPromise(http2.PushPromiseParam{StreamID: id, PromiseID: 2, EndHeaders: true,
			BlockFragment: headerBlock(":method", "GET")})
	},
	"data of no stream": func(p *peer, id uint32) {
		p.fr.AllowIllegalWrites = true
		p.fr.WriteData(0, true, []byte("body"))
	},
	"headers of a stream not opened": func(p *peer, id uint32) { p.ok(id + 40) },
	"window too far": func(p *peer, id uint32) {
		p.fr.WriteWindowUpdate(0, 1<<31-1)
		p.fr.WriteWindowUpdate(0, 1<<31-1)
	},
	"stream window too far": func(p *peer, id uint32) {
		p.fr.WriteWindowUpdate(id, 1<<31-1)
		p.fr.WriteWindowUpdate(id, 1<<31-1)
	},
	"window of nothing": func(p *peer, id uint32) {
		p.fr.AllowIllegalWrites = true
		p.fr.WriteWindowUpdate(0, 0)
	},
	"frame too large": func(p *peer, id uint32) {
		p.ok(id)
		p.fr.WriteRawFrame(http2.FrameData, 0, id, make([]byte, 100<<10))
	},
	"settings out of range": func(p *peer, id uint32) {
		p.fr.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1})
	},
	"headers cut by data": func(p *peer, id uint32) {
		p.fr.WriteHeaders(http2.HeadersFrameParam{
			StreamID: id, BlockFragment: headerBlock(":status", "200"),
		})
		p.fr.AllowIllegalWrites = true
		p.fr.WriteData(id, true, []byte("body"))
	},
	"refused once": func(p *peer, id uint32) {
		if p.n == 0 {
			p.fr.WriteRSTStream(id, http2.ErrCodeRefusedStream)
			return
		}
		answer(p.fr, id, "body")
	},
	"gone before it looked": func(p *peer, id uint32) {
		if p.n == 0 {
			p.fr.WriteGoAway(0, http2.ErrCodeNo, nil)
			return
		}
		answer(p.fr, id, "body")
	},
	"closed at once": func(p *peer, id uint32) { p.nc.Close() },
}

func exchange(t *testing.T, library bool, play func(*peer, uint32)) (got transcript, err error) {
	t.Helper()
	var conns atomic.Int32
	address := rawServer(t, func(n int, fr *http2.Framer, nc net.Conn) {
		conns.Add(1)
		p := &peer{t: t, fr: fr, nc: nc, n: n}
		if id := untilHeaders(fr); id != 0 {
			play(p, id)
			drain(fr)
		}
	})
	c := newClient(t, Config{})
	c.libraryOnly = library
	s, r := open(t, c, address, HTTP2)
	send(t, s, "x")
	got.Body = r.all(t)
	err = await(t, "end", r.end)
	got.Failed = err != nil
	select {
	case status := <-r.headers:
		got.Status = fmt.Sprint(status)
	default:
	}
	got.Conns = conns.Load()
	return got, err
}

// Our own HTTP/2 shows its user the same as the library's, whatever the deployment does, but for
// what is listed.
func TestSameAsLibrary(t *testing.T) {
	ours := map[string]transcript{
		// The library makes a request anew only if nobody has read its body.
		"refused once":          {Status: "200", Body: "body", Conns: 2},
		"gone before it looked": {Status: "200", Body: "body", Conns: 2},
		// The library overlooks it.
		"headers of a stream not opened": {Failed: true, Conns: 1},
	}
	for name, play := range misbehaviours {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, ok := ours[name]
			if !ok {
				want, _ = exchange(t, true, play)
			}
			got, err := exchange(t, false, play)
			if got != want {
				t.Errorf("got %+v (%v), want %+v", got, err, want)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "POST http://127.0.0.1:") {
				t.Errorf("the error does not say what was attempted: %v", err)
			}
		})
	}
}

// Everything that is written arrives, in both directions and whatever the windows are.
func TestLargeBodies(t *testing.T) {
	for _, size := range []int{0, 1, 16 << 10, 16<<10 + 1, 3 << 20, 20 << 20} {
		srv := serve(t, HTTP2, func(w http.ResponseWriter, r *http.Request) {
			io.Copy(w, r.Body)
		})
		c := newClient(t, Config{StreamWindowBytes: 100 << 10, ConnWindowBytes: 200 << 10})
		var streams []Stream
		var recorders []*recorder
		want := strings.Repeat("0123456789abcdef", size/16+1)[:size]
		for range 3 {
			s, r := open(t, c, srv.URL, HTTP2)
			s.Write([]byte(want[:size/2]))
			s.Give([]byte(want[size/2:]))
			streams, recorders = append(streams, s), append(recorders, r)
		}
		for _, s := range streams {
			if err := s.CloseSend(); err != nil {
				t.Fatal(err)
			}
		}
		for _, r := range recorders {
			if got := r.all(t); got != want {
				t.Fatalf("%d bytes came back as %d", len(want), len(got))
			}
			if err := await(t, "end", r.end); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A deployment that takes two streams at once gets more connections, never more streams.
func TestFewStreams(t *testing.T) {
	var mu sync.Mutex
	active, most := map[string]int{}, 0
	release := make(chan struct{})
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		active[r.RemoteAddr]++
		most = max(most, active[r.RemoteAddr])
		mu.Unlock()
		http.NewResponseController(w).Flush()
		<-release
	}))
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
	srv.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 2}
	srv.Start()
	t.Cleanup(srv.Close)
	c := newClient(t, Config{})
	var all []*recorder
	for range 9 {
		s, r := open(t, c, srv.URL, HTTP2)
		s.CloseSend()
		all = append(all, r)
		waitSettings(t, c) // a connection takes more until it is told
	}
	for _, r := range all {
		await(t, "headers", r.headers)
	}
	close(release)
	for _, r := range all {
		if err := await(t, "end", r.end); err != nil {
			t.Error(err)
		}
	}
	if most != 2 || len(active) != 5 {
		t.Errorf("%d streams at once on %d connections, want 2 on 5", most, len(active))
	}
}

// waitSettings waits until every connection has been told its limits.
func waitSettings(t *testing.T, c *Client) {
	t.Helper()
	for deadline := time.Now().Add(testTimeout); ; time.Sleep(time.Millisecond) {
		told := true
		c.mu.Lock()
		for _, h := range c.h2hosts {
			h.mu.Lock()
			told = told && len(h.dials) == 0 && len(h.conns) > 0
			for _, conn := range h.conns {
				told = told && conn.told
			}
			h.mu.Unlock()
		}
		c.mu.Unlock()
		if told {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the settings do not come")
		}
	}
}

// A silent peer is found out, and a peer that answers pings is left alone.
func TestKeepAlive(t *testing.T) {
	var pings atomic.Int32
	address := rawServer(t, func(n int, fr *http2.Framer, _ net.Conn) {
		id := untilHeaders(fr)
		for {
			f, err := fr.ReadFrame()
			if err != nil {
				return
			}
			if p, ok := f.(*http2.PingFrame); ok && n > 0 {
				fr.WritePing(true, p.Data)
				if pings.Add(1) == 3 {
					answer(fr, id, "alive")
				}
			}
		}
	})
	c := newClient(t, Config{
		KeepAliveInterval: 10 * time.Millisecond, KeepAliveTimeout: 10 * time.Millisecond,
	})
	s, r := open(t, c, address, HTTP2)
	send(t, s, "x")
	if err := await(t, "end", r.end); err == nil || !strings.Contains(err.Error(), "ping") {
		t.Fatalf("a silent peer ended the stream with %v", err)
	}
	c = newClient(t, Config{KeepAliveInterval: 10 * time.Millisecond})
	s, r = open(t, c, address, HTTP2)
	send(t, s, "x")
	if got := r.all(t); got != "alive" {
		t.Fatalf("got %q: %v", got, <-r.end)
	}
}

// A connection that nobody uses is closed.
func TestIdleConnectionIsClosed(t *testing.T) {
	closed := make(chan struct{})
	address := rawServer(t, func(_ int, fr *http2.Framer, _ net.Conn) {
		answer(fr, untilHeaders(fr), "x")
		drain(fr)
		close(closed)
	})
	c := newClient(t, Config{IdleConnTimeout: 10 * time.Millisecond})
	s, r := open(t, c, address, HTTP2)
	s.CloseSend()
	r.all(t)
	await(t, "close", closed)
}

// A peer that makes us answer and does not read the answers loses its connection.
func TestControlFlood(t *testing.T) {
	address := rawServer(t, func(_ int, fr *http2.Framer, nc net.Conn) {
		untilHeaders(fr)
		for fr.WritePing(false, [8]byte{}) == nil { // until the other side has had enough
		}
	})
	c := newClient(t, Config{})
	s, r := open(t, c, address, HTTP2)
	send(t, s, "x")
	if err := await(t, "end", r.end); err == nil {
		t.Fatal("a flood of pings ended the stream without error")
	}
}

// Memory that waits for a deployment is bounded: what it does not read stays with the streams.
func TestStuckSocket(t *testing.T) {
	release := make(chan struct{})
	address := rawServer(t, func(_ int, fr *http2.Framer, _ net.Conn) {
		fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1<<31 - 1})
		fr.WriteWindowUpdate(0, 1<<30)
		<-release // reads nothing
	})
	t.Cleanup(func() { close(release) })
	c := newClient(t, Config{MaxBufferedBytes: 4 << 20})
	s, r := open(t, c, address, HTTP2)
	send(t, s, "x")
	waitSettings(t, c)
	var err error
	for i := 0; i < 1000 && err == nil; i++ {
		s.Give(make([]byte, 1<<20))
		err = s.Flush()
	}
	if !errors.Is(err, ErrOverflow) {
		t.Fatalf("flush gave %v, want an overflow", err)
	}
	if err := await(t, "end", r.end); !errors.Is(err, ErrOverflow) {
		t.Fatalf("end %v, want an overflow", err)
	}
}

// While one stream's reader pauses, its end waits behind the data; an abort does not.
func TestEndWaitsForReader(t *testing.T) {
	srv := serve(t, HTTP2, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "data") })
	for _, abort := range []bool{false, true} {
		c := newClient(t, Config{})
		s, r := open(t, c, srv.URL, HTTP2)
		s.SetReading(false)
		s.CloseSend()
		await(t, "headers", r.headers)
		h := s.(*h2stream).host
		for deadline := time.Now().Add(testTimeout); ; time.Sleep(time.Millisecond) {
			h.mu.Lock()
			over := s.(*h2stream).over
			h.mu.Unlock()
			if over {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the answer does not end")
			}
		}
		if r.ends.Load() != 0 || len(r.data) != 0 {
			t.Fatal("a paused reader was called")
		}
		if abort {
			s.Abort()
			if err := await(t, "end", r.end); !errors.Is(err, ErrAborted) || len(r.data) != 0 {
				t.Fatalf("end %v and %d pieces of data, want an abort", err, len(r.data))
			}
			continue
		}
		s.SetReading(true)
		if got := r.all(t); got != "data" || <-r.end != nil {
			t.Fatalf("got %q", got)
		}
	}
}

// A request's headers are refused when they are none, or more than the deployment takes.
func TestRequestHeaders(t *testing.T) {
	srv := serve(t, HTTP2, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Header.Get("x-a")+r.Header.Get("connection")+r.Header.Get("user-agent"))
	})
	c := newClient(t, Config{})
	call := func(key, value string) (*recorder, error) {
		r := newRecorder()
		req := Request{Address: srv.URL, HTTPVersion: HTTP2, Path: "/x"}
		req.Headers = append(req.Headers, pair("connection", "close"), pair("x-A", "first"), pair(key, value))
		s, err := c.Open(context.Background(), req, r)
		if err == nil {
			s.CloseSend()
		}
		return r, err
	}
	r, err := call("X-a", "last,")
	if err != nil || r.all(t) != "last,perdure" {
		t.Fatalf("the last of equal names does not win, or the connection's own are sent: %v", err)
	}
	for _, bad := range []string{"a b", "", "a\nb"} {
		if _, err := call(bad, "x"); err == nil {
			t.Errorf("the name %q was accepted", bad)
		}
	}
	if _, err := call("x", "a\r\nb"); err == nil {
		t.Error("a value of two lines was accepted")
	}
	r, err = call("x-large", strings.Repeat("x", 64<<10)) // in several frames
	if err != nil || r.all(t) != "firstperdure" {
		t.Fatalf("large headers: %v, %v", err, <-r.end)
	}
	r, err = call("x-large", strings.Repeat("x", 8<<20))
	if err != nil {
		t.Fatal(err)
	}
	if err := await(t, "end", r.end); err == nil || !strings.Contains(err.Error(), "headers take") {
		t.Fatalf("headers of 8 MiB ended with %v", err)
	}
}
