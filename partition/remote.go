package partition

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/cluster"
	"github.com/perdure/perdure/cluster/link"
	"github.com/perdure/perdure/partition/leader"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/noderpc"
)

// Caller carries a request to a node and the answer back; *link.Links is one.
type Caller interface {
	Call(ctx context.Context, node uint64, request []byte, progress func([]byte)) ([]byte, error)
}

// errMoved ends requests to a node that is no longer said to lead.
var errMoved = errors.New("the partition is led by another node by now")

// Remote reaches the leaders of partitions on other nodes. A request to a leader that another node
// replaces ends as lost at once, whatever its connection does: a node that is paused or cut off may
// take long to break one.
type Remote struct {
	table  cluster.Table
	caller Caller

	mu      sync.Mutex
	flights map[*flight]struct{} // guarded by mu
}

// flight is one request on its way.
type flight struct {
	partition protocol.PartitionID
	node      cluster.NodeID
	end       context.CancelCauseFunc
}

// NewRemote makes a Remote; Run must run beside it.
func NewRemote(table cluster.Table, caller Caller) *Remote {
	return &Remote{table: table, caller: caller, flights: map[*flight]struct{}{}}
}

// Run ends requests to leaders that were replaced, until ctx ends.
func (r *Remote) Run(ctx context.Context) {
	for {
		changed := r.table.Watch()
		r.endMoved()
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

func (r *Remote) endMoved() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for f := range r.flights {
		if now, ok := r.table.Leader(f.partition); ok && now != f.node {
			f.end(errMoved)
		}
	}
}

// leader is the way to the leader of p, if another node is said to lead it.
func (r *Remote) leader(p protocol.PartitionID) (distant, bool) {
	n, ok := r.table.Leader(p)
	if !ok || n == r.table.Self() {
		return distant{}, false
	}
	return distant{r, p, n}, true
}

// ask sends a request and reads the answer. Its errors are those of a leader here.
func (r *Remote) ask(ctx context.Context, node cluster.NodeID, q *noderpc.Request,
	progress func([]byte),
) (a noderpc.Answer, err error) {
	flying, end := context.WithCancelCause(ctx)
	defer end(nil)
	f := &flight{q.Partition, node, end}
	r.mu.Lock()
	r.flights[f] = struct{}{}
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.flights, f)
	}()
	// Another leader that was seen before the request was noted would not end it.
	if now, ok := r.table.Leader(q.Partition); ok && now != node {
		return a, leader.ErrNotLeader
	}
	b, err := r.caller.Call(flying, uint64(node), q.Append(nil), progress)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return a, ctx.Err()
	case errors.Is(err, link.ErrUnreachable):
		return a, fmt.Errorf("%w: %w", leader.ErrNotLeader, err)
	default: // it may have been taken
		return a, fmt.Errorf("%w: %w", leader.ErrLost, err)
	}
	if a, err = noderpc.DecodeAnswer(b); err != nil {
		return a, fmt.Errorf("ask %v: %w", node, err)
	}
	return a, outcomeError(node, a)
}

// outcomeError is what an answer stands for.
func outcomeError(node cluster.NodeID, a noderpc.Answer) error {
	switch a.Outcome {
	case noderpc.OutcomeDone:
		return nil
	case noderpc.OutcomeNotLeader:
		return leader.ErrNotLeader
	case noderpc.OutcomeLost:
		return leader.ErrLost
	case noderpc.OutcomeBusy:
		return bifrost.ErrBusy
	case noderpc.OutcomeDiskFull:
		return fmt.Errorf("%v answered: %s: %w", node, a.Text, bifrost.ErrDiskFull)
	case noderpc.OutcomeCrowded:
		return leader.ErrTooManyCallers
	default:
		return fmt.Errorf("%v answered: %s", node, a.Text)
	}
}

// distant is the leader of a partition on another node.
type distant struct {
	remote    *Remote
	partition protocol.PartitionID
	node      cluster.NodeID
}

var _ Leading = distant{}

func (d distant) ask(ctx context.Context, q noderpc.Request, progress func([]byte)) (
	noderpc.Answer, error,
) {
	q.Partition = d.partition
	return d.remote.ask(ctx, d.node, &q, progress)
}

// Request implements Leading.
func (d distant) Request(ctx context.Context, key protocol.PartitionKey, c command.Command,
	request command.RequestID, trace protocol.TraceContext,
) (command.Reply, error) {
	a, err := d.ask(ctx, noderpc.Request{
		Method: noderpc.MethodRequest, Command: c, Key: key, Trace: trace, ID: request,
	}, nil)
	return a.Reply, err
}

// Call implements Leading.
func (d distant) Call(ctx context.Context, inv *command.Invoke, trace protocol.TraceContext,
	onlyNew bool, accepted func(existed bool),
) (reply command.Reply, existed bool, err error) {
	a, err := d.ask(ctx, noderpc.Request{
		Method: noderpc.MethodCall, Command: inv, Key: inv.ID.Key, Trace: trace, OnlyNew: onlyNew,
	}, func(body []byte) {
		if accepted != nil {
			accepted(len(body) == 1 && body[0] == 1)
		}
	})
	return a.Reply, a.Existed, err
}

// Attach implements Leading.
func (d distant) Attach(ctx context.Context, id protocol.InvocationID, request command.RequestID) (
	command.Reply, error,
) {
	a, err := d.ask(ctx, noderpc.Request{
		Method: noderpc.MethodAttach, Invocation: id, ID: request,
	}, nil)
	return a.Reply, err
}

// Output implements Leading.
func (d distant) Output(ctx context.Context, id protocol.InvocationID) (command.Reply, error) {
	a, err := d.ask(ctx, noderpc.Request{Method: noderpc.MethodOutput, Invocation: id}, nil)
	return a.Reply, err
}

// Pinned implements Leading.
func (d distant) Pinned(ctx context.Context, id protocol.InvocationID) (Pinned, bool, error) {
	a, err := d.ask(ctx, noderpc.Request{Method: noderpc.MethodPinned, Invocation: id}, nil)
	return Pinned{a.Target, a.Deployment, a.Version}, a.Found, err
}

// Receive implements Leading.
func (d distant) Receive(from protocol.PartitionID, messages []command.Message,
	done func(error),
) error {
	last := messages[len(messages)-1]
	go func() {
		_, err := d.ask(context.Background(), noderpc.Request{
			Method: noderpc.MethodMessages, From: from, Key: last.Key, Trace: last.Trace,
			Command: &command.Envelope{Messages: messages},
		}, nil)
		done(err)
	}()
	return nil
}
