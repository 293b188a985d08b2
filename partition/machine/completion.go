package machine

import (
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// complete brings a completion to an invocation.
func (s *step) complete(c *command.Complete) error {
	st, ok, err := s.living(c.ID, c.Request)
	if err != nil || !ok || c.Life != 0 && c.Life != st.Life {
		return err // it may have been meant for a former life
	}
	t := c.Type
	if t == 0 {
		if t, err = s.externalType(&st, c.CompletionID, c.Result.Kind); err != nil {
			return err
		}
	}
	s.replyStatus(c.Request, c.ID, command.ReplyDone)
	if t == 0 || !t.IsNotification() || t == journal.TypeSignal {
		return nil
	}
	return s.completeWaiting(&st, t, c.CompletionID, c.Result)
}

// living reads an invocation that has not ended; if there is none it answers the request.
func (s *step) living(
	id protocol.InvocationID, request command.RequestID,
) (st store.Status, ok bool, err error) {
	st, ok, err = s.tx.GetStatus(id)
	switch {
	case err != nil:
		return st, false, err
	case !ok:
		s.replyStatus(request, id, command.ReplyNotFound)
		return st, false, nil
	case st.State == store.Completed:
		s.replyStatus(request, id, command.ReplyConflictCompleted)
		return st, false, nil
	}
	return st, true, nil
}

// externalType finds out what an old-style awakeable completes: the command with that completion
// ID, if its result can be a value or a failure from outside. 0: none.
func (s *step) externalType(
	st *store.Status, completion uint32, result journal.ResultKind,
) (journal.Type, error) {
	if result != journal.ResultValue && result != journal.ResultFailure {
		return 0, nil
	}
	entries, err := s.tx.Journal(st.ID)
	if err != nil {
		return 0, err
	}
	for i := range entries {
		switch t := entries[i].Type; t {
		case journal.TypeRun, journal.TypeGetPromise, journal.TypeAttachInvocation:
			id, ok := completionID(&entries[i])
			if ok && id == completion {
				return t.CompletionOf(), nil
			}
		}
	}
	return 0, nil
}

// completeWaiting completes, once, and wakes the invocation if it waits for that. It writes the
// status.
func (s *step) completeWaiting(
	st *store.Status, t journal.Type, completion uint32, r journal.NotificationResult,
) error {
	appended, err := s.completeOnce(st, t, completion, r)
	if err != nil || !appended {
		return err
	}
	return s.wake(st, journal.Completion(completion))
}

// wake starts a suspended invocation if what just arrived is what it waits for. It writes the
// status in any case.
func (s *step) wake(st *store.Status, arrived journal.NotificationID) error {
	if st.State == store.Suspended {
		done, err := s.wakes(st, arrived)
		if err != nil {
			return err
		}
		if done {
			return s.start(st)
		}
	}
	st.ModifiedAt = s.now
	return s.tx.PutStatus(*st)
}

// signal brings a signal to an invocation. Every signal is appended, even one that came before:
// what a second one means is the handler's business.
func (s *step) signal(c *command.Signal) error {
	if c.Signal == cancellation {
		return s.cancel(c.ID, c.Request)
	}
	if c.Signal.Kind != journal.IDSignal && c.Signal.Kind != journal.IDNamedSignal {
		return nil
	}
	st, ok, err := s.living(c.ID, c.Request)
	if err != nil || !ok {
		return err
	}
	s.replyStatus(c.Request, c.ID, command.ReplyDone)
	return s.appendSignal(&st, c.Signal, c.Result)
}

func (s *step) appendSignal(
	st *store.Status, id journal.NotificationID, r journal.NotificationResult,
) error {
	err := s.appendNotification(st, &journal.Notification{
		NotificationType: journal.TypeSignal, ID: id, Result: r,
	})
	if err != nil {
		return err
	}
	return s.wake(st, id)
}

// attach makes another invocation wait for this one's result.
func (s *step) attach(c *command.Attach) error {
	st, ok, err := s.tx.GetStatus(c.ID)
	if err != nil {
		return err
	}
	if !ok {
		return s.sendCompletion(c.Waiter, protocol.Failed(protocol.FailureNotFound))
	}
	return s.join(&st, c.Waiter)
}

// getOutput tells another invocation this one's result, or that there is none yet.
func (s *step) getOutput(c *command.GetOutput) error {
	st, ok, err := s.tx.GetStatus(c.ID)
	switch {
	case err != nil:
		return err
	case !ok:
		return s.sendCompletion(c.Waiter, protocol.Failed(protocol.FailureNotFound))
	case st.State == store.Completed:
		return s.sendResult(c.Waiter, &st)
	}
	return s.sendNotification(c.Waiter, journal.Void())
}

// completionID is the completion ID of a journal command's result; ok is false if it has none.
func completionID(e *journal.Entry) (id uint32, ok bool) {
	m, err := journal.Decode(e.Type, e.Body.Inline)
	if err != nil {
		return 0, false
	}
	switch m := m.(type) {
	case *journal.GetLazyState:
		return m.CompletionID, true
	case *journal.GetLazyStateKeys:
		return m.CompletionID, true
	case *journal.GetPromise:
		return m.CompletionID, true
	case *journal.PeekPromise:
		return m.CompletionID, true
	case *journal.CompletePromise:
		return m.CompletionID, true
	case *journal.Sleep:
		return m.CompletionID, true
	case *journal.Call:
		return m.CompletionID, true
	case *journal.OneWayCall:
		return m.InvocationIDIndex, true
	case *journal.Run:
		return m.CompletionID, true
	case *journal.AttachInvocation:
		return m.CompletionID, true
	case *journal.GetInvocationOutput:
		return m.CompletionID, true
	}
	return 0, false
}
