package nodelog

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lni/dragonboat/v4/raftio"
	pb "github.com/lni/dragonboat/v4/raftpb"
)

// small makes every few updates begin a segment, most reads come from files, and groups that are small
// and large.
func small(m *memFS, change ...func(*Config)) Config {
	cfg := Config{SegmentBytes: 4 << 10, CacheBytes: 1 << 10, fs: m, manual: true, largeBytes: 512}
	for _, f := range change {
		f(&cfg)
	}
	return cfg
}

func open(t testing.TB, cfg Config) *Log {
	t.Helper()
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// entries makes entries first to last of a term.
func entries(term, first, last uint64) (list []pb.Entry) {
	for i := first; i <= last; i++ {
		list = append(list, pb.Entry{Term: term, Index: i, Type: pb.EncodedEntry,
			Cmd: fmt.Appendf(nil, "\x00entry %d of term %d", i, term)})
	}
	return list
}

// dump prints everything a log knows, as its reader would see it.
func dump(t testing.TB, l raftio.ILogDB, replicas ...node) string {
	t.Helper()
	var b strings.Builder
	list, err := l.ListNodeInfo()
	must(t, err)
	fmt.Fprintln(&b, "bootstrapped", list)
	for _, n := range replicas {
		dumpReplica(t, &b, l, n)
	}
	return b.String()
}

func dumpReplica(t testing.TB, b *strings.Builder, l raftio.ILogDB, n node) {
	t.Helper()
	bs, err := l.GetBootstrapInfo(n.shard, n.replica)
	if err != nil && !errors.Is(err, raftio.ErrNoBootstrapInfo) {
		t.Fatal(err)
	}
	ss, err := l.GetSnapshot(n.shard, n.replica)
	must(t, err)
	rs, err := l.ReadRaftState(n.shard, n.replica, ss.Index)
	if errors.Is(err, raftio.ErrNoSavedLog) {
		rs = raftio.RaftState{}
	} else if err != nil {
		t.Fatal(err)
	}
	// What a snapshot covers is not part of the log; whether it can still be read is left open.
	first, last := rs.FirstIndex, rs.FirstIndex+rs.EntryCount-1
	if rs.EntryCount == 0 {
		first, last = ss.Index+1, ss.Index
	}
	first = max(first, ss.Index+1)
	if bs.Addresses == nil && !bs.Join && ss.Index == 0 && first > last && pb.IsEmptyState(rs.State) {
		return // nothing is known
	}
	fmt.Fprintf(b, "%v: %v %v snapshot %d/%d state %+v entries %d-%d", n, bs.Join, bs.Addresses, ss.Index,
		ss.Term, rs.State, first, last)
	if first <= last {
		list, _, err := l.IterateEntries(nil, 0, n.shard, n.replica, first, last+1, math.MaxUint64)
		must(t, err)
		if uint64(len(list)) != last-first+1 {
			t.Fatalf("%v has entries %d to %d and returns %d", n, first, last, len(list))
		}
		for _, e := range list {
			fmt.Fprintf(b, " %d.%d %q", e.Index, e.Term, e.Cmd)
		}
	}
	fmt.Fprintln(b)
}

// checkUses compares the counts of needed entries with the index itself.
func checkUses(t testing.TB, l *Log) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	want := map[uint32]use{}
	cached := int64(0)
	for _, r := range l.index.replicas {
		if r.hasLast && uint64(len(r.slots)) != r.last+1-r.first {
			t.Fatalf("entries %d to %d in %d slots", r.first, r.last, len(r.slots))
		}
		for _, s := range r.slots {
			u := want[s.segment]
			u.entries++
			u.bytes += int64(s.length)
			want[s.segment] = u
		}
		for i := range r.tail {
			cached += entryCost(&r.tail[i])
			if r.tail[i].Index != r.tailFirst()+uint64(i) {
				t.Fatalf("entry %d in memory in the place of %d", r.tail[i].Index, r.tailFirst()+uint64(i))
			}
		}
	}
	for segment, u := range l.index.uses {
		if *u != want[segment] {
			t.Fatalf("segment %d holds %+v, counted %+v", segment, want[segment], *u)
		}
	}
	if cached != l.index.cache.used || cached > l.cfg.CacheBytes {
		t.Fatalf("%d bytes in memory, counted %d, limit %d", cached, l.index.cache.used, l.cfg.CacheBytes)
	}
}

// op changes a log and, if it is another one, the same way a second log.
type op struct {
	name string
	do   func(raftio.ILogDB) error
}

// generator makes operations in the order and with the numbers that Raft would use.
type generator struct {
	rng      *rand.Rand
	replicas []*generated
	next     uint64 // replica number for a group that begins anew
}

// generated is where one replica stands.
type generated struct {
	node
	state    pb.State
	last     uint64
	snapshot uint64
	removed  uint64
}

func newGenerator(seed uint64) *generator {
	g := &generator{rng: rand.New(rand.NewPCG(seed, 7)), next: 10}
	for shard := range uint64(4) {
		g.replicas = append(g.replicas, &generated{node: node{shard + 1, 1}})
	}
	return g
}

func (g *generator) names() (list []node) {
	for _, r := range g.replicas {
		list = append(list, r.node)
	}
	return list
}

func (g *generator) op() op {
	r := g.replicas[g.rng.IntN(len(g.replicas))]
	switch n := g.rng.IntN(100); {
	case n < 55:
		return g.save()
	case n < 70:
		return g.commit(r)
	case n < 78 && r.state.Commit > r.snapshot:
		return g.takeSnapshot(r)
	case n < 90 && r.snapshot > r.removed:
		return g.removeTo(r)
	case n < 93:
		return g.restore(r)
	case n < 95:
		return g.bootstrap(r)
	case n < 96:
		return g.begin(r)
	default:
		return g.save()
	}
}

// save saves entries, and sometimes a vote, of several replicas.
func (g *generator) save() op {
	var uds []pb.Update
	for _, r := range g.replicas {
		if g.rng.IntN(2) == 0 {
			continue
		}
		ud := pb.Update{ShardID: r.shard, ReplicaID: r.replica}
		if g.rng.IntN(4) == 0 || r.state.Term == 0 {
			r.state.Term++
			r.state.Vote = uint64(g.rng.IntN(3))
		}
		first := r.last + 1
		if uncommitted := r.last - r.state.Commit; uncommitted > 0 && g.rng.IntN(4) == 0 {
			first -= 1 + g.rng.Uint64N(uncommitted)
		}
		r.last = first + g.rng.Uint64N(4)
		ud.EntriesToSave = entries(r.state.Term, first, r.last)
		ud.State = r.state
		uds = append(uds, ud)
	}
	return op{fmt.Sprintf("save %d", len(uds)), func(l raftio.ILogDB) error { return l.SaveRaftState(uds, 1) }}
}

// commit saves that more is committed, and nothing else.
func (g *generator) commit(r *generated) op {
	if r.last > r.state.Commit {
		r.state.Commit += 1 + g.rng.Uint64N(r.last-r.state.Commit)
	}
	uds := []pb.Update{{ShardID: r.shard, ReplicaID: r.replica, State: r.state}}
	return op{"commit", func(l raftio.ILogDB) error { return l.SaveRaftState(uds, 1) }}
}

func (g *generator) takeSnapshot(r *generated) op {
	r.snapshot += 1 + g.rng.Uint64N(r.state.Commit-r.snapshot)
	uds := []pb.Update{{ShardID: r.shard, ReplicaID: r.replica,
		Snapshot: pb.Snapshot{Index: r.snapshot, Term: r.state.Term, ShardID: r.shard}}}
	return op{"snapshot", func(l raftio.ILogDB) error { return l.SaveSnapshots(uds) }}
}

func (g *generator) removeTo(r *generated) op {
	r.removed += 1 + g.rng.Uint64N(r.snapshot-r.removed)
	to, name := r.removed, r.node
	return op{"remove to", func(l raftio.ILogDB) error {
		if err := l.RemoveEntriesTo(name.shard, name.replica, to); err != nil {
			return err
		}
		_, err := l.CompactEntriesTo(name.shard, name.replica, to)
		return err
	}}
}

// restore saves a snapshot that came from another replica, sometimes with entries behind it.
func (g *generator) restore(r *generated) op {
	r.snapshot = r.state.Commit + 1 + g.rng.Uint64N(5)
	if g.rng.IntN(2) == 0 {
		r.snapshot += r.last
	}
	r.state.Term++
	r.state.Commit, r.last, r.removed = r.snapshot, r.snapshot, r.snapshot
	ud := pb.Update{ShardID: r.shard, ReplicaID: r.replica, State: r.state,
		Snapshot: pb.Snapshot{Index: r.snapshot, Term: r.state.Term, ShardID: r.shard}}
	if g.rng.IntN(2) == 0 {
		r.last += 2
		ud.EntriesToSave = entries(r.state.Term, r.snapshot+1, r.last)
	}
	return op{"restore", func(l raftio.ILogDB) error { return l.SaveRaftState([]pb.Update{ud}, 1) }}
}

func (g *generator) bootstrap(r *generated) op {
	bs := pb.Bootstrap{Addresses: map[uint64]string{1: fmt.Sprint("node-", g.rng.IntN(9))},
		Type: pb.OnDiskStateMachine}
	name := r.node
	return op{"bootstrap", func(l raftio.ILogDB) error {
		return l.SaveBootstrapInfo(name.shard, name.replica, bs)
	}}
}

// begin removes a replica; another one of its group takes its place.
func (g *generator) begin(r *generated) op {
	old := r.node
	g.next++
	*r = generated{node: node{r.shard, g.next}}
	return op{"remove", func(l raftio.ILogDB) error { return l.RemoveNodeData(old.shard, old.replica) }}
}

// importSnapshot is what an operator does while the server is stopped.
func (g *generator) importSnapshot(r *generated) op {
	r.snapshot = r.last + 1 + g.rng.Uint64N(5)
	r.state = pb.State{Term: r.state.Term + 1, Commit: r.snapshot}
	r.last, r.removed = r.snapshot, r.snapshot
	ss := pb.Snapshot{ShardID: r.shard, Index: r.snapshot, Term: r.state.Term, Type: pb.OnDiskStateMachine}
	name := r.node
	return op{"import", func(l raftio.ILogDB) error { return l.ImportSnapshot(ss, name.replica) }}
}
