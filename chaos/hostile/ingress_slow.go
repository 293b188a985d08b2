package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	slowClients    = 200 // connections that an entry holds open at once
	rapidResets    = 2000
	holdOpen       = 2 * time.Second // for slow clients, while a canary is sent
	windowOverflow = 1<<31 - 1
)

// slowEntries hold connections open and say nothing, or little.
func slowEntries() []entry {
	slow := func(request string) func(*trial) error {
		return func(t *trial) error { return t.holdConnections(request) }
	}
	return []entry{
		{"slow: hundreds of idle connections", slow("")},
		{"slow: hundreds of unfinished heads", slow("POST " + callPath +
			" HTTP/1.1\r\nHost: h\r\nX-")},
		{"slow: hundreds of unfinished bodies", slow(head("POST", callPath,
			"Content-Length: "+itoa(requestLimit)) + "\r\nb")},
		{"slow: hundreds of unfinished chunks", slow(head("POST", callPath,
			"Transfer-Encoding: chunked") + "\r\n1000000\r\nb")},
		{"slow: hundreds of unread answers", slow(whole("POST", callPath, ""))},
	}
}

// holdConnections opens many connections, and calls an innocent handler while they are open. What
// they announce must not cost memory before it comes.
func (t *trial) holdConnections(request string) error {
	before, err := t.server.resident()
	if err != nil {
		return err
	}
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for range slowClients {
		c, err := net.Dial("tcp", t.server.ingress)
		if err != nil {
			return err
		}
		conns = append(conns, c)
		if _, err := io.WriteString(c, request); err != nil {
			return err
		}
	}
	for until := time.Now().Add(holdOpen); time.Now().Before(until); {
		if err := t.canary(newKey()); err != nil {
			return fmt.Errorf("while %d connections are open: %w", slowClients, err)
		}
	}
	after, err := t.server.resident()
	if err == nil && after > before+memoryLimit {
		err = fmt.Errorf("%d connections cost %d MiB", slowClients, (after-before)>>20)
	}
	return err
}

// h2conn is a connection on which frames are written that no library would write.
type h2conn struct {
	net.Conn
	*http2.Framer
	hpack *hpack.Encoder
	block *blockBuffer
}

type blockBuffer struct{ b []byte }

func (w *blockBuffer) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

func dialH2(address string) (*h2conn, error) {
	nc, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	_ = nc.SetDeadline(time.Now().Add(answerTimeout))
	if _, err := io.WriteString(nc, http2.ClientPreface); err != nil {
		nc.Close()
		return nil, err
	}
	c := &h2conn{Conn: nc, Framer: http2.NewFramer(nc, nc), block: &blockBuffer{}}
	c.AllowIllegalWrites, c.AllowIllegalReads = true, true
	c.hpack = hpack.NewEncoder(c.block)
	return c, c.WriteSettings()
}

// headers writes a request's headers; pairs are names and values in turn.
func (c *h2conn) headers(stream uint32, end bool, pairs ...string) error {
	c.block.b = nil
	for i := 0; i+1 < len(pairs); i += 2 {
		_ = c.hpack.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]}) // into memory
	}
	return c.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: c.block.b, EndStream: end, EndHeaders: true})
}

// post writes the headers of a call that would work.
func (c *h2conn) post(t *trial, stream uint32, end bool, more ...string) error {
	return c.headers(stream, end, append([]string{":method", "POST", ":scheme", "http",
		":authority", "h", ":path", "/" + object + "/" + t.key + "/h"}, more...)...)
}

// ended reads until the server resets a stream, goes away or closes; what it did is returned.
func (c *h2conn) ended() error {
	for {
		f, err := c.ReadFrame()
		var timeout net.Error
		switch {
		case errors.As(err, &timeout) && timeout.Timeout():
			return errors.New("the server neither answered, reset the stream nor went away")
		case err != nil:
			return nil
		}
		switch f := f.(type) {
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return nil
		case *http2.HeadersFrame:
			return nil
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = c.WriteSettingsAck() // the end shows in the next read
			}
		}
	}
}

// streamEntries misuse HTTP/2. Each must end in an answer, a reset or the end of the connection;
// play says whether one is waited for.
func streamEntries() []entry {
	var out []entry
	for _, row := range []struct {
		name string
		wait bool
		play func(*trial, *h2conn) error
	}{
		{"reset inside a body", false, func(t *trial, c *h2conn) error {
			return errors.Join(c.post(t, 1, false), c.WriteData(1, false, []byte("half")),
				c.WriteRSTStream(1, http2.ErrCodeCancel))
		}},
		{"thousands of streams, reset at once", false, func(t *trial, c *h2conn) error {
			for i := range uint32(rapidResets) {
				if c.post(t, 2*i+1, true) != nil || c.WriteRSTStream(2*i+1,
					http2.ErrCodeCancel) != nil {
					return nil // the server has had enough
				}
			}
			return nil
		}},
		{"thousands of streams without end", false, func(t *trial, c *h2conn) error {
			for i := range uint32(rapidResets) {
				if c.post(t, 2*i+1, false) != nil {
					return nil
				}
			}
			return nil
		}},
		{"an even stream", true, func(t *trial, c *h2conn) error { return c.post(t, 2, true) }},
		{"stream 0", true, func(t *trial, c *h2conn) error { return c.post(t, 0, true) }},
		{"a stream twice", true, func(t *trial, c *h2conn) error {
			return errors.Join(c.post(t, 1, true), c.post(t, 1, true))
		}},
		{"data on no stream", true, func(_ *trial, c *h2conn) error { return c.WriteData(1, true, []byte("x")) }},
		{"data after the end", true, func(t *trial, c *h2conn) error {
			return errors.Join(c.post(t, 1, true), c.WriteData(1, true, []byte("x")))
		}},
		{"no pseudo headers", true, func(_ *trial, c *h2conn) error { return c.headers(1, true, "a", "b") }},
		{"a pseudo header twice", true, func(t *trial, c *h2conn) error { return c.post(t, 1, true, ":path", "/") }},
		{"an unknown pseudo header", true, func(t *trial, c *h2conn) error { return c.post(t, 1, true, ":x", "/") }},
		{"an upper case header", true, func(t *trial, c *h2conn) error { return c.post(t, 1, true, "X-Y", "z") }},
		{"a connection header", true, func(t *trial, c *h2conn) error { return c.post(t, 1, true, "connection", "x") }},
		{"a header with a line feed", true, func(t *trial, c *h2conn) error { return c.post(t, 1, true, "x", "a\nb") }},
		{"a length that the body does not have", true, func(t *trial, c *h2conn) error {
			return errors.Join(c.post(t, 1, false, "content-length", "10"), c.WriteData(1, true,
				[]byte("x")))
		}},
		{"a path without slash", true, func(_ *trial, c *h2conn) error {
			return c.headers(1, true, ":method", "POST", ":scheme", "http", ":authority", "h",
				":path", "x")
		}},
		{"an empty path", true, func(_ *trial, c *h2conn) error {
			return c.headers(1, true, ":method", "POST", ":scheme", "http", ":authority", "h",
				":path", "")
		}},
		{"CONNECT", true, func(_ *trial, c *h2conn) error {
			return c.headers(1, true, ":method", "CONNECT", ":authority", "h:1")
		}},
		{"a broken header block", true, func(_ *trial, c *h2conn) error {
			return c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndStream: true,
				EndHeaders:    true,
				BlockFragment: []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}})
		}},
		{"continuations without end", true, func(t *trial, c *h2conn) error {
			err := c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82}})
			for range 100_000 {
				if err = c.WriteContinuation(1, false, []byte{0x82, 0x82, 0x82}); err != nil {
					return nil
				}
			}
			return err
		}},
		{"a continuation of nothing", true, func(_ *trial, c *h2conn) error { return c.WriteContinuation(1, true, nil) }},
		{"a frame inside a header block", true, func(_ *trial, c *h2conn) error {
			return errors.Join(c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1,
				BlockFragment: []byte{0x82}}),
				c.WritePing(false, [8]byte{}))
		}},
		{"a window update of zero", true, func(_ *trial, c *h2conn) error { return c.WriteWindowUpdate(0, 0) }},
		{"a window that overflows", true, func(_ *trial, c *h2conn) error {
			return errors.Join(c.WriteWindowUpdate(0, windowOverflow), c.WriteWindowUpdate(0,
				windowOverflow))
		}},
		{"settings that are not allowed", true, func(_ *trial, c *h2conn) error {
			return c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 31})
		}},
		{"settings of an odd length", true, func(_ *trial, c *h2conn) error {
			return c.WriteRawFrame(http2.FrameSettings, 0, 0, make([]byte, 5))
		}},
		{"a push promise", true, func(_ *trial, c *h2conn) error {
			return c.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2,
				EndHeaders: true})
		}},
		{"a ping of an odd length", true, func(_ *trial, c *h2conn) error {
			return c.WriteRawFrame(http2.FramePing, 0, 0, make([]byte, 7))
		}},
		{"a frame over the limit", true, func(t *trial, c *h2conn) error {
			err := c.post(t, 1, false)
			_ = c.WriteData(1, true, make([]byte, 1<<20)) // the server may close inside
			return err
		}},
		{"ten thousand pings", false, func(_ *trial, c *h2conn) error {
			for range 10_000 {
				if c.WritePing(false, [8]byte{}) != nil {
					return nil
				}
			}
			return nil
		}},
		{"ten thousand settings", false, func(_ *trial, c *h2conn) error {
			for range 10_000 {
				if c.WriteSettings() != nil {
					return nil
				}
			}
			return nil
		}},
		{"unknown frames", true, func(t *trial, c *h2conn) error {
			err := c.WriteRawFrame(0xee, 0xff, 77, make([]byte, 100))
			return errors.Join(err, c.post(t, 1, true))
		}},
		{"going away, then a request", false, func(t *trial, c *h2conn) error {
			return errors.Join(c.WriteGoAway(0, http2.ErrCodeNo, nil), c.post(t, 1, true))
		}},
		{"a broken preface", true, func(_ *trial, c *h2conn) error {
			_, err := io.WriteString(c.Conn, "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")
			return err
		}},
	} {
		out = append(out, entry{"stream: " + row.name, func(t *trial) error {
			c, err := dialH2(t.server.ingress)
			if err != nil {
				return err
			}
			defer c.Conn.Close()
			if err := row.play(t, c); err != nil || !row.wait {
				return err
			}
			return c.ended()
		}})
	}
	return out
}
