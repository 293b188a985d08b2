package node

import "testing"

// All nodes of a cluster may be given new addresses while none runs, as by a restart of everything
// without fixed addresses: the seeds are enough to find each other again. A node that is no seed is
// found because it asks the seeds.
func TestAllNodesMoveAtOnce(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4)
	seeds := c.nodes[:2]
	for _, n := range c.nodes {
		n.start(c.seeds(seeds...))
	}
	c.awaitSettled(4, c.nodes...)
	c.nodes[0].register(startServices(t))
	l := startLoad(t, "before", c.nodes...)
	l.more(40)
	l.stop(c.nodes[0])

	for _, n := range c.nodes {
		n.stop()
	}
	for _, n := range c.nodes {
		n.fabric, n.admin, n.ingress = freeAddress(t), freeAddress(t), freeAddress(t)
	}
	for _, n := range c.nodes {
		n.start(c.seeds(seeds...))
	}
	c.awaitSettled(4, c.nodes...)
	l = startLoad(t, "after", c.nodes...)
	l.more(40)
	l.stop(c.nodes[3])
}
