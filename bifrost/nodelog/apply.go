package nodelog

import (
	"fmt"
	"maps"

	pb "github.com/lni/dragonboat/v4/raftpb"
)

// apply changes the index as the records of a frame say, during a start. The checkpoint at the start
// of the oldest segment is the index to begin with; those of later segments must agree with it.
func (l *Log) apply(f *found, at int64, records []byte, oldest, first bool) error {
	checkpoints := 0
	for r := (&reader{b: records}); r.more(); {
		where := at + frameHeaderBytes + int64(r.at)
		rec, err := r.next()
		if err == nil && rec.kind == kindCheckpoint {
			checkpoints++
			if !first {
				err = fmt.Errorf("%w: a checkpoint stands in the middle", errRecord)
			} else {
				err = l.checkpoint(&rec, oldest)
			}
		} else if err == nil {
			if first && checkpoints != len(l.index.replicas) {
				err = fmt.Errorf("%w: there are %d replicas, the checkpoint has %d", errRecord,
					len(l.index.replicas), checkpoints)
			} else {
				first = false
				err = l.change(&rec, f, at, records)
			}
		}
		if err != nil {
			return corrupt(f.name, where, "%v", err)
		}
	}
	return nil
}

// checkpoint takes over a replica, or compares it.
func (l *Log) checkpoint(rec *record, oldest bool) error {
	want := &replica{shard: rec.shard, id: rec.replica, state: rec.state, snapshot: rec.snapshot,
		hasLast: rec.flags&hasLast != 0, first: rec.first, last: rec.last}
	if rec.flags&hasBootstrap != 0 {
		want.bootstrap = &rec.bootstrap
	}
	name := node{rec.shard, rec.replica}
	have := l.index.replicas[name]
	if oldest {
		if have != nil {
			return fmt.Errorf("%w: replica %d of log %d is there twice", errRecord, rec.replica, rec.shard)
		}
		if want.hasLast {
			want.slots = make([]slot, want.last+1-want.first)
		}
		l.index.replicas[name] = want
		return nil
	}
	if have == nil || !have.equals(want) {
		return fmt.Errorf("%w: replica %d of log %d is not as the checkpoint says", errRecord,
			rec.replica, rec.shard)
	}
	return nil
}

// equals compares what a checkpoint holds.
func (r *replica) equals(o *replica) bool {
	return r.state == o.state && r.hasLast == o.hasLast && r.last == o.last &&
		(!r.hasLast || r.first == o.first) && (r.bootstrap == nil) == (o.bootstrap == nil) &&
		r.snapshot.Index == o.snapshot.Index && r.snapshot.Term == o.snapshot.Term &&
		(r.bootstrap == nil || r.bootstrap.Join == o.bootstrap.Join &&
			r.bootstrap.Type == o.bootstrap.Type &&
			maps.Equal(r.bootstrap.Addresses, o.bootstrap.Addresses))
}

// change applies a record that is not a checkpoint.
func (l *Log) change(rec *record, f *found, at int64, records []byte) error {
	x := &l.index
	slots := make([]slot, len(rec.entries))
	for i, s := range rec.entries {
		slots[i] = slot{
			segment: uint32(f.sequence), offset: uint32(at) + frameHeaderBytes + uint32(s.start),
			length: uint32(s.end - s.start), sum: checksum(records[s.start:s.end]),
		}
	}
	switch rec.kind {
	case kindUpdate:
		return l.changeUpdate(rec, slots)
	case kindBootstrap:
		x.replica(rec.shard, rec.replica).bootstrap = &rec.bootstrap
	case kindSnapshot:
		x.replica(rec.shard, rec.replica).snapshot = rec.snapshot
	case kindRemoveTo:
		x.removeTo(x.replica(rec.shard, rec.replica), rec.index)
	case kindRemove:
		x.remove(x.replica(rec.shard, rec.replica))
	case kindImport:
		x.importSnapshot(x.replica(rec.shard, rec.replica), rec.snapshot)
	case kindMoved:
		r := x.replica(rec.shard, rec.replica)
		for i, s := range rec.entries {
			if r.has(s.index) {
				x.move(r, s.index, *r.at(s.index), slots[i])
			}
		}
	case kindOldest:
		l.oldest = max(l.oldest, rec.index)
	}
	return nil
}

func (l *Log) changeUpdate(rec *record, slots []slot) error {
	r := l.index.replica(rec.shard, rec.replica)
	if rec.flags&hasState != 0 {
		r.state = rec.state
	}
	if rec.flags&hasSnapshot != 0 {
		if pb.IsEmptySnapshot(rec.snapshot) {
			return fmt.Errorf("%w: an empty snapshot", errRecord)
		}
		l.index.restore(r, rec.snapshot)
	}
	if rec.flags&hasEntries != 0 {
		if err := r.follows(rec.first); err != nil {
			return fmt.Errorf("%w: %w", errRecord, err)
		}
		l.index.append(r, rec.first, slots, nil)
	}
	return nil
}
