package store

import (
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/wire"
)

// Cursor walks over rows of one table in key order, for those who look at very many: it copies
// nothing. A row and what it points to is valid until the next one is read.
type Cursor[T any] struct {
	it     *pebble.Iterator
	decode func(key, value []byte, row *T) error
	moved  bool
}

func newCursor[T any](r Reader, k Kind, s Span, decode func(key, value []byte, row *T) error) (
	*Cursor[T], error,
) {
	b := s(k)
	it, err := r.from.NewIter(&pebble.IterOptions{LowerBound: b.lower, UpperBound: b.upper})
	if err != nil {
		return nil, failed("open an iterator at %x", err, b.lower)
	}
	return &Cursor[T]{it: it, decode: decode}, nil
}

// Next reads the next row; false means that there are no more or that it failed.
func (c *Cursor[T]) Next(row *T) (bool, error) {
	valid := false
	if c.moved {
		valid = c.it.Next()
	} else {
		c.moved, valid = true, c.it.First()
	}
	if !valid {
		if err := c.it.Error(); err != nil {
			return false, failed("scan a table", err)
		}
		return false, nil
	}
	value, err := c.it.ValueAndErr()
	if err != nil {
		return false, failed("read row %x", err, c.it.Key())
	}
	if err := c.decode(c.it.Key(), value, row); err != nil {
		return false, err
	}
	return true, nil
}

// Close releases the cursor; it must be called.
func (c *Cursor[T]) Close() error { return c.it.Close() }

// Span says which rows of a table a Cursor walks over.
type Span func(Kind) bounds

// SpanKeys are the rows whose partition keys lie in a range.
func SpanKeys(keys protocol.KeyRange) Span {
	return func(k Kind) bounds { return keyRange(k, keys) }
}

// SpanInvocation are the rows of one invocation.
func SpanInvocation(id protocol.InvocationID) Span {
	return func(k Kind) bounds { return prefixBounds(appendInvocationKey(nil, k, id)) }
}

// SpanObject are the rows of one object or workflow key.
func SpanObject(o Object) Span {
	return func(k Kind) bounds { return prefixBounds(objectKey(nil, k, o)) }
}

// StatusFields are those parts of a Status that a cursor decodes.
type StatusFields uint64

// The parts; ID is always there. AllStatusFields costs several times as much as a few.
const (
	StatusState          StatusFields = 1 << 0
	StatusTarget         StatusFields = 1 << 1
	StatusSource         StatusFields = 1 << 2
	StatusIdempotencyKey StatusFields = 1 << 3
	StatusLimitKey       StatusFields = 1 << 4
	StatusTrace          StatusFields = 1 << 5
	StatusRetentions     StatusFields = 1 << 6
	StatusRestartedFrom  StatusFields = 1 << 7
	StatusTimes          StatusFields = 1 << 8
	StatusDeployment     StatusFields = 1 << 9
	StatusCounters       StatusFields = 1 << 10 // what is counted, and the protocol version
	StatusAwaiting       StatusFields = 1 << 11
	StatusResult         StatusFields = 1 << 12

	AllStatusFields StatusFields = 1<<13 - 1
)

// numbers are the row's field numbers, a bit each.
func (f StatusFields) numbers() (mask uint64) {
	for field, nums := range statusFieldNumbers {
		if f&field != 0 {
			for _, n := range nums {
				mask |= 1 << n
			}
		}
	}
	return mask
}

var statusFieldNumbers = map[StatusFields][]wire.Number{
	StatusState: {1}, StatusTarget: {2}, StatusSource: {3}, StatusIdempotencyKey: {4},
	StatusLimitKey: {5}, StatusTrace: {7}, StatusRetentions: {9, 10}, StatusRestartedFrom: {11},
	StatusTimes:      {12, 13, 14, 15, 16, 17, 18, 31, 32},
	StatusDeployment: {20}, StatusCounters: {19, 21, 22, 23, 24, 25, 26, 27, 33},
	StatusAwaiting: {28}, StatusResult: {30},
}

// StatusRows opens a cursor over invocations of which it decodes the given parts.
func (r Reader) StatusRows(s Span, fields StatusFields) (*Cursor[Status], error) {
	mask := fields.numbers()
	return newCursor(r, KindStatus, s, func(key, value []byte, row *Status) (err error) {
		*row = Status{}
		if row.ID, _, err = invocationOf(key); err != nil || mask == 0 {
			return err
		}
		err = decodeRow(value, func(d *wire.Decoder) {
			if mask>>d.Field()&1 == 1 {
				row.decodeField(d)
			}
		})
		if err != nil {
			return corrupt(key, "decode status: %v", err)
		}
		return nil
	})
}

// JournalRows opens a cursor over journals.
func (r Reader) JournalRows(s Span) (*Cursor[JournalRow], error) {
	return newCursor(r, KindJournal, s, func(key, value []byte, row *JournalRow) error {
		id, rest, err := invocationOf(key)
		if err != nil {
			return err
		}
		if len(rest) != 4 {
			return corrupt(key, "a journal key ends with %d bytes, want 4", len(rest))
		}
		row.ID, row.Index = id, binary.BigEndian.Uint32(rest)
		row.Entry, err = decodeEntry(key, value)
		return err
	})
}

// EventRows opens a cursor over the events of invocations.
func (r Reader) EventRows(s Span) (*Cursor[InvocationEvent], error) {
	return newCursor(r, KindEvent, s, func(key, value []byte, row *InvocationEvent) (err error) {
		*row, err = decodeInvocationEvent(key, value)
		return err
	})
}

// StateRows opens a cursor over state values.
func (r Reader) StateRows(s Span) (*Cursor[ObjectState], error) {
	return newCursor(r, KindState, s, func(key, value []byte, row *ObjectState) (err error) {
		if row.Object, row.Key, err = objectOf(key); err != nil {
			return err
		}
		row.Value, err = decodePayloadRow(key, value)
		return err
	})
}

// PromiseRows opens a cursor over promises.
func (r Reader) PromiseRows(s Span) (*Cursor[NamedPromise], error) {
	return newCursor(r, KindPromise, s, func(key, value []byte, row *NamedPromise) error {
		o, rest, err := objectOf(key)
		if err != nil {
			return err
		}
		row.Object, row.Name = o, string(rest)
		row.Promise, err = decodePromise(key, value)
		return err
	})
}

// InboxRows opens a cursor over inboxes.
func (r Reader) InboxRows(s Span) (*Cursor[Queued], error) {
	return newCursor(r, KindInbox, s, func(key, value []byte, row *Queued) (err error) {
		*row, err = decodeQueued(key, value)
		return err
	})
}

// LockRows opens a cursor over locked objects.
func (r Reader) LockRows(s Span) (*Cursor[HeldLock], error) {
	return newCursor(r, KindLock, s, func(key, value []byte, row *HeldLock) (err error) {
		if row.Object, _, err = objectOf(key); err != nil {
			return err
		}
		row.Lock, err = decodeLock(key, value)
		return err
	})
}
