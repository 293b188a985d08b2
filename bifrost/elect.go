package bifrost

import (
	"time"

	"github.com/lni/dragonboat/v4"
	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/raftio"
	"github.com/lni/dragonboat/v4/raftpb"
)

// The wait before an election is there so that replicas do not disturb a leader they have not heard of
// yet. The only replica of a group has nobody to wait for: it is told that its time is up. Should the
// group have other members after all, that is an election like any other, and as safe; whoever wins it
// is left in peace.

// Pauses between two looks for a leader. There cannot be one before what is committed is applied.
const (
	electPause    = 2 * time.Millisecond
	electMaxPause = 100 * time.Millisecond
)

// tapped is a transport factory that keeps the library's entrance for messages, and sees what comes
// from other nodes.
type tapped struct {
	config.TransportFactory
	host *RaftHost
}

// Create implements config.TransportFactory.
func (t tapped) Create(c config.NodeHostConfig, messages raftio.MessageHandler,
	chunks raftio.ChunkHandler,
) raftio.ITransport {
	t.host.deliver = messages
	return t.TransportFactory.Create(c, t.host.receive, chunks)
}

// receive passes messages of other nodes on to the library.
func (h *RaftHost) receive(b raftpb.MessageBatch) {
	h.deliver(b)
	for _, m := range b.Requests {
		if m.Type == raftpb.TimeoutNow {
			b.Requests = []raftpb.Message{m}
			go h.remind(b, Leadership{Term: m.Term, Leader: ReplicaID(m.From)})
		}
	}
}

// How often a replica is reminded that it is to stand for election.
const (
	remindPause = 2 * time.Millisecond
	remindTries = 7 // the pauses double: a quarter of a second in all, less than a leader waits
)

// remind delivers a message again that tells a replica here to stand for election, as long as its leader
// is the one that it is to follow. The library does not stand while something committed is not applied
// yet, and does not come back to it; a leader that hands over asks once, and drops all proposals until
// it gives up. Under load the one comes with the other: the leader asks when the replica has the last
// entry, which is when that is committed.
func (h *RaftHost) remind(b raftpb.MessageBatch, before Leadership) {
	id := LogID(b.Requests[0].ShardID)
	for pause, try := remindPause, 0; try < remindTries; pause, try = 2*pause, try+1 {
		select {
		case <-time.After(pause):
		case <-h.stopped:
			return
		}
		now, known := h.LeaderOf(id)
		if !known || now.Term != before.Term || now.Leader != before.Leader {
			return // it has stood, or somebody else has
		}
		if h.use(func(*dragonboat.NodeHost) error { h.deliver(b); return nil }) != nil {
			return // closed
		}
	}
}

// timeIsUp tells a replica here that its wait for an election is over.
func (h *RaftHost) timeIsUp(l *raftLog) raftpb.MessageBatch {
	return raftpb.MessageBatch{
		DeploymentId: h.cfg.Cluster, BinVer: raftio.TransportBinVersion,
		Requests: []raftpb.Message{{
			Type: raftpb.TimeoutNow, ShardID: uint64(l.id),
			From: uint64(l.group.Replica), To: uint64(l.group.Replica),
		}},
	}
}

// Campaign has this node's replica of a log stand for election now. It is for whoever knows that the
// leader is gone, before the replica can tell: a leader that is not gone loses its leadership, and
// nothing else happens.
func (h *RaftHost) Campaign(id LogID) error {
	before, known := h.LeaderOf(id)
	return h.onLog(id, func(l *raftLog, _ *dragonboat.NodeHost) error {
		b := h.timeIsUp(l)
		h.deliver(b)
		if known && !before.Leads {
			go h.remind(b, before)
		}
		return nil
	})
}

// elect lets the only replica of a group lead at once. It ends when there is a leader, whoever it is.
func (h *RaftHost) elect(l *raftLog) {
	for pause := electPause; !l.ended.Load(); pause = min(2*pause, electMaxPause) {
		if _, known := h.LeaderOf(l.id); known {
			return
		}
		if h.Campaign(l.id) != nil {
			return // closed
		}
		select {
		case <-time.After(pause):
		case <-h.stopped:
			return
		}
	}
}
