package partition

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/partition/leader"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/noderpc"
)

// Serve answers a request that another node has sent to a leader here. progress is called when an
// invocation that is waited for has become durable, with 1 if it had been made before, or 0.
func (h *Host) Serve(ctx context.Context, q *noderpc.Request, progress func([]byte)) noderpc.Answer {
	a, err := h.serve(ctx, q, progress)
	a.Outcome, a.Text = outcomeOf(err)
	return a
}

// outcomeOf is the inverse of outcomeError.
func outcomeOf(err error) (o noderpc.Outcome, text string) {
	switch {
	case err == nil:
		return noderpc.OutcomeDone, ""
	case errors.Is(err, leader.ErrLost):
		return noderpc.OutcomeLost, ""
	case errors.Is(err, leader.ErrNotLeader), errors.Is(err, bifrost.ErrNotLeader),
		errors.Is(err, bifrost.ErrClosed):
		return noderpc.OutcomeNotLeader, ""
	case errors.Is(err, bifrost.ErrUnknown):
		return noderpc.OutcomeLost, ""
	case errors.Is(err, bifrost.ErrDiskFull):
		return noderpc.OutcomeDiskFull, strings.TrimSuffix(err.Error(), ": "+bifrost.ErrDiskFull.Error())
	case errors.Is(err, bifrost.ErrBusy):
		return noderpc.OutcomeBusy, ""
	case errors.Is(err, leader.ErrTooManyCallers):
		return noderpc.OutcomeCrowded, ""
	default:
		return noderpc.OutcomeFailed, err.Error()
	}
}

func (h *Host) serve(ctx context.Context, q *noderpc.Request, progress func([]byte)) (
	a noderpc.Answer, err error,
) {
	if int(q.Partition) >= len(h.replicas) || q.Command != nil && h.PartitionOf(q.Key) != q.Partition ||
		q.Command == nil && h.PartitionOf(q.Invocation.Key) != q.Partition {
		return a, fmt.Errorf("partition %d does not own the key of the request: this cluster has %d "+
			"partitions", q.Partition, len(h.replicas))
	}
	l, err := h.Leader(q.Partition)
	if err != nil {
		return a, err
	}
	switch q.Method {
	case noderpc.MethodRequest:
		a.Reply, err = l.Request(ctx, q.Key, q.Command, q.ID, q.Trace)
	case noderpc.MethodCall:
		a.Reply, a.Existed, err = serveCall(ctx, l, q, progress)
	case noderpc.MethodAttach:
		a.Reply, err = l.Attach(ctx, q.Invocation, q.ID)
	case noderpc.MethodOutput:
		a.Reply, err = l.Output(ctx, q.Invocation)
	case noderpc.MethodPinned:
		var p Pinned
		p, a.Found, err = here{l}.Pinned(ctx, q.Invocation)
		a.Target, a.Deployment, a.Version = p.Target, p.Deployment, p.Version
	case noderpc.MethodMessages:
		err = serveMessages(ctx, l, q)
	case noderpc.MethodExplain, noderpc.MethodCallee, noderpc.MethodLeadAnew:
		err = h.serveInspection(q, l, &a)
	default:
		err = fmt.Errorf("method %d is not for partitions", q.Method)
	}
	return a, err
}

// serveCall tells of progress from its own goroutine: the leader's must not wait for a connection.
func serveCall(ctx context.Context, l *leader.Leader, q *noderpc.Request, progress func([]byte)) (
	reply command.Reply, existed bool, err error,
) {
	accepted := make(chan bool, 1)
	w, err := l.StartCall(q.Command.(*command.Invoke), q.Trace, q.OnlyNew,
		func(existed bool) { accepted <- existed })
	if err != nil {
		return reply, false, err
	}
	q.Command = nil // its parameter is large, and in the log
	select {
	case existed := <-accepted:
		body := []byte{0}
		if existed {
			body[0] = 1
		}
		progress(body)
	case <-w.Done():
	case <-ctx.Done():
	}
	return w.Wait(ctx)
}

func serveMessages(ctx context.Context, l *leader.Leader, q *noderpc.Request) error {
	done := make(chan error, 1)
	err := l.Receive(q.From, q.Command.(*command.Envelope).Messages, func(err error) { done <- err })
	if err != nil {
		return err
	}
	select {
	case err = <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
