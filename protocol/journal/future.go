package journal

// Combinator says when a Future is done. The numbers are those of the wire.
type Combinator uint8

const (
	CombinatorUnknown                   Combinator = 0 // treated as FirstCompleted
	CombinatorFirstCompleted            Combinator = 1
	CombinatorAllCompleted              Combinator = 2
	CombinatorFirstSucceededOrAllFailed Combinator = 3
	CombinatorAllSucceededOrFirstFailed Combinator = 4
)

// Future is the tree of notifications that a handler waits for. Before protocol version 7 it is
// flat: any of the leaves wakes the handler.
type Future struct {
	Completions  []uint32
	Signals      []uint32
	NamedSignals []string
	Nested       []Future
	Combinator   Combinator
}

// IsEmpty reports whether there is nothing to wait for.
func (f *Future) IsEmpty() bool {
	return len(f.Completions) == 0 && len(f.Signals) == 0 &&
		len(f.NamedSignals) == 0 && len(f.Nested) == 0
}

// Leaves calls yield for every notification in the tree until it returns false; use it with range.
func (f *Future) Leaves(yield func(NotificationID) bool) { f.leaves(yield) }

func (f *Future) leaves(yield func(NotificationID) bool) bool {
	for _, id := range f.Completions {
		if !yield(Completion(id)) {
			return false
		}
	}
	for _, index := range f.Signals {
		if !yield(Signal(index)) {
			return false
		}
	}
	for _, name := range f.NamedSignals {
		if !yield(NamedSignal(name)) {
			return false
		}
	}
	for i := range f.Nested {
		if !f.Nested[i].leaves(yield) {
			return false
		}
	}
	return true
}

// HasLeaves reports whether the tree names any notification at all; without one, nothing can wake
// whoever waits for it.
func (f *Future) HasLeaves() bool {
	for range f.Leaves {
		return true
	}
	return false
}

// Depth is the number of levels of the tree; a flat future has one.
func (f *Future) Depth() int {
	deepest := 0
	for i := range f.Nested {
		deepest = max(deepest, f.Nested[i].Depth())
	}
	return 1 + deepest
}

// ResolvedByAny reports whether any leaf is present: the rule before protocol version 7.
func (f *Future) ResolvedByAny(has func(NotificationID) (present, failed bool)) bool {
	for id := range f.Leaves {
		if present, _ := has(id); present {
			return true
		}
	}
	return false
}

// Resolved reports whether the tree might be resolved by the notifications that are there: the
// rule of protocol version 7. has says whether a notification is there, and whether it is a
// failure.
//
// The handler knows in which order notifications came, and a set of notifications does not: which
// member of a first-completed future came first, and so whether that future failed, may be open.
// Then both are possible, and the answer is yes if any possibility resolves the tree: waking a
// handler for nothing costs an attempt, not waking it would stop it for ever.
func (f *Future) Resolved(has func(NotificationID) (present, failed bool)) bool {
	return f.outcomes(has) != 0
}

// outcomes is the set of ways in which a future may have ended; none if it has not.
type outcomes uint8

const (
	mayHaveSucceeded outcomes = 1
	mayHaveFailed    outcomes = 2
)

func (f *Future) outcomes(has func(NotificationID) (present, failed bool)) outcomes {
	some, all := outcomes(0), mayHaveSucceeded|mayHaveFailed
	ended := true
	add := func(o outcomes) {
		some, all = some|o, all&o
		ended = ended && o != 0
	}
	f.leafOutcomes(has, add)
	for i := range f.Nested {
		add(f.Nested[i].outcomes(has))
	}
	switch f.Combinator {
	case CombinatorAllCompleted:
		if ended {
			return mayHaveSucceeded
		}
		return 0
	case CombinatorFirstSucceededOrAllFailed:
		return some&mayHaveSucceeded | all&mayHaveFailed
	case CombinatorAllSucceededOrFirstFailed:
		return all&mayHaveSucceeded | some&mayHaveFailed
	}
	return some
}

// leafOutcomes adds the outcome of each notification that f itself names.
func (f *Future) leafOutcomes(has func(NotificationID) (present, failed bool), add func(outcomes)) {
	own := Future{Completions: f.Completions, Signals: f.Signals, NamedSignals: f.NamedSignals}
	for id := range own.Leaves {
		switch present, failed := has(id); {
		case !present:
			add(0)
		case failed:
			add(mayHaveFailed)
		default:
			add(mayHaveSucceeded)
		}
	}
}
