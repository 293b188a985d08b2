package machine

import (
	"slices"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// getPromise answers with the promise's result, now or when there is one.
func (r *report) getPromise(o store.Object, m *journal.GetPromise) error {
	p, err := r.tx.GetPromise(o, m.Key)
	if err != nil {
		return err
	}
	if p.Result != nil {
		_, err = r.completeOnce(r.st, journal.TypeGetPromiseCompletion, m.CompletionID,
			journal.OfResult(*p.Result))
		return err
	}
	if len(p.Waiters) >= maxWaiters {
		_, err = r.completeOnce(r.st, journal.TypeGetPromiseCompletion, m.CompletionID,
			journal.Failure(failureTooManyWaiters))
		return err
	}
	w := r.waiter(m.CompletionID, journal.TypeGetPromiseCompletion)
	p.Waiters = append(slices.Clip(p.Waiters), *w)
	return r.tx.PutPromise(o, m.Key, p)
}

// peekPromise answers with the promise's result, or nothing.
func (r *report) peekPromise(o store.Object, m *journal.PeekPromise) error {
	p, err := r.tx.GetPromise(o, m.Key)
	if err != nil {
		return err
	}
	result := journal.Void()
	if p.Result != nil {
		result = journal.OfResult(*p.Result)
	}
	_, err = r.completeOnce(r.st, journal.TypePeekPromiseCompletion, m.CompletionID, result)
	return err
}

// completePromise sets the promise's result, unless it has one, and wakes those who wait for it.
func (r *report) completePromise(o store.Object, m *journal.CompletePromise) error {
	p, err := r.tx.GetPromise(o, m.Key)
	if err != nil {
		return err
	}
	if p.Result != nil {
		_, err = r.completeOnce(r.st, journal.TypeCompletePromiseCompletion, m.CompletionID,
			journal.Failure(protocol.FailurePromiseCompleted))
		return err
	}
	if err := r.tx.PutPromise(o, m.Key, store.Promise{Result: &m.Result}); err != nil {
		return err
	}
	_, err = r.completeOnce(r.st, journal.TypeCompletePromiseCompletion, m.CompletionID,
		journal.Void())
	if err != nil {
		return err
	}
	for _, w := range p.Waiters {
		if w.Invocation == r.st.ID {
			_, err = r.completeOnce(r.st, w.Type, w.CompletionID, journal.OfResult(m.Result))
		} else {
			err = r.answer(w, m.Result)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// answer completes a waiter of the same workflow, which lives in the same partition.
func (s *step) answer(w command.Waiter, result protocol.Result) error {
	st, ok, err := s.tx.GetStatus(w.Invocation)
	if err != nil || !ok || st.State == store.Completed || w.Life != 0 && w.Life != st.Life {
		return err
	}
	return s.completeWaiting(&st, w.Type, w.CompletionID, journal.OfResult(result))
}

// clearPromises forgets the promises of a workflow. Who still waits for one is told that it is
// gone, because nobody can complete it any more.
func (s *step) clearPromises(o store.Object) error {
	waiters, err := s.tx.PromiseWaiters(o)
	if err != nil {
		return err
	}
	if err := s.tx.ClearPromises(o); err != nil {
		return err
	}
	for _, w := range waiters {
		if err := s.answer(w, protocol.Failed(protocol.FailureGone)); err != nil {
			return err
		}
	}
	return nil
}
