package nodelog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	pb "github.com/lni/dragonboat/v4/raftpb"
)

// Kinds of records. The numbers are durable.
const (
	kindUpdate     byte = 1 // state, snapshot and entries of one replica, saved together
	kindBootstrap  byte = 2 // how a replica began
	kindSnapshot   byte = 3 // a snapshot was taken here
	kindRemoveTo   byte = 4 // entries up to an index are no longer needed
	kindRemove     byte = 5 // everything of a replica is no longer needed
	kindImport     byte = 6 // a replica begins anew from a snapshot
	kindMoved      byte = 7 // entries copied from a segment that is to be given back
	kindCheckpoint byte = 8 // a replica as it was at the start of the segment
	kindOldest     byte = 9 // segments below a sequence are no longer needed
)

// What an update or a checkpoint holds.
const (
	hasState     byte = 1
	hasSnapshot  byte = 2
	hasEntries   byte = 4
	hasBootstrap byte = 8
	hasLast      byte = 16
)

var errRecord = errors.New("not a record")

// record is one decoded record. Byte slices point into the frame.
type record struct {
	kind           byte
	shard, replica uint64

	flags     byte
	state     pb.State
	snapshot  pb.Snapshot
	bootstrap pb.Bootstrap
	// First and last entry of a checkpoint; first entry of an update.
	first, last uint64
	entries     []span
	// Index of kindRemoveTo, sequence of kindOldest.
	index uint64
}

// span is where the bytes of an entry lie in the records of a frame.
type span struct {
	index      uint64
	start, end int
}

func appendHead(b []byte, kind byte, shard, replica uint64) []byte {
	b = append(b, kind)
	b = binary.AppendUvarint(b, shard)
	return binary.AppendUvarint(b, replica)
}

func appendState(b []byte, s pb.State) []byte {
	b = binary.AppendUvarint(b, s.Term)
	b = binary.AppendUvarint(b, s.Vote)
	return binary.AppendUvarint(b, s.Commit)
}

func appendBytes(b, v []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

// appendEntry appends one entry in the library's encoding and returns where it lies.
func appendEntry(b []byte, e *pb.Entry) ([]byte, span) {
	size := e.Size()
	b = binary.AppendUvarint(b, uint64(size))
	start := len(b)
	b = append(b, make([]byte, size)...)
	n, err := e.MarshalTo(b[start:])
	if err != nil || n != size {
		panic(fmt.Sprintf("entry %d took %d bytes instead of %d: %v", e.Index, n, size, err))
	}
	return b, span{e.Index, start, len(b)}
}

// appendUpdate appends what flags say of ud and reports where the entries lie.
func appendUpdate(b []byte, ud *pb.Update, flags byte, spans []span) ([]byte, []span) {
	b = appendHead(b, kindUpdate, ud.ShardID, ud.ReplicaID)
	b = append(b, flags)
	if flags&hasState != 0 {
		b = appendState(b, ud.State)
	}
	if flags&hasSnapshot != 0 {
		b = appendBytes(b, pb.MustMarshal(&ud.Snapshot))
	}
	if flags&hasEntries != 0 {
		b = binary.AppendUvarint(b, uint64(len(ud.EntriesToSave)))
		b = binary.AppendUvarint(b, ud.EntriesToSave[0].Index)
		for i := range ud.EntriesToSave {
			var s span
			b, s = appendEntry(b, &ud.EntriesToSave[i])
			spans = append(spans, s)
		}
	}
	return b, spans
}

func appendSnapshot(b []byte, kind byte, shard, replica uint64, ss *pb.Snapshot) []byte {
	return appendBytes(appendHead(b, kind, shard, replica), pb.MustMarshal(ss))
}

func appendBootstrap(b []byte, shard, replica uint64, bs *pb.Bootstrap) []byte {
	return appendBytes(appendHead(b, kindBootstrap, shard, replica), pb.MustMarshal(bs))
}

func appendRemoveTo(b []byte, shard, replica, index uint64) []byte {
	return binary.AppendUvarint(appendHead(b, kindRemoveTo, shard, replica), index)
}

func appendOldest(b []byte, sequence uint64) []byte {
	return binary.AppendUvarint(append(b, kindOldest), sequence)
}

// appendMovedHead begins a record of count entries, each of which follows as its index and its
// bytes.
func appendMovedHead(b []byte, shard, replica uint64, count int) []byte {
	return binary.AppendUvarint(appendHead(b, kindMoved, shard, replica), uint64(count))
}

func appendMovedEntry(b []byte, index uint64, data []byte) ([]byte, span) {
	b = binary.AppendUvarint(b, index)
	b = appendBytes(b, data)
	return b, span{index, len(b) - len(data), len(b)}
}

func appendCheckpoint(b []byte, r *replica) []byte {
	var flags byte
	if !pb.IsEmptyState(r.state) {
		flags |= hasState
	}
	if !pb.IsEmptySnapshot(r.snapshot) {
		flags |= hasSnapshot
	}
	if r.bootstrap != nil {
		flags |= hasBootstrap
	}
	if r.hasLast {
		flags |= hasLast
	}
	b = append(appendHead(b, kindCheckpoint, r.shard, r.id), flags)
	if flags&hasState != 0 {
		b = appendState(b, r.state)
	}
	if flags&hasSnapshot != 0 {
		b = appendBytes(b, pb.MustMarshal(&r.snapshot))
	}
	if flags&hasBootstrap != 0 {
		b = appendBytes(b, pb.MustMarshal(r.bootstrap))
	}
	if flags&hasLast != 0 {
		b = binary.AppendUvarint(b, r.first)
		b = binary.AppendUvarint(b, r.last)
	}
	return b
}

// reader takes records apart. The first error stays.
type reader struct {
	b   []byte // all records of the frame
	at  int
	err error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s at byte %d", errRecord, what, r.at)
	}
}

func (r *reader) byte() byte {
	if r.err != nil || r.at >= len(r.b) {
		r.fail("it ends early")
		return 0
	}
	r.at++
	return r.b[r.at-1]
}

func (r *reader) number() uint64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.b[r.at:])
	if n <= 0 {
		r.fail("no number")
		return 0
	}
	r.at += n
	return v
}

// bytes returns where a counted run of bytes lies.
func (r *reader) bytes() (start, end int) {
	n := r.number()
	if n > uint64(len(r.b)-r.at) {
		r.fail("a length passes the end")
	}
	if r.err != nil {
		return 0, 0
	}
	start = r.at
	r.at += int(n)
	return start, r.at
}

func (r *reader) message(m pb.Unmarshaler) {
	start, end := r.bytes()
	if r.err != nil {
		return
	}
	// The library's decoders index without looking when bytes are missing; a checksum has vouched for
	// these, so this is for what the checksum of another release might let through.
	defer func() {
		if recover() != nil {
			r.fail("a message cannot be read")
		}
	}()
	if err := m.Unmarshal(r.b[start:end]); err != nil {
		r.fail("a message cannot be read: " + err.Error())
	}
}

func (r *reader) state() (s pb.State) {
	s.Term, s.Vote, s.Commit = r.number(), r.number(), r.number()
	return s
}

// count reads a number of entries: each takes two bytes at least.
func (r *reader) count() int {
	n := r.number()
	if n == 0 || n > uint64(len(r.b)-r.at)/2 {
		r.fail("an impossible number of entries")
		return 0
	}
	return int(n)
}

// next decodes the record at the current position.
func (r *reader) next() (rec record, err error) {
	rec.kind = r.byte()
	if rec.kind == kindOldest {
		rec.index = r.number()
		return rec, r.err
	}
	rec.shard, rec.replica = r.number(), r.number()
	switch rec.kind {
	case kindUpdate:
		r.update(&rec)
	case kindBootstrap:
		r.message(&rec.bootstrap)
	case kindSnapshot, kindImport:
		r.message(&rec.snapshot)
	case kindRemoveTo:
		rec.index = r.number()
	case kindRemove:
	case kindMoved:
		for i := r.count(); i > 0 && r.err == nil; i-- {
			index := r.number()
			start, end := r.bytes()
			rec.entries = append(rec.entries, span{index, start, end})
		}
	case kindCheckpoint:
		r.checkpoint(&rec)
	default:
		r.fail(fmt.Sprintf("unknown kind %d", rec.kind))
	}
	return rec, r.err
}

func (r *reader) update(rec *record) {
	rec.flags = r.byte()
	if rec.flags == 0 || rec.flags&^(hasState|hasSnapshot|hasEntries) != 0 {
		r.fail("unknown flags")
	}
	if rec.flags&hasState != 0 {
		rec.state = r.state()
	}
	if rec.flags&hasSnapshot != 0 {
		r.message(&rec.snapshot)
	}
	if rec.flags&hasEntries != 0 {
		n := r.count()
		rec.first = r.number()
		if rec.first == 0 || rec.first > math.MaxUint64-uint64(n) {
			r.fail("an impossible index")
		}
		for i := range uint64(n) {
			start, end := r.bytes()
			if r.err != nil {
				return
			}
			rec.entries = append(rec.entries, span{rec.first + i, start, end})
		}
	}
}

func (r *reader) checkpoint(rec *record) {
	rec.flags = r.byte()
	if rec.flags&^(hasState|hasSnapshot|hasBootstrap|hasLast) != 0 {
		r.fail("unknown flags")
	}
	if rec.flags&hasState != 0 {
		rec.state = r.state()
	}
	if rec.flags&hasSnapshot != 0 {
		r.message(&rec.snapshot)
	}
	if rec.flags&hasBootstrap != 0 {
		r.message(&rec.bootstrap)
	}
	if rec.flags&hasLast != 0 {
		rec.first, rec.last = r.number(), r.number()
		if rec.first == 0 || rec.first > rec.last+1 || rec.last-rec.first+1 > math.MaxInt32 {
			r.fail("an impossible range of entries")
		}
	}
}

// more tells whether there is another record.
func (r *reader) more() bool { return r.err == nil && r.at < len(r.b) }
