package store

import (
	"iter"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/wire"
)

// EventKind says what happened to an invocation beside its journal. The numbers are durable.
type EventKind uint8

const (
	EventTransientError EventKind = 1
	EventPaused         EventKind = 2
)

// String is the name used in SQL.
func (k EventKind) String() string {
	switch k {
	case EventTransientError:
		return "TransientError"
	case EventPaused:
		return "Paused"
	}
	return "Unknown"
}

// Event is one row of the story of an invocation's attempts. Only the last few are kept.
type Event struct {
	Kind EventKind
	// After is the number of journal entries there were.
	After uint32
	Time  protocol.Millis
	// Error is the attempt's failure; for a pause its last one, or nil if there was none.
	Error *command.AttemptError
}

func (v *Event) encode() []byte {
	e := newRow(128)
	e.uint(1, uint64(v.Kind))
	e.uint(2, uint64(v.After))
	e.millis(3, v.Time)
	if v.Error != nil {
		value(e, 4, len(v.Error.Stacktrace), v.Error, command.AppendAttemptError)
	}
	return e.b
}

func decodeEvent(key, b []byte) (v Event, err error) {
	err = decodeRow(b, func(d *wire.Decoder) {
		switch d.Field() {
		case 1:
			v.Kind = EventKind(d.Uint8())
		case 2:
			v.After = d.Uint32()
		case 3:
			v.Time = protocol.Millis(d.Uint64())
		case 4:
			failure := decode(d, command.DecodeAttemptError)
			v.Error = &failure
		}
	})
	if err != nil {
		return v, corrupt(key, "decode event: %v", err)
	}
	return v, nil
}

// GetEvent reads one event of an invocation.
func (r Reader) GetEvent(id protocol.InvocationID, sequence uint32) (v Event, ok bool, err error) {
	key := eventKey(nil, id, sequence)
	b, ok, err := r.get(key)
	if err != nil || !ok {
		return v, false, err
	}
	v, err = decodeEvent(key, b)
	return v, err == nil, err
}

// InvocationEvent is one row of ScanEvents.
type InvocationEvent struct {
	ID protocol.InvocationID
	Event
}

// Events reads the events of an invocation, oldest first.
func (r Reader) Events(id protocol.InvocationID) ([]Event, error) {
	prefix := appendInvocationKey(nil, KindEvent, id)
	return collect(scan(r, prefixBounds(prefix), decodeEvent))
}

// ScanEvents walks over the events of all invocations whose partition keys lie in keys.
func (r Reader) ScanEvents(keys protocol.KeyRange) iter.Seq2[InvocationEvent, error] {
	return scan(r, keyRange(KindEvent, keys), decodeInvocationEvent)
}

func decodeInvocationEvent(key, value []byte) (v InvocationEvent, err error) {
	if v.ID, _, err = invocationOf(key); err != nil {
		return v, err
	}
	v.Event, err = decodeEvent(key, value)
	return v, err
}

// PutEvent writes one event.
func (tx *Tx) PutEvent(id protocol.InvocationID, sequence uint32, v *Event) error {
	return tx.put(eventKey(tx.keyBuffer(), id, sequence), v.encode())
}

// DeleteEvent forgets one event.
func (tx *Tx) DeleteEvent(id protocol.InvocationID, sequence uint32) error {
	return tx.delete(eventKey(tx.keyBuffer(), id, sequence))
}
