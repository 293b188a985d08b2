package machine

import (
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

func (s *step) terminate(c *command.Terminate) error {
	switch c.Mode {
	case command.TerminateCancel:
		return s.cancel(c.ID, c.Request)
	case command.TerminateKill:
		return s.kill(c)
	}
	return nil
}

// cancel asks a started invocation to stop: its handler sees a signal and may compensate. One that
// has not started ends at once.
func (s *step) cancel(id protocol.InvocationID, request command.RequestID) error {
	st, ok, err := s.living(id, request)
	if err != nil || !ok {
		return err
	}
	if !st.State.Started() {
		s.replyStatus(request, id, command.ReplyDone)
		return s.dropUnstarted(&st, protocol.FailureCanceled)
	}
	s.replyStatus(request, id, command.ReplyAppended)
	return s.appendSignal(&st, cancellation, journal.Void())
}

// kill ends an invocation at once, and the calls it waits for with it.
func (s *step) kill(c *command.Terminate) error {
	st, ok, err := s.living(c.ID, c.Request)
	if err != nil || !ok {
		return err
	}
	s.replyStatus(c.Request, c.ID, command.ReplyDone)
	if !st.State.Started() {
		return s.dropUnstarted(&st, protocol.FailureKilled)
	}
	if err := s.killCallees(&st); err != nil {
		return err
	}
	s.act(AbortInvocation{ID: st.ID})
	return s.finish(&st, protocol.Failed(protocol.FailureKilled))
}

// killCallees kills the calls whose result has not come; one-way calls live on.
func (s *step) killCallees(st *store.Status) error {
	entries, err := s.tx.Journal(st.ID)
	if err != nil {
		return err
	}
	for i := range entries {
		if entries[i].Type != journal.TypeCall {
			continue
		}
		completion, ok := completionID(&entries[i])
		if !ok {
			continue
		}
		_, answered, err := s.tx.GetNotification(st.ID, journal.Completion(completion))
		if err != nil {
			return err
		}
		if answered {
			continue
		}
		callee := entries[i].Callee
		kill := command.Terminate{ID: callee, Mode: command.TerminateKill}
		if err := s.send(callee.Key, &kill); err != nil {
			return err
		}
	}
	return nil
}
