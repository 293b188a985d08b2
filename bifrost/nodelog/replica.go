package nodelog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	pb "github.com/lni/dragonboat/v4/raftpb"
)

// slot is where the bytes of an entry lie. Segment 0 means: not known yet, during a start.
type slot struct {
	segment, offset, length, sum uint32
}

// replica is what the log knows about one replica: a core, changed by records in log order.
type replica struct {
	shard, id uint64
	state     pb.State
	snapshot  pb.Snapshot
	bootstrap *pb.Bootstrap

	// Entries first to last are in slots. When there is none, first is last+1. Last is what comes
	// before the next entry, also when the entry itself is gone or was part of a snapshot; without
	// hasLast nothing was ever saved.
	hasLast     bool
	first, last uint64
	slots       []slot

	// The newest entries themselves, ending with last.
	tail []pb.Entry
}

// at returns the slot of an entry that is there.
func (r *replica) at(index uint64) *slot { return &r.slots[index-r.first] }

func (r *replica) has(index uint64) bool {
	return r.hasLast && index >= r.first && index <= r.last
}

// tailFirst is the first entry in tail, last+1 if there is none.
func (r *replica) tailFirst() uint64 { return r.last + 1 - uint64(len(r.tail)) }

// index is all replicas, and how much of each segment is still needed.
type index struct {
	replicas map[node]*replica
	uses     map[uint32]*use // by segment
	cache    cache
}

// node names a replica.
type node struct{ shard, replica uint64 }

// use counts the entries of a segment that are still needed.
type use struct {
	entries int
	bytes   int64
}

func newIndex(cacheBytes int64) index {
	return index{replicas: map[node]*replica{}, uses: map[uint32]*use{}, cache: cache{limit: cacheBytes}}
}

// replica returns the named replica, which need not have existed before.
func (x *index) replica(shard, id uint64) *replica {
	key := node{shard, id}
	r := x.replicas[key]
	if r == nil {
		r = &replica{shard: shard, id: id}
		x.replicas[key] = r
	}
	return r
}

// sorted returns all replicas in a fixed order.
func (x *index) sorted() []*replica {
	all := slices.Collect(maps.Values(x.replicas))
	slices.SortFunc(all, func(a, b *replica) int {
		return cmp.Or(cmp.Compare(a.shard, b.shard), cmp.Compare(a.id, b.id))
	})
	return all
}

// take counts slots as needed, drop as no longer needed.
func (x *index) take(slots []slot) { x.count(slots, 1) }
func (x *index) drop(slots []slot) { x.count(slots, -1) }

func (x *index) count(slots []slot, sign int) {
	var u *use
	segment := uint32(0)
	for _, s := range slots {
		if s.segment == 0 {
			continue
		}
		if s.segment != segment {
			segment, u = s.segment, x.uses[s.segment]
			if u == nil {
				u = &use{}
				x.uses[segment] = u
			}
		}
		u.entries += sign
		u.bytes += int64(sign) * int64(s.length)
	}
}

// cut forgets the entries from an index on.
func (x *index) cut(r *replica, from uint64) {
	if !r.hasLast || from > r.last {
		return
	}
	keep := 0
	if from > r.first {
		keep = int(from - r.first)
	}
	x.drop(r.slots[keep:])
	r.slots = r.slots[:keep]
	if gone := int(min(r.last-from+1, uint64(len(r.tail)))); gone > 0 {
		x.cache.forget(r.tail[len(r.tail)-gone:])
		r.tail = r.tail[:len(r.tail)-gone]
	}
	r.last = from - 1
	r.first = min(r.first, from)
}

// append adds entries behind the one before the first of them; what stood there before is replaced.
// Entries themselves, if given, go into the cache.
func (x *index) append(r *replica, first uint64, slots []slot, entries []pb.Entry) {
	if !r.hasLast {
		r.hasLast, r.first, r.last = true, first, first-1
	}
	x.cut(r, first)
	if len(r.slots) == 0 {
		r.first = first
	}
	x.take(slots)
	r.slots = append(r.slots, slots...)
	r.last = first + uint64(len(slots)) - 1
	if entries != nil {
		x.cache.add(r, entries)
	}
}

// follows reports why entries cannot be appended.
func (r *replica) follows(first uint64) error {
	if first == 0 || r.hasLast && first > r.last+1 {
		return fmt.Errorf("entry %d does not follow entry %d", first, r.last)
	}
	return nil
}

// restore makes a snapshot that came from elsewhere the beginning of the log. Entries that it covers
// are of no use; those behind it are not either.
func (x *index) restore(r *replica, ss pb.Snapshot) {
	r.snapshot = ss
	if r.hasLast && ss.Index >= r.first && ss.Index <= r.last {
		x.cut(r, ss.Index+1)
		return
	}
	if r.hasLast {
		x.cut(r, r.first)
	}
	r.hasLast, r.first, r.last = true, ss.Index+1, ss.Index
}

// removeTo forgets the entries up to an index.
func (x *index) removeTo(r *replica, to uint64) {
	if !r.hasLast || to < r.first {
		return
	}
	count := int(min(to, r.last) - r.first + 1)
	x.drop(r.slots[:count])
	r.slots = r.slots[count:]
	r.first += uint64(count)
	if len(r.slots) < cap(r.slots)/4 {
		r.slots = append([]slot(nil), r.slots...) // let go of the memory before them
	}
	if gone := len(r.tail) - len(r.slots); gone > 0 {
		x.cache.forget(r.tail[:gone])
		r.tail = r.tail[gone:]
	}
}

// remove forgets a replica.
func (x *index) remove(r *replica) {
	if r.hasLast {
		x.cut(r, r.first)
	}
	delete(x.replicas, node{r.shard, r.id})
}

// importSnapshot makes a replica begin anew from a snapshot that an operator brought.
func (x *index) importSnapshot(r *replica, ss pb.Snapshot) {
	r.bootstrap = &pb.Bootstrap{Join: true, Type: ss.Type}
	r.state = pb.State{Term: ss.Term, Commit: ss.Index}
	x.restore(r, ss)
}

// move notes that an entry now lies elsewhere, unless it has been replaced or removed.
func (x *index) move(r *replica, i uint64, from, to slot) {
	if !r.has(i) || *r.at(i) != from {
		return
	}
	x.drop([]slot{from})
	x.take([]slot{to})
	*r.at(i) = to
}

// cache keeps the newest entries of all replicas, together up to limit bytes: those that came first
// go first.
type cache struct {
	limit, used int64
	order       []cached // a ring would save the copy in shrink; it is rare
	head        int
}

type cached struct {
	replica *replica
	index   uint64
}

// entryOverhead is what an entry takes beside its payload.
const entryOverhead = 96

func entryCost(e *pb.Entry) int64 { return entryOverhead + int64(len(e.Cmd)) }

// add takes entries that were appended to a replica last.
func (c *cache) add(r *replica, entries []pb.Entry) {
	r.tail = append(r.tail, entries...)
	for i := range entries {
		c.used += entryCost(&entries[i])
		c.order = append(c.order, cached{r, entries[i].Index})
	}
	for c.used > c.limit && c.head < len(c.order) {
		oldest := c.order[c.head]
		c.order[c.head] = cached{}
		c.head++
		// It may be gone already, or have been replaced; then a newer one goes early.
		if v := oldest.replica; len(v.tail) > 0 && v.tailFirst() == oldest.index {
			c.forget(v.tail[:1])
			v.tail = v.tail[1:]
		}
	}
	if c.head > len(c.order)/2 {
		n := copy(c.order, c.order[c.head:])
		clear(c.order[n:])
		c.order, c.head = c.order[:n], 0
	}
}

// forget counts entries that leave and lets go of their payloads.
func (c *cache) forget(entries []pb.Entry) {
	for i := range entries {
		c.used -= entryCost(&entries[i])
	}
	clear(entries)
}
