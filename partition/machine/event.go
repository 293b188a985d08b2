package machine

import (
	"reflect"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol/command"
)

const (
	// keptEvents bounds how many events an invocation keeps; older ones are forgotten.
	keptEvents = 8
	// maxErrorBytes bounds the texts of an error in an event; longer ones are cut.
	maxErrorBytes = 16 << 10
)

// addEvent appends to the story of the attempts. An error that came again right after itself is
// told once. The caller writes the status.
func (s *step) addEvent(st *store.Status, k store.EventKind, e *command.AttemptError) error {
	if k == store.EventTransientError && st.EventCount > 0 {
		last, ok, err := s.tx.GetEvent(st.ID, st.EventCount-1)
		if err != nil {
			return err
		}
		if ok && last.Kind == k && sameError(last.Error, e) {
			return nil
		}
	}
	v := store.Event{Kind: k, After: st.EntryCount, Time: s.now, Error: e}
	if err := s.tx.PutEvent(st.ID, st.EventCount, &v); err != nil {
		return err
	}
	st.EventCount++
	if st.EventCount > keptEvents {
		return s.tx.DeleteEvent(st.ID, st.EventCount-keptEvents-1)
	}
	return nil
}

// attemptError is what an event keeps of an error; nil if there was none.
func attemptError(e *command.AttemptError) *command.AttemptError {
	if e.Failure.Code == 0 && e.Failure.Message == "" {
		return nil
	}
	kept := *e
	kept.Failure.Message = cut(e.Failure.Message)
	kept.Stacktrace = cut(e.Stacktrace)
	return &kept
}

func cut(s string) string { return s[:min(len(s), maxErrorBytes)] }

// sameError compares what people read: how often and until when the invoker tries does not count.
func sameError(a, b *command.AttemptError) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Failure.Code == b.Failure.Code && a.Failure.Message == b.Failure.Message &&
		a.Stacktrace == b.Stacktrace && a.DocCode == b.DocCode &&
		reflect.DeepEqual(a.RelatedCommand, b.RelatedCommand)
}

// lastError is the error of the newest event, if that is one of an attempt.
func (s *step) lastError(st *store.Status) (*command.AttemptError, error) {
	if st.EventCount == 0 {
		return nil, nil
	}
	last, ok, err := s.tx.GetEvent(st.ID, st.EventCount-1)
	if err != nil || !ok || last.Kind != store.EventTransientError {
		return nil, err
	}
	return last.Error, nil
}
