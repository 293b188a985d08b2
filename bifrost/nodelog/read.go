package nodelog

import (
	"fmt"

	pb "github.com/lni/dragonboat/v4/raftpb"
)

const (
	// spanBytes is how much is read from a segment at a time, if entries lie close together.
	spanBytes = 1 << 20
	// gapBytes is how far apart entries may lie that are read together.
	gapBytes = 4 << 10
)

// IterateEntries implements raftio.ILogDB: it appends entries from low on, below high, one at least,
// until the size passes maxSize.
func (l *Log) IterateEntries(entries []pb.Entry, size, shard, id, low, high, maxSize uint64) (
	[]pb.Entry, uint64, error,
) {
	for before := len(entries); low < high && (size <= maxSize || len(entries) == before); {
		run, cached, err := l.pick(shard, id, low, high, maxSize-min(size, maxSize))
		if err != nil {
			return nil, 0, err
		}
		if len(cached) == 0 && run.segment == nil {
			break
		}
		found := cached
		if run.segment != nil {
			if found, err = l.load(run); err != nil {
				return nil, 0, fmt.Errorf("read entries of replica %d of log %d: %w", id, shard, err)
			}
		}
		for i := range found {
			size += uint64(found[i].SizeUpperLimit())
			entries = append(entries, found[i])
			if size > maxSize {
				break
			}
		}
		low += uint64(len(found))
	}
	return entries, size, nil
}

// run is entries that lie close together in one segment, which stays until load has read it.
type run struct {
	segment *segment
	first   uint64
	slots   []slot
}

// pick returns the next entries from low on, of about limit bytes: those in memory, or else where
// they lie.
func (l *Log) pick(shard, id, low, high, limit uint64) (run, []pb.Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.index.replicas[node{shard, id}]
	if r == nil || !r.has(low) {
		return run{}, nil, nil
	}
	high = min(high, r.last+1)
	if from := r.tailFirst(); low >= from {
		size, n := uint64(0), low-from
		for ; n < high-from && size <= limit; n++ {
			size += uint64(r.tail[n].SizeUpperLimit())
		}
		return run{}, append([]pb.Entry(nil), r.tail[low-from:n]...), nil
	} else {
		high = min(high, from)
	}
	if l.stopped {
		return run{}, nil, ErrClosed
	}
	picked := run{first: low}
	first := *r.at(low)
	for i := low; i < high; i++ {
		s := *r.at(i)
		if len(picked.slots) > 0 {
			last := picked.slots[len(picked.slots)-1]
			end := uint64(s.offset-first.offset) + uint64(s.length)
			near := s.segment == last.segment && s.offset >= last.offset+last.length &&
				s.offset-last.offset-last.length <= gapBytes
			if !near || end > min(spanBytes, limit+gapBytes) {
				break
			}
		}
		picked.slots = append(picked.slots, s)
	}
	picked.segment = l.find(first.segment)
	if picked.segment == nil || int64(first.offset) >= picked.segment.synced {
		return run{}, nil, fmt.Errorf("entry %d of replica %d of log %d is not on disk yet", low, id, shard)
	}
	picked.segment.pins++
	return picked, nil, nil
}

// find returns a segment by its sequence. Caller holds mu.
func (l *Log) find(sequence uint32) *segment {
	i := int64(sequence) - int64(l.segments[0].sequence)
	if i < 0 || i >= int64(len(l.segments)) {
		return nil
	}
	return l.segments[i]
}

// load reads a run.
func (l *Log) load(r run) ([]pb.Entry, error) {
	defer l.unpin(r.segment)
	raw, err := r.segment.read(r.slots)
	if err != nil {
		return nil, err
	}
	entries := make([]pb.Entry, len(raw))
	for i, data := range raw {
		if err := entries[i].Unmarshal(data); err != nil {
			return nil, fmt.Errorf("entry %d in %s at %d: %w", r.first+uint64(i), r.segment.name,
				r.slots[i].offset, err)
		}
		if got, want := entries[i].Index, r.first+uint64(i); got != want {
			return nil, fmt.Errorf("%s at %d holds entry %d in the place of %d", r.segment.name,
				r.slots[i].offset, got, want)
		}
	}
	return entries, nil
}

// read returns the bytes of entries that lie in ascending order.
func (s *segment) read(slots []slot) ([][]byte, error) {
	first, last := slots[0], slots[len(slots)-1]
	buf := make([]byte, last.offset+last.length-first.offset)
	if _, err := s.file.ReadAt(buf, int64(first.offset)); err != nil {
		return nil, fmt.Errorf("read %s at %d: %w", s.name, first.offset, err)
	}
	raw := make([][]byte, len(slots))
	for i, slot := range slots {
		from := slot.offset - first.offset
		raw[i] = buf[from : from+slot.length : from+slot.length]
		if checksum(raw[i]) != slot.sum {
			return nil, fmt.Errorf("%s at %d is damaged: the disk returns something else than was "+
				"written; replace the disk, remove this replica and let it join anew", s.name, slot.offset)
		}
	}
	return raw, nil
}

func (l *Log) unpin(s *segment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.pins--
	if s == l.segments[0] && l.unneeded(s) {
		l.nudge()
	}
}
