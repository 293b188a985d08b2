package partition

import (
	"context"

	"github.com/perdure/perdure/partition/leader"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// Leading is the leader of a partition, wherever it is. Its errors are those of leader.Leader: all
// that wrap leader.ErrNotLeader pass, and those that wrap leader.ErrLost may have taken effect.
type Leading interface {
	Request(ctx context.Context, key protocol.PartitionKey, c command.Command,
		request command.RequestID, trace protocol.TraceContext) (command.Reply, error)
	// Call calls accepted, unless it is nil, at most once and before it returns.
	Call(ctx context.Context, inv *command.Invoke, trace protocol.TraceContext, onlyNew bool,
		accepted func(existed bool)) (reply command.Reply, existed bool, err error)
	// Attach waits for the end of an invocation. request is that of the Invoke that made it, or zero:
	// of what was not kept, its answer may be known.
	Attach(ctx context.Context, id protocol.InvocationID, request command.RequestID) (
		command.Reply, error)
	Output(context.Context, protocol.InvocationID) (command.Reply, error)
	Pinned(context.Context, protocol.InvocationID) (p Pinned, ok bool, err error)
	// Receive appends messages of another partition; done is called once, never synchronously,
	// unless an error is returned.
	Receive(from protocol.PartitionID, messages []command.Message, done func(error)) error
}

// Pinned says what an invocation calls, and on which deployment and in which protocol version it has
// to run; these two are zero until its first attempt has chosen them.
type Pinned struct {
	Target     protocol.Target
	Deployment protocol.DeploymentID
	Version    uint32
}

// here is a leader on this node.
type here struct{ *leader.Leader }

var _ Leading = here{}

// Output implements Leading.
func (h here) Output(ctx context.Context, id protocol.InvocationID) (command.Reply, error) {
	return h.Leader.Output(ctx, id)
}

// Pinned implements Leading.
func (h here) Pinned(ctx context.Context, id protocol.InvocationID) (Pinned, bool, error) {
	s, ok, err := h.Status(id)
	if err == nil && !ok {
		if err = h.Confirm(ctx, id.Key); err == nil {
			s, ok, err = h.Status(id)
		}
	}
	return Pinned{s.Target, s.Deployment, s.ProtocolVersion}, ok, err
}

// Reach finds the leader of a partition, here or on another node.
func (h *Host) Reach(p protocol.PartitionID) (Leading, error) {
	l, err := h.Leader(p)
	if err == nil {
		if _, leads := l.Leading(); leads {
			return here{l}, nil
		}
	}
	if h.cfg.Remote != nil {
		if d, ok := h.cfg.Remote.leader(p); ok {
			return d, nil
		}
	}
	return nil, leader.ErrNotLeader
}

// LeadersChanged returns a channel that is closed when the leaders of partitions on other nodes may
// have changed; nil, which never is, for a node that is alone.
func (h *Host) LeadersChanged() <-chan struct{} {
	if h.cfg.Remote == nil {
		return nil
	}
	return h.cfg.Remote.table.Watch()
}
