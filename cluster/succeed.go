package cluster

import (
	"context"
	"slices"
	"time"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/protocol"
)

// maxDown is how many nodes may be down and not yet looked at; for more there is the timeout.
const maxDown = 64

// Down tells the agent that the process of a node has ended: its connections broke and its port
// refuses new ones. It does not wait.
func (a *Agent) Down(n NodeID) {
	select {
	case a.down <- n:
	default:
	}
}

// succeed stands for election wherever n led and this node is the one to follow. Waiting for Raft's
// timeout would only make callers wait; should this node not win, the timeout is still there.
func (a *Agent) succeed(ctx context.Context, n NodeID) {
	l, _, err := ReadLayout(a.cfg.Store)
	if err != nil {
		a.cfg.Fault(err)
		return
	}
	stand := func(log bifrost.LogID, voters []NodeID, rotate int) {
		leader, ok := a.cfg.Groups.LeaderOf(log)
		if ok && NodeID(leader.Leader.Node()) == n && a.follows(voters, n, rotate) {
			a.fault(ctx, a.cfg.Groups.Campaign(log))
		}
	}
	stand(bifrost.MetadataLog, l.Voters, 0)
	for i, p := range l.Partitions {
		var voters []NodeID
		for _, id := range p.nodes() {
			voters = append(voters, NodeID(id))
		}
		stand(logOf(protocol.PartitionID(i)), voters, i)
	}
}

// follows tells whether this node is the one of the voters that live to follow one that is gone. It
// depends on the log which of them it is, so that the leaderships of one node go to many.
func (a *Agent) follows(voters []NodeID, gone NodeID, rotate int) bool {
	now := time.Now()
	living := slices.DeleteFunc(slices.Clone(voters), func(v NodeID) bool {
		return v == gone || !a.cfg.Directory.Alive(v, now)
	})
	slices.Sort(living)
	return len(living) > 0 && living[rotate%len(living)] == a.self
}
