package bifrost

import (
	"fmt"
	"slices"

	"github.com/lni/dragonboat/v4"

	"github.com/perdure/perdure/bifrost/transport"
)

const (
	nodeBits = 16 // of a replica's number
	maxNode  = 1<<nodeBits - 1
)

// ReplicaID is the number of one replica of one log. It holds the node, and how often the node has
// had a replica of this log before: a number that left a group never comes back.
type ReplicaID uint64

// NewReplicaID makes the number of a node's replica; incarnation counts from 0.
func NewReplicaID(node uint64, incarnation uint32) ReplicaID {
	return ReplicaID(uint64(incarnation)<<nodeBits | node)
}

// Node is the node a replica is on.
func (r ReplicaID) Node() uint64 { return uint64(r) & maxNode }

// Incarnation counts the replicas the node had before.
func (r ReplicaID) Incarnation() uint32 { return uint32(r >> nodeBits) }

// String prints "2" or, for a later incarnation, "2.1".
func (r ReplicaID) String() string {
	if r.Incarnation() == 0 {
		return fmt.Sprint(r.Node())
	}
	return fmt.Sprintf("%d.%d", r.Node(), r.Incarnation())
}

// Group says how a replica belongs to the group of replicas of its log. It stays the same for as
// long as the replica lives, whatever happens to the group.
type Group struct {
	// Replica is the replica on this node.
	Replica ReplicaID
	// Founders are the replicas the group began with. A replica that is not among them joins: it
	// has no vote until it is promoted.
	Founders []ReplicaID
	// Forward passes appends made on a replica that does not lead on to the one that does. An append
	// that got lost on the way ends as ErrUnknown.
	Forward bool
}

// Founding is the group founded by the first replicas of nodes, as the first of them sees it.
func Founding(nodes ...uint64) Group {
	var g Group
	for _, n := range nodes {
		g.Founders = append(g.Founders, NewReplicaID(n, 0))
	}
	g.Replica = g.Founders[0]
	return g
}

func (g Group) joins() bool { return !slices.Contains(g.Founders, g.Replica) }

func (g Group) check(node uint64) error {
	if g.Replica.Node() != node {
		return fmt.Errorf("replica %v belongs to node %d, this is node %d: correct the group",
			g.Replica, g.Replica.Node(), node)
	}
	return nil
}

// targets are the founders as the library wants them: none for a replica that joins.
func (g Group) targets() map[uint64]dragonboat.Target {
	if g.joins() {
		return nil
	}
	m := make(map[uint64]dragonboat.Target, len(g.Founders))
	for _, r := range g.Founders {
		m[uint64(r)] = transport.Address(r.Node())
	}
	return m
}

// Leadership is what a replica has heard about its log's leader.
type Leadership struct {
	Leads  bool // this replica does
	Term   uint64
	Leader ReplicaID // 0: none is known
}
