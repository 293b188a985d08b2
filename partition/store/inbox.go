package store

import (
	"iter"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/wire"
)

// Queued is one inbox row: an invocation or a change of the state that waits for the object's lock.
// Exactly one of the two is set.
type Queued struct {
	Object     Object
	Sequence   uint64
	Invocation protocol.InvocationID
	Mutation   *Mutation
}

// Mutation is a queued command.PatchState.
type Mutation struct {
	Version *string
	State   []command.StateEntry
}

func (q *Queued) encode() []byte {
	e := newRow(40)
	e.id(1, q.Invocation)
	if m := q.Mutation; m != nil {
		value(e, 2, 0, m, appendMutation)
	}
	return e.b
}

// A mutation: 1 version, 2 repeated state entry.
func appendMutation(dst []byte, m *Mutation) []byte {
	e := &encoder{dst}
	e.optionalString(1, m.Version)
	e.stateEntries(2, m.State)
	return e.b
}

func decodeQueued(key, b []byte) (q Queued, err error) {
	var rest []byte
	if q.Object, rest, err = objectOf(key); err != nil {
		return q, err
	}
	if q.Sequence, err = sequenceOf(key, rest); err != nil {
		return q, err
	}
	err = decodeRow(b, func(d *wire.Decoder) {
		switch d.Field() {
		case 1:
			q.Invocation = decodeID(d)
		case 2:
			q.Mutation = decode(d, decodeMutation)
		}
	})
	if err != nil {
		return q, corrupt(key, "decode inbox row: %v", err)
	}
	return q, nil
}

func decodeMutation(b []byte) (*Mutation, error) {
	m := &Mutation{}
	err := decodeFields(b, func(d *wire.Decoder) {
		switch d.Field() {
		case 1:
			m.Version = d.OptionalRawString()
		case 2:
			m.State = append(m.State, decode(d, command.DecodeStateEntry))
		}
	})
	return m, err
}

// FirstQueued finds the first inbox row of an object at or after a sequence.
func (r Reader) FirstQueued(o Object, from uint64) (q Queued, ok bool, err error) {
	b := bounds{inboxKey(nil, o, from), after(objectKey(nil, KindInbox, o))}
	for q, err := range scan(r, b, decodeQueued) {
		return q, err == nil, err
	}
	return q, false, nil
}

// ScanInbox walks over the inboxes of all objects whose partition keys lie in keys.
func (r Reader) ScanInbox(keys protocol.KeyRange) iter.Seq2[Queued, error] {
	return scan(r, keyRange(KindInbox, keys), decodeQueued)
}

// PutQueued writes an inbox row.
func (tx *Tx) PutQueued(q Queued) error {
	return tx.put(inboxKey(tx.keyBuffer(), q.Object, q.Sequence), q.encode())
}

// DeleteQueued removes an inbox row.
func (tx *Tx) DeleteQueued(o Object, sequence uint64) error {
	return tx.delete(inboxKey(tx.keyBuffer(), o, sequence))
}
