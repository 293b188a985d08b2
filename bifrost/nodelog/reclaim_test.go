package nodelog

import (
	"testing"

	pb "github.com/lni/dragonboat/v4/raftpb"
)

// TestAReplicaThatLagsHoldsNothingBack: one replica never removes its few entries, another goes on for
// long. Segments are given back and their files used again all the same.
func TestAReplicaThatLagsHoldsNothingBack(t *testing.T) {
	m := newMemFS()
	l := open(t, small(m))
	must(t, l.SaveRaftState(update(1, 1, 9), 1))
	want := dump(t, l, node{1, 1})
	for i := range uint64(3000) {
		must(t, l.SaveRaftState(update(2, i+1, i+1), 1))
		if i%20 == 19 {
			must(t, l.RemoveEntriesTo(2, 1, i-5))
			must(t, l.tidy())
		}
	}
	s := l.Stats()
	if s.Segments > moveSlack+2 || s.Spares > maxSpares || len(m.files) > moveSlack+2+maxSpares {
		t.Fatalf("%d files, %+v", len(m.files), s)
	}
	newest := l.segments[len(l.segments)-1].sequence
	if newest < 30 {
		t.Fatalf("only %d segments were begun", newest)
	}
	if have := dump(t, l, node{1, 1}); have != want {
		t.Fatalf("found\n%swant\n%s", have, want)
	}
	must(t, l.Close())
	l = open(t, small(m))
	if have := dump(t, l, node{1, 1}); have != want {
		t.Fatalf("after reopening: found\n%swant\n%s", have, want)
	}
}

// TestAReadKeepsItsSegment: while entries are read, their segment is not given back, and once nobody
// reads any more it is.
func TestAReadKeepsItsSegment(t *testing.T) {
	m := newMemFS()
	l := open(t, small(m, func(c *Config) { c.CacheBytes = 1 }))
	last := uint64(0)
	for len(l.segments) < 3 {
		last++
		must(t, l.SaveRaftState(update(1, last, last), 1))
	}
	picked, _, err := l.pick(1, 1, 1, 3, 1<<20)
	must(t, err)
	must(t, l.RemoveEntriesTo(1, 1, last))
	must(t, l.tidy())
	if l.segments[0].sequence != 1 {
		t.Fatal("a segment that is read was given back")
	}
	if list, err := l.load(picked); err != nil || len(list) != 2 {
		t.Fatalf("read %d entries: %v", len(list), err)
	}
	must(t, l.tidy())
	if l.segments[0].sequence == 1 {
		t.Fatal("a segment that nobody needs or reads was kept")
	}
}

// TestALargeGroupGetsALargeFile, which is not kept for others.
func TestALargeGroupGetsALargeFile(t *testing.T) {
	m := newMemFS()
	l := open(t, small(m))
	must(t, l.prepare(0))
	must(t, l.SaveRaftState([]pb.Update{{ShardID: 1, ReplicaID: 1, State: pb.State{Term: 1},
		EntriesToSave: []pb.Entry{{Index: 1, Term: 1, Cmd: make([]byte, 50<<10)}}}}, 1))
	must(t, l.SaveRaftState(update(1, 2, 3), 1))
	want := dump(t, l, node{1, 1})
	must(t, l.Close())
	l = open(t, small(m))
	if have := dump(t, l, node{1, 1}); have != want {
		t.Fatal("after reopening the entries differ")
	}
	must(t, l.RemoveEntriesTo(1, 1, 3))
	must(t, l.SaveRaftState(update(1, 4, 4), 1))
	must(t, l.tidy())
	for _, f := range m.files {
		if len(f.data) > 50<<10 && l.segments[0].sequence > 1 {
			t.Fatalf("%s of %d bytes is kept", f.name, len(f.data))
		}
	}
}

// TestLargeGroupsAreWrittenOnce: while groups are large no file is filled for them; when they are small
// again the log goes on in one that is.
func TestLargeGroupsAreWrittenOnce(t *testing.T) {
	m := newMemFS()
	l := open(t, small(m, func(c *Config) { c.SegmentBytes, c.largeBytes = 256<<10, 32<<10 }))
	save := func(index uint64, size int) {
		t.Helper()
		must(t, l.SaveRaftState([]pb.Update{{ShardID: 1, ReplicaID: 1, State: pb.State{Term: 1},
			EntriesToSave: []pb.Entry{{Index: index, Term: 1, Cmd: make([]byte, size)}}}}, 1))
		must(t, l.tidy())
	}
	index := uint64(0)
	for !l.large() {
		index++
		save(index, 64<<10)
	}
	before := len(l.segments)
	for len(l.segments) < before+4 {
		index++
		save(index, 64<<10)
	}
	if last := l.segments[len(l.segments)-1]; !last.grows || len(l.spares) != 0 {
		t.Fatalf("files are filled for large groups: segment %+v, %d spares", last, len(l.spares))
	}
	for segments := len(l.segments); l.segments[len(l.segments)-1].grows; {
		index++
		save(index, 100)
		if len(l.segments) > segments+1 {
			t.Fatal("small groups go on in a file that grows")
		}
	}
	want := dump(t, l, node{1, 1})
	must(t, l.Close())
	if have := dump(t, open(t, small(m, func(c *Config) { c.SegmentBytes = 256 << 10 })), node{1, 1}); have != want {
		t.Fatal("after reopening the entries differ")
	}
}
