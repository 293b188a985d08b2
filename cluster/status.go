package cluster

import (
	"slices"
	"time"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/cluster/placement"
	"github.com/perdure/perdure/protocol"
)

// Status is how the cluster is, as one node sees it.
type Status struct {
	Cluster     string                `json:"cluster"`
	Fingerprint string                `json:"fingerprint"`
	Self        NodeID                `json:"self"` // who says so
	Replication placement.Replication `json:"replication"`
	Frozen      bool                  `json:"frozen"`
	Nodes       []NodeStatus          `json:"nodes"`
	Partitions  []PartitionStatus     `json:"partitions"`
	// Under is how many partitions have fewer voters alive than the replication asks for; Moving how
	// many are being moved; Leaderless how many have no leader.
	Under      int `json:"under_replicated"`
	Moving     int `json:"moving"`
	Leaderless int `json:"leaderless"`
	// Waiting is what keeps the cluster from serving; "" when it does.
	Waiting string `json:"waiting,omitempty"`
}

// NodeStatus is how one node is.
type NodeStatus struct {
	Node
	Alive bool `json:"alive"`
	// HeardMillis is how long ago the node was heard of, -1 if it never was.
	HeardMillis int64 `json:"heard_millis"`
	// SkewMillis is how far its clock is ahead, as far as can be told.
	SkewMillis int64 `json:"skew_millis"`
	Replicas   int   `json:"replicas"` // that should be there
	Leads      int   `json:"leads"`    // partitions
	// Metadata is "leader", "voter" or "learner".
	Metadata string `json:"metadata"`
	// Holds counts what a draining node still has to get rid of.
	Holds int `json:"holds"`
}

// PartitionStatus is how one partition is.
type PartitionStatus struct {
	ID       protocol.PartitionID `json:"id"`
	Leader   NodeID               `json:"leader"` // 0: none is known
	Wanted   NodeID               `json:"wanted_leader"`
	Term     uint64               `json:"term"`
	Replicas []ReplicaStatus      `json:"replicas"`
	Settled  bool                 `json:"settled"` // it has the replicas it should have
	Pinned   bool                 `json:"pinned,omitempty"`
}

// ReplicaStatus is how one replica is.
type ReplicaStatus struct {
	Node    NodeID `json:"node"`
	Replica string `json:"replica"`
	// Role is "voter", "learner", "missing" (it should be there) or "leaving".
	Role  string `json:"role"`
	Alive bool   `json:"alive"`
	// Lag is about how many entries of the log it is behind the leader, -1 if that is not known.
	Lag int64 `json:"lag"`
}

// Look puts the status together.
func Look(s Store, d *Directory, id Identity) (Status, error) {
	l, _, err := ReadLayout(s)
	if err != nil {
		return Status{}, err
	}
	now := time.Now()
	out := Status{
		Cluster: id.Cluster, Fingerprint: id.Fingerprint, Self: d.Self(),
		Replication: l.Replication, Frozen: l.Frozen,
	}
	if err := Serving(s, d); err != nil {
		out.Waiting = err.Error()
	}
	leads := map[NodeID]int{}
	for i, p := range l.Partitions {
		ps := d.partitionStatus(protocol.PartitionID(i), p, now)
		out.Partitions = append(out.Partitions, ps)
		leads[ps.Leader]++
		alive := 0
		for _, r := range ps.Replicas {
			if r.Role == "voter" && r.Alive {
				alive++
			}
		}
		if alive < l.Replication.Size() {
			out.Under++
		}
		if !ps.Settled {
			out.Moving++
		}
		if ps.Leader == 0 {
			out.Leaderless++
		}
	}
	for _, n := range d.Nodes().Nodes {
		out.Nodes = append(out.Nodes, d.nodeStatus(n, l, leads[n.ID], now))
	}
	return out, nil
}

func (d *Directory) nodeStatus(n Node, l Layout, leads int, now time.Time) NodeStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	h, heard := d.heard[n.ID]
	s := NodeStatus{
		Node: n, Alive: d.alive(n.ID, now), HeardMillis: -1, SkewMillis: h.skew.Milliseconds(),
		Leads: leads, Metadata: "learner", Holds: holds(l, n.ID),
	}
	s.Replicas = s.Holds
	if slices.Contains(l.Voters, n.ID) {
		s.Metadata = "voter"
		s.Replicas--
	}
	if heard {
		s.HeardMillis = now.Sub(h.at).Milliseconds()
		if h.Leads {
			s.Metadata = "leader"
		}
	}
	return s
}

func (d *Directory) partitionStatus(id protocol.PartitionID, p Partition, now time.Time,
) PartitionStatus {
	report, by, ok := d.reported(id, now)
	leader, _ := d.Leader(id)
	s := PartitionStatus{ID: id, Leader: leader, Wanted: p.Leader, Term: report.Term,
		Pinned: len(p.Pinned) > 0 || p.LeaderPinned}
	have := report.members()
	if !ok || len(have.Voters) == 0 {
		have = bifrost.Members{Voters: p.Replicas} // nobody says otherwise
	}
	w := want{voters: p.Replicas}
	s.Settled = settled(w, have)
	var lead protocol.LSN
	for _, r := range slices.Concat(have.Voters, have.Learners) {
		if NodeID(r.Node()) == by {
			lead, _ = d.tail(id, r)
		}
	}
	all := slices.Concat(p.Replicas, have.Voters, have.Learners)
	slices.Sort(all)
	for _, r := range slices.Compact(all) {
		rs := ReplicaStatus{Node: NodeID(r.Node()), Replica: r.String(), Lag: -1,
			Alive: d.Alive(NodeID(r.Node()), now), Role: "learner"}
		switch {
		case !have.Has(r):
			rs.Role = "missing"
		case !w.has(r):
			rs.Role = "leaving"
		case slices.Contains(have.Voters, r):
			rs.Role = "voter"
		}
		if tail, ok := d.tail(id, r); ok && lead > 0 {
			rs.Lag = int64(bifrost.EntriesBetween(tail, lead))
		}
		s.Replicas = append(s.Replicas, rs)
	}
	return s
}
