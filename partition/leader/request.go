package leader

import (
	"context"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// Waiting is a request that the leader took and has not, or not yet, answered.
type Waiting struct {
	pending *pending
	caller  *caller
}

// Answer returns the answer; ok is false as long as there is none. existed says of a call that its
// invocation had been made before.
func (w Waiting) Answer() (reply command.Reply, existed bool, err error, ok bool) {
	select {
	case <-w.caller.done:
		return w.caller.reply, w.caller.existed, w.caller.err, true
	default:
		return command.Reply{}, false, nil, false
	}
}

// Done is closed once there is an answer.
func (w Waiting) Done() <-chan struct{} { return w.caller.done }

// Wait blocks until there is an answer or ctx ends, which gives up waiting.
func (w Waiting) Wait(ctx context.Context) (reply command.Reply, existed bool, err error) {
	reply, err = w.pending.wait(ctx, w.caller)
	return reply, w.caller.existed, err
}

// Forget gives up waiting; the request may take effect all the same.
func (w Waiting) Forget() { w.pending.failOne(w.caller, context.Canceled) }

// StartRequest appends a command that carries the given request ID; the answer is the machine's.
func (l *Leader) StartRequest(key protocol.PartitionKey, c command.Command,
	request command.RequestID, trace protocol.TraceContext,
) (Waiting, error) {
	w, err := l.addCaller(request, protocol.InvocationID{}, false, nil)
	if err != nil {
		return w, err
	}
	return w, l.submit(w.caller, key, c, trace)
}

// StartCall appends an Invoke; the answer is how the invocation ends. If the invocation had been
// made before and onlyNew is set, it is ReplyPreviouslyAccepted at once. accepted may be nil; it is
// called, once and before the answer, when the invocation is durable and its end is waited for: it
// must not block.
func (l *Leader) StartCall(inv *command.Invoke, trace protocol.TraceContext, onlyNew bool,
	accepted func(existed bool),
) (Waiting, error) {
	w, err := l.addCaller(inv.Request, inv.ID, onlyNew, accepted)
	if err != nil {
		return w, err
	}
	return w, l.submit(w.caller, inv.ID.Key, inv, trace)
}

// StartAttach waits for an invocation's end; the answer is ReplyCompleted or ReplyNotFound. request is
// that of the Invoke that made it, or zero: of what was not kept, its answer may be known.
func (l *Leader) StartAttach(id protocol.InvocationID, request command.RequestID) (Waiting, error) {
	w, err := l.addCaller(command.RequestID{}, id, false, nil)
	if err != nil {
		return w, err
	}
	// Registered first, read second: an end between the two is seen twice, never missed.
	r, err := l.cfg.Rows.Outcome(id, request)
	switch {
	case err == nil && r.Status == command.ReplyNotFound:
		err = l.confirm(id.Key, func(err error) {
			if err == nil {
				r, err = l.cfg.Rows.Outcome(id, request)
			}
			if err != nil || r.Status != command.ReplyNotCompleted {
				l.pending.answerOne(w.caller, r, err)
			}
		})
		if err != nil {
			l.pending.answerOne(w.caller, r, err)
		}
	case err != nil || r.Status != command.ReplyNotCompleted:
		l.pending.answerOne(w.caller, r, err)
	}
	return w, nil
}

// Request is StartRequest and Wait.
func (l *Leader) Request(ctx context.Context, key protocol.PartitionKey, c command.Command,
	request command.RequestID, trace protocol.TraceContext,
) (command.Reply, error) {
	w, err := l.StartRequest(key, c, request, trace)
	if err != nil {
		return command.Reply{}, err
	}
	reply, _, err := w.Wait(ctx)
	return reply, err
}

// Call is StartCall and Wait.
func (l *Leader) Call(ctx context.Context, inv *command.Invoke, trace protocol.TraceContext,
	onlyNew bool, accepted func(existed bool),
) (reply command.Reply, existed bool, err error) {
	w, err := l.StartCall(inv, trace, onlyNew, accepted)
	if err != nil {
		return command.Reply{}, false, err
	}
	return w.Wait(ctx)
}

// Attach is StartAttach and Wait.
func (l *Leader) Attach(ctx context.Context, id protocol.InvocationID, request command.RequestID) (
	command.Reply, error,
) {
	w, err := l.StartAttach(id, request)
	if err != nil {
		return command.Reply{}, err
	}
	reply, _, err := w.Wait(ctx)
	return reply, err
}

// submit appends the command that w waits for. It takes as long as an append takes to queue.
func (l *Leader) submit(w *caller, key protocol.PartitionKey, c command.Command,
	trace protocol.TraceContext,
) error {
	if _, begins := c.(*command.Invoke); begins && l.cfg.Admit != nil {
		if err := l.cfg.Admit(); err != nil {
			l.pending.failOne(w, err)
			return err
		}
	}
	err := l.stamp.append(command.Header{Key: key, Trace: trace}, c, func(_ protocol.LSN, err error) {
		if err != nil {
			l.pending.failOne(w, ErrLost)
		}
	})
	if err != nil {
		l.pending.failOne(w, err)
	} else if _, starts := c.(*command.Invoke); plantEarlyAnswer && starts && w.invocation.IsZero() {
		l.pending.answerOne(w, command.Reply{Status: command.ReplyAccepted}, nil)
	}
	return err
}

// addCaller registers a caller if this replica leads: under mu, so that resign fails it.
func (l *Leader) addCaller(request command.RequestID, invocation protocol.InvocationID,
	onlyNew bool, accepted func(existed bool),
) (w Waiting, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != leading {
		return w, ErrNotLeader
	}
	c, err := l.pending.add(request, invocation)
	if err != nil {
		return w, err
	}
	c.onlyNew, c.accepted = onlyNew, accepted
	return Waiting{l.pending, c}, nil
}

// Output reads an invocation's result without waiting: ReplyCompleted, ReplyNotCompleted or
// ReplyNotFound.
func (l *Leader) Output(ctx context.Context, id protocol.InvocationID) (command.Reply, error) {
	if _, ok := l.Leading(); !ok {
		return command.Reply{}, ErrNotLeader
	}
	r, err := l.cfg.Rows.Outcome(id, command.RequestID{})
	if err != nil || r.Status != command.ReplyNotFound {
		return r, err
	}
	if err := l.Confirm(ctx, id.Key); err != nil {
		return command.Reply{}, err
	}
	return l.cfg.Rows.Outcome(id, command.RequestID{})
}

// Status reads an invocation's row; ok is false if there is none.
func (l *Leader) Status(id protocol.InvocationID) (s store.Status, ok bool, err error) {
	if _, ok := l.Leading(); !ok {
		return s, false, ErrNotLeader
	}
	return l.cfg.Rows.Status(id)
}

// Receive appends messages from another partition's outbox; done is called once, never
// synchronously, unless an error is returned.
func (l *Leader) Receive(from protocol.PartitionID, messages []command.Message, done func(error)) error {
	if _, ok := l.Leading(); !ok {
		return ErrNotLeader
	}
	last := messages[len(messages)-1]
	h := command.Header{
		Key:      last.Key,
		Producer: command.Producer{Kind: command.ProducerPartition, Partition: from},
		Sequence: last.Sequence,
		Trace:    last.Trace,
	}
	return l.stamp.append(h, &command.Envelope{Messages: messages},
		func(_ protocol.LSN, err error) { done(err) })
}
