package journal

import (
	"fmt"

	"github.com/perdure/perdure/protocol/wire"
)

// Limits of a Future, so that a hostile one costs neither stack nor memory.
const (
	// MaxFutureDepth is how many levels a Future may have; a flat one has one.
	MaxFutureDepth = 1000
	// MaxFutureNodes is how many nested futures one may have in all.
	MaxFutureNodes = 100_000
)

// Errors of DecodeFuture.
var (
	// ErrTooDeep: a Future has more than MaxFutureDepth levels.
	ErrTooDeep = fmt.Errorf("future is nested deeper than %d levels", MaxFutureDepth)
	// ErrTooManyNodes: a Future has more than MaxFutureNodes nested ones.
	ErrTooManyNodes = fmt.Errorf("future has more than %d nested futures", MaxFutureNodes)
)

// AppendFuture appends the fields of a Future: 1 completions, 2 signals, 3 named signals, 4 nested,
// 5 combinator.
func AppendFuture(dst []byte, f *Future) []byte {
	// Sizes come first, in the order the tree is walked: inserting lengths afterwards would move
	// the leaves of a deep tree once per level.
	var sizes []int
	if len(f.Nested) > 0 {
		sizes, _ = f.sizes(nil)
	}
	dst, _ = f.append(dst, sizes)
	return dst
}

// sizes appends the encoded size of every nested future to list, parents before children, and
// returns the size of f itself.
func (f *Future) sizes(list []int) (_ []int, size int) {
	size = wire.SizePacked(1, f.Completions) + wire.SizePacked(2, f.Signals) +
		wire.SizeUvarint(5, uint64(f.Combinator))
	for _, name := range f.NamedSignals {
		size += len(wire.AppendPresentText(nil, 3, name))
	}
	for i := range f.Nested {
		at := len(list)
		var nested int
		list, nested = f.Nested[i].sizes(append(list, 0))
		list[at] = nested
		size += wire.SizeBytes(4, nested)
	}
	return list, size
}

// append uses up the sizes of its nested futures and returns the rest.
func (f *Future) append(dst []byte, sizes []int) ([]byte, []int) {
	dst = wire.AppendPacked(dst, 1, f.Completions)
	dst = wire.AppendPacked(dst, 2, f.Signals)
	for _, name := range f.NamedSignals {
		dst = wire.AppendPresentText(dst, 3, name)
	}
	for i := range f.Nested {
		dst = wire.AppendLength(dst, 4, sizes[0])
		dst, sizes = f.Nested[i].append(dst, sizes[1:])
	}
	return wire.AppendUvarint(dst, 5, f.Combinator), sizes
}

// DecodeFuture is the inverse of AppendFuture. An unknown combinator becomes CombinatorUnknown. The
// error wraps ErrTooDeep for a tree of more than MaxFutureDepth levels.
func DecodeFuture(b []byte) (f Future, err error) {
	nodes := 0
	if err := f.decode(b, 1, &nodes); err != nil {
		return Future{}, err
	}
	return f, nil
}

func (f *Future) decode(b []byte, depth int, nodes *int) error {
	if depth > MaxFutureDepth {
		return ErrTooDeep
	}
	*f = Future{}
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			f.Completions = appendIndexes(&d, f.Completions)
		case 2:
			f.Signals = appendIndexes(&d, f.Signals)
		case 3:
			if f.NamedSignals = append(f.NamedSignals, d.Text()); len(f.NamedSignals) > MaxElements {
				d.Fail(ErrTooMany)
			}
		case 4:
			if *nodes++; *nodes > MaxFutureNodes {
				return ErrTooManyNodes
			}
			f.Nested = append(f.Nested, Future{})
			// Returned as it is: a chain that names every level would be of no use.
			if err := f.Nested[len(f.Nested)-1].decode(d.Bytes(), depth+1, nodes); err != nil {
				return err
			}
		case 5:
			f.Combinator = combinatorOf(d.Uint64())
		}
	}
	return d.Err()
}

// appendIndexes appends the current field to list, which must not become too long.
func appendIndexes(d *wire.Decoder, list []uint32) []uint32 {
	if list = d.AppendUint32s(list); len(list) > MaxElements {
		d.Fail(ErrTooMany)
	}
	return list
}

func combinatorOf(v uint64) Combinator {
	if v > uint64(CombinatorAllSucceededOrFirstFailed) {
		return CombinatorUnknown
	}
	return Combinator(v)
}
