package nodelog

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	pb "github.com/lni/dragonboat/v4/raftpb"
)

func update(shard, first, last uint64) []pb.Update {
	return []pb.Update{{ShardID: shard, ReplicaID: 1, State: pb.State{Term: 1, Commit: last},
		EntriesToSave: entries(1, first, last)}}
}

// TestAFailedSyncIsFinal: nobody knows what a disk holds after one, so nothing is tried again.
func TestAFailedSyncIsFinal(t *testing.T) {
	for _, broken := range []string{"sync", "syncdir", "write", "create"} {
		t.Run(broken, func(t *testing.T) {
			m := newMemFS()
			l := open(t, small(m))
			tries := 0
			m.before = func(op, _ string) error {
				if op == broken {
					tries++
					return errInjected
				}
				return nil
			}
			for range 3 {
				err := l.SaveRaftState(update(1, 1, 2), 1)
				if !errors.Is(err, errInjected) || !strings.Contains(err.Error(), "restart the server") {
					t.Fatalf("save: %v", err)
				}
			}
			if err := l.SaveBootstrapInfo(1, 1, pb.Bootstrap{}); !errors.Is(err, errInjected) {
				t.Fatalf("save a bootstrap record: %v", err)
			}
			if tries != 1 {
				t.Fatalf("%s was tried %d times", broken, tries)
			}
			m.before = nil
			must(t, l.Close())
		})
	}
}

// TestAFullDiskIsWaitedFor: what was begun goes on once there is space, and is not lost.
func TestAFullDiskIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemFS()
		var full, freed atomic.Int64
		l, err := Open(small(m, func(c *Config) {
			c.Events.Full = func(err error) {
				if !errors.Is(err, unix.ENOSPC) {
					t.Errorf("full: %v", err)
				}
				full.Add(1)
			}
			c.Events.Freed = func() { freed.Add(1) }
		}))
		must(t, err)
		must(t, l.SaveRaftState(update(1, 1, 2), 1))
		m.mu.Lock()
		m.space = 10
		m.mu.Unlock()
		saved := make(chan error)
		go func() { saved <- l.SaveRaftState(update(1, 3, 4), 1) }()
		time.Sleep(time.Second - time.Millisecond)
		if full.Load() != 10 || freed.Load() != 0 {
			t.Fatalf("full %d times, freed %d times within a second", full.Load(), freed.Load())
		}
		m.mu.Lock()
		m.space = 1 << 20
		m.mu.Unlock()
		must(t, <-saved)
		if freed.Load() != 1 {
			t.Fatalf("freed %d times", freed.Load())
		}
		want := dump(t, l, node{1, 1})
		must(t, l.Close())
		again, err := Open(small(m.crash(keepNothing)))
		must(t, err)
		if have := dump(t, again, node{1, 1}); have != want {
			t.Fatalf("found\n%swant\n%s", have, want)
		}
	})
}

// TestCloseEndsTheWaitForSpace: a server must be able to stop on a full disk.
func TestCloseEndsTheWaitForSpace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemFS()
		l, err := Open(small(m))
		must(t, err)
		m.mu.Lock()
		m.space = 0
		m.mu.Unlock()
		saved := make(chan error)
		go func() { saved <- l.SaveRaftState(update(1, 1, 2), 1) }()
		time.Sleep(time.Second)
		closed := make(chan error)
		go func() { closed <- l.Close() }()
		if err := <-saved; !errors.Is(err, unix.ENOSPC) {
			t.Fatalf("save: %v", err)
		}
		must(t, <-closed)
		if err := l.SaveRaftState(update(1, 1, 2), 1); err == nil {
			t.Fatal("a closed log saves")
		}
	})
}

// TestAFilledFileNeedsNoSpace: the segment that is ready takes what is under way on a full disk.
func TestAFilledFileNeedsNoSpace(t *testing.T) {
	m := newMemFS()
	l := open(t, small(m, func(c *Config) { c.SegmentBytes = 64 << 10 }))
	must(t, l.prepare(0))
	m.space = 0
	for i := range uint64(100) {
		must(t, l.SaveRaftState(update(1, i+1, i+1), 1))
	}
	if m.space != 0 || l.Stats().Segments != 1 {
		t.Fatalf("%+v", l.Stats())
	}
}

// TestAHoleIsRefused: the library never asks for one; if it did, the log would be useless.
func TestAHoleIsRefused(t *testing.T) {
	l := open(t, small(newMemFS()))
	must(t, l.SaveRaftState(update(1, 5, 6), 1))
	for _, bad := range [][]pb.Update{
		update(1, 8, 9),
		update(2, 0, 1),
		{{ShardID: 1, ReplicaID: 1, EntriesToSave: []pb.Entry{{Index: 7}, {Index: 9}}}},
		{{ShardID: 1, ReplicaID: 1, Snapshot: pb.Snapshot{Index: 20}, EntriesToSave: entries(1, 7, 8)}},
		{{ShardID: 1, ReplicaID: 1, Snapshot: pb.Snapshot{Index: 20}, EntriesToSave: entries(1, 22, 23)}},
	} {
		if err := l.SaveRaftState(bad, 1); err == nil {
			t.Errorf("saved %+v", bad)
		}
	}
	must(t, l.SaveRaftState(update(1, 7, 7), 1)) // the log goes on
}
