package machine

import (
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// pause stops a running invocation until it is resumed. A suspended one runs nothing and stays as
// it is.
func (s *step) pause(c *command.Pause) error {
	st, ok, err := s.tx.GetStatus(c.ID)
	if err != nil {
		return err
	}
	switch {
	case !ok:
		s.replyStatus(c.Request, c.ID, command.ReplyNotFound)
	case st.State == store.Invoked:
		s.replyStatus(c.Request, c.ID, command.ReplyAppended)
		s.act(AbortInvocation{ID: st.ID})
		last, err := s.lastError(&st)
		if err != nil {
			return err
		}
		return s.pauseWith(&st, last)
	case st.State.Started():
		s.replyStatus(c.Request, c.ID, command.ReplyDone)
	default:
		s.replyStatus(c.Request, c.ID, command.ReplyNotRunning)
	}
	return nil
}

// pauseWith records why, if anything failed, and pauses. It writes the status.
func (s *step) pauseWith(st *store.Status, e *command.AttemptError) error {
	if err := s.addEvent(st, store.EventPaused, e); err != nil {
		return err
	}
	st.State, st.ModifiedAt = store.Paused, s.now
	return s.tx.PutStatus(*st)
}

// codeBrokenEntry is the documentation code of an attempt that broke the protocol.
const codeBrokenEntry = "RT0012"

// pauseBroken stops an invocation whose attempt proposed what cannot be applied. Running it again
// at once would most likely propose the same.
func (s *step) pauseBroken(st *store.Status, problem error) error {
	s.act(AbortInvocation{ID: st.ID})
	return s.pauseWith(st, &command.AttemptError{
		Failure: protocol.Failure{
			Code: protocol.CodeProtocol, Message: "bad journal entry: " + problem.Error(),
		},
		DocCode: codeBrokenEntry,
	})
}

// resume continues an invocation; one that waits for its next try is tried now.
func (s *step) resume(c *command.Resume) error {
	st, ok, err := s.living(c.ID, c.Request)
	if err != nil || !ok {
		return err
	}
	switch st.State {
	case store.Scheduled, store.Inboxed:
		s.replyStatus(c.Request, c.ID, command.ReplyTooEarly)
		return nil
	case store.Invoked:
		if !c.Deployment.IsZero() && c.Deployment != st.Deployment {
			s.replyStatus(c.Request, c.ID, command.ReplyRunning)
			return nil
		}
		s.replyStatus(c.Request, c.ID, command.ReplyDone)
		s.act(RetryInvocation{ID: st.ID})
		return nil
	}
	s.replyStatus(c.Request, c.ID, command.ReplyDone)
	if !c.Deployment.IsZero() {
		st.Deployment, st.ProtocolVersion = c.Deployment, c.ProtocolVersion
	}
	return s.start(&st)
}
