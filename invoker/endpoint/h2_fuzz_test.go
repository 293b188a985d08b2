package endpoint

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"

	"github.com/perdure/perdure/protocol"
)

func pair(k, v string) protocol.KeyValue { return protocol.KeyValue{Key: k, Value: v} }

// strict fails when a handler's calls overlap or come in a wrong order.
type strict struct {
	t       *testing.T
	inside  atomic.Bool
	headers bool
	ended   atomic.Int32
	end     chan struct{}
}

func (h *strict) enter(name string) func() {
	if h.inside.Swap(true) {
		h.t.Errorf("%s overlaps another call", name)
	}
	if h.ended.Load() > 0 {
		h.t.Errorf("%s after the end", name)
	}
	return func() { h.inside.Store(false) }
}

func (h *strict) OnHeaders(int, Header) {
	defer h.enter("OnHeaders")()
	if h.headers {
		h.t.Error("headers twice")
	}
	h.headers = true
}

func (h *strict) OnData(b []byte) {
	defer h.enter("OnData")()
	if !h.headers || len(b) == 0 {
		h.t.Errorf("%d bytes of data, headers came: %v", len(b), h.headers)
	}
}

func (h *strict) OnEnd(error) {
	defer h.enter("OnEnd")()
	h.ended.Add(1)
	close(h.end)
}

// peerFrames turns fuzzed bytes into frames, well formed or not.
func peerFrames(in []byte) []byte {
	var out bytes.Buffer
	fr := http2.NewFramer(&out, nil)
	fr.AllowIllegalWrites = true
	fr.WriteSettings()
	next := func() (b byte) {
		if len(in) > 0 {
			b, in = in[0], in[1:]
		}
		return b
	}
	for len(in) > 0 {
		op := next()
		id := uint32(next() % 9)
		n := int(next())
		payload := in[:min(n, len(in))]
		switch op % 14 {
		case 0:
			answer(fr, id, "body")
		case 1:
			fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: n&1 == 0, EndStream: n&2 != 0,
				BlockFragment: headerBlock(":status", "200")})
		case 2:
			fr.WriteData(id, n&1 != 0, payload)
		case 3:
			fr.WriteRSTStream(id, http2.ErrCode(n%16))
		case 4:
			fr.WriteGoAway(id, http2.ErrCode(n%16), payload)
		case 5:
			fr.WriteWindowUpdate(id, uint32(n)<<(op>>4*2))
		case 6:
			fr.WriteSettings(http2.Setting{ID: http2.SettingID(id), Val: uint32(n) << (op >> 4 * 2)})
		case 7:
			fr.WritePing(n&1 != 0, [8]byte{op})
		case 8:
			fr.WriteContinuation(id, n&1 != 0, payload)
		case 9:
			fr.WriteRawFrame(http2.FrameType(n), http2.Flags(op), id, payload)
		case 10:
			out.Write(payload)
		case 11:
			fr.WriteDataPadded(id, n&1 != 0, payload, make([]byte, n))
		case 12:
			fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, BlockFragment: payload})
		case 13:
			fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true,
				BlockFragment: headerBlock(":status", "103")})
		}
		in = in[len(payload):]
	}
	return out.Bytes()
}

// Whatever a deployment sends, every stream ends once, its handler's calls are in order, and
// nothing panics or hangs.
func FuzzPeer(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 3, 0, 0, 5, 0}, uint8(0))
	f.Add([]byte{1, 1, 0, 2, 1, 4, 1, 2, 3, 4, 4, 3, 0, 2, 1, 1, 9}, uint8(1))
	f.Add([]byte{6, 4, 0, 5, 0, 255, 3, 1, 7, 0, 3, 0, 10, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9}, uint8(2))
	f.Add([]byte{6, 3, 1, 3, 5, 7, 13, 1, 0, 13, 1, 0, 8, 1, 0, 12, 3, 3, 0x82, 0xff, 0xff}, uint8(3))
	f.Fuzz(func(t *testing.T, in []byte, act uint8) {
		c, err := New(Config{StreamWindowBytes: 64, ConnWindowBytes: 128, MaxFrameBytes: 16 << 10})
		if err != nil {
			t.Fatal(err)
		}
		base := &url.URL{Scheme: "http", Host: "peer"}
		h := newH2Host(c.cfg, c.http2, base)
		h.dial = func(context.Context) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go io.Copy(io.Discard, theirs)
			go func() {
				theirs.Write(peerFrames(in))
				theirs.Close()
			}()
			return ours, nil
		}
		c.h2hosts["http://peer"] = h
		var handlers []*strict
		for i := range 4 {
			handler := &strict{t: t, end: make(chan struct{})}
			s, err := c.Open(context.Background(),
				Request{Address: "http://peer", HTTPVersion: HTTP2, Path: "/x"}, handler)
			if err != nil {
				t.Fatal(err)
			}
			handlers = append(handlers, handler)
			s.SetReading(act&1 == 0 || i > 0)
			s.Write(make([]byte, 100*i))
			if act&2 != 0 {
				s.CloseSend()
			} else {
				s.Flush()
			}
			if act&4 != 0 && i == 1 {
				s.Abort()
			}
			s.SetReading(true)
			s.Write([]byte("more"))
			s.Flush()
		}
		for _, handler := range handlers {
			await(t, "end of a stream", handler.end)
		}
		c.Close()
		for _, handler := range handlers {
			if n := handler.ended.Load(); n != 1 {
				t.Errorf("%d ends", n)
			}
		}
	})
}
