package node

import (
	"testing"

	"github.com/perdure/perdure/cluster"
)

// One node with replication 1 grows to three with replication 3, and to five, under load; then a
// zone is evacuated and its node taken out. No call fails, nothing is lost or doubled.
func TestGrowsAndShrinksUnderLoad(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 5, "PERDURE_DEFAULT_REPLICATION=1")
	n := c.nodes
	n[0].start("[]")
	c.awaitSettled(1, n[0])
	n[0].register(startServices(t))
	l := startLoad(t, "grow", n[0])
	l.more(10)

	seeds := c.seeds(n[0])
	n[1].start(seeds)
	n[2].start(seeds)
	c.awaitSettled(3, n[:3]...)
	n[0].order("replication", `{"node":3}`)
	awaitReplicas(c, n[0], 3)
	l.more(10)

	n[3].start(seeds)
	n[4].start(seeds)
	c.awaitSettled(5, n...)
	eventually(t, "the new nodes to lead something", func() bool {
		s, ok := n[0].status()
		return ok && leads(s, n[3].name) > 0 && leads(s, n[4].name) > 0
	})
	l.more(10)

	n[0].order("zones/test.n2/drain", "{}")
	eventually(t, "n2 to hold nothing", func() bool {
		s, ok := n[0].status()
		for _, x := range s.Nodes {
			if x.Name == "n2" && x.Holds > 0 {
				return false
			}
		}
		return ok && settled(s, 5)
	})
	n[0].order("nodes/n2/remove", "{}")
	n[1].awaitEnd(1)
	if !n[1].said("was removed from the cluster") {
		t.Error("the removed node does not say why it ends")
	}
	c.awaitSettled(4, n[0], n[2], n[3], n[4])
	l.more(10)
	l.stop(n[4])
}

func leads(s cluster.Status, name string) int {
	for _, n := range s.Nodes {
		if n.Name == name {
			return n.Leads
		}
	}
	return 0
}

// awaitReplicas waits until every partition has as many replicas, all of them level.
func awaitReplicas(c *testCluster, n *testNode, count int) {
	c.t.Helper()
	eventually(c.t, "more replicas", func() bool {
		s, ok := n.status()
		for _, p := range s.Partitions {
			if len(p.Replicas) != count {
				return false
			}
		}
		return ok && settled(s, len(s.Nodes))
	})
}

// A stop hands leaderships over first: other nodes' callers see no failure, and the node says so.
func TestCleanStopHandsOver(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	c.start(c.nodes...)
	c.awaitSettled(3, c.nodes...)
	c.nodes[0].register(startServices(t))
	eventually(t, "all to lead", func() bool {
		s, ok := c.nodes[0].status()
		return ok && leads(s, "n1") > 0 && leads(s, "n2") > 0 && leads(s, "n3") > 0
	})
	l := startLoad(t, "stop", c.nodes[0], c.nodes[2])
	for round := range 2 {
		l.more(20)
		c.nodes[1].stop()
		l.more(20)
		c.nodes[1].start(c.seeds(c.nodes...))
		c.awaitSettled(3, c.nodes...)
		if round == 0 && !c.nodes[1].said("handed over") {
			t.Error("the node does not say that it handed over")
		}
	}
	l.stop(c.nodes[1])
}

// A node that is paused, as by a hypervisor, is replaced like a dead one, and does no harm when it
// wakes up.
func TestPausedLeaderIsReplaced(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	c.start(c.nodes...)
	c.awaitSettled(3, c.nodes...)
	c.nodes[0].register(startServices(t))
	c.nodes[0].order("partitions/0/leader", `{"node":"n3"}`)
	c.nodes[0].order("partitions/1/leader", `{"node":"n3"}`)
	eventually(t, "n3 to lead", func() bool {
		s, ok := c.nodes[0].status()
		return ok && leads(s, "n3") >= 2
	})
	l := startLoad(t, "pause", c.nodes[0], c.nodes[1])
	l.more(20)
	c.nodes[2].pause()
	eventually(t, "others to lead", func() bool {
		s, ok := c.nodes[0].status()
		return ok && s.Leaderless == 0 && leads(s, "n3") == 0
	})
	l.more(60)
	c.nodes[2].resume()
	c.awaitSettled(3, c.nodes...)
	l.more(20)
	l.stop(c.nodes[2])
}
