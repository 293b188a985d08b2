package placement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Node is a node replicas may be on.
type Node struct {
	ID           uint64
	Region, Zone string // "" is a zone like any other; a zone's name holds its region's
	Alive        bool   // it can be reached; only nodes that can lead
}

// Replication says on how many nodes, zones and regions each partition should be; 0 asks nothing.
type Replication struct {
	Node   int `json:"node,omitempty"`
	Zone   int `json:"zone,omitempty"`
	Region int `json:"region,omitempty"`
}

// Size is how many replicas a partition has.
func (r Replication) Size() int { return max(1, r.Node, r.Zone, r.Region) }

// String prints "3", or "{zone: 2, node: 3}".
func (r Replication) String() string {
	if r.Zone == 0 && r.Region == 0 {
		return fmt.Sprint(r.Size())
	}
	var parts []string
	for _, p := range []struct {
		name  string
		count int
	}{{"region", r.Region}, {"zone", r.Zone}, {"node", r.Size()}} {
		if p.count > 0 {
			parts = append(parts, fmt.Sprintf("%s: %d", p.name, p.count))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// Enough says why nodes do not suffice for the replication; nil if they do.
func (r Replication) Enough(nodes []Node) error {
	zones, regions := map[string]bool{}, map[string]bool{}
	for _, n := range nodes {
		zones[n.Zone], regions[n.Region] = true, true
	}
	if len(nodes) < r.Size() || len(zones) < r.Zone || len(regions) < r.Region {
		return fmt.Errorf("replication %v needs more than the %d nodes in %d zones and %d regions "+
			"there are: add nodes, or set a smaller replication", r, len(nodes), len(zones), len(regions))
	}
	return nil
}

// plan is the state of planning.
type plan struct {
	nodes map[uint64]Node
	order []uint64
	load  map[uint64]int // replicas per node
	want  Replication
}

// Replicas says where the replicas of each partition should be. current is where they are, by
// partition; only nodes among those given keep theirs. With too few nodes, each partition gets as
// many replicas as there are nodes.
func Replicas(nodes []Node, want Replication, current [][]uint64) [][]uint64 {
	p := plan{nodes: map[uint64]Node{}, load: map[uint64]int{}, want: want}
	for _, n := range nodes {
		p.nodes[n.ID] = n
		p.order = append(p.order, n.ID)
	}
	slices.Sort(p.order)
	out := make([][]uint64, len(current))
	for i, c := range current {
		for _, id := range c {
			if _, ok := p.nodes[id]; ok {
				out[i] = append(out[i], id)
				p.load[id]++
			}
		}
	}
	for i := range out {
		for len(out[i]) > want.Size() {
			out[i] = p.drop(out[i])
		}
	}
	for i := range out {
		for len(out[i]) < min(want.Size(), len(nodes)) {
			out[i] = p.add(out[i])
		}
	}
	p.spread(out)
	p.balance(out)
	for i := range out {
		slices.Sort(out[i])
	}
	return out
}

// distinct counts zones and regions of a set, each only as far as it was asked for.
func (p *plan) distinct(set []uint64) int {
	zones, regions := map[string]bool{}, map[string]bool{}
	for _, id := range set {
		zones[p.nodes[id].Zone], regions[p.nodes[id].Region] = true, true
	}
	score := 0
	if p.want.Zone > 0 {
		score += min(len(zones), p.want.Zone)
	}
	if p.want.Region > 0 {
		score += min(len(regions), p.want.Region)
	}
	return 1000*score + 10*len(zones) + len(regions) // more zones than asked for are welcome
}

// add adds the node that spreads best, and of those the one with the least load.
func (p *plan) add(set []uint64) []uint64 {
	best, found := uint64(0), false
	for _, id := range p.order {
		if slices.Contains(set, id) {
			continue
		}
		if !found || p.better(with(set, id), with(set, best), id, best) {
			best, found = id, true
		}
	}
	if !found {
		return set
	}
	p.load[best]++
	return with(set, best)
}

// drop removes the node that is missed least, and of those the one with the most load.
func (p *plan) drop(set []uint64) []uint64 {
	best := set[0]
	for _, id := range set[1:] {
		if p.better(without(set, id), without(set, best), best, id) {
			best = id
		}
	}
	p.load[best]--
	return without(set, best)
}

// better compares two sets, and on a tie the load of two nodes.
func (p *plan) better(a, b []uint64, x, y uint64) bool {
	if d := cmp.Compare(p.distinct(a), p.distinct(b)); d != 0 {
		return d > 0
	}
	return p.load[x] < p.load[y]
}

// spread exchanges replicas where that gives more of the zones and regions asked for.
func (p *plan) spread(out [][]uint64) {
	for i, set := range out {
		for range set {
			next := p.improve(set)
			if next == nil {
				break
			}
			set = next
		}
		out[i] = set
	}
}

func (p *plan) improve(set []uint64) []uint64 {
	var best []uint64
	gain, in, out := 0, uint64(0), uint64(0)
	for _, from := range set {
		for _, to := range p.order {
			if slices.Contains(set, to) {
				continue
			}
			moved := with(without(set, from), to)
			if g := p.distinct(moved)/1000 - p.distinct(set)/1000; g > gain ||
				g > 0 && g == gain && p.load[to] < p.load[in] {
				best, gain, in, out = moved, g, to, from
			}
		}
	}
	if best != nil {
		p.load[in]++
		p.load[out]--
	}
	return best
}

// balance moves replicas from the fullest to emptier nodes where that costs no spread.
func (p *plan) balance(out [][]uint64) {
	for range len(out) * len(p.order) {
		if !p.moveOne(out) {
			return
		}
	}
}

func (p *plan) moveOne(out [][]uint64) bool {
	order := slices.Clone(p.order)
	slices.SortStableFunc(order, func(a, b uint64) int { return cmp.Compare(p.load[a], p.load[b]) })
	for _, to := range order {
		for _, from := range slices.Backward(order) {
			if p.load[from]-p.load[to] < 2 {
				break
			}
			for i, set := range out {
				if !slices.Contains(set, from) || slices.Contains(set, to) {
					continue
				}
				moved := with(without(set, from), to)
				if p.distinct(moved) >= p.distinct(set) {
					out[i] = moved
					p.load[from]--
					p.load[to]++
					return true
				}
			}
		}
	}
	return false
}

func with(set []uint64, id uint64) []uint64 { return append(slices.Clone(set), id) }

func without(set []uint64, id uint64) []uint64 {
	return slices.DeleteFunc(slices.Clone(set), func(x uint64) bool { return x == id })
}

// Leaders says which node should lead each partition: one of its replicas on a node that is alive,
// so that nodes lead about equally many. current is who should lead now, 0 for nobody; it changes
// only where it must or where the load differs by more than one.
func Leaders(nodes []Node, replicas [][]uint64, current []uint64) []uint64 {
	alive, load := map[uint64]bool{}, map[uint64]int{}
	for _, n := range nodes {
		alive[n.ID] = n.Alive
	}
	out := make([]uint64, len(replicas))
	for i, set := range replicas {
		if c := current[i]; c != 0 && alive[c] && slices.Contains(set, c) {
			out[i] = c
			load[c]++
		}
	}
	for i, set := range replicas {
		if out[i] == 0 {
			if out[i] = least(set, alive, load); out[i] != 0 {
				load[out[i]]++
			}
		}
	}
	for changed, rounds := true, 0; changed && rounds < len(replicas); rounds++ {
		changed = false
		for i, set := range replicas {
			to := least(set, alive, load)
			if to != 0 && load[out[i]]-load[to] > 1 {
				load[out[i]]--
				load[to]++
				out[i], changed = to, true
			}
		}
	}
	return out
}

func least(set []uint64, alive map[uint64]bool, load map[uint64]int) uint64 {
	best := uint64(0)
	for _, id := range slices.Sorted(slices.Values(set)) {
		if alive[id] && (best == 0 || load[id] < load[best]) {
			best = id
		}
	}
	return best
}

// Voters chooses who keeps the metadata: an odd number of nodes up to limit, spread over zones.
// Those who do already are kept, if they are among the nodes.
func Voters(nodes []Node, current []uint64, limit int) []uint64 {
	count := min(len(nodes), limit)
	if count%2 == 0 {
		count--
	}
	if count < 1 {
		return nil
	}
	want := Replication{Node: count, Zone: count}
	return Replicas(nodes, want, [][]uint64{current})[0]
}
