package machine

import (
	"slices"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol/journal"
)

// firstTreeVersion is the first protocol version whose futures are trees: before it, any of the
// leaves wakes the handler.
const firstTreeVersion = 7

// cancellation is the signal that cancels. Unlike any other notification it is used up: a handler
// that was canceled, and now waits for its compensation, waits for the next cancellation too.
var cancellation = journal.Signal(journal.SignalCancel)

// arrived finds a notification that a handler waits for. A cancellation counts only if the handler
// may not have seen it yet: otherwise one that suspends after it was canceled would start over
// again and again.
func (s *step) arrived(
	st *store.Status, id journal.NotificationID,
) (n store.Notification, ok bool, err error) {
	n, ok, err = s.tx.GetNotification(st.ID, id)
	if ok && id == cancellation && n.Index < st.KnownEntries {
		ok = false
	}
	return n, ok, err
}

// wakes reports whether a suspended invocation goes on now that a notification has arrived. A
// cancellation wakes it in any case.
func (s *step) wakes(st *store.Status, arrived journal.NotificationID) (bool, error) {
	if arrived == cancellation {
		return true, nil
	}
	if !mentions(&st.Awaiting, arrived) {
		return false, nil
	}
	if st.ProtocolVersion < firstTreeVersion {
		return true, nil
	}
	return s.resolved(st, &st.Awaiting)
}

// resolved reports whether a future is done, or might be, with the notifications in the journal.
func (s *step) resolved(st *store.Status, f *journal.Future) (bool, error) {
	if st.ProtocolVersion < firstTreeVersion {
		return s.anyLeaf(st, f)
	}
	outcome, err := s.evaluate(st, f)
	return outcome != pending, err
}

// mentions reports whether id is a leaf of f.
func mentions(f *journal.Future, id journal.NotificationID) bool {
	switch id.Kind {
	case journal.IDCompletion:
		if slices.Contains(f.Completions, id.Index) {
			return true
		}
	case journal.IDSignal:
		if slices.Contains(f.Signals, id.Index) {
			return true
		}
	case journal.IDNamedSignal:
		if slices.Contains(f.NamedSignals, id.Name) {
			return true
		}
	}
	for i := range f.Nested {
		if mentions(&f.Nested[i], id) {
			return true
		}
	}
	return false
}

// leaves yields the leaves of f itself, without those of nested futures.
func leaves(f *journal.Future) func(yield func(journal.NotificationID) bool) {
	return func(yield func(journal.NotificationID) bool) {
		for _, id := range f.Completions {
			if !yield(journal.Completion(id)) {
				return
			}
		}
		for _, id := range f.Signals {
			if !yield(journal.Signal(id)) {
				return
			}
		}
		for _, name := range f.NamedSignals {
			if !yield(journal.NamedSignal(name)) {
				return
			}
		}
	}
}

func (s *step) anyLeaf(st *store.Status, f *journal.Future) (bool, error) {
	for id := range leaves(f) {
		if _, ok, err := s.arrived(st, id); err != nil || ok {
			return ok, err
		}
	}
	for i := range f.Nested {
		if done, err := s.anyLeaf(st, &f.Nested[i]); err != nil || done {
			return done, err
		}
	}
	return false, nil
}

// outcome is what is known of a future.
type outcome uint8

const (
	pending   outcome = iota
	succeeded         // done with a value
	failed            // done with a failure
	done              // done, one way or the other
)

func (o outcome) maybeSucceeded() bool { return o == succeeded || o == done }
func (o outcome) maybeFailed() bool    { return o == failed || o == done }

// evaluate works a tree out. Where success cannot be told from failure it assumes whatever wakes
// the handler: waking too early costs an attempt, not waking at all costs the invocation.
func (s *step) evaluate(st *store.Status, f *journal.Future) (outcome, error) {
	t := tally{combinator: f.Combinator}
	for id := range leaves(f) {
		n, ok, err := s.arrived(st, id)
		if err != nil {
			return pending, err
		}
		one := pending
		if ok {
			one = succeeded
			if n.Outcome == store.OutcomeFailure {
				one = failed
			}
		}
		if t.add(one) {
			return t.result(), nil
		}
	}
	for i := range f.Nested {
		one, err := s.evaluate(st, &f.Nested[i])
		if err != nil {
			return pending, err
		}
		if t.add(one) {
			return t.result(), nil
		}
	}
	return t.result(), nil
}

// tally counts the parts of one combinator.
type tally struct {
	combinator                     journal.Combinator
	parts, waiting, success, fails int
}

// add counts a part; true says that the rest does not matter.
func (t *tally) add(o outcome) (decided bool) {
	t.parts++
	if o == pending {
		t.waiting++
	}
	if o.maybeSucceeded() {
		t.success++
	}
	if o.maybeFailed() {
		t.fails++
	}
	switch t.combinator {
	case journal.CombinatorAllCompleted:
		return t.waiting > 0
	case journal.CombinatorFirstSucceededOrAllFailed:
		return t.success > 0
	case journal.CombinatorAllSucceededOrFirstFailed:
		return t.fails > 0
	}
	return t.waiting < t.parts
}

func (t *tally) result() outcome {
	switch t.combinator {
	case journal.CombinatorAllCompleted:
		if t.waiting == 0 {
			return succeeded
		}
		return pending
	case journal.CombinatorFirstSucceededOrAllFailed:
		if t.success > 0 {
			return done
		}
		if t.fails == t.parts {
			return failed
		}
		return pending
	case journal.CombinatorAllSucceededOrFirstFailed:
		if t.fails > 0 {
			return done
		}
		if t.success == t.parts {
			return succeeded
		}
		return pending
	}
	if t.waiting < t.parts {
		return done
	}
	return pending
}

// depth is how deep f nests; it stops counting beyond limit.
func depth(f *journal.Future, limit int) int {
	deepest := 0
	if limit > 0 {
		for i := range f.Nested {
			deepest = max(deepest, depth(&f.Nested[i], limit-1))
		}
	}
	return deepest + 1
}

// hasLeaf reports whether anything at all can resolve f.
func hasLeaf(f *journal.Future) bool {
	for range leaves(f) {
		return true
	}
	return slices.ContainsFunc(f.Nested, func(n journal.Future) bool { return hasLeaf(&n) })
}
