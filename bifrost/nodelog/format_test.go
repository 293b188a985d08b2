package nodelog

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	pb "github.com/lni/dragonboat/v4/raftpb"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// TestFormatIsGolden writes a record of each kind and compares the two segments byte for byte with
// what an earlier release wrote.
func TestFormatIsGolden(t *testing.T) {
	m := newMemFS()
	epoch := uint64(0x0102030405060700)
	l := open(t, small(m, func(c *Config) {
		c.newEpoch = func() uint64 { epoch++; return epoch }
	}))
	bs := pb.Bootstrap{Addresses: map[uint64]string{1: "node-1"}, Type: pb.OnDiskStateMachine}
	ss := pb.Snapshot{Index: 4, Term: 2, ShardID: 100, Type: pb.OnDiskStateMachine, Dummy: true}
	must(t, l.SaveBootstrapInfo(100, 1, bs))
	must(t, l.SaveRaftState([]pb.Update{
		{ShardID: 100, ReplicaID: 1, State: pb.State{Term: 2, Vote: 1, Commit: 3}, EntriesToSave: entries(2, 1, 6)},
		{ShardID: 101, ReplicaID: 1, State: pb.State{Term: 1, Commit: 9},
			Snapshot: pb.Snapshot{Index: 9, Term: 1, ShardID: 101}},
	}, 1))
	must(t, l.SaveSnapshots([]pb.Update{{ShardID: 100, ReplicaID: 1, Snapshot: ss}}))
	must(t, l.RemoveEntriesTo(100, 1, 4))
	must(t, l.ImportSnapshot(pb.Snapshot{Index: 20, Term: 3, ShardID: 102, Type: pb.OnDiskStateMachine}, 7))
	l.mu.Lock()
	l.extend()
	l.mu.Unlock()
	must(t, l.RemoveNodeData(101, 1))
	l.mu.Lock()
	batch, size := l.oldestEntries()
	l.mu.Unlock()
	must(t, l.copyForward(batch, size))
	must(t, l.release())
	if s := l.Stats(); len(batch) != 2 || s.Spares != 1 || s.Segments != 1 {
		t.Fatalf("%d entries were moved, then %+v; want 2 moved and a segment given back", len(batch), s)
	}
	want := dump(t, l, goldenReplicas...)
	must(t, l.Close())

	files := newMemFS()
	names, err := m.List()
	must(t, err)
	for _, name := range names {
		golden := filepath.Join("testdata", name+".golden")
		if *rewrite {
			must(t, os.MkdirAll("testdata", 0o755))
			must(t, os.WriteFile(golden, []byte(toLines(m.files[name].data)), 0o644))
		}
		text, err := os.ReadFile(golden)
		must(t, err)
		if have := toLines(m.files[name].data); have != string(text) {
			t.Errorf("%s has changed:\n%swant\n%s", name, have, text)
		}
		data, err := hex.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
		must(t, err)
		files.files[name] = &memFile{fs: files, name: name, data: data}
	}
	if have := dump(t, open(t, small(files)), goldenReplicas...); have != want {
		t.Errorf("the golden files hold\n%swant\n%s", have, want)
	}
}

var goldenReplicas = []node{{100, 1}, {101, 1}, {102, 7}}

func toLines(data []byte) string {
	var b strings.Builder
	for line := range slices.Chunk(data, 32) {
		fmt.Fprintf(&b, "%x\n", line)
	}
	return b.String()
}

// FuzzRecords decodes what it is given: it may fail, but not panic, and what was decoded lies inside.
func FuzzRecords(f *testing.F) {
	l, err := Open(small(newMemFS()))
	if err != nil {
		f.Fatal(err)
	}
	g := newGenerator(1)
	for range 60 {
		if err := g.op().do(l); err != nil {
			f.Fatal(err)
		}
		l.mu.Lock()
		if l.open != nil {
			f.Add(append([]byte(nil), l.open.buf[l.open.records():]...))
		}
		l.mu.Unlock()
	}
	for _, file := range l.cfg.fs.(*memFS).files {
		for at := int64(headerBytes); at < int64(len(file.data)); {
			_, records, ok := decodeFrame(file.data[at:])
			if !ok {
				break
			}
			f.Add(append([]byte(nil), records...))
			at += frameBytes(len(records))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for r := (&reader{b: b}); r.more(); {
			rec, err := r.next()
			if err != nil {
				if !errors.Is(err, errRecord) {
					t.Fatal(err)
				}
				return
			}
			for _, s := range rec.entries {
				if s.start < 0 || s.start > s.end || s.end > r.at {
					t.Fatalf("an entry at %d to %d of %d", s.start, s.end, r.at)
				}
			}
		}
	})
}

// FuzzFrame looks for a frame in what it is given; one that it finds must have the right sum.
func FuzzFrame(f *testing.F) {
	for n := range 3 {
		b := make([]byte, frameHeaderBytes+10*n+1)
		frameHeader{ordinal: uint32(n), epoch: 7, sequence: 9}.seal(b)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, records, ok := decodeFrame(b); ok {
			again := append(make([]byte, frameHeaderBytes), records...)
			h.seal(again)
			if have, want := fmt.Sprintf("%x", again[:4]), fmt.Sprintf("%x", b[:4]); have != want && b[12] == 0 &&
				b[13] == 0 && b[14] == 0 && b[15] == 0 {
				t.Fatalf("the sum is %s, the frame says %s", want, have)
			}
		}
		_, _, _ = decodeHeader(b)
	})
}
