package bifrost

import (
	"context"
	"errors"
	"fmt"

	"github.com/lni/dragonboat/v4"

	"github.com/perdure/perdure/protocol"
)

// trimIndex is the last entry that may go when records at or below through are no longer needed:
// the one before the entry that holds through, since that one may also hold later records.
func (p positions) trimIndex(through protocol.LSN) uint64 {
	if i := p.index(through); i > 1 {
		return i - 1
	}
	return 0
}

// Trim implements Log. The library cuts a log only together with a snapshot, which for an on-disk
// state machine is a note of the position after a Sync.
func (l *raftLog) Trim(ctx context.Context, through protocol.LSN) error {
	l.trimMu.Lock()
	defer l.trimMu.Unlock()
	through = min(through, l.Tail())
	index := l.positions.trimIndex(through)
	if index == 0 || index <= l.trimmed {
		return nil
	}
	l.trimming.Store(true)
	defer l.trimming.Store(false)
	if l.machine.failed.Load() {
		return fmt.Errorf("trim log %s through %v: the replica stopped: %w", l.id, through, ErrClosed)
	}
	done, err := l.requestTrim(ctx, index)
	if err != nil {
		return fmt.Errorf("trim log %s through %v: %w", l.id, through, err)
	}
	if !done {
		return nil
	}
	l.trimmed = index
	if f := l.host.cfg.Events.Trimmed; f != nil {
		f(l.id, through)
	}
	return nil
}

// requestTrim asks for the cut and waits, without keeping the host from closing. It reports false
// when there is nothing new to cut behind: no entry was applied since the last time.
func (l *raftLog) requestTrim(ctx context.Context, index uint64) (bool, error) {
	request, err := l.startTrim(index)
	if err != nil {
		return false, err
	}
	// The request ends by itself at the timeout or when the replica stops. Were its result not
	// awaited, Sync could run after trimming was switched off.
	result := <-request.ResultC()
	request.Release()
	switch {
	case result.Completed():
		return true, nil
	case result.Rejected():
		return false, nil
	case result.Terminated():
		return false, ErrClosed
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	default:
		return false, errors.New("the snapshot was not taken in time: retry later")
	}
}

func (l *raftLog) startTrim(index uint64) (*dragonboat.RequestState, error) {
	l.host.mu.RLock()
	defer l.host.mu.RUnlock()
	if l.host.closed {
		return nil, ErrClosed
	}
	option := dragonboat.SnapshotOption{OverrideCompactionOverhead: true, CompactionIndex: index}
	return l.host.nodes.RequestSnapshot(uint64(l.id), option, l.host.cfg.ProposalTimeout)
}
