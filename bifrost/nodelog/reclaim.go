package nodelog

import (
	"errors"
	"fmt"
	"time"
)

const (
	// maxSpares is how many files are kept to be used again.
	maxSpares = 8
	// fillBytes is how much is written at a time to fill a file: larger writes make the page cache use
	// larger pieces, and every later sync writes a whole one.
	fillBytes = 4 << 10
	// fillSyncBytes and fillPause keep the filling of a file from holding up the syncs of others.
	fillSyncBytes = 1 << 20
	fillPause     = 2 * time.Millisecond
	// moveBytes is how much is copied forward in one group.
	moveBytes = 256 << 10
	// moveSlack is how many segments there may be beyond twice of what is needed before entries are
	// copied out of the oldest.
	moveSlack = 3
	// entryFrameBytes is about what an entry takes beside its own bytes when it is saved alone: frame,
	// names, state.
	entryFrameBytes = 64
)

// work gives segments back and fills files, until the log is closed.
func (l *Log) work() {
	defer close(l.done)
	for {
		select {
		case <-l.closing:
			return
		case <-l.wake:
		}
		if err := l.tidy(); err != nil && !l.over() {
			if noSpace(err) {
				continue // without a file that is filled, a new segment grows
			}
			l.cfg.Logger.Error("the node's log cannot give segments back", "error", err)
		}
	}
}

// over tells whether the log is closed or has failed.
func (l *Log) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.usable() != nil
}

// tidy does all there is to do.
func (l *Log) tidy() error {
	err := l.release()
	for err == nil {
		var moved bool
		if moved, err = l.compact(); err != nil || !moved {
			break
		}
		err = l.release()
	}
	return errors.Join(err, l.prepare(fillPause))
}

// release gives back the oldest segments that nobody needs any more. The log says so itself first:
// their files may be overwritten from then on.
func (l *Log) release() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	count := 0
	for count < len(l.segments)-1 && l.unneeded(l.segments[count]) {
		count++
	}
	if count == 0 {
		return nil
	}
	if err := l.usable(); err != nil {
		return err
	}
	oldest := l.segments[count].sequence
	g := l.room(64)
	g.buf = appendOldest(g.buf, oldest)
	if err := l.wait(g); err != nil {
		return err
	}
	l.oldest = oldest
	for _, s := range l.segments[:count] {
		delete(l.index.uses, uint32(s.sequence))
		if s.file != nil {
			l.spares = append(l.spares, &spare{name: s.name, file: s.file,
				remove: s.end > l.cfg.SegmentBytes})
		}
	}
	l.segments = l.segments[count:]
	return nil
}

// unneeded tells whether a segment holds nothing that is needed, nobody reads it, and a whole one
// follows it. Caller holds mu.
func (l *Log) unneeded(s *segment) bool {
	u := l.index.uses[uint32(s.sequence)]
	next := l.find(uint32(s.sequence) + 1)
	return (u == nil || u.entries == 0) && s.pins == 0 && next != nil && next.synced > 0
}

// compact copies the entries of the oldest segment forward if the log is much larger than what it
// needs to hold. It reports whether it did.
func (l *Log) compact() (bool, error) {
	for moved := false; ; moved = true {
		l.mu.Lock()
		if !moved && !l.oversized() {
			l.mu.Unlock()
			return false, nil
		}
		batch, size := l.oldestEntries()
		l.mu.Unlock()
		if len(batch) == 0 {
			return moved, nil
		}
		if err := l.copyForward(batch, size); err != nil {
			return false, err
		}
	}
}

// oversized tells whether most of the segments' space is not needed. Caller holds mu.
func (l *Log) oversized() bool {
	var live int64
	for _, u := range l.index.uses {
		live += u.bytes + entryFrameBytes*int64(u.entries)
	}
	return int64(len(l.segments)) > moveSlack+2*live/l.cfg.SegmentBytes
}

// moving is an entry to be copied forward.
type moving struct {
	replica node
	index   uint64
	from    slot
	data    []byte
}

// oldestEntries returns some entries of the oldest segment. Caller holds mu.
func (l *Log) oldestEntries() (batch []moving, size int) {
	oldest := l.segments[0]
	if len(l.segments) < 2 || oldest.file == nil {
		return nil, 0
	}
	for _, r := range l.index.sorted() {
		for i, s := range r.slots {
			if s.segment != uint32(oldest.sequence) {
				continue
			}
			batch = append(batch, moving{replica: node{r.shard, r.id}, index: r.first + uint64(i), from: s})
			if size += int(s.length) + 64; size >= moveBytes {
				break
			}
		}
		if size >= moveBytes {
			break
		}
	}
	if len(batch) > 0 {
		oldest.pins++
	}
	return batch, size
}

// copyForward writes entries of the oldest segment once more, at the end.
func (l *Log) copyForward(batch []moving, size int) error {
	l.mu.Lock()
	oldest := l.segments[0]
	l.mu.Unlock()
	defer l.unpin(oldest)
	for i := range batch {
		raw, err := oldest.read([]slot{batch[i].from})
		if err != nil {
			return fmt.Errorf("copy entry %d of replica %d of log %d: %w", batch[i].index,
				batch[i].replica.replica, batch[i].replica.shard, err)
		}
		batch[i].data = raw[0]
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	g := l.room(size + 64*len(batch))
	to := make([]slot, len(batch))
	for from := 0; from < len(batch); {
		limit := from
		for limit < len(batch) && batch[limit].replica == batch[from].replica {
			limit++
		}
		l.putMoved(g, batch[from:limit], to[from:limit])
		from = limit
	}
	if err := l.wait(g); err != nil {
		return err
	}
	for i, m := range batch {
		if r := l.index.replicas[m.replica]; r != nil && to[i].segment != 0 {
			l.index.move(r, m.index, m.from, to[i])
		}
	}
	return nil
}

// putMoved puts those entries of one replica into a group that are still where they were. The index
// follows once they are on disk. Caller holds mu.
func (l *Log) putMoved(g *group, batch []moving, to []slot) {
	r := l.index.replicas[batch[0].replica]
	if r == nil {
		return
	}
	valid := func(m moving) bool { return r.has(m.index) && *r.at(m.index) == m.from }
	count := 0
	for _, m := range batch {
		if valid(m) {
			count++
		}
	}
	if count == 0 {
		return
	}
	g.buf = appendMovedHead(g.buf, r.shard, r.id, count)
	for i, m := range batch {
		if valid(m) {
			var s span
			g.buf, s = appendMovedEntry(g.buf, m.index, m.data)
			to[i] = g.slot(s)
		}
	}
}

// prepare keeps one file ready to be the next segment, and no more than maxSpares. It takes its time.
func (l *Log) prepare(pause time.Duration) error {
	var surplus, fill, kept []*spare
	l.mu.Lock()
	for _, s := range l.spares {
		switch {
		case s.remove || len(kept)+len(fill) == maxSpares:
			surplus = append(surplus, s)
		case s.ready:
			kept = append(kept, s)
		default:
			fill = append(fill, s)
		}
	}
	l.spares = kept
	enough := len(kept)+len(fill) > 0 || l.large()
	l.mu.Unlock()
	var errs []error
	for _, s := range surplus {
		errs = append(errs, s.file.Close(), l.cfg.fs.Remove(s.name))
	}
	if !enough {
		name, file, err := l.create()
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		fill = append(fill, &spare{name: name, file: file})
	}
	for _, s := range fill {
		errs = append(errs, l.fill(s, pause))
	}
	if len(surplus) > 0 {
		errs = append(errs, l.cfg.fs.SyncDir())
	}
	return errors.Join(errs...)
}

// fill makes a file as large as a segment, so that no write into it has to find space or change the
// size.
func (l *Log) fill(s *spare, pause time.Duration) error {
	at, err := s.file.Size()
	at -= at % fillBytes
	zeros := make([]byte, fillBytes)
	for ; err == nil && at < l.cfg.SegmentBytes; at += fillBytes {
		select {
		case <-l.closing:
			err = ErrClosed
			continue
		default:
		}
		if _, err = s.file.WriteAt(zeros, at); err == nil && pause > 0 && at%fillSyncBytes == 0 {
			err = s.file.Sync()
			time.Sleep(pause)
		}
	}
	if err == nil {
		err = s.file.Sync()
	}
	s.ready = err == nil
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spares = append(l.spares, s)
	if err != nil {
		return fmt.Errorf("fill %s: %w", s.name, err)
	}
	return nil
}
