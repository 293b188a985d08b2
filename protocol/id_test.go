package protocol

import (
	"encoding/hex"
	"math"
	"math/rand/v2"
	"testing"
)

// The example was seen on the wire of the reference server.
func TestInvocationIDMatchesContractExample(t *testing.T) {
	raw, _ := hex.DecodeString("eb515b5b172a783aace3f37bffcdbc7693e50bf59b76dfe5")
	const printed = "inv_151ekK9xzEcb6ZLmGwxcyOyuD4coBjF0e0"
	id, err := InvocationIDFromRaw(raw)
	if err != nil || id.String() != printed {
		t.Fatalf("raw prints as %s, %v; want %s", id, err, printed)
	}
	back, err := ParseInvocationID(printed)
	if err != nil || back != id {
		t.Fatalf("parsed %x, %v; want %x", back.AppendRaw(nil), err, raw)
	}
}

func TestIDsRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		id := InvocationID{Key: PartitionKey(rng.Uint64())}
		for i := range id.UUID {
			id.UUID[i] = byte(rng.Uint32())
		}
		if got, err := ParseInvocationID(id.String()); err != nil || got != id || len(id.String()) != 38 {
			t.Fatalf("%s parses as %s, %v", id, got, err)
		}
		a := AwakeableID{Invocation: id, Index: rng.Uint32(), Old: rng.IntN(2) == 0}
		if got, err := ParseAwakeableID(a.String()); err != nil || got != a {
			t.Fatalf("%s parses as %v, %v", a, got, err)
		}
		if got, err := ParseAwakeableID(a.String() + "=="); err != nil || got != a {
			t.Fatalf("padded %s parses as %v, %v", a, got, err)
		}
		d := DeploymentID(id.UUID)
		if got, err := ParseDeploymentID(d.String()); err != nil || got != d {
			t.Fatalf("%s parses as %s, %v", d, got, err)
		}
	}
}

func TestBadIDsAreRefused(t *testing.T) {
	for _, s := range []string{
		"", "inv_1", "inv_2" + "151ekK9xzEcb6ZLmGwxcyOyuD4coBjF0e0"[1:], "inv_1ZZZZZZZZZZZ0000000000000000000000",
		"inv_100000000000ZZZZZZZZZZZZZZZZZZZZZZ", "inv_151ekK9xzEcb6ZLmGwxcyOyuD4coBjF0e", "inv_151ekK9xzEcb6ZLmGwxcyOyuD4coBjF0e-",
	} {
		if id, err := ParseInvocationID(s); err == nil {
			t.Errorf("%q was taken as %s", s, id)
		}
	}
	for _, s := range []string{"", "sign_1", "sign_1!!", "prom_1AAAA", "inv_1AAAA"} {
		if id, err := ParseAwakeableID(s); err == nil {
			t.Errorf("%q was taken as %s", s, id)
		}
	}
}

func FuzzParseIDs(f *testing.F) {
	f.Add("inv_151ekK9xzEcb6ZLmGwxcyOyuD4coBjF0e0")
	f.Add("sign_1AAAA")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := ParseInvocationID(s); err == nil && id.String() != s {
			t.Fatalf("%q was taken as %s", s, id)
		}
		_, _ = ParseAwakeableID(s)
		_, _ = ParseDeploymentID(s)
	})
}

func TestPartitionRangesCoverTheKeySpace(t *testing.T) {
	for _, count := range []int{1, 2, 3, 8, 24, 100, MaxPartitions} {
		next := PartitionKey(0)
		for p := range count {
			r := PartitionRange(PartitionID(p), count)
			if r.First != next || r.Last < r.First {
				t.Fatalf("%d partitions: %d has %s, want it to start at %x", count, p, r, uint64(next))
			}
			for _, k := range []PartitionKey{r.First, r.Last, r.First + (r.Last-r.First)/2} {
				if got := PartitionOf(k, count); int(got) != p {
					t.Fatalf("%d partitions: key %x belongs to %d, want %d", count, uint64(k), got, p)
				}
			}
			next = r.Last + 1
		}
		if next != 0 || !PartitionRange(PartitionID(count-1), count).Contains(math.MaxUint64) {
			t.Fatalf("%d partitions end at %x", count, uint64(next))
		}
	}
}
