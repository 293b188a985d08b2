package machine

import (
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/journal"
)

// appendCommand appends a command to the journal. The caller writes the status.
func (s *step) appendCommand(
	st *store.Status, m journal.Message, callee protocol.InvocationID,
) (index uint32, err error) {
	return s.appendEntry(st, &journal.Entry{
		Type: m.Type(), Body: protocol.Inline(m.Append(nil)), Callee: callee,
	})
}

func (s *step) appendEntry(st *store.Status, e *journal.Entry) (index uint32, err error) {
	e.Time = s.now
	index = st.EntryCount
	st.EntryCount++
	if e.Type.IsCommand() {
		st.CommandCount++
	}
	return index, s.tx.PutEntry(st.ID, index, e)
}

// appendNotification appends a notification to the journal, indexes it if it is the first of its
// ID or a cancellation, and tells the attempt if one runs. The caller writes the status.
func (s *step) appendNotification(st *store.Status, n *journal.Notification) error {
	e := journal.Entry{Type: n.NotificationType, Body: protocol.Inline(n.Append(nil))}
	index, err := s.appendEntry(st, &e)
	if err != nil {
		return err
	}
	seen := false
	if n.ID.Kind != journal.IDCompletion && n.ID != cancellation {
		// A completion is appended once; a signal may come again.
		if _, seen, err = s.tx.GetNotification(st.ID, n.ID); err != nil {
			return err
		}
	}
	if !seen {
		row := store.Notification{Index: index, Outcome: store.OutcomeSuccess}
		if n.Result.Kind == journal.ResultFailure {
			row.Outcome = store.OutcomeFailure
		}
		if err := s.tx.PutNotification(st.ID, n.ID, row); err != nil {
			return err
		}
	}
	if st.State == store.Invoked {
		s.act(Notify{ID: st.ID, Attempt: st.Attempt, Index: index, Entry: e})
	}
	return nil
}

// completeOnce appends a completion unless there is one with this ID: the first one counts.
func (s *step) completeOnce(
	st *store.Status, t journal.Type, completion uint32, r journal.NotificationResult,
) (appended bool, err error) {
	id := journal.Completion(completion)
	if _, seen, err := s.tx.GetNotification(st.ID, id); err != nil || seen {
		return false, err
	}
	return true, s.appendNotification(st, &journal.Notification{
		NotificationType: t, ID: id, Result: r,
	})
}
