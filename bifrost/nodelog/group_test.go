package nodelog

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	pb "github.com/lni/dragonboat/v4/raftpb"
)

// ready opens a log whose next segments are filled already.
func ready(t *testing.T, m *memFS) *Log {
	l := open(t, small(m, func(c *Config) { c.SegmentBytes = 256 << 10 }))
	must(t, l.prepare(0))
	must(t, l.SaveRaftState(update(1, 1, 1), 1))
	return l
}

func TestAloneEachSaveIsOneWriteAndOneSync(t *testing.T) {
	m := newMemFS()
	l := ready(t, m)
	m.writes, m.syncs = 0, 0
	for i := range uint64(50) {
		must(t, l.SaveRaftState(update(1, i+2, i+2), 1))
	}
	if m.writes != 50 || m.syncs != 50 {
		t.Fatalf("%d writes and %d syncs for 50 saves", m.writes, m.syncs)
	}
}

// TestWhatNeedsNoSyncGetsNone: that more is committed, and that entries may go, waits for company.
func TestWhatNeedsNoSyncGetsNone(t *testing.T) {
	m := newMemFS()
	l := ready(t, m)
	must(t, l.SaveRaftState(update(1, 2, 9), 1))
	m.writes, m.syncs = 0, 0
	for i := range uint64(8) {
		must(t, l.SaveRaftState([]pb.Update{{ShardID: 1, ReplicaID: 1,
			State: pb.State{Term: 1, Commit: i + 1}}}, 1))
	}
	must(t, l.RemoveEntriesTo(1, 1, 4))
	must(t, l.SaveRaftState([]pb.Update{{ShardID: 1, ReplicaID: 1}}, 1))
	if m.writes != 0 || m.syncs != 0 {
		t.Fatalf("%d writes and %d syncs", m.writes, m.syncs)
	}
	for _, s := range []pb.State{{Term: 2, Commit: 8}, {Term: 2, Vote: 1, Commit: 8}} {
		must(t, l.SaveRaftState([]pb.Update{{ShardID: 1, ReplicaID: 1, State: s}}, 1))
	}
	must(t, l.SaveSnapshots([]pb.Update{{ShardID: 1, ReplicaID: 1, Snapshot: pb.Snapshot{Index: 5}}}))
	if m.writes != 3 || m.syncs != 3 {
		t.Fatalf("%d writes and %d syncs for a term, a vote and a snapshot", m.writes, m.syncs)
	}
	want := dump(t, l, node{1, 1})
	again, err := Open(small(m.crash(keepNothing)))
	must(t, err)
	if have := dump(t, again, node{1, 1}); have != want {
		t.Fatalf("found\n%swant\n%s", have, want)
	}
}

// TestThoseWhoWaitShareASync holds up one sync until ten others wait.
func TestThoseWhoWaitShareASync(t *testing.T) {
	m := newMemFS()
	l := ready(t, m)
	before := l.Stats().Syncs
	began, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	m.before = func(op, _ string) error {
		if op == "sync" {
			once.Do(func() {
				m.mu.Unlock() // it is held around before
				close(began)
				<-goOn
				m.mu.Lock()
			})
		}
		return nil
	}
	var wg sync.WaitGroup
	save := func(shard uint64) { wg.Go(func() { must(t, l.SaveRaftState(update(shard, 1, 1), shard)) }) }
	save(100)
	<-began
	for i := range uint64(10) {
		save(i + 2)
	}
	for waiting := 0; waiting < 10; {
		l.mu.Lock()
		if l.open != nil {
			waiting = l.open.waited
		}
		l.mu.Unlock()
	}
	close(goOn)
	wg.Wait()
	if syncs := l.Stats().Syncs - before; syncs != 2 {
		t.Fatalf("%d syncs, want 2", syncs)
	}
}

// TestManyAtOnce saves, reads and removes from many goroutines on a real directory, with segments
// given back in the background, and looks whether all is there after reopening.
func TestManyAtOnce(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), SegmentBytes: 32 << 10, CacheBytes: 8 << 10}
	l, err := Open(cfg)
	must(t, err)
	var names []node
	var wg sync.WaitGroup
	for shard := range uint64(6) {
		names = append(names, node{shard + 1, 1})
		wg.Go(func() {
			if err := useShard(l, shard+1, 80); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	want := dump(t, l, names...)
	checkUses(t, l)
	must(t, l.Close())
	l, err = Open(cfg)
	must(t, err)
	if have := dump(t, l, names...); have != want {
		t.Fatalf("found\n%swant\n%s", have, want)
	}
	must(t, l.Close())
}

// useShard appends, reads back and removes; odd shards keep their first entries for long.
func useShard(l *Log, shard, rounds uint64) error {
	rng := rand.New(rand.NewPCG(shard, 0))
	for i := range rounds {
		first := 4*i + 1
		if err := l.SaveRaftState(update(shard, first, first+3), shard); err != nil {
			return err
		}
		removed := uint64(0)
		if shard%2 == 0 && i%10 == 9 {
			removed = first - 4
			if err := l.SaveSnapshots([]pb.Update{{ShardID: shard, ReplicaID: 1,
				Snapshot: pb.Snapshot{Index: removed + 1}}}); err != nil {
				return err
			}
			if err := l.RemoveEntriesTo(shard, 1, removed); err != nil {
				return err
			}
		}
		low := first - min(first-1, rng.Uint64N(20))
		if removed > 0 {
			low = first
		}
		if shard%2 == 0 {
			low = first + rng.Uint64N(4)
		}
		list, _, err := l.IterateEntries(nil, 0, shard, 1, low, first+4, 1<<20)
		if err != nil {
			return err
		}
		if uint64(len(list)) != first+4-low {
			return fmt.Errorf("shard %d: %d entries from %d to %d", shard, len(list), low, first+3)
		}
	}
	return nil
}
