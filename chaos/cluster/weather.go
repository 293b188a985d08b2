package main

import (
	"sync"
	"time"

	"github.com/perdure/perdure/chaos/cluster/network"
)

// weather is how the network is: the distance between zones, and what faults lay over it.
type weather struct {
	cluster *Cluster

	mu    sync.Mutex
	links map[[2]int]network.Link // faults, by host; guarded by mu
}

func newWeather(c *Cluster) *weather {
	return &weather{cluster: c, links: map[[2]int]network.Link{}}
}

// base is a link on a good day. Services and clients are near everybody.
func (w *weather) base(from, to int) network.Link {
	nodes := w.cluster.nodes
	if from < len(nodes) && to < len(nodes) && nodes[from].zone != nodes[to].zone {
		// Zones differ in their distances, as real ones do.
		far := time.Duration(int(nodes[from].zone[0])+int(nodes[to].zone[0])) % 3
		d := w.cluster.opts.ZoneDelay
		return network.Link{Delay: d/2 + far*d/8, Jitter: d / 8}
	}
	return network.Link{}
}

// put lays a fault over a link: what it does is added to the distance.
func (w *weather) put(from, to int, fault network.Link) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.links[[2]int{from, to}] = fault
	w.apply(from, to)
}

// apply sets the link of a pair. Called with mu held.
func (w *weather) apply(from, to int) {
	if w.cluster.net == nil {
		return
	}
	l, fault := w.base(from, to), w.links[[2]int{from, to}]
	fault.Delay += l.Delay
	fault.Jitter += l.Jitter
	w.cluster.net.Set(from, to, fault)
}

// clear ends all faults.
func (w *weather) clear() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.links)
	hosts := w.cluster.opts.Nodes + 2
	for from := range hosts {
		for to := range hosts {
			w.apply(from, to)
		}
	}
}

// cut ends what goes from one node to another.
func (w *weather) cut(from, to *Node) {
	w.put(from.index, to.index, network.Link{Cut: true})
}

// split cuts all links between two groups of nodes, both ways.
func (w *weather) split(a, b []*Node) {
	for _, x := range a {
		for _, y := range b {
			w.cut(x, y)
			w.cut(y, x)
		}
	}
}

// between changes all links between different nodes.
func (w *weather) between(fault network.Link) {
	for _, a := range w.cluster.nodes {
		for _, b := range w.cluster.nodes {
			if a != b {
				w.put(a.index, b.index, fault)
			}
		}
	}
}
