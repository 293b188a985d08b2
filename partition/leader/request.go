package leader

import (
	"context"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// Request appends a command that carries the given request ID and waits for the machine's reply.
func (l *Leader) Request(ctx context.Context, key protocol.PartitionKey, c command.Command,
	request command.RequestID, trace protocol.TraceContext,
) (command.Reply, error) {
	w, err := l.addCaller(request, protocol.InvocationID{})
	if err != nil {
		return command.Reply{}, err
	}
	if err := l.submit(w, key, c, trace); err != nil {
		return command.Reply{}, err
	}
	return l.pending.wait(ctx, w)
}

// Call appends an Invoke and waits for the invocation's end. If the invocation had been made before,
// existed is true; with onlyNew, the reply is then ReplyPreviouslyAccepted at once.
func (l *Leader) Call(ctx context.Context, inv *command.Invoke, trace protocol.TraceContext,
	onlyNew bool,
) (reply command.Reply, existed bool, err error) {
	w, err := l.addCaller(inv.Request, inv.ID)
	if err != nil {
		return command.Reply{}, false, err
	}
	w.onlyNew = onlyNew
	if err := l.submit(w, inv.ID.Key, inv, trace); err != nil {
		return command.Reply{}, false, err
	}
	reply, err = l.pending.wait(ctx, w)
	return reply, w.existed, err
}

// submit appends the command that w waits for. It takes as long as an append takes to queue.
func (l *Leader) submit(w *caller, key protocol.PartitionKey, c command.Command,
	trace protocol.TraceContext,
) error {
	err := l.stamp.append(command.Header{Key: key, Trace: trace}, c, func(_ protocol.LSN, err error) {
		if err != nil {
			l.pending.failOne(w, ErrLost)
		}
	})
	if err != nil {
		l.pending.failOne(w, err)
	}
	return err
}

// addCaller registers a caller if this replica leads: under mu, so that resign fails it.
func (l *Leader) addCaller(request command.RequestID, invocation protocol.InvocationID) (*caller, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != leading {
		return nil, ErrNotLeader
	}
	return l.pending.add(request, invocation)
}

// Attach waits for an invocation's end. The reply is ReplyCompleted or ReplyNotFound.
func (l *Leader) Attach(ctx context.Context, id protocol.InvocationID) (command.Reply, error) {
	w, err := l.addCaller(command.RequestID{}, id)
	if err != nil {
		return command.Reply{}, err
	}
	// Registered first, read second: an end between the two is seen twice, never missed.
	r, err := l.cfg.Rows.Outcome(id)
	if err != nil || r.Status != command.ReplyNotCompleted {
		l.pending.failOne(w, context.Canceled)
		return r, err
	}
	return l.pending.wait(ctx, w)
}

// Output reads an invocation's result without waiting: ReplyCompleted, ReplyNotCompleted or
// ReplyNotFound.
func (l *Leader) Output(id protocol.InvocationID) (command.Reply, error) {
	if _, ok := l.Leading(); !ok {
		return command.Reply{}, ErrNotLeader
	}
	return l.cfg.Rows.Outcome(id)
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
