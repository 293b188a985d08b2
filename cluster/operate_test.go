package cluster

import (
	"fmt"
	"testing"
	"time"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/cluster/placement"
	"github.com/perdure/perdure/protocol"
)

// operated is a cluster at rest: nodes in zones a, b, c, a and four partitions of three replicas.
func operated(t *testing.T) (Operator, *memoryStore) {
	t.Helper()
	s, d := begun(t)
	for i := 2; i <= 4; i++ {
		name := fmt.Sprintf("n%d", i)
		if _, err := Join(t.Context(), s, d, clusterOne, request(name, "i"+name)); err != nil {
			t.Fatal(err)
		}
	}
	err := UpdateNodes(t.Context(), s, func(ns *Nodes) error {
		for i := range ns.Nodes {
			ns.Nodes[i].Location = []string{"r.a", "r.b", "r.c", "r.a"}[i]
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := Provision(t.Context(), s, placement.Replication{Node: 3}, 4, false); err != nil {
		t.Fatal(err)
	}
	err = UpdateLayout(t.Context(), s, func(l *Layout) error {
		for range 4 {
			set := []Replica{1, 2, 3}
			l.Partitions = append(l.Partitions, Partition{Founders: set, Replicas: set, Leader: 1})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	d.mustRefresh(s)
	hearAll(s, d)
	return Operator{Store: s, Directory: d, Identity: func() Identity { return clusterOne }}, s
}

// hearAll has every node tell that everything is as the layout says.
func hearAll(s *memoryStore, d *Directory) {
	l, _, _ := ReadLayout(s)
	for _, n := range d.Nodes().Nodes {
		m := Notice{Node: n.ID, Generation: 1, Millis: time.Now().UnixMilli(), Leads: n.ID == 1}
		for i, p := range l.Partitions {
			id := protocol.PartitionID(i)
			if r, ok := p.ReplicaOn(n.ID); ok {
				m.Replicas = append(m.Replicas, Running{id, r, 4096 * 100})
			}
			if n.ID == p.Leader {
				m.Leading = append(m.Leading, Leading{Partition: id, Term: 2, Voters: p.Replicas})
				d.SawLeader(id, bifrost.Leadership{Term: 2, Leader: bifrost.NewReplicaID(uint64(n.ID), 0)})
			}
		}
		d.Heard(m, time.Now())
	}
}

func TestOrdersThatAreRefused(t *testing.T) {
	o, s := operated(t)
	ctx := t.Context()
	_, nodesBefore, _ := s.Get(NodesKey)
	_, layoutBefore, _ := s.Get(LayoutKey)
	_, resolve := o.Resolve("n9")
	_, zone := o.DrainZone(ctx, "z", false)
	for what, c := range map[string]struct {
		err  error
		want string
	}{
		"unknown node":        {resolve, "see perdure cluster status"},
		"unknown zone":        {zone, `there are "r.a", "r.b", "r.c"`},
		"drain too many":      {o.Drain(ctx, false, 1, 2), "without these nodes, replication 3 needs more"},
		"remove what is used": {o.Remove(ctx, 2, false), "drain it first"},
		"remove as lost what runs": {
			o.Remove(ctx, 2, true), "is running: stop it first",
		},
		"remove nobody":          {o.Remove(ctx, 9, false), "no node N9"},
		"leader without replica": {o.SetLeader(ctx, 0, 4), "no replica on N4"},
		"leader of nothing":      {o.SetLeader(ctx, 9, 1), "they go up to 3"},
		"move to too few":        {o.Move(ctx, 0, 1, 2), "as many nodes as the replication asks for, 3"},
		"move twice to one":      {o.Move(ctx, 0, 1, 2, 2), "named twice"},
		"move to a stranger":     {o.Move(ctx, 0, 1, 2, 9), "N9 is no active worker"},
		"too much replication": {
			o.SetReplication(ctx, placement.Replication{Node: 3, Zone: 4}, false), "add nodes",
		},
	} {
		t.Run(what, func(t *testing.T) { wantRefusal(t, c.err, c.want) })
	}
	_, nodesAfter, _ := s.Get(NodesKey)
	_, layoutAfter, _ := s.Get(LayoutKey)
	if nodesBefore != nodesAfter || layoutBefore != layoutAfter {
		t.Error("a refused order has changed something")
	}
}

func TestOrdersThatAreTaken(t *testing.T) {
	o, s := operated(t)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	drained, err := o.DrainZone(ctx, "b", false)
	must(err)
	if len(drained) != 1 || drained[0] != 2 {
		t.Fatalf("drained %v", drained)
	}
	wantRefusal(t, o.Remove(ctx, 2, false), "still holds 4 replicas")
	must(o.Activate(ctx, 2))
	must(o.SetLeader(ctx, 1, 3))
	must(o.Move(ctx, 2, 2, 3, 4))
	must(o.Freeze(ctx, true))
	must(o.SetReplication(ctx, placement.Replication{Node: 3, Zone: 3}, false))
	l, _, err := ReadLayout(s)
	must(err)
	p := l.Partitions
	if !l.Frozen || l.Replication.Zone != 3 || p[1].Leader != 3 || !p[1].LeaderPinned || len(p[2].Pinned) != 3 {
		t.Errorf("the layout is %+v", l)
	}
	nodes, err := ReadNodes(s)
	must(err)
	if n, _ := nodes.Find(2); n.State != Active {
		t.Errorf("node 2 is %s", n.State)
	}
}

// TestRemovedTwice: an order whose answer was lost is given again, by the number of the node.
func TestRemovedTwice(t *testing.T) {
	o, s := operated(t)
	if err := o.Drain(t.Context(), false, 4); err != nil { // it holds nothing
		t.Fatal(err)
	}
	for _, text := range []string{"n4", "N4", "4"} {
		id, err := o.ResolveFormer(text)
		if err != nil || id != 4 {
			t.Fatalf("%q is node %v: %v", text, id, err)
		}
		for _, lost := range []bool{false, true} {
			if err := o.Remove(t.Context(), id, lost && text != "n4"); err != nil {
				t.Errorf("remove %q, lost %t: %v", text, lost, err)
			}
		}
	}
	if nodes, err := ReadNodes(s); err != nil || len(nodes.Nodes) != 3 {
		t.Errorf("the nodes are %+v: %v", nodes, err)
	}
	for _, text := range []string{"n4", "N9", "9", "0", "N", "-1", "99999"} {
		if id, err := o.ResolveFormer(text); err == nil {
			t.Errorf("%q is node %v", text, id)
		}
	}
}

func TestStatus(t *testing.T) {
	o, _ := operated(t)
	s, err := o.Status()
	if err != nil {
		t.Fatal(err)
	}
	if s.Under+s.Moving+s.Leaderless != 0 || s.Waiting != "" || len(s.Nodes) != 4 || len(s.Partitions) != 4 {
		t.Errorf("at rest: %+v", s)
	}
	if n := s.Nodes[0]; n.Leads != 4 || n.Replicas != 4 || n.Metadata != "leader" || !n.Alive {
		t.Errorf("node 1: %+v", n)
	}
	o.Directory.Broke(2)
	if s, err = o.Status(); err != nil || s.Under != 4 || s.Nodes[1].Alive {
		t.Errorf("without node 2: %+v, %v", s, err)
	}
	if err := o.Move(t.Context(), 0, 1, 2, 4); err != nil {
		t.Fatal(err)
	}
	err = UpdateLayout(t.Context(), o.Store, func(l *Layout) error {
		move(&l.Partitions[0], []uint64{1, 2, 4})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err = o.Status()
	if err != nil || s.Moving != 1 || s.Partitions[0].Settled || s.Partitions[0].Replicas[3].Role != "missing" {
		t.Errorf("with a move: %+v, %v", s.Partitions[0], err)
	}
}
