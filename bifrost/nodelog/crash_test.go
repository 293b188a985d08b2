package nodelog

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	pb "github.com/lni/dragonboat/v4/raftpb"
)

// TestCrashLeavesAPrefix lets the power fail at every write and sync of a random history. What is
// found then is what was there after some operation: not before the last one that had returned after
// a sync, not after the one under way.
func TestCrashLeavesAPrefix(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { crashEverywhere(t, seed) })
	}
}

func crashEverywhere(t *testing.T, seed uint64) {
	m := newMemFS()
	g := newGenerator(seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	l := open(t, small(m))
	var left []*memFS
	busy := false
	m.before = func(string, string) error {
		if !busy {
			busy = true
			m.mu.Unlock() // it is held around before
			left = append(left, m.crash(keepNothing), m.crash(keepAll), m.crash(keepFirst(rng.IntN(900))))
			m.mu.Lock()
			busy = false
		}
		return nil
	}
	var names []node // of all replicas there may ever be
	for shard := range uint64(4) {
		for id := range uint64(15) {
			names = append(names, node{shard + 1, id + 1})
		}
	}
	print := func(l *Log) string { return dump(t, l, names...) }
	allowed := []string{print(l)}
	for step := range 80 {
		syncs := l.Stats().Syncs
		o := g.op()
		if step%7 == 0 {
			must(t, l.tidy())
		}
		must(t, o.do(l))
		allowed = append(allowed, print(l))
		for i, after := range left {
			found, err := Open(small(after))
			if err != nil {
				t.Fatalf("step %d, %s, crash %d: %v", step, o.name, i, err)
			}
			if have := print(found); !slices.Contains(allowed, have) {
				t.Fatalf("step %d, %s, crash %d: found\n%swhich is none of the last\n%s", step, o.name, i, have,
					strings.Join(allowed, "\n"))
			}
			checkUses(t, found)
			must(t, found.Close())
		}
		left = nil
		// What changed without a sync may be lost, until a sync carries it along.
		if l.Stats().Syncs > syncs && (o.name != "commit" && o.name != "remove to") {
			allowed = allowed[len(allowed)-1:]
		}
	}
}

// TestTornTail cuts, zeroes and spoils the last group at every byte.
func TestTornTail(t *testing.T) {
	m := newMemFS()
	l := open(t, small(m, func(c *Config) { c.SegmentBytes = 64 << 10 }))
	name := node{1, 1}
	save := func(first uint64) {
		t.Helper()
		must(t, l.SaveRaftState([]pb.Update{{ShardID: 1, ReplicaID: 1, State: pb.State{Term: 1, Commit: first},
			EntriesToSave: entries(1, first, first+2)}}, 1))
	}
	save(1)
	save(4)
	before := dump(t, l, name)
	from := l.segments[0].end
	save(7)
	after := dump(t, l, name)
	to := int64(len(m.files["00000001.wal"].data))
	must(t, l.Close())

	rng := rand.New(rand.NewPCG(1, 1))
	stale := slices.Clone(m.files["00000001.wal"].data[headerBytes:from]) // whole frames, but older
	for at := from; at < to; at++ {
		for kind, spoil := range map[string]func(b []byte) []byte{
			"cut":    func(b []byte) []byte { return b[:at] },
			"zeroed": func(b []byte) []byte { clear(b[at:]); return b },
			"garbage": func(b []byte) []byte {
				for i := at; i < int64(len(b)); i++ {
					b[i] = byte(rng.Uint32())
				}
				return b
			},
			"stale": func(b []byte) []byte {
				b = append(b, make([]byte, len(stale))...)
				copy(b[at:], stale)
				return b
			},
		} {
			c := m.clone()
			f := c.files["00000001.wal"]
			f.data = spoil(f.data)
			found, err := Open(small(c))
			if err != nil {
				t.Fatalf("%s at %d: %v", kind, at, err)
			}
			have := dump(t, found, name)
			if have != before && (have != after || at < to-2) { // two bytes may turn out as they were
				t.Fatalf("%s at %d of [%d, %d): found\n%s", kind, at, from, to, have)
			}
			// It goes on from there, and what was cut never comes back.
			must(t, found.SaveRaftState([]pb.Update{{ShardID: 1, ReplicaID: 1,
				State: pb.State{Term: 2}, EntriesToSave: entries(2, 7, 7)}}, 1))
			want := dump(t, found, name)
			must(t, found.Close())
			again := open(t, small(c))
			if have := dump(t, again, name); have != want {
				t.Fatalf("%s at %d, after another save: found\n%swant\n%s", kind, at, have, want)
			}
		}
	}
}

// TestDamageIsRefused changes every byte that is followed by another sync.
func TestDamageIsRefused(t *testing.T) {
	m := newMemFS()
	l := open(t, small(m, func(c *Config) { c.SegmentBytes = 1 << 10 }))
	name := node{1, 1}
	for i := uint64(1); len(l.segments) < 4 || l.segments[len(l.segments)-1].frames < 3; i++ {
		must(t, l.SaveRaftState([]pb.Update{{ShardID: 1, ReplicaID: 1, State: pb.State{Term: 1, Commit: i},
			EntriesToSave: entries(1, i, i)}}, 1))
	}
	want := dump(t, l, name)
	last := l.segments[len(l.segments)-1]
	must(t, l.Close())
	lastFrame := int64(headerBytes)
	for ordinal := uint32(0); ordinal < last.frames-1; ordinal++ {
		_, records, ok := decodeFrame(m.files[last.name].data[lastFrame:])
		if !ok {
			t.Fatalf("no frame at %d", lastFrame)
		}
		lastFrame += frameBytes(len(records))
	}
	refused := 0
	for _, s := range l.segments {
		end := s.end
		if s == last {
			end = lastFrame
		}
		for at := range min(end, int64(len(m.files[s.name].data))) {
			c := m.clone()
			c.files[s.name].data[at] ^= 0x40
			found, err := Open(small(c))
			if err != nil {
				refused++
				if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "restore the log directory") ||
					!strings.Contains(err.Error(), ".wal at byte") {
					t.Fatalf("%s at %d: %v", s.name, at, err)
				}
				continue
			}
			// The bytes between two frames mean nothing.
			if have := dump(t, found, name); have != want {
				t.Fatalf("%s at %d: damage was not seen:\n%s", s.name, at, have)
			}
			must(t, found.Close())
		}
		c := m.clone()
		delete(c.files, s.name)
		if _, err := Open(small(c)); s != last && !errors.Is(err, ErrCorrupt) {
			t.Fatalf("without %s: %v", s.name, err)
		}
	}
	if refused < 1000 {
		t.Fatalf("only %d changes were refused", refused)
	}
}

// TestDamageIsSeenWhenRead changes an entry on disk while the log is open.
func TestDamageIsSeenWhenRead(t *testing.T) {
	m := newMemFS()
	l := open(t, small(m, func(c *Config) { c.CacheBytes = 1 }))
	must(t, l.SaveRaftState([]pb.Update{{ShardID: 1, ReplicaID: 1, State: pb.State{Term: 1},
		EntriesToSave: entries(1, 1, 3)}}, 1))
	s := *l.index.replicas[node{1, 1}].at(2)
	m.files["00000001.wal"].data[s.offset+3] ^= 1
	_, _, err := l.IterateEntries(nil, 0, 1, 1, 1, 4, 1<<20)
	if err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Fatalf("read a damaged entry: %v", err)
	}
	if list, _, err := l.IterateEntries(nil, 0, 1, 1, 1, 2, 1<<20); err != nil || len(list) != 1 {
		t.Fatalf("read the entry before it: %d, %v", len(list), err)
	}
}

func TestNewerFormatIsRefused(t *testing.T) {
	m := newMemFS()
	l := open(t, small(m))
	must(t, l.SaveBootstrapInfo(1, 1, pb.Bootstrap{Join: true}))
	must(t, l.Close())
	f := m.files["00000001.wal"]
	f.data[8] = 9
	sum := checksum(f.data[:60])
	f.data[60], f.data[61], f.data[62], f.data[63] = byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)
	if _, err := Open(small(m)); err == nil || !strings.Contains(err.Error(), "run the release that wrote it") {
		t.Fatalf("format 9: %v", err)
	}
}

func TestStrangeFileIsRefused(t *testing.T) {
	m := newMemFS()
	if _, err := m.Create("core"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(small(m)); err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Fatalf("a strange file: %v", err)
	}
}
