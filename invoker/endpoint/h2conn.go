package endpoint

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Limits of one connection.
const (
	h2ReadBuffer      = 32 << 10        // read at once; a few small frames, or one of the largest
	h2MaxOut          = 1 << 20         // frames that wait for the socket; data beyond it waits in its stream
	h2MaxControl      = 256 << 10       // answers to a peer that asks and does not read; more ends it
	h2MaxHeaderBytes  = 1 << 20         // headers of one answer
	h2MaxInterim      = 16              // interim answers (status 1xx) of one stream
	h2StreamsUntold   = 100             // streams until the peer has told its limit
	h2GoAwayTimeout   = time.Second     // for the last frame to a peer that broke the protocol
	h2DefaultWindow   = 65535           // before the peer's settings
	h2DefaultMaxFrame = 16 << 10        // likewise
	h2MaxWindow       = 1<<31 - 1       // of the protocol
	h2MaxStreamID     = h2MaxWindow - 2 // of the protocol
	h2HeaderTable     = 4 << 10         // of the protocol's default, in both directions
	h2TurnBytes       = 64 << 10        // of one stream, before another one that waits has its turn
	h2MinShared       = 4 << 10         // a smaller piece of data is copied into the frames
	h2KeepOut         = 64 << 10        // a larger buffer for frames is not kept
)

// h2conn is one connection in HTTP/2 with prior knowledge. One goroutine reads; a goroutine writes
// as long as there is something to write. All fields but those of the reader are guarded by host.mu.
type h2conn struct {
	host *h2host
	nc   net.Conn

	// Owned by the reading goroutine.
	in     *bufio.Reader
	framer *http2.Framer

	streams    map[uint32]*h2stream
	nextID     uint32
	maxStreams int
	told       bool  // the peer's settings came
	going      bool  // takes no more streams
	goAway     error // what the peer said when it went
	err        error // the connection has failed

	// What may be sent.
	window        int64
	initialWindow int64
	maxFrame      int
	maxHeaderList uint64 // 0: the peer has not told
	blocked       []*h2stream
	encoder       *hpack.Encoder
	encoded       bytes.Buffer

	// Frames that wait for the socket.
	out      net.Buffers
	outOwned bool // the last of out may be appended to
	outBytes int
	control  int // of outBytes, what the peer made us say
	spare    []byte
	writing  bool
	corked   bool   // the reader is within a batch of frames and will write
	lastID   uint32 // of the newest stream in out
	wroteID  uint32 // of the newest stream that was given to the socket

	// What may be received.
	recv     int64
	consumed int // since the window was last opened

	timer     *time.Timer
	lastRead  time.Time
	idleSince time.Time // zero: there are streams
	pinged    time.Time // zero: no ping is unanswered
	interval  time.Duration
}

// newH2Conn starts a connection. Called with host.mu held.
func newH2Conn(h *h2host, nc net.Conn) *h2conn {
	now := time.Now()
	c := &h2conn{
		host: h, nc: nc, in: bufio.NewReaderSize(&sniffConn{Conn: nc}, h2ReadBuffer),
		streams: make(map[uint32]*h2stream), nextID: 1, maxStreams: h2StreamsUntold,
		window: h2DefaultWindow, initialWindow: h2DefaultWindow, maxFrame: h2DefaultMaxFrame,
		recv: max(int64(h.cfg.ConnWindowBytes), h2DefaultWindow), lastRead: now, idleSince: now,
	}
	jitter := 1 - keepAliveJitter*rand.Float64()
	c.interval = time.Duration(float64(h.cfg.KeepAliveInterval) * jitter)
	c.encoder = hpack.NewEncoder(&c.encoded)
	c.framer = http2.NewFramer(nil, c.in)
	c.framer.SetReuseFrames()
	c.framer.SetMaxReadFrameSize(uint32(h.cfg.MaxFrameBytes))
	c.framer.ReadMetaHeaders = hpack.NewDecoder(h2HeaderTable, nil)
	c.framer.MaxHeaderListSize = h2MaxHeaderBytes
	c.greet()
	c.timer = time.AfterFunc(min(c.interval, h.cfg.IdleConnTimeout), c.onTimer)
	c.kick()
	go c.read()
	return c
}

// hasRoom reports whether another stream can be opened.
func (c *h2conn) hasRoom() bool {
	return !c.going && c.err == nil && c.outBytes < 2*h2MaxOut &&
		len(c.streams) < min(c.host.cfg.StreamsPerConn, c.maxStreams)
}

// open starts s on the connection, which has room.
func (c *h2conn) open(s *h2stream) {
	if c.maxHeaderList != 0 && s.headerBytes() > c.maxHeaderList {
		s.finish(fmt.Errorf("send the request: its headers take %d bytes, the deployment accepts %d",
			s.headerBytes(), c.maxHeaderList))
		return
	}
	s.conn, s.id, s.answered = c, c.nextID, false
	s.window, s.recv = c.initialWindow, int64(c.host.cfg.StreamWindowBytes)
	c.nextID += 2
	if c.nextID > h2MaxStreamID {
		c.leave()
	}
	c.streams[s.id], c.lastID, c.idleSince = s, s.id, time.Time{}
	c.appendHeaders(s)
	c.send(s)
	c.kick()
}

// drop forgets a stream whose frames do not matter any more.
func (c *h2conn) drop(s *h2stream) {
	if c.streams[s.id] != s {
		return
	}
	delete(c.streams, s.id)
	if len(c.streams) > 0 {
		return
	}
	if c.idleSince = time.Now(); c.going {
		c.fail(c.ended())
	}
}

// leave takes the connection out of the pool; it ends with its last stream.
func (c *h2conn) leave() {
	c.going = true
	c.host.remove(c)
}

func (c *h2conn) ended() error {
	if c.goAway != nil {
		return c.goAway
	}
	return errors.New("the connection is closed")
}

// fail ends the connection. Streams of which nothing was sent move to another one.
func (c *h2conn) fail(err error) {
	if c.err != nil {
		return
	}
	c.err = err
	c.leave()
	c.timer.Stop()
	c.nc.Close()
	for id, s := range c.streams {
		delete(c.streams, id)
		if id <= c.wroteID || !s.move() {
			s.finish(fmt.Errorf("the connection to the deployment broke: %w", err))
		}
	}
	c.out, c.blocked = nil, nil
}

// onTimer looks after a silent connection.
func (c *h2conn) onTimer() {
	c.host.mu.Lock()
	defer c.host.mu.Unlock()
	if c.err != nil {
		return
	}
	now, cfg := time.Now(), &c.host.cfg
	if !c.idleSince.IsZero() && now.Sub(c.idleSince) >= cfg.IdleConnTimeout {
		c.fail(errors.New("nobody used the connection"))
		return
	}
	next := c.lastRead.Add(c.interval)
	if c.pinged.IsZero() && !now.Before(next) {
		c.appendPing(false, [8]byte{})
		c.pinged = now
		c.kick()
	}
	if !c.pinged.IsZero() {
		limit := c.pinged.Add(cfg.KeepAliveTimeout)
		if !now.Before(limit) {
			c.fail(fmt.Errorf("the deployment did not answer a ping within %v", cfg.KeepAliveTimeout))
			return
		}
		// An answer before that is found by looking as often as usual.
		if next = now.Add(c.interval); limit.Before(next) {
			next = limit
		}
	}
	if !c.idleSince.IsZero() {
		if at := c.idleSince.Add(cfg.IdleConnTimeout); at.Before(next) {
			next = at
		}
	}
	c.timer.Reset(next.Sub(now))
}
