package bifrost

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lni/dragonboat/v4"

	"github.com/perdure/perdure/bifrost/transport"
	"github.com/perdure/perdure/protocol"
)

// ErrChangeRefused means that a change of the members was not made, because they are not what the
// caller takes them for: look again and decide anew.
var ErrChangeRefused = errors.New("the members have changed meanwhile: look again")

const changeTimeout = 3 * time.Second // for one change of the members, unless ctx ends before

// Members are the replicas of a log.
type Members struct {
	// Version names this state of the members; a change is made only to the state its caller saw.
	Version  uint64
	Voters   []ReplicaID // in order
	Learners []ReplicaID // they get every record and have no vote
}

// Has tells whether r is a member of either kind.
func (m Members) Has(r ReplicaID) bool {
	return slices.Contains(m.Voters, r) || slices.Contains(m.Learners, r)
}

// Members asks the group who its members are. A replica of the log runs here.
func (h *RaftHost) Members(ctx context.Context, id LogID) (Members, error) {
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	var found *dragonboat.Membership
	err := h.onLog(id, func(l *raftLog, nodes *dragonboat.NodeHost) (err error) {
		found, err = nodes.SyncGetShardMembership(ctx, uint64(l.id))
		return err
	})
	if err = passing(err); err != nil {
		return Members{}, fmt.Errorf("ask for the members of log %s: %w", id, err)
	}
	return Members{
		Version: found.ConfigChangeID, Voters: replicaIDs(found.Nodes), Learners: replicaIDs(found.NonVotings),
	}, nil
}

func replicaIDs(m map[uint64]string) (ids []ReplicaID) {
	for _, id := range slices.Sorted(maps.Keys(m)) {
		ids = append(ids, ReplicaID(id))
	}
	return ids
}

// AddLearner adds a replica without a vote to the members that were seen.
func (h *RaftHost) AddLearner(ctx context.Context, id LogID, seen Members, r ReplicaID) error {
	return h.change(ctx, id, "add learner", r, func(ctx context.Context, n *dragonboat.NodeHost) error {
		return n.SyncRequestAddNonVoting(ctx, uint64(id), uint64(r), transport.Address(r.Node()),
			seen.Version)
	})
}

// Promote gives a learner, which should have caught up, a vote.
func (h *RaftHost) Promote(ctx context.Context, id LogID, seen Members, r ReplicaID) error {
	return h.change(ctx, id, "promote", r, func(ctx context.Context, n *dragonboat.NodeHost) error {
		return n.SyncRequestAddReplica(ctx, uint64(id), uint64(r), transport.Address(r.Node()),
			seen.Version)
	})
}

// Remove removes a replica, whose number can never be a member again.
func (h *RaftHost) Remove(ctx context.Context, id LogID, seen Members, r ReplicaID) error {
	return h.change(ctx, id, "remove", r, func(ctx context.Context, n *dragonboat.NodeHost) error {
		return n.SyncRequestDeleteReplica(ctx, uint64(id), uint64(r), seen.Version)
	})
}

func (h *RaftHost) change(ctx context.Context, id LogID, what string, r ReplicaID,
	f func(context.Context, *dragonboat.NodeHost) error,
) error {
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	err := h.onLog(id, func(_ *raftLog, nodes *dragonboat.NodeHost) error { return f(ctx, nodes) })
	if errors.Is(err, dragonboat.ErrRejected) {
		err = ErrChangeRefused
	}
	if err = passing(err); err != nil {
		return fmt.Errorf("%s %v in log %s: %w", what, r, id, err)
	}
	return nil
}

// passing marks what goes away by itself, as when a leader has just been elected, with ErrBusy.
func passing(err error) error {
	if errors.Is(err, dragonboat.ErrShardNotReady) || errors.Is(err, dragonboat.ErrSystemBusy) {
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return err
}

// Transfer asks the leader, if it is here, to hand over to another replica. It may come to nothing:
// look, and ask again.
func (h *RaftHost) Transfer(id LogID, to ReplicaID) error {
	err := h.onLog(id, func(_ *raftLog, nodes *dragonboat.NodeHost) error {
		return nodes.RequestLeaderTransfer(uint64(id), uint64(to))
	})
	if err = passing(err); err != nil {
		return fmt.Errorf("hand log %s over to replica %v: %w", id, to, err)
	}
	return nil
}

// Forget removes what this node holds of a replica that is no longer a member and was stopped.
func (h *RaftHost) Forget(ctx context.Context, id LogID, r ReplicaID) error {
	ctx, cancel := context.WithTimeout(ctx, unloadTimeout)
	defer cancel()
	err := h.use(func(nodes *dragonboat.NodeHost) error {
		return nodes.SyncRemoveData(ctx, uint64(id), uint64(r))
	})
	if err != nil {
		return fmt.Errorf("remove replica %v of log %s: %w", r, id, err)
	}
	return nil
}

// LeaderOf is what this node knows of a log's leader.
func (h *RaftHost) LeaderOf(id LogID) (Leadership, bool) {
	var found Leadership
	err := h.onLog(id, func(l *raftLog, nodes *dragonboat.NodeHost) error {
		leader, term, valid, err := nodes.GetLeaderID(uint64(id))
		if err == nil && valid {
			found = Leadership{Leads: leader == uint64(l.group.Replica), Term: term,
				Leader: ReplicaID(leader)}
		}
		return err
	})
	return found, err == nil && found.Leader != 0
}

// onLog calls f with a log that runs here, and keeps the host from closing meanwhile.
func (h *RaftHost) onLog(id LogID, f func(*raftLog, *dragonboat.NodeHost) error) error {
	l := h.find(id)
	if l == nil {
		return fmt.Errorf("no replica of it runs here: %w", ErrClosed)
	}
	return l.whileOpen(func(nodes *dragonboat.NodeHost) error { return f(l, nodes) })
}

// Tail is the LSN of the last record that this node's replica of a log has applied; ok is false if
// none runs here.
func (h *RaftHost) Tail(id LogID) (tail protocol.LSN, ok bool) {
	l := h.find(id)
	if l == nil {
		return 0, false
	}
	return l.Tail(), true
}
