package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/cluster/placement"
	"github.com/perdure/perdure/metadata"
	"github.com/perdure/perdure/protocol"
)

// Keys of what the cluster keeps in the metadata; docs/format/metadata.md shows the values.
const (
	NodesKey  = "nodes"
	LayoutKey = "layout"

	stateFormat = 1
)

// MaxNodes is how many nodes a cluster may have at once.
const MaxNodes = 256

// NodeState is what is to become of a node.
type NodeState string

// The states of a node. A node that is lost is replaced like one that drains, without waiting for
// it to hand anything over; it must never come back.
const (
	Active   NodeState = "active"
	Draining NodeState = "draining"
	Lost     NodeState = "lost"
)

// Node is one node as the registry knows it.
type Node struct {
	ID         NodeID    `json:"id"`
	Name       string    `json:"name"`
	Address    string    `json:"address"` // host:port for other nodes
	Location   string    `json:"location,omitempty"`
	Roles      []string  `json:"roles"`
	State      NodeState `json:"state"`
	Generation uint64    `json:"generation"`
	Instance   string    `json:"instance"` // of the data directory, made when the node joined
	Release    string    `json:"release,omitempty"`
	JoinedAt   time.Time `json:"joined_at"`
}

// Zone and Region are the parts of the location.
func (n Node) Zone() string { return n.Location }

// Region is the location up to the first dot.
func (n Node) Region() string {
	for i := range n.Location {
		if n.Location[i] == '.' {
			return n.Location[:i]
		}
	}
	return n.Location
}

// Nodes are all nodes, in order of ID.
type Nodes struct {
	Format int    `json:"format"`
	LastID NodeID `json:"last_id"` // numbers up to here were given
	Nodes  []Node `json:"nodes"`
}

// Find returns a node.
func (ns Nodes) Find(id NodeID) (Node, bool) {
	for _, n := range ns.Nodes {
		if n.ID == id {
			return n, true
		}
	}
	return Node{}, false
}

// Former reports whether a number is that of a node that was removed.
func (ns Nodes) Former(id NodeID) bool {
	_, ok := ns.Find(id)
	return !ok && id > 0 && id <= ns.LastID
}

// FindName returns the node of a name.
func (ns Nodes) FindName(name string) (Node, bool) {
	for _, n := range ns.Nodes {
		if n.Name == name {
			return n, true
		}
	}
	return Node{}, false
}

// Replica says where one replica of a partition is.
type Replica = bifrost.ReplicaID

// Partition says where one partition should be.
type Partition struct {
	// Founders began the group; they stay the same for ever.
	Founders []Replica `json:"founders"`
	// Replicas are those that there should be. They differ from what there is by one change.
	Replicas []Replica `json:"replicas"`
	// Removed counts replicas that have left, so that no number is used twice.
	Removed uint32 `json:"removed,omitempty"`
	// Leader is the node that should lead; 0: no matter which.
	Leader NodeID `json:"leader,omitempty"`
	// LeaderPinned keeps Leader as long as that node has a replica.
	LeaderPinned bool `json:"leader_pinned,omitempty"`
	// Pinned keeps the replicas where an operator has put them.
	Pinned []NodeID `json:"pinned,omitempty"`
}

// Layout says where everything should be.
type Layout struct {
	Format      int                   `json:"format"`
	Replication placement.Replication `json:"replication"`
	// Frozen: nothing is moved but what an operator asks for.
	Frozen bool `json:"frozen,omitempty"`
	// Partitions is empty until there are enough nodes for the first time.
	Partitions []Partition `json:"partitions"`
	// Voters are the nodes that should decide about the metadata.
	Voters []NodeID `json:"voters"`
}

// ReplicaOn returns the replica of p that should be on node n.
func (p Partition) ReplicaOn(n NodeID) (Replica, bool) {
	for _, r := range p.Replicas {
		if NodeID(r.Node()) == n {
			return r, true
		}
	}
	return 0, false
}

// nodes are the nodes the replicas should be on.
func (p Partition) nodes() (ids []uint64) {
	for _, r := range p.Replicas {
		ids = append(ids, r.Node())
	}
	return ids
}

// clone is a layout whose partitions may be changed.
func (l Layout) clone() Layout {
	l.Partitions = slices.Clone(l.Partitions)
	for i, p := range l.Partitions {
		l.Partitions[i].Replicas = slices.Clone(p.Replicas)
	}
	l.Voters = slices.Clone(l.Voters)
	return l
}

// Store is the metadata; *metadata.Store is one.
type Store interface {
	Get(key string) (value []byte, version uint64, ok bool)
	Watch(key string) <-chan struct{}
	CompareAndSwap(ctx context.Context, key string, expected uint64, value []byte) error
}

var _ Store = (*metadata.Store)(nil)

// ReadNodes returns the registry of nodes; it is empty before the first has registered.
func ReadNodes(s Store) (Nodes, error) {
	ns, _, err := read[Nodes](s, NodesKey)
	return ns, err
}

// ReadLayout returns the layout; ok is false before there is one.
func ReadLayout(s Store) (l Layout, ok bool, err error) {
	l, version, err := read[Layout](s, LayoutKey)
	return l, version > 0, err
}

func read[T any](s Store, key string) (v T, version uint64, err error) {
	b, version, ok := s.Get(key)
	if !ok {
		return v, 0, nil
	}
	var head struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return v, version, fmt.Errorf("read %s: %w", key, err)
	}
	if head.Format != stateFormat {
		return v, version, fmt.Errorf("read %s: its form is %d, this release reads %d: run a newer "+
			"release", key, head.Format, stateFormat)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return v, version, fmt.Errorf("read %s: %w", key, err)
	}
	return v, version, nil
}

// errUnchanged lets a change say that there is nothing to do.
var errUnchanged = errors.New("nothing to change")

// UpdateNodes changes the registry; change is called again if somebody was quicker.
func UpdateNodes(ctx context.Context, s Store, change func(*Nodes) error) error {
	return update(ctx, s, NodesKey, func(ns *Nodes) error {
		ns.Format = stateFormat
		ns.Nodes = slices.Clone(ns.Nodes)
		return change(ns)
	})
}

// UpdateLayout changes the layout; change is called again if somebody was quicker.
func UpdateLayout(ctx context.Context, s Store, change func(*Layout) error) error {
	return update(ctx, s, LayoutKey, func(l *Layout) error {
		*l = l.clone()
		l.Format = stateFormat
		return change(l)
	})
}

func update[T any](ctx context.Context, s Store, key string, change func(*T) error) error {
	for {
		v, version, err := read[T](s, key)
		if err != nil {
			return err
		}
		if err := change(&v); errors.Is(err, errUnchanged) {
			return nil
		} else if err != nil {
			return err
		}
		b, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("write %s: %w", key, err)
		}
		err = s.CompareAndSwap(ctx, key, version, b)
		if !errors.Is(err, metadata.ErrConflict) {
			return err
		}
		if err := awaitNewer(ctx, s, key, version); err != nil {
			return err
		}
	}
}

// awaitNewer waits until this node has seen what somebody else has written.
func awaitNewer(ctx context.Context, s Store, key string, version uint64) error {
	for {
		changed := s.Watch(key)
		if _, now, _ := s.Get(key); now != version {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("write %s: %w", key, context.Cause(ctx))
		}
	}
}

// Group says how this node's replica of a log belongs to its group, for the log itself.
func Group(s Store, self NodeID, id bifrost.LogID) (bifrost.Group, error) {
	if id == bifrost.MetadataLog {
		return bifrost.Group{
			Replica:  bifrost.NewReplicaID(uint64(self), 0),
			Founders: []Replica{bifrost.NewReplicaID(1, 0)}, Forward: true,
		}, nil
	}
	number, ok := bifrost.PartitionOfLog(id)
	if !ok {
		return bifrost.Group{}, fmt.Errorf("log %s belongs to no partition", id)
	}
	l, _, err := ReadLayout(s)
	if err != nil {
		return bifrost.Group{}, err
	}
	if int(number) >= len(l.Partitions) {
		return bifrost.Group{}, fmt.Errorf("partition %d has no place yet", number)
	}
	p := l.Partitions[number]
	r, ok := p.ReplicaOn(self)
	if !ok {
		return bifrost.Group{}, fmt.Errorf("partition %d has no replica on %v", number, self)
	}
	return bifrost.Group{Replica: r, Founders: p.Founders}, nil
}

// logOf is the log of a partition.
func logOf(p protocol.PartitionID) bifrost.LogID { return bifrost.PartitionLog(uint16(p)) }
