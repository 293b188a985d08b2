package machine

import (
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// command stores a journal command and does what it asks for.
func (r *report) command(e *command.Effect, m journal.Message) error {
	entry := journal.Entry{Type: e.Entry.Type, Body: e.Entry.Body}
	if e.Callee != nil {
		entry.Callee = e.Callee.ID
	}
	index, err := r.appendEntry(r.st, &entry)
	if err != nil {
		return err
	}
	if e.AckRequested {
		r.act(AckEntry{ID: r.st.ID, Attempt: r.st.Attempt, CommandIndex: e.CommandIndex})
	}
	switch m := m.(type) {
	case *journal.Output:
		r.st.OutputIndex, r.output = index, &m.Result
	case *journal.Sleep:
		return r.sleep(m)
	case *journal.Call:
		return r.call(m, e.Callee)
	case *journal.OneWayCall:
		return r.oneWayCall(m, e.Callee)
	case *journal.SendSignal:
		return r.sendSignal(m)
	case *journal.AttachInvocation:
		return r.attachTo(m)
	case *journal.GetInvocationOutput:
		return r.outputOf(m)
	case *journal.CompleteAwakeable:
		return r.completeAwakeable(m)
	default:
		return r.stateCommand(m)
	}
	return nil
}

func (r *report) sleep(m *journal.Sleep) error {
	t := sleepTimer(r.st.ID, m)
	if set, err := r.tx.HasTimer(t); err != nil || set {
		return err
	}
	r.st.Timers++
	return r.putTimer(t)
}

func (r *report) call(m *journal.Call, callee *command.Callee) error {
	if err := r.tellCallee(m.InvocationIDIndex, callee); err != nil {
		return err
	}
	return r.send(callee.ID.Key, &command.Invoke{
		ID: callee.ID, Target: callee.Target, Headers: m.Headers,
		Parameter: protocol.Inline(m.Parameter), Source: r.source(),
		IdempotencyKey: m.IdempotencyKey, LimitKey: m.LimitKey,
		CompletionRetention: callee.CompletionRetention,
		JournalRetention:    callee.JournalRetention, RandomSeed: callee.RandomSeed,
		Waiter: r.waiter(m.CompletionID, journal.TypeCallCompletion),
	})
}

func (r *report) oneWayCall(m *journal.OneWayCall, callee *command.Callee) error {
	if err := r.tellCallee(m.InvocationIDIndex, callee); err != nil {
		return err
	}
	return r.send(callee.ID.Key, &command.Invoke{
		ID: callee.ID, Target: callee.Target, Headers: m.Headers,
		Parameter: protocol.Inline(m.Parameter), Source: r.source(),
		IdempotencyKey: m.IdempotencyKey, LimitKey: m.LimitKey, ExecutionTime: m.InvokeTime,
		CompletionRetention: callee.CompletionRetention,
		JournalRetention:    callee.JournalRetention, RandomSeed: callee.RandomSeed,
	})
}

// tellCallee completes a call's invocation ID.
func (r *report) tellCallee(completion uint32, callee *command.Callee) error {
	_, err := r.completeOnce(r.st, journal.TypeCallInvocationID, completion,
		journal.NotificationResult{
			Kind: journal.ResultInvocationID, InvocationID: callee.ID.String(),
		})
	return err
}

func (r *report) source() command.Source {
	return command.Source{
		Kind: command.SourceInvocation, Invocation: r.st.ID, Target: r.st.Target,
	}
}

func (r *report) waiter(completion uint32, t journal.Type) *command.Waiter {
	return &command.Waiter{
		Invocation: r.st.ID, Life: r.st.Life, CompletionID: completion, Type: t,
	}
}

func (r *report) sendSignal(m *journal.SendSignal) error {
	id, err := protocol.ParseInvocationID(m.Target)
	if err != nil {
		return nil // permitted has parsed it before
	}
	return r.send(id.Key, &command.Signal{ID: id, Signal: m.Signal, Result: m.Result})
}

func (r *report) attachTo(m *journal.AttachInvocation) error {
	id, err := m.Target.ID()
	if err != nil {
		return nil // permitted has found it before
	}
	return r.send(id.Key, &command.Attach{
		ID: id, Waiter: *r.waiter(m.CompletionID, journal.TypeAttachInvocationCompletion),
	})
}

func (r *report) outputOf(m *journal.GetInvocationOutput) error {
	id, err := m.Target.ID()
	if err != nil {
		return nil // permitted has found it before
	}
	return r.send(id.Key, &command.GetOutput{
		ID: id, Waiter: *r.waiter(m.CompletionID, journal.TypeGetInvocationOutputCompletion),
	})
}

func (r *report) completeAwakeable(m *journal.CompleteAwakeable) error {
	a, err := protocol.ParseAwakeableID(m.AwakeableID)
	if err != nil {
		return nil // permitted has parsed it before
	}
	result := journal.OfResult(m.Result)
	if a.Old {
		return r.send(a.Invocation.Key, &command.Complete{
			ID: a.Invocation, CompletionID: a.Index, Result: result,
		})
	}
	return r.send(a.Invocation.Key, &command.Signal{
		ID: a.Invocation, Signal: journal.Signal(a.Index), Result: result,
	})
}

// stateCommand does what commands about state and promises ask for; those without a consequence
// (a run, an eager read) are stored and that is all.
func (r *report) stateCommand(m journal.Message) error {
	object := store.ObjectOf(r.st.Target)
	switch m := m.(type) {
	case *journal.SetState:
		return r.tx.PutState(object, m.Key, protocol.Inline(m.Value))
	case *journal.ClearState:
		return r.tx.DeleteState(object, m.Key)
	case *journal.ClearAllState:
		return r.tx.ClearState(object)
	case *journal.GetLazyState:
		return r.getState(object, m)
	case *journal.GetLazyStateKeys:
		return r.getStateKeys(object, m)
	case *journal.GetPromise:
		return r.getPromise(object, m)
	case *journal.PeekPromise:
		return r.peekPromise(object, m)
	case *journal.CompletePromise:
		return r.completePromise(object, m)
	}
	return nil
}
