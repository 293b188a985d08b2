package bifrost

import (
	"context"
	"fmt"

	"github.com/lni/dragonboat/v4"
	"github.com/lni/dragonboat/v4/raftpb"

	"github.com/perdure/perdure/protocol"
)

// readChunkBytes is how much of the Raft log is read at a time: the library's lock on that log is
// held meanwhile.
const readChunkBytes = 1 << 20

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
		entries, err := l.rawEntries(low, high, chunk)
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

// rawEntries returns at least one of the entries [low, high).
func (l *raftLog) rawEntries(low, high, limitBytes uint64) (entries []raftpb.Entry, err error) {
	err = l.whileOpen(func(nodes *dragonboat.NodeHost) error {
		r, err := nodes.GetLogReader(uint64(l.id))
		if err != nil {
			return fmt.Errorf("%w: %w", ErrClosed, err)
		}
		entries, err = r.Entries(low, high, limitBytes)
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
