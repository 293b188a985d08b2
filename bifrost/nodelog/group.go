package nodelog

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/perdure/perdure/protocol/wire"
)

const (
	// maxGroupBytes is when a group takes no more callers: a larger write would make those who came
	// first wait for the bytes of others.
	maxGroupBytes = 4 << 20
	// keepBufferBytes is the largest buffer that is kept for later groups.
	keepBufferBytes = 1 << 20
	// usualShift says over how many groups, as a power of two, their size is averaged.
	usualShift = 4
)

// errSync means that a sync failed. It is never tried again.
var errSync = errors.New("a sync failed")

// group is what is written and synced together: one frame. Records are put into it in the order in
// which they change the index.
type group struct {
	segment *segment
	offset  int64  // of buf in the file
	buf     []byte // segment header, if it is the first of its segment; frame header; records
	frame   int    // where the frame header is in buf
	ordinal uint32
	waited  int  // callers that wait for it
	landed  bool // it is on disk
}

// records is where the first record is in buf.
func (g *group) records() int { return g.frame + frameHeaderBytes }

// slot makes the slot of an entry at a span of buf.
func (g *group) slot(s span) slot {
	return slot{
		segment: uint32(g.segment.sequence), offset: uint32(g.offset) + uint32(s.start),
		length: uint32(s.end - s.start), sum: checksum(g.buf[s.start:s.end]),
	}
}

// room returns the group that takes the next records, of size bytes at most. Caller holds mu.
func (l *Log) room(size int) *group {
	if g := l.open; g != nil {
		fits := g.offset+int64(len(g.buf)+size) <= l.cfg.SegmentBytes
		if fits && len(g.buf)+size <= maxGroupBytes {
			return g
		}
		l.seal()
	}
	l.open = l.begin(size)
	return l.open
}

// seal closes the open group: nothing is added to it any more. Caller holds mu.
func (l *Log) seal() {
	g := l.open
	l.open = nil
	g.segment.end = g.offset + aligned(int64(len(g.buf)))
	l.sealed = append(l.sealed, g)
}

// begin makes a group behind all others, in a new segment if there is no room. Caller holds mu.
func (l *Log) begin(size int) *group {
	s := l.segments[len(l.segments)-1]
	full := s.end+frameHeaderBytes+int64(size) > l.cfg.SegmentBytes
	if s.end > 0 && (full || s.grows && !l.large() && l.ready() >= 0) {
		s = l.extend()
	}
	g := &group{segment: s, offset: s.end, ordinal: s.frames, buf: l.buffer[:0]}
	if l.buffer = nil; size > keepBufferBytes {
		g.buf = wire.Scratch(size + frameHeaderBytes)
	}
	s.frames++
	if g.ordinal == 0 {
		g.buf = append(g.buf, make([]byte, headerBytes)...)
		s.encode(g.buf)
		g.frame = headerBytes
	}
	g.buf = append(g.buf, make([]byte, frameHeaderBytes)...)
	if g.ordinal == 0 {
		for _, r := range l.index.sorted() {
			g.buf = appendCheckpoint(g.buf, r)
		}
	}
	return g
}

// extend adds a segment at the end. Caller holds mu.
func (l *Log) extend() *segment {
	next := segmentHeader{sequence: 1, epoch: l.cfg.newEpoch(), oldest: l.oldest}
	if n := len(l.segments); n > 0 {
		last := l.segments[n-1]
		next.sequence, next.prevEpoch, next.prevEnd = last.sequence+1, last.epoch, uint64(last.end)
	} else {
		next.oldest, l.oldest = 1, 1
	}
	s := &segment{segmentHeader: next}
	l.segments = append(l.segments, s)
	l.nudge()
	return s
}

// flush writes and syncs the first group that is not on disk. Nobody else does. Caller holds mu,
// which is released meanwhile.
func (l *Log) flush() {
	if len(l.sealed) == 0 {
		l.seal()
	}
	g := l.sealed[0]
	l.sealed = append(l.sealed[:0], l.sealed[1:]...)
	l.flushing = true
	s := g.segment
	if s.file == nil {
		l.reuse(s)
	}
	l.mu.Unlock()
	began := time.Now()
	err := l.write(g)
	took := time.Since(began)
	l.mu.Lock()
	l.flushing = false
	if err != nil {
		l.fail(err)
		return
	}
	l.syncs.Add(1)
	g.landed = true
	l.usual += (int64(len(g.buf)) - l.usual) >> usualShift
	if s.grows && !l.large() && l.ready() < 0 {
		l.nudge()
	}
	s.synced = g.offset + aligned(int64(len(g.buf)))
	if f := l.cfg.Events.Synced; f != nil {
		f(SyncInfo{Waited: g.waited, Bytes: int64(len(g.buf)), Took: took})
	}
	if cap(g.buf) > keepBufferBytes {
		wire.Release(g.buf)
	} else if cap(g.buf) > cap(l.buffer) {
		l.buffer = g.buf
	}
	g.buf = nil
	l.landed.Broadcast()
}

// large tells whether groups are so large now that they do without a file that was filled before: to
// write a megabyte twice costs more than to let the file grow by it. Caller holds mu.
func (l *Log) large() bool { return l.usual >= l.cfg.largeBytes }

// ready returns the place of a file among the spares that can be used at once, or -1. Caller holds mu.
func (l *Log) ready() int { return slices.IndexFunc(l.spares, func(s *spare) bool { return s.ready }) }

// reuse gives a segment a file that was used before, if there is one. Caller holds mu.
func (l *Log) reuse(s *segment) {
	i := l.ready()
	if s.grows = i < 0; s.grows {
		return // one that would have to grow is no better than a new one
	}
	s.name, s.file = l.spares[i].name, l.spares[i].file
	l.spares = slices.Delete(l.spares, i, i+1)
	l.nudge()
}

// write puts a group on disk. It waits while the disk is full; every other error is final, and so is
// any error of a sync: what the disk has then, nobody knows.
func (l *Log) write(g *group) error {
	frameHeader{ordinal: g.ordinal, epoch: g.segment.epoch, sequence: g.segment.sequence}.
		seal(g.buf[g.frame:])
	full := false
	for {
		err := l.put(g)
		if err == nil {
			break
		}
		if !noSpace(err) || errors.Is(err, errSync) {
			return err
		}
		full = true
		if f := l.cfg.Events.Full; f != nil {
			f(err)
		}
		select {
		case <-l.closing:
			return err
		case <-time.After(l.cfg.retryEvery):
		}
	}
	if f := l.cfg.Events.Freed; full && f != nil {
		f()
	}
	if err := g.segment.file.Sync(); err != nil {
		return fmt.Errorf("%w: %s: %w", errSync, g.segment.name, err)
	}
	return nil
}

// put writes a group, into a new file if there is none for its segment. It may be called again.
func (l *Log) put(g *group) error {
	s := g.segment
	if s.file == nil {
		name, file, err := l.create()
		if err != nil {
			return err
		}
		l.mu.Lock()
		s.name, s.file = name, file
		l.mu.Unlock()
	}
	if _, err := s.file.WriteAt(g.buf, g.offset); err != nil {
		return fmt.Errorf("write %s at %d: %w", s.name, g.offset, err)
	}
	return nil
}

// create makes an empty file that stays there after a crash.
func (l *Log) create() (string, File, error) {
	l.mu.Lock()
	l.files++
	name := fileName(l.files)
	l.mu.Unlock()
	file, err := l.cfg.fs.Create(name)
	if err != nil {
		return "", nil, fmt.Errorf("create %s: %w", name, err)
	}
	if err := l.cfg.fs.SyncDir(); err != nil {
		return "", nil, errors.Join(fmt.Errorf("%w: the directory of %s: %w", errSync, name, err),
			file.Close(), l.cfg.fs.Remove(name))
	}
	return name, file, nil
}
