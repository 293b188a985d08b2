package store

import (
	"bytes"

	"github.com/cockroachdb/pebble/v2"

	"github.com/perdure/perdure/protocol"
)

// Unfinished looks at up to limit invocations after the given one (zero: from the first) and returns
// those that have not ended. last is where to go on; more says that there are further rows.
// Completed invocations, of which there may be very many, are passed over without decoding.
func (r Reader) Unfinished(after protocol.InvocationID, limit int) (
	rows []Status, last protocol.InvocationID, more bool, err error,
) {
	b := prefixBounds(appendKind(nil, KindStatus))
	if !after.IsZero() {
		b.lower = append(statusKey(nil, after), 0)
	}
	it, err := r.from.NewIter(&pebble.IterOptions{LowerBound: b.lower, UpperBound: b.upper})
	if err != nil {
		return nil, last, false, failed("open an iterator at %x", err, b.lower)
	}
	defer it.Close()
	completed := statePrefix(Completed)
	for valid := it.First(); valid; valid = it.Next() {
		if limit--; limit < 0 {
			return rows, last, true, nil
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return nil, last, false, failed("read row %x", err, it.Key())
		}
		if last, _, err = invocationOf(it.Key()); err != nil {
			return nil, last, false, err
		}
		if bytes.HasPrefix(value, completed) {
			continue
		}
		st, err := decodeStatus(it.Key(), bytes.Clone(value))
		if err != nil {
			return nil, last, false, err
		}
		rows = append(rows, st)
	}
	if err := it.Error(); err != nil {
		return nil, last, false, failed("scan from %x", err, b.lower)
	}
	return rows, last, false, nil
}
