package cluster

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/perdure/perdure/cluster/placement"
	"github.com/perdure/perdure/protocol"
)

// Operator is what operators can have done. Each order is written to the metadata and carried out
// from there, so that it goes on whoever stops meanwhile; the status shows how far it has come.
type Operator struct {
	Store     Store
	Directory *Directory
	Identity  func() Identity
}

// Status is how the cluster is.
func (o Operator) Status() (Status, error) { return Look(o.Store, o.Directory, o.Identity()) }

// Resolve finds a node by its number, "N2" or "2", or its name.
func (o Operator) Resolve(text string) (NodeID, error) {
	nodes, err := ReadNodes(o.Store)
	if err != nil {
		return 0, err
	}
	for _, n := range nodes.Nodes {
		if n.Name == text || n.ID.String() == text || n.ID.String() == "N"+text {
			return n.ID, nil
		}
	}
	return 0, refuse("there is no node %q, or no more: see perdure cluster status", text)
}

// ResolveFormer is Resolve, but finds nodes that were removed too, by their numbers.
func (o Operator) ResolveFormer(text string) (NodeID, error) {
	id, unknown := o.Resolve(text)
	if unknown == nil {
		return id, nil
	}
	nodes, err := ReadNodes(o.Store)
	if err != nil {
		return 0, err
	}
	number, err := strconv.ParseUint(strings.TrimPrefix(text, "N"), 10, 16)
	if id = NodeID(number); err != nil || !nodes.Former(id) {
		return 0, unknown
	}
	return id, nil
}

// Drain has everything moved away from nodes. It refuses when the others do not suffice for the
// replication, unless force.
func (o Operator) Drain(ctx context.Context, force bool, drained ...NodeID) error {
	layout, _, err := ReadLayout(o.Store)
	if err != nil {
		return err
	}
	return UpdateNodes(ctx, o.Store, func(ns *Nodes) error {
		var left []placement.Node
		for i := range ns.Nodes {
			n := &ns.Nodes[i]
			if slices.Contains(drained, n.ID) && n.State == Active {
				n.State = Draining
			}
			if n.State == Active && slices.Contains(n.Roles, roleWorker) {
				left = append(left, placement.Node{ID: uint64(n.ID), Zone: n.Zone(), Region: n.Region()})
			}
		}
		if err := layout.Replication.Enough(left); err != nil && !force {
			return refuse("drain: without these nodes, %v", err)
		}
		return nil
	})
}

// DrainZone drains all nodes of a zone, and names them.
func (o Operator) DrainZone(ctx context.Context, zone string, force bool) (drained []NodeID, err error) {
	nodes, err := ReadNodes(o.Store)
	if err != nil {
		return nil, err
	}
	var zones []string
	for _, n := range nodes.Nodes {
		zones = append(zones, fmt.Sprintf("%q", n.Zone()))
		if n.Zone() == zone || strings.HasSuffix(n.Zone(), "."+zone) {
			drained = append(drained, n.ID)
		}
	}
	if len(drained) == 0 {
		slices.Sort(zones)
		return nil, refuse("no node is in zone %q: there are %s", zone,
			strings.Join(slices.Compact(zones), ", "))
	}
	return drained, o.Drain(ctx, force, drained...)
}

// Activate takes a drain back.
func (o Operator) Activate(ctx context.Context, ids ...NodeID) error {
	return UpdateNodes(ctx, o.Store, func(ns *Nodes) error {
		for i, n := range ns.Nodes {
			if !slices.Contains(ids, n.ID) {
				continue
			}
			if n.State == Lost {
				return refuse("%v was declared lost, which cannot be taken back", n.ID)
			}
			ns.Nodes[i].State = Active
		}
		return nil
	})
}

// Remove takes a node out of the cluster. It must have been drained, or be lost for good: then its
// replicas are replaced from the others, and it leaves the registry after that. Who asks for what has
// been done, as after a lost answer, is told that it is done.
func (o Operator) Remove(ctx context.Context, id NodeID, lost bool) error {
	layout, _, err := ReadLayout(o.Store)
	if err != nil {
		return err
	}
	return UpdateNodes(ctx, o.Store, func(ns *Nodes) error {
		i := slices.IndexFunc(ns.Nodes, func(n Node) bool { return n.ID == id })
		switch {
		case i < 0 && ns.Former(id):
		case i < 0:
			return refuse("there is no node %v", id)
		case len(ns.Nodes) == 1:
			return refuse("%v is the only node", id)
		case lost && ns.Nodes[i].State != Lost && o.running(id):
			return refuse("%v is running: stop it first, or drain it and remove it without --lost", id)
		case lost:
			ns.Nodes[i].State = Lost
		case ns.Nodes[i].State != Draining:
			return refuse("%v holds data: drain it first with \"perdure cluster drain %v\"; if it is "+
				"lost for good, use --lost", id, id)
		case holds(layout, id) > 0 || o.unsettled(layout, id):
			return refuse("%v still holds %d replicas: wait until the drain has ended, see perdure "+
				"cluster status", id, holds(layout, id))
		default:
			ns.Nodes = slices.Delete(ns.Nodes, i, i+1)
		}
		return nil
	})
}

func (o Operator) running(id NodeID) bool {
	s, err := o.Status()
	if err != nil {
		return false
	}
	for _, n := range s.Nodes {
		if n.ID == id {
			return n.Alive
		}
	}
	return false
}

// unsettled tells whether a node is still a member of a group it should not be in.
func (o Operator) unsettled(l Layout, id NodeID) bool {
	s, err := o.Status()
	if err != nil {
		return true
	}
	for _, p := range s.Partitions {
		for _, r := range p.Replicas {
			if r.Node == id {
				return true
			}
		}
	}
	return false
}

// SetLeader has a partition led by a node whenever that is up, as long as it has a replica; 0 gives
// the partition back to planning.
func (o Operator) SetLeader(ctx context.Context, id protocol.PartitionID, n NodeID) error {
	return o.changePartition(ctx, id, func(_ *Layout, p *Partition) error {
		if n == 0 {
			p.LeaderPinned = false
			return nil
		}
		if _, ok := p.ReplicaOn(n); !ok {
			return refuse("partition %d has no replica on %v: it is on %v", id, n, p.nodes())
		}
		p.Leader, p.LeaderPinned = n, true
		return nil
	})
}

// Move has the replicas of a partition brought to nodes and kept there; no nodes give it back to
// planning.
func (o Operator) Move(ctx context.Context, id protocol.PartitionID, to ...NodeID) error {
	nodes, err := ReadNodes(o.Store)
	if err != nil {
		return err
	}
	return o.changePartition(ctx, id, func(l *Layout, p *Partition) error {
		if len(to) > 0 && len(to) != l.Replication.Size() {
			return refuse("move partition %d to %v: name as many nodes as the replication asks for, %d",
				id, to, l.Replication.Size())
		}
		for i, n := range to {
			found, ok := nodes.Find(n)
			if !ok || found.State != Active || !slices.Contains(found.Roles, roleWorker) ||
				slices.Contains(to[:i], n) {
				return refuse("move partition %d to %v: %v is no active worker, or named twice", id, to, n)
			}
		}
		p.Pinned = to
		return nil
	})
}

func (o Operator) changePartition(ctx context.Context, id protocol.PartitionID,
	change func(*Layout, *Partition) error) error {
	return UpdateLayout(ctx, o.Store, func(l *Layout) error {
		if int(id) >= len(l.Partitions) {
			return refuse("there is no partition %d: they go up to %d", id, len(l.Partitions)-1)
		}
		return change(l, &l.Partitions[id])
	})
}

// Freeze keeps everything where it is, but for what operators order and what nodes that leave hold.
func (o Operator) Freeze(ctx context.Context, frozen bool) error {
	return UpdateLayout(ctx, o.Store, func(l *Layout) error {
		l.Frozen = frozen
		return nil
	})
}

// SetReplication changes on how many nodes, zones and regions partitions are.
func (o Operator) SetReplication(ctx context.Context, r placement.Replication, force bool) error {
	nodes, err := ReadNodes(o.Store)
	if err != nil {
		return err
	}
	var workers []placement.Node
	for _, n := range nodes.Nodes {
		if n.State == Active && slices.Contains(n.Roles, roleWorker) {
			workers = append(workers,
				placement.Node{ID: uint64(n.ID), Zone: n.Zone(), Region: n.Region()})
		}
	}
	if err := r.Enough(workers); err != nil && !force {
		return refuse("%v", err)
	}
	return UpdateLayout(ctx, o.Store, func(l *Layout) error {
		l.Replication = r
		return nil
	})
}
