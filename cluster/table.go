package cluster

import (
	"fmt"
	"maps"
	"sync"

	"github.com/perdure/perdure/protocol"
)

// NodeID is the number of a node, from 1. It is given once and never to another node.
type NodeID uint16

// String prints "N1", as people know nodes.
func (n NodeID) String() string { return fmt.Sprintf("N%d", uint16(n)) }

// Table says who leads what and where nodes are, as far as this node has heard.
type Table interface {
	// Partitions is how many partitions the cluster has.
	Partitions() int
	// Leader is the node that leads p; ok is false while none is known. It is a hint: the node may
	// have lost the leadership, and says so when asked.
	Leader(p protocol.PartitionID) (NodeID, bool)
	// Address is host:port of a node's port for other nodes; ok is false for a node that was removed.
	Address(n NodeID) (address string, ok bool)
	// Self is this node.
	Self() NodeID
	// Watch returns a channel that is closed at the next change of any of these. To miss nothing,
	// call Watch before looking.
	Watch() <-chan struct{}
}

// Static is a Table whose answers are set by hand: for tests, and for a node without a cluster.
type Static struct {
	self       NodeID
	partitions int

	mu        sync.Mutex
	leaders   map[protocol.PartitionID]NodeID // guarded by mu
	addresses map[NodeID]string               // guarded by mu
	changed   chan struct{}                   // guarded by mu; closed at the next change
}

var _ Table = (*Static)(nil)

// NewStatic makes a table without leaders and addresses.
func NewStatic(self NodeID, partitions int) *Static {
	return &Static{
		self: self, partitions: partitions, leaders: map[protocol.PartitionID]NodeID{},
		addresses: map[NodeID]string{}, changed: make(chan struct{}),
	}
}

// SetLeader notes who leads p; 0 is nobody.
func (s *Static) SetLeader(p protocol.PartitionID, n NodeID) {
	s.change(func() {
		if n == 0 {
			delete(s.leaders, p)
		} else {
			s.leaders[p] = n
		}
	})
}

// SetAddresses replaces all addresses.
func (s *Static) SetAddresses(addresses map[NodeID]string) {
	s.change(func() { s.addresses = maps.Clone(addresses) })
}

func (s *Static) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

// Partitions implements Table.
func (s *Static) Partitions() int { return s.partitions }

// Self implements Table.
func (s *Static) Self() NodeID { return s.self }

// Leader implements Table.
func (s *Static) Leader(p protocol.PartitionID) (NodeID, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.leaders[p]
	return n, ok
}

// Address implements Table.
func (s *Static) Address(n NodeID) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.addresses[n]
	return a, ok
}

// Watch implements Table.
func (s *Static) Watch() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}
