package endpoint

import (
	"encoding/binary"
	"math"
	"net"
	"time"

	"golang.org/x/net/http2"
)

const h2FrameHeader = 9 // bytes

// buffer is what frames are appended to. Called, as all of this file, with host.mu held.
func (c *h2conn) buffer() *[]byte {
	if !c.outOwned {
		c.out = append(c.out, c.spare[:0])
		c.outOwned, c.spare = true, nil
	}
	return &c.out[len(c.out)-1]
}

// appendFrame appends a frame's header, and its payload except that of length bytes less.
func (c *h2conn) appendFrame(t http2.FrameType, flags http2.Flags, id uint32, length int, payload ...byte) {
	b := c.buffer()
	*b = append(*b, byte(length>>16), byte(length>>8), byte(length), byte(t), byte(flags),
		byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
	*b = append(*b, payload...)
	c.outBytes += h2FrameHeader + len(payload)
}

// greet appends what a connection begins with.
func (c *h2conn) greet() {
	b := c.buffer()
	*b = append(*b, http2.ClientPreface...)
	c.outBytes += len(http2.ClientPreface)
	var settings []byte
	add := func(id http2.SettingID, v int) {
		settings = binary.BigEndian.AppendUint16(settings, uint16(id))
		settings = binary.BigEndian.AppendUint32(settings, uint32(min(v, math.MaxInt32)))
	}
	add(http2.SettingEnablePush, 0)
	add(http2.SettingInitialWindowSize, c.host.cfg.StreamWindowBytes)
	add(http2.SettingMaxFrameSize, c.host.cfg.MaxFrameBytes)
	add(http2.SettingMaxHeaderListSize, h2MaxHeaderBytes)
	c.appendFrame(http2.FrameSettings, 0, 0, len(settings), settings...)
	if more := c.recv - h2DefaultWindow; more > 0 {
		c.appendWindowUpdate(0, int(more))
	}
}

func (c *h2conn) appendWindowUpdate(id uint32, more int) {
	c.appendFrame(http2.FrameWindowUpdate, 0, id, 4, binary.BigEndian.AppendUint32(nil, uint32(more))...)
}

func (c *h2conn) appendPing(ack bool, data [8]byte) {
	var flags http2.Flags
	if ack {
		flags = http2.FlagPingAck
	}
	c.appendFrame(http2.FramePing, flags, 0, len(data), data[:]...)
	c.control += h2FrameHeader + len(data)
}

func (c *h2conn) appendSettingsAck() {
	c.appendFrame(http2.FrameSettings, http2.FlagSettingsAck, 0, 0)
	c.control += h2FrameHeader
}

func (c *h2conn) appendReset(id uint32, code http2.ErrCode) {
	c.appendFrame(http2.FrameRSTStream, 0, id, 4, binary.BigEndian.AppendUint32(nil, uint32(code))...)
	c.control += h2FrameHeader + 4
}

// appendHeaders appends the request's headers, in as many frames as they need.
func (c *h2conn) appendHeaders(s *h2stream) {
	c.encoded.Reset()
	for _, f := range s.fields {
		_ = c.encoder.WriteField(f) // a buffer takes everything
	}
	block := c.encoded.Bytes()
	t, flags := http2.FrameHeaders, http2.Flags(0)
	for {
		n := min(len(block), c.maxFrame)
		if n == len(block) {
			flags = http2.FlagHeadersEndHeaders // the same bit in both types
		}
		c.appendFrame(t, flags, s.id, n, block[:n]...)
		if block = block[n:]; len(block) == 0 {
			return
		}
		t = http2.FrameContinuation
	}
}

// send appends what s has to say, as far as it may; the rest waits for its turn.
func (c *h2conn) send(s *h2stream) {
	for turn := 0; s.sent < s.ready; {
		n := min(int64(s.ready-s.sent), s.window, c.window, int64(c.maxFrame), int64(h2MaxOut-c.outBytes))
		if n <= 0 || turn >= h2TurnBytes && len(c.blocked) > 0 {
			if !s.blocked {
				s.blocked = true
				c.blocked = append(c.blocked, s)
			}
			return
		}
		c.appendData(s, int(n))
		turn += int(n)
	}
	if s.closing && !s.closed {
		c.appendFrame(http2.FrameData, http2.FlagDataEndStream, s.id, 0)
		s.closed = true
	}
	s.release()
}

func (c *h2conn) appendData(s *h2stream, n int) {
	b := s.buf[s.sent : s.sent+n]
	s.sent += n
	s.window -= int64(n)
	c.window -= int64(n)
	var flags http2.Flags
	if s.closing && s.sent == s.ready {
		flags, s.closed = http2.FlagDataEndStream, true
	}
	if n < h2MinShared {
		c.appendFrame(http2.FrameData, flags, s.id, n, b...)
		return
	}
	c.appendFrame(http2.FrameData, flags, s.id, n)
	c.out = append(c.out, b[:n:n])
	c.outOwned, s.shared = false, true
	c.outBytes += n
}

// sendBlocked gives every stream that waits its turn, as long as there is room.
func (c *h2conn) sendBlocked() {
	for moved := true; moved && c.window > 0 && c.outBytes < h2MaxOut; {
		moved = false
		for range len(c.blocked) {
			s := c.blocked[0]
			c.blocked[0], c.blocked = nil, c.blocked[1:]
			s.blocked = false
			if s.over || s.conn != c {
				continue
			}
			before := c.outBytes
			c.send(s)
			moved = moved || c.outBytes != before
		}
	}
}

// give returns n bytes of the connection's window to the peer.
func (c *h2conn) give(n int) {
	if c.consumed += n; c.err == nil && c.consumed >= c.host.cfg.ConnWindowBytes/2 && c.consumed > 0 {
		c.appendWindowUpdate(0, c.consumed)
		c.recv += int64(c.consumed)
		c.consumed = 0
		c.kick()
	}
}

// kick has what was appended written. It does not wait.
func (c *h2conn) kick() {
	if c.outBytes > 0 && !c.writing && !c.corked && c.err == nil {
		c.writing = true
		go c.write()
	}
}

// write writes until nothing is left. Whatever comes while it waits for the socket goes out together.
func (c *h2conn) write() {
	h := c.host
	h.mu.Lock()
	defer h.mu.Unlock()
	for c.err == nil && c.outBytes > 0 {
		out, first := c.out, c.out[0]
		c.out, c.outOwned, c.outBytes, c.control, c.wroteID = nil, false, 0, 0, c.lastID
		h.mu.Unlock()
		err := writeAll(c.nc, out)
		h.mu.Lock()
		if err != nil {
			c.fail(err)
			break
		}
		if cap(first) <= h2KeepOut && c.spare == nil {
			c.spare = first
		}
		c.sendBlocked()
	}
	c.writing = false
}

func writeAll(nc net.Conn, out net.Buffers) (err error) {
	if len(out) == 1 {
		_, err = nc.Write(out[0])
	} else {
		_, err = out.WriteTo(nc)
	}
	return err
}

// writeGoAway tells the peer why the connection ends, if that can be told at once.
func (c *h2conn) writeGoAway(code http2.ErrCode) {
	h := c.host
	h.mu.Lock()
	if c.writing || c.err != nil {
		h.mu.Unlock()
		return
	}
	c.writing = true
	c.appendFrame(http2.FrameGoAway, 0, 0, 8,
		binary.BigEndian.AppendUint32(make([]byte, 4), uint32(code))...)
	out := c.out
	c.out, c.outOwned, c.outBytes = nil, false, 0
	h.mu.Unlock()
	if c.nc.SetWriteDeadline(time.Now().Add(h2GoAwayTimeout)) == nil {
		_ = writeAll(c.nc, out) // the peer is told out of courtesy
	}
}
