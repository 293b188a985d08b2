package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// crooked is a deployment that answers attempts frame by frame of HTTP/2, until it is healed.
type crooked struct {
	name     string
	manifest []byte
	play     func(*h2conn, uint32, string) // connection, stream, content type
	listener net.Listener

	mu       sync.Mutex
	conns    []net.Conn // guarded by mu
	attempts int        // guarded by mu
	healed   bool       // guarded by mu
}

func (d *crooked) started() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.attempts
}

func (d *crooked) heal() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.healed = true
}

func (d *crooked) close() {
	d.listener.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.conns {
		c.Close()
	}
}

// accept serves connections until the deployment is closed.
func (d *crooked) accept() {
	for {
		nc, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.mu.Lock()
		d.conns = append(d.conns, nc)
		d.mu.Unlock()
		go d.serve(nc)
	}
}

// serve answers the requests of one connection, one after the other.
func (d *crooked) serve(nc net.Conn) {
	defer nc.Close()
	if _, err := io.ReadFull(nc, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	c := &h2conn{Conn: nc, Framer: http2.NewFramer(nc, nc), block: &blockBuffer{}}
	c.AllowIllegalWrites = true
	c.hpack = hpack.NewEncoder(c.block)
	c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if c.WriteSettings() != nil {
		return
	}
	for {
		f, err := c.ReadFrame()
		if err != nil {
			return
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = c.WriteSettingsAck() // a lost connection shows in the next read
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				_ = c.WritePing(true, f.Data)
			}
		case *http2.MetaHeadersFrame:
			d.answer(c, f)
		}
	}
}

func (d *crooked) answer(c *h2conn, f *http2.MetaHeadersFrame) {
	kind := ""
	for _, h := range f.RegularFields() {
		if h.Name == "content-type" {
			kind = h.Value
		}
	}
	if f.PseudoValue("path") == "/discover" {
		_ = c.respond(f.StreamID, manifestType)
		_ = c.WriteData(f.StreamID, true, d.manifest)
		return
	}
	d.mu.Lock()
	d.attempts++
	healed := d.healed
	d.mu.Unlock()
	if healed {
		_ = c.respond(f.StreamID, kind)
		_ = c.WriteData(f.StreamID, true, encode(finish()...))
		return
	}
	d.play(c, f.StreamID, kind)
}

// respond writes the headers of a good answer.
func (c *h2conn) respond(stream uint32, contentType string, more ...string) error {
	return c.headers(stream, false,
		append([]string{":status", "200", "content-type", contentType}, more...)...)
}

// crookedRow is what is done to a stream, and what must become of its attempt.
type crookedRow struct {
	name string
	want verdict
	play func(c *h2conn, stream uint32, contentType string)
}

func http2Entries() []entry {
	var out []entry
	for _, row := range crookedRows() {
		out = append(out, entry{row.name, row.run})
	}
	return out
}

func (row crookedRow) run(t *trial) error {
	service := objectService("Crooked" + t.key)
	short, long := 500, 500
	service.InactivityTimeout, service.AbortTimeout = &short, &long
	manifest, err := json.Marshal(offering("BIDI_STREAM", 7, service))
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d := &crooked{name: service.Name, manifest: manifest, play: row.play, listener: l}
	go d.accept() // ends with its listener
	r, err := t.register("http://"+l.Addr().String(), "")
	if err := wantStatus(r, err, http.StatusCreated); err != nil {
		d.close()
		return err
	}
	id, err := t.send("/"+d.name+"/"+t.key+"/h", t.key)
	if err == nil {
		err = t.judge(id, row.want, d.started, d.started, d.heal)
	}
	if err != nil {
		d.close()
		return err
	}
	t.afterRestart(func(*trial) error {
		d.close()
		return nil
	})
	return nil
}

// crookedRows are attempts answered in ways that a library does not offer. Only where the answer
// is whole in spite of what surrounds it does the invocation complete.
func crookedRows() []crookedRow {
	good := encode(finish()...)
	data := func(c *h2conn, stream uint32) { _ = c.WriteData(stream, true, good) }
	fin := func(do func(*h2conn, uint32) error) func(*h2conn, uint32, string) {
		return func(c *h2conn, s uint32, kind string) {
			_ = errors.Join(c.respond(s, kind), do(c,
				s))
		}
	}
	reset := func(code http2.ErrCode) crookedRow {
		return crookedRow{fmt.Sprintf("reset with %v", code), retried, fin(
			func(c *h2conn, s uint32) error { return c.WriteRSTStream(s, code) })}
	}
	raw := func(typ http2.FrameType, flags http2.Flags, stream uint32, n int) func(*h2conn,
		uint32) error {
		return func(c *h2conn, _ uint32) error { return c.WriteRawFrame(typ, flags, stream, make([]byte, n)) }
	}
	return []crookedRow{
		{"pings only, until the timeouts", retried, func(c *h2conn, _ uint32, _ string) {
			pingUntilLost(c)
		}},
		{"headers, then pings only", retried, func(c *h2conn, s uint32, kind string) {
			_ = c.respond(s, kind)
			pingUntilLost(c)
		}},
		{"data before headers", retried, func(c *h2conn, s uint32, _ string) { data(c, s) }},
		{"data on stream 0", retried, fin(func(c *h2conn, _ uint32) error { return c.WriteData(0, true, good) })},
		{"data on a stream that never was", retried, fin(func(c *h2conn, s uint32) error {
			return c.WriteData(s+1000, true, good)
		})},
		{"an empty end", retried, fin(func(c *h2conn, s uint32) error { return c.WriteData(s, true, nil) })},
		{"ten thousand empty data frames", completed, fin(func(c *h2conn, s uint32) error {
			for range 10_000 {
				if err := c.WriteData(s, false, nil); err != nil {
					return err
				}
			}
			return c.WriteData(s, true, good)
		})},
		{"data padded to the last byte", completed, fin(func(c *h2conn, s uint32) error {
			return c.WriteDataPadded(s, true, good, make([]byte, 255))
		})},
		{"padding longer than the frame", retried, fin(func(c *h2conn, s uint32) error {
			return c.WriteRawFrame(http2.FrameData, http2.FlagDataPadded, s, []byte{200, 1, 2})
		})},
		{"no status", retried, func(c *h2conn, s uint32, kind string) {
			_ = c.headers(s, false, "content-type", kind)
			data(c, s)
		}},
		{"a status of letters", retried, func(c *h2conn, s uint32, kind string) {
			_ = c.headers(s, false, ":status", "two", "content-type", kind)
			data(c, s)
		}},
		{"a status of seven digits", retried, func(c *h2conn, s uint32, kind string) {
			_ = c.headers(s, false, ":status", "2000000", "content-type", kind)
			data(c, s)
		}},
		{"headers with upper case", retried, func(c *h2conn, s uint32, kind string) {
			_ = c.respond(s, kind, "X-Upper", "v")
			data(c, s)
		}},
		{"a broken header block", retried, func(c *h2conn, s uint32, _ string) {
			_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: s, EndHeaders: true,
				BlockFragment: []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}})
		}},
		{"a thousand interim answers", retried, func(c *h2conn, s uint32, kind string) {
			for range 1000 {
				if c.headers(s, false, ":status", "103", "link", "x") != nil {
					return
				}
			}
			_ = c.WriteRSTStream(s, http2.ErrCodeCancel)
		}},
		{"switching protocols", retried, func(c *h2conn, s uint32, kind string) {
			_ = c.headers(s, false, ":status", "101")
			_ = c.respond(s, kind)
			_ = c.WriteRSTStream(s, http2.ErrCodeCancel)
		}},
		{"headers twice", retried, fin(func(c *h2conn, s uint32) error {
			return c.headers(s, false, ":status", "200")
		})},
		{"continuations without end", retried, func(c *h2conn, s uint32, _ string) {
			_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: s, BlockFragment: []byte{0x88}})
			for range 100_000 {
				if c.WriteContinuation(s, false, make([]byte, 1000)) != nil {
					return
				}
			}
		}},
		{"headers of 20 MiB", retried, func(c *h2conn, s uint32, kind string) {
			big := string(make([]byte, 0)) + kind
			for range 20 << 4 {
				big += kind
			}
			pairs := []string{}
			for i := range 2000 {
				pairs = append(pairs, "x-h"+itoa(i), big)
			}
			_ = c.respond(s, kind, pairs...)
			_ = c.WriteRSTStream(s, http2.ErrCodeCancel)
		}},
		reset(http2.ErrCodeNo), reset(http2.ErrCodeRefusedStream),
		reset(http2.ErrCodeEnhanceYourCalm),
		reset(http2.ErrCodeHTTP11Required), reset(http2.ErrCode(0xdeadbeef)),
		{"going away", retried, fin(func(c *h2conn, s uint32) error {
			return errors.Join(c.WriteGoAway(s, http2.ErrCodeNo, nil), c.Conn.Close())
		})},
		{"going away before the stream", retried, func(c *h2conn, _ uint32, _ string) {
			_ = c.WriteGoAway(0, http2.ErrCodeEnhanceYourCalm, []byte("go"))
			_ = c.Conn.Close()
		}},
		{"going away, then a good end", completed, fin(func(c *h2conn, s uint32) error {
			return errors.Join(c.WriteGoAway(s, http2.ErrCodeNo, nil), c.WriteData(s, true, good))
		})},
		{"a push promise", retried, fin(func(c *h2conn, s uint32) error {
			return c.WritePushPromise(http2.PushPromiseParam{StreamID: s, PromiseID: 2,
				EndHeaders: true})
		})},
		{"a window of nothing, then a good end", completed, func(c *h2conn, s uint32, kind string) {
			_ = c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
			_ = c.respond(s, kind)
			data(c, s)
		}},
		{"a window that overflows", retried, fin(func(c *h2conn, s uint32) error {
			return errors.Join(c.WriteWindowUpdate(s, windowOverflow), c.WriteWindowUpdate(s,
				windowOverflow))
		})},
		{"a connection's window that overflows", retried, fin(func(c *h2conn, _ uint32) error {
			return errors.Join(c.WriteWindowUpdate(0, windowOverflow), c.WriteWindowUpdate(0,
				windowOverflow))
		})},
		{"a window update of zero", retried, fin(func(c *h2conn, s uint32) error { return c.WriteWindowUpdate(s, 0) })},
		{"frames too small for settings", retried, func(c *h2conn, _ uint32, _ string) {
			_ = c.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1})
		}},
		{"settings of an odd length", retried, fin(raw(http2.FrameSettings, 0, 0, 5))},
		{"a ping of an odd length", retried, fin(raw(http2.FramePing, 0, 0, 3))},
		{"a reset of stream 0", retried, fin(raw(http2.FrameRSTStream, 0, 0, 4))},
		{"a frame of 16 MiB", retried, fin(func(c *h2conn, s uint32) error {
			return c.WriteRawFrame(http2.FrameData, 0, s, make([]byte, 1<<24-1))
		})},
		{"unknown frames, then a good end", completed, fin(func(c *h2conn, s uint32) error {
			return errors.Join(c.WriteRawFrame(0xee, 0xff, s, make([]byte, 100)), c.WriteData(s,
				true, good))
		})},
		{"no more streams, then a good end", completed, func(c *h2conn, s uint32, kind string) {
			_ = c.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 0})
			_ = c.respond(s, kind)
			data(c, s)
		}},
		{"more than the window allows", retried, func(c *h2conn, s uint32, kind string) {
			_ = c.respond(s, kind)
			hint := encode(frame{kind: msgAwaitingOn, payload: message{}.bytes(1,
				message{}.varint(1, 9))})
			chunk := make([]byte, 0, 16<<10)
			for len(chunk)+len(hint) <= cap(chunk) {
				chunk = append(chunk, hint...)
			}
			for range 10_000 {
				if c.WriteData(s, false, chunk) != nil {
					return
				}
			}
			_ = c.WriteRSTStream(s, http2.ErrCodeCancel)
		}},
		{"text instead of HTTP/2", retried, func(c *h2conn, _ uint32, _ string) {
			_, _ = io.WriteString(c.Conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
		}},
		{"closed without a word", retried, func(c *h2conn, _ uint32, _ string) { c.Conn.Close() }},
		{"data after a good end", completed, fin(func(c *h2conn, s uint32) error {
			return errors.Join(c.WriteData(s, true, good), c.WriteData(s, true, good))
		})},
	}
}

// pingUntilLost keeps a connection busy with nothing but pings. The server gives the stream up and
// may keep the connection, so there is an end.
func pingUntilLost(c *h2conn) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for range 100 {
		if c.WritePing(false, [8]byte{}) != nil {
			return
		}
		<-tick.C
	}
}
