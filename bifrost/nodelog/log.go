package nodelog

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// ErrClosed means that the log was closed.
var ErrClosed = errors.New("the node's log is closed")

// Log is the log of one node.
type Log struct {
	cfg Config

	mu     sync.Mutex
	landed sync.Cond // broadcast when a group is on disk or the log has failed; on mu

	// All below is guarded by mu.
	index    index
	segments []*segment // from the oldest that is needed to the one that grows
	oldest   uint64     // sequence of segments[0], as the log itself says
	spares   []*spare   // files that may be used again
	sealed   []*group   // groups that take no more records, in order
	open     *group     // the group that takes records, if there is one
	flushing bool       // somebody writes
	failed   error      // why the log refuses everything
	stopped  bool       // Close was called
	files    uint64     // the number of the newest file
	buffer   []byte     // of an earlier group, to use again
	usual    int64      // about how many bytes the newest groups had

	wake    chan struct{} // something for the background to do
	closing chan struct{} // closed by Close
	done    chan struct{} // closed when the background has ended

	syncs atomic.Int64
}

// segment is a part of the log in one file.
type segment struct {
	segmentHeader
	name  string
	file  File // nil until the first group is written
	grows bool // the file was not filled before

	frames uint32 // how many groups were begun
	end    int64  // where the next group goes
	synced int64  // what is on disk for good
	pins   int    // reads under way
}

// spare is a file that holds nothing needed. It is ready when it is filled to the size of a segment;
// what is larger than that is removed.
type spare struct {
	name   string
	file   File
	ready  bool
	remove bool
}

// wait is what a caller does whose records are in g. It returns when they are on disk: it writes
// itself, unless somebody writes already; then it waits for that to end. Caller holds mu.
func (l *Log) wait(g *group) error {
	g.waited++
	for !g.landed {
		switch {
		case l.failed != nil:
			return l.failed
		case l.flushing:
			l.landed.Wait()
		default:
			l.flush()
		}
	}
	return nil
}

// usable reports why nothing can be saved. Caller holds mu.
func (l *Log) usable() error {
	if l.failed != nil {
		return l.failed
	}
	if l.stopped {
		return ErrClosed
	}
	return nil
}

// fail ends the log. Caller holds mu.
func (l *Log) fail(err error) {
	if l.failed == nil {
		l.failed = fmt.Errorf("the node's log has failed and takes nothing more, restart the server "+
			"when the cause is gone: %w", err)
	}
	l.landed.Broadcast()
}

// nudge wakes the background.
func (l *Log) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Close writes what is not written yet and releases the files.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.stopped {
		l.mu.Unlock()
		return nil
	}
	l.stopped = true
	close(l.closing)
	l.mu.Unlock()
	<-l.done

	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if g := l.open; g != nil && l.failed == nil {
		err = l.wait(g)
	}
	for l.flushing {
		l.landed.Wait()
	}
	return errors.Join(err, l.closeFiles())
}

func (l *Log) closeFiles() error {
	var errs []error
	for _, s := range l.segments {
		if s.file != nil {
			errs = append(errs, s.file.Close())
		}
	}
	for _, s := range l.spares {
		errs = append(errs, s.file.Close())
	}
	l.spares = nil
	return errors.Join(errs...)
}

// Stats is a look at the log.
type Stats struct {
	Segments, Spares int
	LiveEntries      int   // entries that are still needed
	LiveBytes        int64 // their size
	CachedBytes      int64
	Syncs            int64 // of groups, since the log was opened
}

// Stats returns a look at the log.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Stats{Segments: len(l.segments), Spares: len(l.spares), CachedBytes: l.index.cache.used,
		Syncs: l.syncs.Load()}
	for _, u := range l.index.uses {
		s.LiveEntries += u.entries
		s.LiveBytes += u.bytes
	}
	return s
}
