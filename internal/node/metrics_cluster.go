package node

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/perdure/perdure/cluster"
)

// watchCluster shows the connections to other nodes, and how the cluster is as this node sees it.
func (n *Node) watchCluster() {
	labels := prometheus.Labels{"cluster_name": n.cfg.ClusterName, "node_name": n.cfg.NodeName}
	count := func(name, help string, value func() uint64) {
		n.metrics.registry.MustRegister(prometheus.NewCounterFunc(
			prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels},
			func() float64 { return float64(value()) }))
	}
	level := func(name, help string, value func(cluster.Status) int) {
		n.metrics.registry.MustRegister(prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels},
			func() float64 { return float64(value(n.clusterStatus())) }))
	}
	raft, links := n.transport.Stats, n.links.Stats
	count("perdure_raft_sent_frames_total", "Frames of the replicated logs sent to other nodes.",
		func() uint64 { return raft().SentFrames })
	count("perdure_raft_sent_bytes_total", "Bytes of these frames.",
		func() uint64 { return raft().SentBytes })
	count("perdure_raft_received_frames_total", "Frames of the replicated logs of other nodes.",
		func() uint64 { return raft().ReceivedFrames })
	count("perdure_raft_received_bytes_total", "Bytes of these frames.",
		func() uint64 { return raft().ReceivedBytes })
	count("perdure_raft_dropped_frames_total", "Frames dropped since a node could not be reached or did "+
		"not keep up.", func() uint64 { return raft().Dropped })
	count("perdure_raft_dials_total", "Tries to connect to other nodes.",
		func() uint64 { return raft().Dials })
	count("perdure_link_sent_total", "Requests sent to leaders on other nodes.",
		func() uint64 { return links().Sent })
	count("perdure_link_failed_total", "Such requests that ended without an answer.",
		func() uint64 { return links().Failed })
	count("perdure_link_served_total", "Requests of other nodes taken.",
		func() uint64 { return links().Served })
	level("perdure_cluster_nodes", "Nodes in the registry.",
		func(s cluster.Status) int { return len(s.Nodes) })
	level("perdure_cluster_nodes_silent", "Nodes that were not heard of lately.",
		func(s cluster.Status) (silent int) {
			for _, x := range s.Nodes {
				if !x.Alive {
					silent++
				}
			}
			return silent
		})
	level("perdure_cluster_partitions_without_leader", "Partitions without a leader.",
		func(s cluster.Status) int { return s.Leaderless })
	level("perdure_cluster_partitions_under_replicated", "Partitions with too few replicas alive.",
		func(s cluster.Status) int { return s.Under })
	level("perdure_cluster_partitions_moving", "Partitions whose replicas are being moved.",
		func(s cluster.Status) int { return s.Moving })
}

// statusAge is how old the status may be that metrics are made of.
const statusAge = 500 * time.Millisecond

// clusterStatus is a status that several metrics share.
func (n *Node) clusterStatus() cluster.Status {
	n.statusMu.Lock()
	defer n.statusMu.Unlock()
	if time.Since(n.statusAt) > statusAge && n.entered.Load() {
		if s, err := cluster.Look(n.metadata, n.directory, *n.identity.Load()); err == nil {
			n.statusNow, n.statusAt = s, time.Now()
		}
	}
	return n.statusNow
}
