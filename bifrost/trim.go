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
	if l.host.space.now() == SpaceFull && l.host.space.free.Load() < minTrimBytes {
		return fmt.Errorf("trim log %s through %v: %w", l.id, through, ErrDiskFull)
	}
	// From here on a Sync that fails must not seem to succeed. It stays so when the outcome of a
	// request is not known: the library may still be at it, until a later one has ended.
	unsettled := l.trimming.Swap(true)
	request, err := l.startTrim(index)
	if err != nil {
		l.trimming.Store(unsettled)
		return fmt.Errorf("trim log %s through %v: %w", l.id, through, err)
	}
	done, err := awaitTrim(ctx, request)
	if err != nil {
		return fmt.Errorf("trim log %s through %v: %w", l.id, through, err)
	}
	l.trimming.Store(false)
	if !done {
		return nil
	}
	l.trimmed = index
	if f := l.host.cfg.Events.Trimmed; f != nil {
		f(l.id, through)
	}
	return nil
}

// awaitTrim waits for the outcome of a request. It reports false when there is nothing new to cut
// behind: no entry was applied since the last time.
func awaitTrim(ctx context.Context, request *dragonboat.RequestState) (bool, error) {
	var result dragonboat.RequestResult
	select {
	case result = <-request.ResultC():
		request.Release()
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	switch {
	case result.Completed():
		return true, nil
	case result.Rejected():
		return false, nil
	case result.Terminated():
		return false, ErrClosed
	default:
		return false, errors.New("the snapshot was not taken in time: retry later")
	}
}

// startTrim asks for the cut. It does not wait: that would keep the host from closing.
func (l *raftLog) startTrim(index uint64) (request *dragonboat.RequestState, err error) {
	if l.machine.failed.Load() {
		return nil, fmt.Errorf("the replica stopped: %w", ErrClosed)
	}
	option := dragonboat.SnapshotOption{OverrideCompactionOverhead: true, CompactionIndex: index}
	err = l.whileOpen(func(nodes *dragonboat.NodeHost) (err error) {
		request, err = nodes.RequestSnapshot(uint64(l.id), option, l.host.cfg.ProposalTimeout)
		return err
	})
	return request, err
}
