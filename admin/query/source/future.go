package source

import (
	"encoding/json"

	"github.com/perdure/perdure/protocol/journal"
)

// futureJSON is how a tree of what is awaited is shown:
// {"FirstCompleted":[{"Single":{"CompletionId":1}},{"Single":{"SignalIndex":1}}]}.
//
// Services that speak an older version than 7 do not say how they combine what they wait for.
func futureJSON(f *journal.Future, version uint32) string {
	value := futureValue(f)
	if version < combinatorsSince {
		value = map[string]any{"Unknown": value[combinatorName(f.Combinator)]}
	}
	b, err := json.Marshal(value)
	if err != nil {
		return "null" // numbers and strings cannot fail
	}
	return string(b)
}

// combinatorsSince is the version of the service protocol that tells combinators.
const combinatorsSince = 7

func futureValue(f *journal.Future) map[string]any {
	list := []any{}
	single := func(kind string, id any) {
		list = append(list, map[string]any{"Single": map[string]any{kind: id}})
	}
	for _, id := range f.Completions {
		single("CompletionId", id)
	}
	for _, id := range f.Signals {
		single("SignalIndex", id)
	}
	for _, name := range f.NamedSignals {
		single("SignalName", name)
	}
	for i := range f.Nested {
		list = append(list, futureValue(&f.Nested[i]))
	}
	return map[string]any{combinatorName(f.Combinator): list}
}

func combinatorName(c journal.Combinator) string {
	switch c {
	case journal.CombinatorFirstCompleted:
		return "FirstCompleted"
	case journal.CombinatorAllCompleted:
		return "AllCompleted"
	case journal.CombinatorFirstSucceededOrAllFailed:
		return "FirstSucceededOrAllFailed"
	case journal.CombinatorAllSucceededOrFirstFailed:
		return "AllSucceededOrFirstFailed"
	}
	return "Unknown"
}

// leaves are the numbers of one kind that a tree waits for.
func leaves(f *journal.Future, kind journal.IDKind) (list []uint32) {
	for id := range f.Leaves {
		if id.Kind == kind {
			list = append(list, id.Index)
		}
	}
	return list
}
