package nodelog

import (
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/lni/dragonboat/v4/raftio"
	"github.com/lni/vfs"
)

// TestLikeTheBuiltInLog does the same to this log and to the library's own and compares all that can
// be read, across reopening, reuse of segments and moves of entries.
func TestLikeTheBuiltInLog(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			compareWithBuiltIn(t, seed, 250)
		})
	}
}

func compareWithBuiltIn(t *testing.T, seed uint64, steps int) {
	log.SetOutput(io.Discard) // it complains that a disk in memory does not tell its free space
	defer log.SetOutput(os.Stderr)
	m, disk := newMemFS(), vfs.NewMem()
	ours, theirs := open(t, small(m)), openBuiltIn(t, disk, "/raft")
	g := newGenerator(seed)
	reopen := func() {
		must(t, errors.Join(ours.Close(), theirs.Close()))
		theirs = openBuiltIn(t, disk, "/raft")
		ours = open(t, small(m))
	}
	defer func() { must(t, theirs.Close()) }()
	for step := range steps {
		imported := g.rng.IntN(60) == 0
		var o op
		if imported { // the library's tool does that between two runs of the server
			reopen()
			o = g.importSnapshot(g.replicas[g.rng.IntN(len(g.replicas))])
		} else {
			o = g.op()
		}
		must(t, o.do(ours))
		must(t, o.do(theirs))
		switch {
		case imported || g.rng.IntN(30) == 0:
			reopen()
		case g.rng.IntN(5) == 0:
			must(t, ours.tidy())
		}
		checkUses(t, ours)
		want, have := dump(t, theirs, g.names()...), dump(t, ours, g.names()...)
		if want != have {
			t.Fatalf("step %d, %s:\nbuilt in:\n%sours:\n%s", step, o.name, want, have)
		}
		compareReads(t, g.rng, ours, theirs, g)
	}
	if s := ours.Stats(); int64(s.Segments) > moveSlack+2+2*s.LiveBytes/ours.cfg.SegmentBytes {
		must(t, ours.tidy())
		t.Logf("%+v after tidying %+v", s, ours.Stats())
	}
}

// compareReads reads parts of the log with limits.
func compareReads(t *testing.T, rng *rand.Rand, ours, theirs raftio.ILogDB, g *generator) {
	t.Helper()
	r := g.replicas[rng.IntN(len(g.replicas))]
	if r.last <= r.snapshot {
		return
	}
	low := r.snapshot + 1 + rng.Uint64N(r.last-r.snapshot)
	high := low + 1 + rng.Uint64N(r.last-low+2)
	for _, limit := range []uint64{0, rng.Uint64N(1000), math.MaxUint64} {
		size := rng.Uint64N(200)
		a, sizeA, errA := ours.IterateEntries(nil, size, r.shard, r.replica, low, high, limit)
		b, sizeB, errB := theirs.IterateEntries(nil, size, r.shard, r.replica, low, high, limit)
		must(t, errors.Join(errA, errB))
		if sizeA != sizeB || fmt.Sprint(a) != fmt.Sprint(b) {
			t.Fatalf("entries [%d, %d) up to %d beyond %d bytes: %d entries, %d bytes; built in %d, %d",
				low, high, limit, size, len(a), sizeA, len(b), sizeB)
		}
	}
}
