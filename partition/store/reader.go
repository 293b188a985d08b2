package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"github.com/perdure/perdure/protocol"
)

// Reader reads rows: of a store as it is now, of a Snapshot, or of a Tx with its own changes.
// Byte slices it returns belong to the caller.
type Reader struct{ from pebble.Reader }

// get reads one row; the value is a copy.
func (r Reader) get(key []byte) (value []byte, ok bool, err error) {
	b, closer, err := r.from.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, failed("read row %x", err, key)
	}
	value = bytes.Clone(b)
	if err := closer.Close(); err != nil {
		return nil, false, failed("release row %x", err, key)
	}
	return value, true, nil
}

// probe is get for rows that mostly do not exist: it asks the filters of the lowest level too, so
// that a miss reads no data from disk.
func (r Reader) probe(key []byte) (value []byte, ok bool, err error) {
	it, err := r.from.NewIter(&probeOptions)
	if err != nil {
		return nil, false, failed("read row %x", err, key)
	}
	if it.SeekPrefixGE(key) {
		b, valueErr := it.ValueAndErr()
		value, ok, err = bytes.Clone(b), true, valueErr
	}
	if err = errors.Join(err, it.Close()); err != nil { // Close reports the iterator's own error
		return nil, false, failed("read row %x", err, key)
	}
	return value, ok, nil
}

var probeOptions = pebble.IterOptions{UseL6Filters: true}

// failed wraps an error of Pebble; what it calls corruption is ErrCorrupt.
func failed(what string, err error, args ...any) error {
	if errors.Is(err, pebble.ErrCorruption) {
		return fmt.Errorf(what+": %w: %w", append(args, err, ErrCorrupt)...)
	}
	return fmt.Errorf(what+": %w", append(args, err)...)
}

// bounds is a span of keys; lower is inclusive, upper is a limit.
type bounds struct{ lower, upper []byte }

func prefixBounds(prefix []byte) bounds { return bounds{prefix, after(prefix)} }

// keyRange spans the rows of a table whose partition keys lie in keys.
func keyRange(k Kind, keys protocol.KeyRange) bounds {
	lower := binary.BigEndian.AppendUint64(appendKind(nil, k), uint64(keys.First))
	return bounds{lower, after(binary.BigEndian.AppendUint64(appendKind(nil, k), uint64(keys.Last)))}
}

// scan walks over a span in key order. decode may keep value but not key. The walk ends after the
// first error.
func scan[T any](
	r Reader, b bounds, decode func(key, value []byte) (T, error),
) iter.Seq2[T, error] {
	return scanIf(r, b, nil, decode)
}

// scanIf is scan that passes over rows whose values are not wanted; wanted must not keep the value.
func scanIf[T any](
	r Reader, b bounds, wanted func(value []byte) bool,
	decode func(key, value []byte) (T, error),
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		it, err := r.from.NewIter(&pebble.IterOptions{LowerBound: b.lower, UpperBound: b.upper})
		if err != nil {
			yield(zero, failed("open an iterator at %x", err, b.lower))
			return
		}
		defer it.Close()
		for valid := it.First(); valid; valid = it.Next() {
			value, err := it.ValueAndErr()
			if err != nil {
				yield(zero, failed("read row %x", err, it.Key()))
				return
			}
			if wanted != nil && !wanted(value) {
				continue
			}
			row, err := decode(it.Key(), bytes.Clone(value))
			if !yield(row, err) || err != nil {
				return
			}
		}
		if err := it.Error(); err != nil {
			yield(zero, failed("scan from %x", err, b.lower))
		}
	}
}

// collect gathers a whole scan.
func collect[T any](rows iter.Seq2[T, error]) (all []T, err error) {
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, nil
}

// Snapshot is a Reader that sees the rows as they were when it was made.
type Snapshot struct {
	Reader
	snapshot *pebble.Snapshot
}

// Close releases the snapshot; it must be called.
func (s *Snapshot) Close() error { return s.snapshot.Close() }
