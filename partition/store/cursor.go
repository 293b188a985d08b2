package store

import (
	"bytes"
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/wire"
)

// Cursor walks over rows of one table in key order, for those who look at very many: it copies
// nothing. A row and what it points to is valid until the next one is read.
type Cursor[T any] struct {
	it     *pebble.Iterator
	decode func(key, value []byte, row *T) error
	wanted func(value []byte) bool // nil: all rows
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
	for {
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
		if c.wanted != nil && !c.wanted(value) {
			continue
		}
		if err := c.decode(c.it.Key(), value, row); err != nil {
			return false, err
		}
		return true, nil
	}
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
	StatusTimes          StatusFields = 1 << 8 // but those below
	StatusDeployment     StatusFields = 1 << 9
	StatusCounters       StatusFields = 1 << 10 // what is counted, and the protocol version
	StatusAwaiting       StatusFields = 1 << 11
	StatusResult         StatusFields = 1 << 12
	StatusCreatedAt      StatusFields = 1 << 13
	StatusModifiedAt     StatusFields = 1 << 14

	AllStatusFields StatusFields = 1<<15 - 1
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
	StatusCreatedAt: {12}, StatusModifiedAt: {13},
	StatusTimes:      {14, 15, 16, 17, 18, 31, 32},
	StatusDeployment: {20}, StatusCounters: {19, 21, 22, 23, 24, 25, 26, 27, 33},
	StatusAwaiting: {28}, StatusResult: {30},
}

// statusOrder is the order in which a row's fields are written: what is wanted of a row is mostly at
// its beginning, and the rest need not be looked at.
var statusOrder = [64]uint8{
	1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 7, 8: 8, 9: 9, 10: 10, 11: 11,
	12: 12, 13: 13, 14: 14, 15: 14, 16: 14, 17: 14, 18: 14, 31: 14, 32: 14,
	20: 15, 19: 16, 21: 16, 22: 16, 23: 16, 24: 16, 25: 16, 26: 16, 27: 16, 33: 16,
	28: 17, 29: 18, 30: 19,
}

// StatusRows opens a cursor over invocations of which it decodes the given parts. If there are any
// states, it passes over invocations that are in none of them.
func (r Reader) StatusRows(s Span, fields StatusFields, states ...State) (*Cursor[Status], error) {
	d := statusDecoder{mask: fields.numbers(), targets: map[string]protocol.Target{}}
	for n := range statusOrder {
		if d.mask>>n&1 == 1 {
			d.last = max(d.last, statusOrder[n])
		}
	}
	c, err := newCursor(r, KindStatus, s, d.decode)
	if err != nil || len(states) == 0 {
		return c, err
	}
	var prefixes [][]byte
	for _, state := range states {
		prefixes = append(prefixes, statePrefix(state))
	}
	c.wanted = func(value []byte) bool {
		for _, p := range prefixes {
			if bytes.HasPrefix(value, p) {
				return true
			}
		}
		return false
	}
	return c, nil
}

// statusDecoder decodes parts of rows. Many invocations call the same few targets, which are decoded
// once.
type statusDecoder struct {
	mask    uint64 // of the fields that are wanted
	last    uint8  // after which place in the order none is
	targets map[string]protocol.Target
}

// maxTargets is how many targets a statusDecoder remembers.
const maxTargets = 1024

func (s *statusDecoder) decode(key, value []byte, row *Status) (err error) {
	*row = Status{}
	if row.ID, _, err = invocationOf(key); err != nil || s.mask == 0 {
		return err
	}
	if len(value) == 0 || value[0] != rowVersion {
		return corrupt(key, "the row of %d bytes does not start with version %d", len(value), rowVersion)
	}
	d := wire.NewDecoder(value[1:])
	for d.Next() {
		n := d.Field()
		if n >= 64 {
			continue
		}
		if order := statusOrder[n]; order > s.last {
			break
		}
		switch {
		case s.mask>>n&1 == 0:
		case n == 2:
			row.Target = s.target(&d)
		default:
			row.decodeField(&d)
		}
	}
	if d.Err() != nil {
		return corrupt(key, "decode status: %v", d.Err())
	}
	return nil
}

func (s *statusDecoder) target(d *wire.Decoder) protocol.Target {
	raw := d.Bytes()
	if t, ok := s.targets[string(raw)]; ok {
		return t
	}
	t := decode(d, command.DecodeTarget)
	if len(s.targets) < maxTargets {
		s.targets[string(raw)] = t
	}
	return t
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
