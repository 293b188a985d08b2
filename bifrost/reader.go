package bifrost

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lni/dragonboat/v4"
	"github.com/lni/dragonboat/v4/raftpb"

	"github.com/perdure/perdure/protocol"
)

// readChunkBytes is how much of the Raft log is read at a time: the library's lock on that log is
// held meanwhile.
const readChunkBytes = 1 << 20

// errNotShown: the library applies entries a moment before it shows them to readers.
var errNotShown = errors.New("the entries are applied and not shown yet")

// showPause is between two looks for entries that are not shown yet.
const showPause = time.Millisecond

// Read implements Log. Entries above the tail are not shown: they may still be replaced.
//
// After a restart, only records above the tail at the time of the last Trim can be read.
func (l *raftLog) Read(ctx context.Context, first protocol.LSN, limitBytes int) ([]Record, error) {
	if l.isClosed() {
		return nil, fmt.Errorf("read log %s from %v: %w", l.id, first, ErrClosed)
	}
	low := max(l.positions.index(first), 1)
	high := l.positions.index(l.Tail()) + 1
	var out []Record
	for size := 0; low < high && (size < limitBytes || len(out) == 0); {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read log %s from %v: %w", l.id, first, context.Cause(ctx))
		}
		chunk := uint64(min(max(limitBytes-size, 1), readChunkBytes))
		entries, err := l.rawEntries(ctx, low, high, chunk)
		if err != nil {
			return nil, fmt.Errorf("read log %s from %v: %w", l.id, first, err)
		}
		for i := 0; i < len(entries) && (size < limitBytes || len(out) == 0); i++ {
			before := len(out)
			if out, err = l.appendRecords(out, entries[i], first); err != nil {
				return nil, fmt.Errorf("read log %s from %v: %w", l.id, first, err)
			}
			for _, r := range out[before:] {
				size += len(r.Data)
			}
			low = entries[i].Index + 1
		}
	}
	return out, nil
}

// rawEntries returns at least one of the entries [low, high), which are applied.
func (l *raftLog) rawEntries(ctx context.Context, low, high, limitBytes uint64) ([]raftpb.Entry, error) {
	for {
		entries, err := l.shownEntries(low, high, limitBytes)
		if !errors.Is(err, errNotShown) {
			return entries, err
		}
		select {
		case <-time.After(showPause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// shownEntries returns at least one of the entries [low, high), or errNotShown.
func (l *raftLog) shownEntries(low, high, limitBytes uint64) (entries []raftpb.Entry, err error) {
	err = l.whileOpen(func(nodes *dragonboat.NodeHost) error {
		r, err := nodes.GetLogReader(uint64(l.id))
		if err != nil {
			return fmt.Errorf("%w: %w", ErrClosed, err)
		}
		_, newest := r.GetRange()
		if newest < low {
			err = errNotShown
		} else {
			entries, err = r.Entries(low, min(high, newest+1), limitBytes)
		}
		if oldest, _ := r.GetRange(); oldest > low {
			return ErrTrimmed
		}
		if err == nil && len(entries) == 0 {
			err = fmt.Errorf("entries %d to %d are missing", low, high-1)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// appendRecords adds the records of e with LSN >= first.
func (l *raftLog) appendRecords(out []Record, e raftpb.Entry, first protocol.LSN) (
	[]Record, error) {
	if e.Type == raftpb.ConfigChangeEntry || len(e.Cmd) == 0 {
		return out, nil // membership, or a new leader's empty entry
	}
	// The library puts one byte before a payload, 0 while its own compression is off.
	if e.Type != raftpb.EncodedEntry || e.Cmd[0] != 0 {
		return nil, fmt.Errorf("entry %d has type %v: %w", e.Index, e.Type, errCorruptEntry)
	}
	decoded, err := decodeEntry(e.Cmd[1:])
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w", e.Index, err)
	}
	for i, data := range decoded.records {
		if lsn := l.positions.lsn(e.Index, i); lsn >= first {
			out = append(out, Record{LSN: lsn, Data: data})
		}
	}
	return out, nil
}
