package endpoint

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"
)

// h2Error is a breach of the protocol that ends the connection.
type h2Error struct {
	code http2.ErrCode
	text string
}

func (e h2Error) Error() string { return fmt.Sprintf("%s (%v)", e.text, e.code) }

func breach(code http2.ErrCode, format string, args ...any) error {
	return h2Error{code, fmt.Sprintf(format, args...)}
}

// read reads frames until the connection ends.
func (c *h2conn) read() {
	err := c.readFrames()
	var bad h2Error
	if errors.As(err, &bad) {
		c.writeGoAway(bad.code)
	}
	c.host.mu.Lock()
	defer c.host.mu.Unlock()
	if c.goAway != nil && errors.Is(err, io.EOF) {
		err = c.goAway
	}
	c.fail(err)
}

func (c *h2conn) readFrames() error {
	for first := true; ; first = false {
		// Frames that came together are answered together.
		waits := !c.buffered()
		if waits {
			c.host.mu.Lock()
			c.corked = false
			c.kick()
			c.host.mu.Unlock()
		}
		f, err := c.framer.ReadFrame()
		if _, ok := f.(*http2.SettingsFrame); first && err == nil && !ok {
			return breach(http2.ErrCodeProtocol, "the deployment did not begin with its settings")
		}
		if err = c.framed(f, err, waits); err != nil {
			return err
		}
	}
}

// buffered reports whether the next frame can be read without waiting.
func (c *h2conn) buffered() bool {
	n := c.in.Buffered()
	if n < h2FrameHeader {
		return false
	}
	b, err := c.in.Peek(h2FrameHeader)
	return err == nil && n-h2FrameHeader >= int(b[0])<<16|int(b[1])<<8|int(b[2])
}

// framed takes the next frame, or why it could not be read. waited says that the
// network was waited for. An error ends the connection.
func (c *h2conn) framed(f http2.Frame, err error, waited bool) error {
	c.host.mu.Lock()
	defer c.host.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	c.corked = true
	if waited {
		c.lastRead, c.pinged = time.Now(), time.Time{}
	}
	var badStream http2.StreamError
	var badConn http2.ConnectionError
	switch {
	case err == nil:
		err = c.frame(f)
	case errors.As(err, &badStream):
		err = c.badStream(badStream)
	case errors.As(err, &badConn):
		detail := "a malformed frame"
		if d := c.framer.ErrorDetail(); d != nil {
			detail += ": " + d.Error()
		}
		err = breach(http2.ErrCode(badConn), "the deployment sent %s", detail)
	case errors.Is(err, http2.ErrFrameTooLarge):
		err = breach(http2.ErrCodeFrameSize, "the deployment sent a frame larger than %d bytes",
			c.host.cfg.MaxFrameBytes)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("the deployment closed it: %w", io.EOF)
	}
	if err == nil && c.control > h2MaxControl {
		err = breach(http2.ErrCodeEnhanceYourCalm,
			"the deployment asks for more than it reads: %d bytes of answers wait", c.control)
	}
	return err
}

func (c *h2conn) badStream(e http2.StreamError) error {
	if s := c.streams[e.StreamID]; s != nil {
		err := fmt.Errorf("the deployment sent a malformed frame (%v)", e.Code)
		if e.Cause != nil {
			err = fmt.Errorf("the deployment sent a malformed frame (%v): %w", e.Code, e.Cause)
		}
		s.reset(e.Code, err)
		return nil
	}
	return c.known(e.StreamID)
}

// known refuses frames of streams that were never opened.
func (c *h2conn) known(id uint32) error {
	if id%2 == 0 || id >= c.nextID {
		return breach(http2.ErrCodeProtocol, "the deployment sent a frame of stream %d, which was not "+
			"opened", id)
	}
	return nil
}

func (c *h2conn) frame(f http2.Frame) error {
	switch f := f.(type) {
	case *http2.DataFrame:
		return c.data(f)
	case *http2.MetaHeadersFrame:
		return c.headers(f)
	case *http2.SettingsFrame:
		return c.settings(f)
	case *http2.WindowUpdateFrame:
		return c.windowUpdate(f)
	case *http2.RSTStreamFrame:
		return c.resetByPeer(f)
	case *http2.PingFrame:
		if !f.IsAck() {
			c.appendPing(true, f.Data)
			c.kick()
		}
	case *http2.GoAwayFrame:
		c.goneAway(f)
	case *http2.PushPromiseFrame:
		return breach(http2.ErrCodeProtocol, "the deployment pushes, which was switched off")
	}
	return nil // priorities and what the protocol does not know
}

func (c *h2conn) data(f *http2.DataFrame) error {
	size := int(f.Length) // padding counts
	if c.recv -= int64(size); c.recv < 0 {
		return breach(http2.ErrCodeFlowControl, "the deployment sent more than it was allowed to")
	}
	s := c.streams[f.StreamID]
	if s == nil {
		c.give(size)
		return c.known(f.StreamID) // it was reset, which the peer did not know yet
	}
	if s.recv -= int64(size); s.recv < 0 {
		c.give(size)
		s.reset(http2.ErrCodeFlowControl, errors.New("the deployment sent more than it was allowed to"))
		return nil
	}
	if !s.answered {
		c.give(size)
		s.reset(http2.ErrCodeProtocol, errors.New("the deployment sent a body before its headers"))
		return nil
	}
	b := f.Data()
	s.took(size - len(b))
	if len(b) > 0 {
		s.data(b)
	}
	if f.StreamEnded() {
		s.endedByPeer()
	}
	return nil
}

func (c *h2conn) headers(f *http2.MetaHeadersFrame) error {
	s := c.streams[f.StreamID]
	if s == nil {
		return c.known(f.StreamID)
	}
	if f.Truncated {
		s.reset(http2.ErrCodeCancel, fmt.Errorf("the deployment sent headers of more than %d bytes",
			h2MaxHeaderBytes))
		return nil
	}
	if s.answered { // trailers
		if !f.StreamEnded() {
			s.reset(http2.ErrCodeProtocol, errors.New("the deployment sent headers twice"))
			return nil
		}
		s.endedByPeer()
		return nil
	}
	status, err := strconv.Atoi(f.PseudoValue("status"))
	if err != nil || status < 100 || status > 999 {
		s.reset(http2.ErrCodeProtocol, fmt.Errorf("the deployment answered with status %q",
			f.PseudoValue("status")))
		return nil
	}
	if status < 200 {
		if s.interim++; s.interim > h2MaxInterim || f.StreamEnded() {
			s.reset(http2.ErrCodeProtocol, fmt.Errorf("the deployment sent %d interim answers, the last "+
				"with status %d", s.interim, status))
		}
		return nil
	}
	s.headers(status, headerOf(f))
	if f.StreamEnded() {
		s.endedByPeer()
	}
	return nil
}

func headerOf(f *http2.MetaHeadersFrame) Header {
	fields := f.RegularFields()
	h := make(http.Header, len(fields))
	for i := range fields {
		key := http.CanonicalHeaderKey(fields[i].Name)
		h[key] = append(h[key], strings.Clone(fields[i].Value))
	}
	return h
}

func (c *h2conn) settings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	if !c.told {
		c.told, c.maxStreams = true, c.host.cfg.StreamsPerConn
	}
	err := f.ForeachSetting(func(s http2.Setting) error {
		if err := s.Valid(); err != nil {
			return breach(http2.ErrCodeProtocol, "the deployment sent a bad setting: %v", s)
		}
		switch s.ID {
		case http2.SettingMaxConcurrentStreams:
			c.maxStreams = int(min(s.Val, h2MaxWindow))
		case http2.SettingMaxFrameSize:
			c.maxFrame = int(s.Val)
		case http2.SettingMaxHeaderListSize:
			c.maxHeaderList = uint64(s.Val)
		case http2.SettingHeaderTableSize:
			c.encoder.SetMaxDynamicTableSizeLimit(min(s.Val, h2HeaderTable))
			c.encoder.SetMaxDynamicTableSize(min(s.Val, h2HeaderTable))
		case http2.SettingInitialWindowSize:
			return c.setInitialWindow(int64(s.Val))
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.appendSettingsAck()
	c.sendBlocked()
	c.kick()
	return nil
}

func (c *h2conn) setInitialWindow(v int64) error {
	delta := v - c.initialWindow
	c.initialWindow = v
	for _, s := range c.streams {
		if s.window += delta; s.window > h2MaxWindow {
			return breach(http2.ErrCodeFlowControl, "the deployment opened the window of a stream too far")
		}
	}
	return nil
}

func (c *h2conn) windowUpdate(f *http2.WindowUpdateFrame) error {
	more := int64(f.Increment)
	if f.StreamID == 0 {
		if c.window += more; c.window > h2MaxWindow {
			return breach(http2.ErrCodeFlowControl, "the deployment opened the connection's window too far")
		}
		c.sendBlocked()
		c.kick()
		return nil
	}
	s := c.streams[f.StreamID]
	if s == nil {
		return c.known(f.StreamID)
	}
	if s.window += more; s.window > h2MaxWindow {
		s.reset(http2.ErrCodeFlowControl, errors.New("the deployment opened the stream's window too far"))
		return nil
	}
	c.sendBlocked()
	c.kick()
	return nil
}

func (c *h2conn) resetByPeer(f *http2.RSTStreamFrame) error {
	s := c.streams[f.StreamID]
	if s == nil {
		return c.known(f.StreamID)
	}
	c.drop(s)
	if f.ErrCode == http2.ErrCodeRefusedStream {
		if s.avoid = c; s.move() { // the peer has not looked at it
			return nil
		}
	}
	s.finish(fmt.Errorf("the deployment reset the stream (%v)", f.ErrCode))
	return nil
}

// goneAway takes the peer's word that it accepts no more streams, and up to which it has looked at
// those there are.
func (c *h2conn) goneAway(f *http2.GoAwayFrame) {
	text := fmt.Sprintf("the deployment went away (%v)", f.ErrCode)
	if d := f.DebugData(); len(d) > 0 {
		text += ": " + strings.ToValidUTF8(string(d[:min(len(d), maxErrorBodyBytes)]), "?")
	}
	c.goAway = errors.New(text)
	c.leave()
	last := f.LastStreamID
	var lost []uint32
	for id := range c.streams {
		if id > last {
			lost = append(lost, id)
		}
	}
	slices.Sort(lost) // those that came first are served first again
	for _, id := range lost {
		s := c.streams[id]
		delete(c.streams, id)
		if !s.move() {
			s.finish(c.goAway)
		}
	}
	if len(c.streams) == 0 {
		c.fail(c.goAway)
	}
}
