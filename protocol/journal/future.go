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
	return len(f.Completions) == 0 && len(f.Signals) == 0 && len(f.NamedSignals) == 0 && len(f.Nested) == 0
}
