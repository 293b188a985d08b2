package cluster

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/protocol"
)

// Notice is what a node tells all others about itself, now and then and whenever a leader changes.
type Notice struct {
	Node       NodeID `json:"node"`
	Generation uint64 `json:"generation"`
	Millis     int64  `json:"millis"` // the node's clock
	// Leading are the partitions the node leads.
	Leading []Leading `json:"leading,omitempty"`
	// Replicas are the replicas that run on the node.
	Replicas []Running `json:"replicas,omitempty"`
	// Metadata is the node's replica of the metadata, and whether it leads.
	Metadata Running `json:"metadata"`
	Leads    bool    `json:"leads_metadata,omitempty"`
	// Stopping: the node is on its way down and should not be given anything to lead.
	Stopping bool `json:"stopping,omitempty"`
}

// Leading is what a leader says about its group.
type Leading struct {
	Partition protocol.PartitionID `json:"p"`
	Term      uint64               `json:"t"`
	Voters    []Replica            `json:"v,omitempty"`
	Learners  []Replica            `json:"l,omitempty"`
}

// Running is a replica and how far it has come.
type Running struct {
	Partition protocol.PartitionID `json:"p"`
	Replica   Replica              `json:"r"`
	Tail      protocol.LSN         `json:"a"`
}

func (n Notice) encode() ([]byte, error) { return json.Marshal(n) }

func decodeNotice(from uint64, b []byte) (Notice, error) {
	var n Notice
	if err := json.Unmarshal(b, &n); err != nil {
		return n, fmt.Errorf("read a notice of node %d: %w", from, err)
	}
	if uint64(n.Node) != from {
		return n, fmt.Errorf("a notice of node %d came from node %d", n.Node, from)
	}
	return n, nil
}

// members are what a leader has said about its group.
func (l Leading) members() bifrost.Members {
	return bifrost.Members{Voters: l.Voters, Learners: l.Learners}
}

// Times of the detector.
const (
	// noticeInterval is how often a node tells about itself when nothing happens, and
	// busyInterval while replicas are on the move.
	noticeInterval = time.Second
	busyInterval   = 100 * time.Millisecond
	// freshNotice is how old the last notice of a node may be that is handed a leadership, and
	// settledTerm how long a leader leads before it thinks of handing over to the node that should
	// lead. Together they keep a leadership from going back to a node that has just fallen silent.
	freshNotice = 2 * noticeInterval
	settledTerm = 3 * noticeInterval
	// suspectAfter is how long a node may be silent before it is given nothing to lead.
	suspectAfter = 5 * noticeInterval
	// MaxClockSkew is how far clocks of two nodes may be apart.
	MaxClockSkew = 5 * time.Second
)
