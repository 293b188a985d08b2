package bifrost

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	sm "github.com/lni/dragonboat/v4/statemachine"

	"github.com/perdure/perdure/protocol"
)

// stateMachine shows an Applier to the consensus library as an on-disk state machine.
//
// The library ends the process when Update or Sync fails. A failing Applier therefore only stops
// its own replica: from then on committed entries are let pass unapplied, nothing is trimmed, and
// after the next start the replica continues from what the Applier has made durable.
type stateMachine struct {
	log     *raftLog
	applier Applier

	// Owned by the apply goroutine.
	applied protocol.LSN
	records []Record
	entries []entry
	indexes []uint64

	failed  atomic.Bool
	refused error         // why the state does not fit the log; set before opened is closed
	opened  chan struct{} // closed when Open is over
	closed  chan struct{} // closed when the library has let go of the replica
}

var _ sm.IOnDiskStateMachine = (*stateMachine)(nil)

func newStateMachine(l *raftLog, a Applier, applied protocol.LSN) *stateMachine {
	return &stateMachine{
		log: l, applier: a, applied: applied,
		opened: make(chan struct{}), closed: make(chan struct{}),
	}
}

// Open compares the Applier, which is open already, with the log. A state that does not fit would
// make the library end the process, on every start again.
func (s *stateMachine) Open(<-chan struct{}) (uint64, error) {
	defer close(s.opened)
	index := s.log.positions.index(s.applied)
	if s.refused = s.log.fits(index); s.refused != nil {
		s.failed.Store(true)
		return 0, sm.ErrOpenStopped
	}
	return index, nil
}

// Update applies committed entries and answers the appends among them.
func (s *stateMachine) Update(in []sm.Entry) ([]sm.Entry, error) {
	if s.failed.Load() {
		return in, nil
	}
	if err := s.decode(in); err != nil {
		s.fail(err)
		return in, nil
	}
	s.log.batcher.seeCommitted(s.entries)
	if len(s.records) > 0 {
		began := time.Now()
		if err := s.applier.Apply(s.records); err != nil {
			s.fail(fmt.Errorf("apply records %v to %v: %w",
				s.records[0].LSN, s.records[len(s.records)-1].LSN, err))
			return in, nil
		}
		s.applied = s.records[len(s.records)-1].LSN
		s.log.tail.Store(uint64(s.applied))
		if f := s.log.host.cfg.Events.Applied; f != nil {
			f(s.log.id, AppliedInfo{Entries: len(in), Records: len(s.records), Last: s.applied,
				Took: time.Since(began)})
		}
	}
	s.log.batcher.seeApplied(s.entries, func(i int) protocol.LSN {
		return s.log.positions.lsn(s.indexes[i], 0)
	})
	clear(s.records) // do not keep payloads alive until the next call
	clear(s.entries)
	return in, nil
}

// decode fills records, entries and indexes with what in holds above the applied LSN.
func (s *stateMachine) decode(in []sm.Entry) error {
	s.records, s.entries, s.indexes = s.records[:0], s.entries[:0], s.indexes[:0]
	for _, raw := range in {
		e, err := decodeEntry(raw.Cmd)
		if err != nil {
			return fmt.Errorf("read entry %d of log %s: %w", raw.Index, s.log.id, err)
		}
		if s.log.positions.lsn(raw.Index, 0) <= s.applied {
			continue
		}
		s.entries, s.indexes = append(s.entries, e), append(s.indexes, raw.Index)
		for i, data := range e.records {
			s.records = append(s.records, Record{LSN: s.log.positions.lsn(raw.Index, i), Data: data})
		}
	}
	return nil
}

// fail stops the replica for good.
func (s *stateMachine) fail(err error) {
	if s.failed.Swap(true) {
		return
	}
	s.log.batcher.refuse(fmt.Errorf("log %s stopped: %w: %w", s.log.id, ErrClosed, err))
	s.log.batcher.loseAll()
	if f := s.log.host.cfg.Events.Failed; f != nil {
		f(s.log.id, err)
	}
}

// Lookup is not used: states are read where they live.
func (s *stateMachine) Lookup(any) (any, error) {
	return nil, errors.New("look up through the log: read the state itself")
}

// Sync flushes the Applier. The library calls it every few minutes, when failing harms nobody, and
// for a trim, when it must not go through: the log would forget what the state does not have.
func (s *stateMachine) Sync() error {
	if !s.failed.Load() {
		err := s.applier.Sync()
		if err == nil {
			return nil
		}
		s.fail(fmt.Errorf("flush the state of log %s: %w", s.log.id, err))
	}
	if s.log.trimming.Load() {
		return fmt.Errorf("trim log %s: its state cannot be made durable", s.log.id)
	}
	return nil
}

// PrepareSnapshot has nothing to prepare: Applier.Save takes its own consistent view, which may be
// newer than the position the library notes now; Update skips what a restored state already has.
func (s *stateMachine) PrepareSnapshot() (any, error) { return nil, nil }

// SaveSnapshot streams the state to another replica.
func (s *stateMachine) SaveSnapshot(_ any, w io.Writer, stop <-chan struct{}) error {
	if s.failed.Load() {
		return sm.ErrSnapshotStreaming
	}
	if err := s.applier.Save(w, stop); err != nil {
		// Every other error would end the process; the receiver asks again.
		s.log.host.logger.Warn("streaming a snapshot failed", "log", s.log.id.String(), "error", err)
		return sm.ErrSnapshotStreaming
	}
	return nil
}

// RecoverFromSnapshot replaces the state with one streamed from another replica.
func (s *stateMachine) RecoverFromSnapshot(r io.Reader, stop <-chan struct{}) error {
	applied, err := s.applier.Restore(r, stop)
	if err != nil {
		select {
		case <-stop:
			return sm.ErrSnapshotStopped
		default:
		}
		// This one ends the process: the library would otherwise take the state for restored and
		// throw the snapshot away. The next start tries again.
		return fmt.Errorf("restore the state of log %s: %w", s.log.id, err)
	}
	s.applied = applied
	s.log.tail.Store(uint64(applied))
	return nil
}

// Close is called once the library has let go of the replica.
func (s *stateMachine) Close() error {
	close(s.closed)
	return nil
}
