package metadata

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/perdure/perdure/protocol"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Fatalf("%s differs: durable formats never change\ngot:\n%swant:\n%s", name, got, want)
	}
}

func swap(request byte, key string, expected uint64, value string) record {
	return record{kind: recordSwap, request: requestID{request}, expected: expected, key: key,
		value: []byte(value)}
}

func exampleMachine() *machine {
	m := newMachine()
	m.apply(4097, swap(1, "schema", 0, "first"))
	m.apply(4098, swap(2, "schema", 1, "second"))
	m.apply(8192, swap(3, "cluster", 0, `{"name":"c"}`))
	return m
}

func TestGoldenBytes(t *testing.T) {
	var b strings.Builder
	r := swap(7, "schema", 2, "v")
	bar := record{kind: recordBarrier, request: requestID{9}}
	fmt.Fprintf(&b, "swap     %x\nbarrier  %x\nsnapshot\n%s", r.encode(), bar.encode(),
		hex.Dump(exampleMachine().encode()))
	golden(t, "format.txt", b.String())
}

func TestSwap(t *testing.T) {
	m := newMachine()
	for i, step := range []struct {
		r    record
		want outcome
	}{
		{swap(1, "a", 1, "x"), outcome{}}, // does not exist yet
		{swap(2, "a", 0, "x"), outcome{changed: true, version: 1}},
		{swap(3, "a", 0, "y"), outcome{version: 1}},                // exists by now
		{swap(2, "a", 0, "x"), outcome{changed: true, version: 1}}, // a repeat
		{swap(4, "a", 1, "y"), outcome{changed: true, version: 2}},
		{swap(2, "a", 0, "x"), outcome{version: 2}}, // a repeat after somebody else's change
		{swap(5, "b", 0, "z"), outcome{changed: true, version: 1}},
	} {
		if got := m.apply(protocol.LSN(i+1), step.r); got != step.want {
			t.Fatalf("step %d: %+v, want %+v", i, got, step.want)
		}
	}
	if m.applied != 7 || string(m.entries["a"].value) != "y" || string(m.entries["b"].value) != "z" {
		t.Fatalf("ended with %+v", m)
	}
}

func TestKeysAreLimited(t *testing.T) {
	m := newMachine()
	for i := range MaxKeys {
		m.entries[fmt.Sprint(i)] = entry{version: 1}
	}
	if out := m.apply(1, swap(1, "one more", 0, "")); !out.full || out.changed {
		t.Fatalf("key %d: %+v, want a refusal", MaxKeys+1, out)
	}
	if out := m.apply(2, swap(2, "7", 1, "")); !out.changed {
		t.Fatalf("existing key: %+v, want a change", out)
	}
}

// TestDamagedSnapshot flips each byte and cuts at each length: every damage is noticed.
func TestDamagedSnapshot(t *testing.T) {
	good := exampleMachine().encode()
	if m, err := decodeMachine(good); err != nil || !reflect.DeepEqual(m, exampleMachine()) {
		t.Fatalf("round trip: %+v, %v", m, err)
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x40
		if _, err := decodeMachine(bad); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("byte %d flipped: %v, want ErrCorrupt", i, err)
		}
		if _, err := decodeMachine(good[:i]); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut at %d: %v, want ErrCorrupt", i, err)
		}
	}
}

// TestReplaySnapshotAnywhere checks that a snapshot at any position plus the rest of the records
// gives the same state as all records.
func TestReplaySnapshotAnywhere(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var records []record
	for i := range 200 {
		records = append(records, swap(byte(rng.IntN(60)), fmt.Sprint("k", rng.IntN(5)),
			uint64(rng.IntN(8)), fmt.Sprint("v", i)))
	}
	all := newMachine()
	for i, r := range records {
		all.apply(protocol.LSN(i+1), r)
	}
	for cut := range records {
		m := newMachine()
		for i, r := range records[:cut] {
			m.apply(protocol.LSN(i+1), r)
		}
		m, err := decodeMachine(m.encode())
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range records[cut:] {
			m.apply(protocol.LSN(cut+i+1), r)
		}
		if !bytes.Equal(m.encode(), all.encode()) {
			t.Fatalf("snapshot after %d records: the states differ", cut)
		}
	}
}

func FuzzDecodeRecord(f *testing.F) {
	r := swap(1, "key", 3, "value")
	f.Add(r.encode())
	bar := record{kind: recordBarrier}
	f.Add(bar.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeRecord(b)
		if err != nil {
			if !errors.Is(err, errBadRecord) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		if got := r.encode(); !bytes.Equal(got, b) {
			t.Fatalf("decoded %x, encoded %x", b, got)
		}
	})
}

func FuzzDecodeSnapshot(f *testing.F) {
	f.Add(exampleMachine().encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := decodeMachine(b); err != nil && !errors.Is(err, ErrCorrupt) {
			t.Fatalf("error of another kind: %v", err)
		}
	})
}
