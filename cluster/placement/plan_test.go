package placement

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func nodes(zones ...string) (out []Node) {
	for i, z := range zones {
		out = append(out, Node{ID: uint64(i + 1), Region: z[:1], Zone: z, Alive: true})
	}
	return out
}

func loads(sets [][]uint64) map[uint64]int {
	m := map[uint64]int{}
	for _, s := range sets {
		for _, id := range s {
			m[id]++
		}
	}
	return m
}

func difference(m map[uint64]int, all []Node) int {
	low, high := 1<<30, 0
	for _, n := range all {
		low, high = min(low, m[n.ID]), max(high, m[n.ID])
	}
	return high - low
}

// TestGrows: from one node to three and five, replicas and leaders spread evenly.
func TestGrows(t *testing.T) {
	current := make([][]uint64, 24)
	leaders := make([]uint64, 24)
	for i := range current {
		current[i], leaders[i] = []uint64{1}, 1
	}
	for _, zones := range [][]string{{"a1", "a2", "a3"}, {"a1", "a2", "a3", "a1", "a2"}} {
		all := nodes(zones...)
		current = Replicas(all, Replication{Node: 3, Zone: 3}, current)
		leaders = Leaders(all, current, leaders)
		byLeader := map[uint64]int{}
		for i, set := range current {
			if len(set) != 3 || !slices.Contains(set, leaders[i]) {
				t.Errorf("partition %d is on %v, led by %d", i, set, leaders[i])
			}
			in := map[string]bool{}
			for _, id := range set {
				in[all[id-1].Zone] = true
			}
			if len(in) != 3 {
				t.Errorf("partition %d on %v is in %d zones", i, set, len(in))
			}
			byLeader[leaders[i]]++
		}
		if d := difference(byLeader, all); d > 1 {
			t.Errorf("%d nodes lead %v", len(all), byLeader)
		}
	}
	if m := loads(current); m[3] != 24 || m[1] != 12 || m[2] != 12 {
		t.Errorf("zones of two nodes share their replicas as %v", m)
	}
}

// TestProperties: whatever the nodes, sets are valid, stable, and as spread as asked for.
func TestProperties(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		zones := make([]string, 1+r.IntN(7))
		for i := range zones {
			zones[i] = fmt.Sprintf("r%d", r.IntN(3))
		}
		all := nodes(zones...)
		want := Replication{Node: 1 + r.IntN(4), Zone: r.IntN(3)}
		current := make([][]uint64, 1+r.IntN(40))
		for i := range current {
			for range r.IntN(4) {
				if id := uint64(1 + r.IntN(9)); !slices.Contains(current[i], id) {
					current[i] = append(current[i], id)
				}
			}
		}
		got := Replicas(all, want, current)
		inZones := map[string]bool{}
		for _, z := range zones {
			inZones[z] = true
		}
		size := min(want.Size(), len(all))
		for i, set := range got {
			seen := map[string]bool{}
			for _, id := range set {
				seen[all[id-1].Zone] = true
			}
			if len(set) != size || len(slices.Compact(slices.Sorted(slices.Values(set)))) != size {
				t.Fatalf("seed %d: partition %d has %v, want %d nodes", seed, i, set, size)
			}
			if len(seen) < min(want.Zone, len(inZones), size) {
				t.Fatalf("seed %d: partition %d on %v is in %d zones, asked for %v", seed, i, set,
					len(seen), want)
			}
		}
		if again := Replicas(all, want, got); fmt.Sprint(again) != fmt.Sprint(got) {
			t.Fatalf("seed %d: planned again, %v became %v", seed, got, again)
		}
		if len(inZones) == 1 {
			if d := difference(loads(got), all); d > 1 {
				t.Fatalf("seed %d: loads %v", seed, loads(got))
			}
		}
	}
}

func TestVoters(t *testing.T) {
	for _, c := range []struct {
		zones   []string
		current []uint64
		want    string
	}{
		{[]string{"a1"}, []uint64{1}, "[1]"},
		{[]string{"a1", "a2"}, []uint64{1}, "[1]"},
		{[]string{"a1", "a2", "a3"}, []uint64{1}, "[1 2 3]"},
		{[]string{"a1", "a1", "a2", "a3"}, []uint64{1}, "[1 3 4]"},
		{[]string{"a1", "a2", "a3", "a1", "a2"}, []uint64{1, 2, 3}, "[1 2 3 4 5]"},
	} {
		if got := fmt.Sprint(Voters(nodes(c.zones...), c.current, 5)); got != c.want {
			t.Errorf("voters of %v after %v: %s, want %s", c.zones, c.current, got, c.want)
		}
	}
}

// TestDeadNodesDoNotLead: and the leaders of the dead are shared out.
func TestDeadNodesDoNotLead(t *testing.T) {
	all := nodes("a1", "a2", "a3")
	sets := make([][]uint64, 12)
	for i := range sets {
		sets[i] = []uint64{1, 2, 3}
	}
	first := Leaders(all, sets, make([]uint64, 12))
	all[0].Alive = false
	second := Leaders(all, sets, first)
	count := map[uint64]int{}
	for i, l := range second {
		if first[i] != 1 && first[i] != l {
			t.Errorf("partition %d was led by %d, which lives, and is given to %d", i, first[i], l)
		}
		count[l]++
	}
	if count[1] != 0 || count[2] != 6 || count[3] != 6 {
		t.Errorf("leaders: %v", count)
	}
}
