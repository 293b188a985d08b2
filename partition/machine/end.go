package machine

import (
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// finish ends a started invocation: everyone who waits gets the result, what shall be kept is kept,
// and the lock is passed on. It writes the status.
func (s *step) finish(st *store.Status, r protocol.Result) error {
	st.State, st.Result = store.Completed, &r
	st.CompletedAt, st.ModifiedAt = s.now, s.now
	if err := s.announceResult(st, r); err != nil {
		return err
	}
	if err := s.cancelSleeps(st); err != nil {
		return err
	}
	if err := s.retain(st); err != nil {
		return err
	}
	if holdsLock(st.Target) {
		return s.release(st.Target)
	}
	return nil
}

// announceResult gives the result to durable waiters and to callers on the leader.
func (s *step) announceResult(st *store.Status, r protocol.Result) error {
	for _, w := range st.Waiters {
		if err := s.sendCompletion(w, r); err != nil {
			return err
		}
	}
	st.Waiters = nil
	s.act(Completed{ID: st.ID, Reply: completedReply(st, r)})
	return nil
}

// dropUnstarted ends an invocation that has not started: its waiters get the failure and nothing of
// it stays.
func (s *step) dropUnstarted(st *store.Status, f protocol.Failure) error {
	result := protocol.Failed(f)
	st.CompletedAt = s.now
	if err := s.announceResult(st, result); err != nil {
		return err
	}
	st.Result = &result
	if err := s.rememberEnd(st); err != nil {
		return err
	}
	switch st.State {
	case store.Scheduled:
		if err := s.deleteTimer(scheduledTimer(st)); err != nil {
			return err
		}
	case store.Inboxed:
		if err := s.dequeue(st); err != nil {
			return err
		}
	}
	if err := s.tx.DeleteJournal(st); err != nil {
		return err
	}
	return s.tx.DeleteStatus(st.ID)
}

// retain keeps a completed invocation for as long as it was made for. It writes the status.
func (s *step) retain(st *store.Status) error {
	keep := max(st.CompletionRetention, st.JournalRetention)
	if keep == 0 {
		return s.forget(st)
	}
	st.ForgottenAt = s.now.Add(keep)
	if err := s.putTimer(forgetTimer(st)); err != nil {
		return err
	}
	switch {
	case st.JournalRetention == 0:
		return s.forgetJournal(st)
	case st.JournalRetention < keep:
		st.JournalForgottenAt = s.now.Add(st.JournalRetention)
		if err := s.putTimer(forgetJournalTimer(st)); err != nil {
			return err
		}
	}
	return s.tx.PutStatus(withoutLargeResult(*st))
}

// largeResult is from how many bytes on a result is kept once, in the journal, as long as there is
// one.
const largeResult = 1 << 10

// withoutLargeResult leaves a large result to the journal's output.
func withoutLargeResult(st store.Status) store.Status {
	if st.OutputIndex != 0 && st.Result.Failure == nil && st.Result.Value.Len() >= largeResult {
		st.Result = nil
	}
	return st
}

func forgetTimer(st *store.Status) command.Timer {
	return command.Timer{Due: st.ForgottenAt, Kind: command.TimerRetention, Invocation: st.ID}
}

func forgetJournalTimer(st *store.Status) command.Timer {
	return command.Timer{Due: st.JournalForgottenAt, Kind: command.TimerJournal, Invocation: st.ID}
}

// forget removes a completed invocation; with a workflow's run go its state and promises.
func (s *step) forget(st *store.Status) error {
	if err := s.rememberEnd(st); err != nil {
		return err
	}
	if st.ForgottenAt != 0 {
		if err := s.deleteTimer(forgetTimer(st)); err != nil {
			return err
		}
	}
	if err := s.dropJournal(st); err != nil {
		return err
	}
	if err := s.tx.DeleteStatus(st.ID); err != nil {
		return err
	}
	if st.Target.HandlerKind != protocol.HandlerWorkflow {
		return nil
	}
	object := store.ObjectOf(st.Target)
	if err := s.tx.ClearState(object); err != nil {
		return err
	}
	return s.clearPromises(object)
}

// forgetJournal removes a completed invocation's journal and writes the status.
func (s *step) forgetJournal(st *store.Status) error {
	result, err := s.tx.Result(st)
	if err != nil {
		return err
	}
	st.Result = &result
	if err := s.dropJournal(st); err != nil {
		return err
	}
	return s.tx.PutStatus(*st)
}

func (s *step) dropJournal(st *store.Status) error {
	if st.JournalForgottenAt != 0 {
		if err := s.deleteTimer(forgetJournalTimer(st)); err != nil {
			return err
		}
		st.JournalForgottenAt = 0
	}
	err := s.tx.DeleteJournal(st)
	st.EntryCount, st.CommandCount, st.EventCount, st.OutputIndex = 0, 0, 0, 0
	return err
}

func (s *step) purge(c *command.Purge) error {
	st, ok, err := s.ended(c.ID, c.Request)
	if err != nil || !ok {
		return err
	}
	return s.forget(&st)
}

func (s *step) purgeJournal(c *command.PurgeJournal) error {
	st, ok, err := s.ended(c.ID, c.Request)
	if err != nil || !ok {
		return err
	}
	return s.forgetJournal(&st)
}

// ended reads a completed invocation and answers the request.
func (s *step) ended(
	id protocol.InvocationID, request command.RequestID,
) (st store.Status, ok bool, err error) {
	st, ok, err = s.tx.GetStatus(id)
	switch {
	case err != nil:
		return st, false, err
	case !ok:
		s.replyStatus(request, id, command.ReplyNotFound)
		return st, false, nil
	case st.State != store.Completed:
		s.replyStatus(request, id, command.ReplyNotCompleted)
		return st, false, nil
	}
	s.replyStatus(request, id, command.ReplyDone)
	return st, true, nil
}
