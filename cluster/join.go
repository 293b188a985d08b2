package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/perdure/perdure/bifrost/transport"
	"github.com/perdure/perdure/cluster/placement"
	"github.com/perdure/perdure/protocol"
)

// Hello is what a node says about itself to anybody who asks.
type Hello struct {
	Provisioned bool   `json:"provisioned"`
	Cluster     string `json:"cluster"`
	Fingerprint string `json:"fingerprint,omitempty"`
	Node        NodeID `json:"node,omitempty"`
	Address     string `json:"address,omitempty"`
	// Others is where the other nodes are, as far as this one knows.
	Others   map[NodeID]string `json:"others,omitempty"`
	Name     string            `json:"name"`
	Instance string            `json:"instance"`
	Protocol int               `json:"protocol"`
	Release  string            `json:"release"`
	Millis   int64             `json:"millis"`
	// Refused is why the node that asked must not start; "" when it may.
	Refused string `json:"refused,omitempty"`
}

// JoinRequest asks to become a node of the cluster.
type JoinRequest struct {
	Cluster  string   `json:"cluster"`
	Name     string   `json:"name"`
	Instance string   `json:"instance"`
	Address  string   `json:"address"`
	Location string   `json:"location,omitempty"`
	Roles    []string `json:"roles"`
	Protocol int      `json:"protocol"`
	Release  string   `json:"release"`
	Millis   int64    `json:"millis"`
}

// JoinReply is what a new node needs to begin.
type JoinReply struct {
	Node        NodeID            `json:"node"`
	Fingerprint string            `json:"fingerprint"`
	Addresses   map[NodeID]string `json:"addresses"`
}

// RefusedError is why a node may not be what it wants to be. Trying again does not help.
type RefusedError struct{ Reason string }

// Error implements error.
func (e *RefusedError) Error() string { return e.Reason }

func refuse(format string, args ...any) error {
	return &RefusedError{fmt.Sprintf(format, args...)}
}

// Join gives a new node its number and enters it in the registry. A request that is repeated, since
// its answer was lost, gets the same answer.
func Join(ctx context.Context, s Store, d *Directory, cluster Identity, r JoinRequest) (
	JoinReply, error,
) {
	if err := r.check(cluster); err != nil {
		return JoinReply{}, err
	}
	var given NodeID
	err := UpdateNodes(ctx, s, func(ns *Nodes) error {
		if have, ok := ns.FindName(r.Name); ok {
			if have.Instance == r.Instance {
				given = have.ID
				return errUnchanged
			}
			return refuse("a node named %q is registered already, as %v at %s%s: choose another "+
				"node-name; or, if that node has lost its data, have it replaced with \"perdure cluster "+
				"remove %v --lost\" and start this one again", r.Name, have.ID, have.Address,
				lastHeard(d, have.ID), have.ID)
		}
		if len(ns.Nodes) >= MaxNodes {
			return refuse("the cluster has %d nodes, which is the limit: remove one first", MaxNodes)
		}
		ns.LastID++
		given = ns.LastID
		ns.Nodes = append(ns.Nodes, r.node(given))
		return nil
	})
	if err != nil {
		return JoinReply{}, err
	}
	d.mustRefresh(s)
	return JoinReply{Node: given, Fingerprint: cluster.Fingerprint, Addresses: d.Addresses()}, nil
}

func (r JoinRequest) check(cluster Identity) error {
	switch {
	case r.Cluster != cluster.Cluster:
		return refuse("this is cluster %q, the node wants to join %q: correct cluster-name or "+
			"metadata-client.addresses", cluster.Cluster, r.Cluster)
	case r.Protocol != transport.Protocol:
		return refuse("the node runs release %q with protocol %d between nodes, this cluster uses "+
			"protocol %d: run the cluster's release", r.Release, r.Protocol, transport.Protocol)
	case r.Name == "" || r.Instance == "" || r.Address == "":
		return refuse("the request to join lacks a name, an instance or an address")
	}
	if err := CheckClock("node "+r.Name, time.UnixMilli(r.Millis), time.Now()); err != nil {
		return refuse("%v", err)
	}
	return nil
}

func (r JoinRequest) node(id NodeID) Node {
	return Node{
		ID: id, Name: r.Name, Address: r.Address, Location: r.Location, Roles: r.Roles,
		State: Active, Instance: r.Instance, Release: r.Release, JoinedAt: time.Now().UTC(),
	}
}

func lastHeard(d *Directory, n NodeID) string {
	at, _, ok := d.LastHeard(n)
	if !ok {
		return ""
	}
	return fmt.Sprintf(", heard of %v ago", time.Since(at).Round(100*time.Millisecond))
}

// mustRefresh takes over the registry at once; an error shows again when the agent looks.
func (d *Directory) mustRefresh(s Store) {
	if ns, err := ReadNodes(s); err == nil {
		d.SetNodes(ns)
	}
}

// Objection says why a node with data of its own must not start; "" if it may.
func Objection(ns Nodes, node NodeID, instance string) string {
	have, ok := ns.Find(node)
	switch {
	case len(ns.Nodes) == 0 || ok && have.Instance == instance && have.State != Lost:
		return ""
	case !ok && node <= ns.LastID:
		return fmt.Sprintf("%v was removed from the cluster: empty its data directory and start it "+
			"again, it joins as a new node", node)
	case ok && have.State == Lost:
		return fmt.Sprintf("%v was declared lost and is being replaced: empty its data directory and "+
			"start it again, it joins as a new node", node)
	default:
		return fmt.Sprintf("%v is another data directory: give each node its own, and never start "+
			"from a copy", node)
	}
}

// Register brings the registry up to date with how this node was started. The first node of a
// cluster enters itself.
func Register(ctx context.Context, s Store, id Identity, r JoinRequest) error {
	return UpdateNodes(ctx, s, func(ns *Nodes) error {
		if len(ns.Nodes) == 0 && id.Node == 1 {
			ns.LastID = 1
			ns.Nodes = []Node{r.node(1)}
		}
		if reason := Objection(*ns, id.Node, id.Instance); reason != "" {
			return refuse("%s", reason)
		}
		i := slices.IndexFunc(ns.Nodes, func(n Node) bool { return n.ID == id.Node })
		if i < 0 {
			return refuse("%v is not in the registry of nodes: is this the right cluster?", id.Node)
		}
		n := &ns.Nodes[i]
		n.Address, n.Location, n.Roles = r.Address, r.Location, r.Roles
		n.Release, n.Generation = r.Release, id.Generation
		return nil
	})
}

// Provision writes the first layout, unless there is one. existing says that the partitions are
// there already, all on the first node: it was alone before there were layouts.
func Provision(ctx context.Context, s Store, replication placement.Replication, partitions int,
	existing bool) error {
	return UpdateLayout(ctx, s, func(l *Layout) error {
		if len(l.Voters) > 0 {
			return errUnchanged
		}
		l.Replication, l.Voters = replication, []NodeID{1}
		if !existing {
			return nil
		}
		first := Replica(1)
		for range partitions {
			l.Partitions = append(l.Partitions,
				Partition{Founders: []Replica{first}, Replicas: []Replica{first}, Leader: 1})
		}
		return nil
	})
}

// ErrNoPartition means that there are not enough nodes yet for the partitions to be made.
var ErrNoPartition = errors.New("the cluster waits for more nodes before it makes its partitions")

// Serving reports whether every partition has a leader, as far as is known here.
func Serving(s Store, t Table) error {
	l, _, err := ReadLayout(s)
	if err != nil {
		return err
	}
	if len(l.Partitions) == 0 {
		return fmt.Errorf("%w (replication %v)", ErrNoPartition, l.Replication)
	}
	missing := 0
	for i := range l.Partitions {
		if _, ok := t.Leader(protocol.PartitionID(i)); !ok {
			missing++
		}
	}
	if missing > 0 {
		return fmt.Errorf("%d of %d partitions have no leader yet", missing, len(l.Partitions))
	}
	return nil
}
