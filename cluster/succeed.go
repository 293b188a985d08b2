package cluster

import (
	"context"
	"slices"
	"time"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/protocol"
)

const (
	// maxDown is how many nodes may be down and not yet looked at; for more there is the timeout.
	maxDown = 64
	// A replica whose log ends early cannot win: the one that refused it stands next, when it has
	// seen no leader for two looks.
	successorLook  = 25 * time.Millisecond
	successorLooks = 20
)

// Down tells the agent that the process of a node has ended: its connections broke and its port
// refuses new ones. It does not wait.
func (a *Agent) Down(n NodeID) {
	select {
	case a.down <- n:
	default:
	}
}

// succeed stands for election wherever n led and this node is the one to follow, and where that one
// does not win. Waiting for Raft's timeout would only make callers wait; it is still there should
// none of this help.
func (a *Agent) succeed(ctx context.Context, n NodeID) {
	l, _, err := ReadLayout(a.cfg.Store)
	if err != nil {
		a.cfg.Fault(err)
		return
	}
	others := map[bifrost.LogID]int{} // where another node stands first: looks without a leader
	stand := func(log bifrost.LogID, voters []NodeID, rotate int) {
		leader, ok := a.cfg.Groups.LeaderOf(log)
		switch {
		case !ok || NodeID(leader.Leader.Node()) != n || !slices.Contains(voters, a.self) || a.hasFailed(log):
		case a.follows(voters, n, rotate):
			a.fault(ctx, a.cfg.Groups.Campaign(log))
		default:
			others[log] = 0
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
	for look := 0; look < successorLooks && len(others) > 0 && ctx.Err() == nil; look++ {
		sleep(ctx, successorLook)
		for log, without := range others {
			leader, ok := a.cfg.Groups.LeaderOf(log)
			switch {
			case ok && NodeID(leader.Leader.Node()) != n:
				delete(others, log)
			case ok: // nobody has stood yet, as far as this replica has heard
			case without > 0:
				a.fault(ctx, a.cfg.Groups.Campaign(log))
				delete(others, log)
			default:
				others[log]++
			}
		}
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
