package store

import (
	"fmt"
	"time"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
	"github.com/perdure/perdure/protocol/wire"
)

// A row's value is one version byte and then a message in the encoding of protocol buffers: zero
// values are left out, unknown fields are skipped. See docs/format/store.md for the numbers.
const rowVersion = 1

// encoder appends fields to b.
type encoder struct{ b []byte }

func newRow(sizeHint int) *encoder {
	return &encoder{b: append(wire.Scratch(sizeHint), rowVersion)}
}

func (e *encoder) uint(num wire.Number, v uint64) { e.b = wire.AppendUvarint(e.b, num, v) }

func (e *encoder) bool(num wire.Number, v bool) { e.b = wire.AppendBool(e.b, num, v) }

func (e *encoder) millis(num wire.Number, v protocol.Millis) {
	e.b = wire.AppendUvarint(e.b, num, v)
}

// duration keeps whole milliseconds, as commands do.
func (e *encoder) duration(num wire.Number, v time.Duration) {
	e.uint(num, uint64(max(v, 0)/time.Millisecond))
}

func (e *encoder) fixed64(num wire.Number, v uint64) { e.b = wire.AppendFixed64(e.b, num, v) }

func (e *encoder) string(num wire.Number, v string) { e.b = wire.AppendString(e.b, num, v) }

func (e *encoder) optionalString(num wire.Number, v *string) {
	e.b = wire.AppendOptionalString(e.b, num, v)
}

// array appends an identifier; one of zeros only is left out.
func (e *encoder) array(num wire.Number, v [16]byte) {
	if v != [16]byte{} {
		e.b = wire.AppendBytes(e.b, num, v[:])
	}
}

func (e *encoder) id(num wire.Number, v protocol.InvocationID) {
	if !v.IsZero() {
		e.b = v.AppendRaw(wire.AppendLength(e.b, num, invocationLen))
	}
}

// value appends a nested message; hint is its size in bytes, as far as it is known.
func value[T any](e *encoder, num wire.Number, hint int, v *T, encode func([]byte, *T) []byte) {
	b, mark := wire.Begin(e.b, num, hint)
	e.b = wire.End(encode(b, v), mark)
}

func (e *encoder) payload(num wire.Number, v protocol.Payload) {
	value(e, num, len(v.Inline)+4, &v, command.AppendPayload)
}

func (e *encoder) result(num wire.Number, v *protocol.Result) {
	if v != nil {
		value(e, num, len(v.Value.Inline)+8, v, command.AppendResult)
	}
}

func (e *encoder) waiters(num wire.Number, list []command.Waiter) {
	for i := range list {
		value(e, num, 0, &list[i], command.AppendWaiter)
	}
}

func (e *encoder) stateEntries(num wire.Number, list []command.StateEntry) {
	for i := range list {
		value(e, num, len(list[i].Value.Inline)+8, &list[i], command.AppendStateEntry)
	}
}

// decodeRow checks the version byte and calls field for every field. Byte slices alias b.
func decodeRow(b []byte, field func(*wire.Decoder)) error {
	if len(b) == 0 || b[0] != rowVersion {
		return fmt.Errorf("the row of %d bytes does not start with version %d", len(b), rowVersion)
	}
	return decodeFields(b[1:], field)
}

func decodeFields(b []byte, field func(*wire.Decoder)) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		field(&d)
	}
	return d.Err()
}

// decode reads a nested message.
func decode[T any](d *wire.Decoder, from func([]byte) (T, error)) T {
	v, err := from(d.Bytes())
	d.Fail(err)
	return v
}

func decodeID(d *wire.Decoder) protocol.InvocationID {
	return decode(d, protocol.InvocationIDFromRaw)
}

func decodeDuration(d *wire.Decoder) time.Duration {
	return time.Duration(d.Uint64()) * time.Millisecond
}

func decodeType(d *wire.Decoder) journal.Type { return journal.Type(d.Uint16()) }
