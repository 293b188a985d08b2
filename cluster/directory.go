package cluster

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/protocol"
)

// heard is the last notice of a node, and when it came.
type heard struct {
	Notice
	at   time.Time
	skew time.Duration // of the node's clock ahead of ours, as far as it can be told
	// broken: the connection to the node broke after the notice.
	broken bool
}

// leaderHint is who leads a partition as of a term.
type leaderHint struct {
	node NodeID
	term uint64
}

// relocation is an address that a node was found at, instead of the one it had before.
type relocation struct{ from, to string }

// Directory is what this node knows of the cluster. It is the Table of production.
type Directory struct {
	self       NodeID
	partitions int

	mu      sync.Mutex
	nodes   Nodes                               // guarded by mu
	known   map[NodeID]string                   // addresses from before the registry; guarded by mu
	moved   map[NodeID]relocation               // addresses that the registry does not know yet; guarded by mu
	leaders map[protocol.PartitionID]leaderHint // guarded by mu
	heard   map[NodeID]heard                    // guarded by mu
	changed chan struct{}                       // guarded by mu; closed at the next change
	skewed  map[NodeID]bool                     // nodes whose clock was complained about; guarded by mu
	onSkew  func(n NodeID, skew time.Duration)
}

var _ Table = (*Directory)(nil)

// NewDirectory makes a directory that knows nothing but some addresses. onSkew is told once about
// each node whose clock is too far from ours; it may be nil.
func NewDirectory(self NodeID, partitions int, known map[NodeID]string,
	onSkew func(NodeID, time.Duration)) *Directory {
	return &Directory{
		self: self, partitions: partitions, known: maps.Clone(known), moved: map[NodeID]relocation{},
		leaders: map[protocol.PartitionID]leaderHint{}, heard: map[NodeID]heard{},
		skewed: map[NodeID]bool{}, changed: make(chan struct{}), onSkew: onSkew,
	}
}

// Partitions implements Table.
func (d *Directory) Partitions() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.partitions
}

// SetPartitions sets the number of partitions, once it is known.
func (d *Directory) SetPartitions(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.partitions = n
	d.tell()
}

// Self implements Table.
func (d *Directory) Self() NodeID { return d.self }

// Leader implements Table.
func (d *Directory) Leader(p protocol.PartitionID) (NodeID, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.leaders[p]
	return l.node, l.node != 0
}

// Address implements Table.
func (d *Directory) Address(n NodeID) (string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m, ok := d.moved[n]; ok {
		return m.to, true
	}
	return d.registered(n)
}

// registered is where a node is by the registry, or was before there was one. Caller holds mu.
func (d *Directory) registered(n NodeID) (string, bool) {
	if found, ok := d.nodes.Find(n); ok {
		return found.Address, true
	}
	a, ok := d.known[n]
	return a, ok
}

// Whereabouts is where all other nodes are, as far as is known here.
func (d *Directory) Whereabouts() map[NodeID]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := map[NodeID]string{}
	maps.Copy(m, d.known)
	for _, n := range d.nodes.Nodes {
		m[n.ID] = n.Address
	}
	for id, to := range d.moved {
		m[id] = to.to
	}
	delete(m, d.self)
	return m
}

// Found notes where a node is, as it says itself. That counts until the registry has news of the node:
// when many nodes move at once, they have to meet before it can have any. It reports whether that is
// new. A node that is not known is none of this cluster's, or its registration is on its way here.
func (d *Directory) Found(n NodeID, address string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	from, ok := d.registered(n)
	if !ok || n == d.self || address == "" {
		return false
	}
	have, had := d.moved[n]
	switch {
	case from == address:
		delete(d.moved, n)
		return had
	case had && have.to == address:
		return false
	}
	d.moved[n] = relocation{from, address}
	d.tell()
	return true
}

// Resolve is Address for the transport.
func (d *Directory) Resolve(n uint64) (string, bool) { return d.Address(NodeID(n)) }

// Watch implements Table.
func (d *Directory) Watch() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changed
}

// tell wakes those who watch. Caller holds mu.
func (d *Directory) tell() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// SetNodes takes over the registry.
func (d *Directory) SetNodes(ns Nodes) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if reflect.DeepEqual(ns, d.nodes) {
		return
	}
	d.nodes = ns
	for id, m := range d.moved {
		if address, ok := d.registered(id); !ok || address != m.from {
			delete(d.moved, id)
		}
	}
	for id := range d.heard {
		if _, ok := ns.Find(id); !ok {
			delete(d.heard, id)
		}
	}
	for p, l := range d.leaders {
		if _, ok := ns.Find(l.node); !ok {
			delete(d.leaders, p)
		}
	}
	d.tell()
}

// Removed tells whether a node was in the registry once and is no more.
func (d *Directory) Removed(n NodeID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.nodes.Former(n)
}

// Nodes is the registry as last taken over.
func (d *Directory) Nodes() Nodes {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.nodes
}

// Addresses are those of all nodes, for the next start.
func (d *Directory) Addresses() map[NodeID]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := map[NodeID]string{}
	for _, n := range d.nodes.Nodes {
		m[n.ID] = n.Address
	}
	return m
}

// SawLeader notes what a replica here has heard about its partition's leader.
func (d *Directory) SawLeader(p protocol.PartitionID, l bifrost.Leadership) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sawLeader(p, NodeID(l.Leader.Node()), l.Term)
}

// sawLeader: a later term wins. In one term there is one leader at most, but it may be lost from view
// and found again. Caller holds mu.
func (d *Directory) sawLeader(p protocol.PartitionID, n NodeID, term uint64) {
	have := d.leaders[p]
	if term < have.term || term == have.term && have.node != 0 && n != 0 ||
		(leaderHint{n, term}) == have {
		return
	}
	d.leaders[p] = leaderHint{n, term}
	d.tell()
}

// Heard takes over a notice of another node.
func (d *Directory) Heard(n Notice, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	last, ok := d.heard[n.Node]
	if ok && last.Generation > n.Generation {
		return
	}
	skew := time.UnixMilli(n.Millis).Sub(now)
	// Its notice may have been under way for a while: the smallest lag of late counts.
	if ok && last.Generation == n.Generation && skew < 0 {
		skew = max(skew, last.skew-time.Millisecond)
	}
	d.heard[n.Node] = heard{Notice: n, at: now, skew: skew}
	for _, l := range n.Leading {
		d.sawLeader(l.Partition, n.Node, l.Term)
	}
	if !ok || last.broken || last.Stopping != n.Stopping || now.Sub(last.at) > suspectAfter {
		d.tell()
	}
	if d.onSkew != nil && skew.Abs() > MaxClockSkew && !d.skewed[n.Node] {
		d.skewed[n.Node] = true
		d.onSkew(n.Node, skew)
	}
}

// Alive tells whether a node has been heard of lately; this node always is.
func (d *Directory) Alive(n NodeID, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.alive(n, now)
}

func (d *Directory) alive(n NodeID, now time.Time) bool {
	h, ok := d.heard[n]
	return n == d.self || ok && now.Sub(h.at) < suspectAfter && !h.Stopping && !h.broken
}

// Broke notes that the connection to a node has broken: it counts as gone until it is heard of again.
func (d *Directory) Broke(n NodeID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if h, ok := d.heard[n]; ok && !h.broken {
		h.broken = true
		d.heard[n] = h
		d.tell()
	}
}

// fresh tells whether a node is alive and has been heard of within the last rounds of notices.
func (d *Directory) fresh(n NodeID, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.alive(n, now) && (n == d.self || now.Sub(d.heard[n].at) < freshNotice)
}

// LastHeard is when a node was heard of last; ok is false if it never was.
func (d *Directory) LastHeard(n NodeID) (at time.Time, skew time.Duration, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h, ok := d.heard[n]
	return h.at, h.skew, ok
}

// reported is what the leader of p has said last about its group.
func (d *Directory) reported(p protocol.PartitionID, now time.Time) (Leading, NodeID, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var best Leading
	var by NodeID
	for _, id := range slices.Sorted(maps.Keys(d.heard)) {
		h := d.heard[id]
		if id != d.self && now.Sub(h.at) > suspectAfter {
			continue
		}
		for _, l := range h.Leading {
			if l.Partition == p && (by == 0 || l.Term > best.Term) {
				best, by = l, id
			}
		}
	}
	return best, by, by != 0
}

// tail is how far a replica on another node has come, as far as is known.
func (d *Directory) tail(p protocol.PartitionID, r Replica) (protocol.LSN, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range d.heard[NodeID(r.Node())].Replicas {
		if x.Partition == p && x.Replica == r {
			return x.Tail, true
		}
	}
	return 0, false
}

// metadataTail is how far a node's replica of the metadata has come.
func (d *Directory) metadataTail(n NodeID) (protocol.LSN, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h, ok := d.heard[n]
	return h.Metadata.Tail, ok && h.Metadata.Replica != 0
}

// CheckClock objects to a clock that is too far from ours.
func CheckClock(name string, theirs, ours time.Time) error {
	if skew := theirs.Sub(ours); skew.Abs() > MaxClockSkew {
		return fmt.Errorf("the clock of %s is %v from this node's, at most %v is allowed: "+
			"synchronise the clocks of all nodes, for example with chrony", name,
			skew.Round(time.Millisecond), MaxClockSkew)
	}
	return nil
}
