package journal

import (
	"errors"
	"fmt"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/wire"
)

// Errors that Decode's errors wrap, beside those of package wire.
var (
	// ErrUnknownType: there is no message with this type.
	ErrUnknownType = errors.New("unknown message type")
	// ErrMissing: a field that must be there is not.
	ErrMissing = errors.New("required field is missing")
	// ErrTooMany: a list is longer than MaxElements.
	ErrTooMany = fmt.Errorf("list has more than %d elements", MaxElements)
)

// MaxElements bounds each list of a message (headers, keys, metadata), so that a small hostile
// message cannot make a large structure.
const MaxElements = 1 << 20

// nameField is the field of a command that carries its name, for people.
const nameField = 12

// decoder is what each message does to be decoded.
type decoder interface {
	Message
	decode(b []byte) error
}

// Decode reads the body of a message of type t. Byte slices of the message alias body.
func Decode(t Type, body []byte) (Message, error) {
	m := newMessage(t)
	if m == nil {
		return nil, fmt.Errorf("decode journal message 0x%04x: %w", uint16(t), ErrUnknownType)
	}
	if err := m.decode(body); err != nil {
		return nil, fmt.Errorf("decode %s (0x%04x): %w", t, uint16(t), err)
	}
	return m, nil
}

func newMessage(t Type) decoder {
	switch t {
	case TypeInput:
		return new(Input)
	case TypeOutput:
		return new(Output)
	case TypeGetLazyState:
		return new(GetLazyState)
	case TypeSetState:
		return new(SetState)
	case TypeClearState:
		return new(ClearState)
	case TypeClearAllState:
		return new(ClearAllState)
	case TypeGetLazyStateKeys:
		return new(GetLazyStateKeys)
	case TypeGetEagerState:
		return new(GetEagerState)
	case TypeGetEagerStateKeys:
		return new(GetEagerStateKeys)
	case TypeGetPromise:
		return new(GetPromise)
	case TypePeekPromise:
		return new(PeekPromise)
	case TypeCompletePromise:
		return new(CompletePromise)
	case TypeSleep:
		return new(Sleep)
	case TypeCall:
		return new(Call)
	case TypeOneWayCall:
		return new(OneWayCall)
	case TypeSendSignal:
		return new(SendSignal)
	case TypeRun:
		return new(Run)
	case TypeAttachInvocation:
		return new(AttachInvocation)
	case TypeGetInvocationOutput:
		return new(GetInvocationOutput)
	case TypeCompleteAwakeable:
		return new(CompleteAwakeable)
	}
	if t.IsNotification() && t.Known() {
		return &Notification{NotificationType: t}
	}
	return nil
}

// appendVoid appends a Void: a message without fields.
func appendVoid(dst []byte, num wire.Number) []byte { return wire.AppendLength(dst, num, 0) }

// appendValue appends a Value{1 content}; an empty one is still there, and is not a Void.
func appendValue(dst []byte, num wire.Number, content []byte) []byte {
	if len(content) == 0 {
		return wire.AppendLength(dst, num, 0)
	}
	dst = wire.AppendLength(dst, num, wire.SizeBytes(1, len(content)))
	return wire.AppendPresentBytes(dst, 1, content)
}

// decodeValue reads a Value.
func decodeValue(content *[]byte, b []byte) error {
	*content = nil
	d := wire.NewDecoder(b)
	for d.Next() {
		if d.Field() == 1 {
			*content = d.Bytes()
		}
	}
	return d.Err()
}

// AppendFailure appends the fields of a Failure{1 code, 2 message, 3 metadata} to dst, without a
// tag. Text that is not UTF-8 is repaired.
func AppendFailure(dst []byte, f *protocol.Failure) []byte {
	dst = wire.AppendUvarint(dst, 1, f.Code)
	dst = wire.AppendText(dst, 2, f.Message)
	return appendPairs(dst, 3, f.Metadata)
}

// DecodeFailure is the inverse of AppendFailure.
func DecodeFailure(b []byte) (f protocol.Failure, err error) {
	err = decodeFailure(&f, b)
	return f, err
}

func decodeFailure(f *protocol.Failure, b []byte) error {
	*f = protocol.Failure{}
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			f.Code = d.Uint32()
		case 2:
			f.Message = d.Text()
		case 3:
			f.Metadata = decodePair(&d, f.Metadata)
		}
	}
	return d.Err()
}

func appendFailureField(dst []byte, num wire.Number, f *protocol.Failure) []byte {
	dst, mark := wire.Begin(dst, num, len(f.Message)+8)
	return wire.End(AppendFailure(dst, f), mark)
}

// appendPairs appends a repeated {1 key, 2 value}.
func appendPairs(dst []byte, num wire.Number, pairs []protocol.KeyValue) []byte {
	for i := range pairs {
		var mark wire.Mark
		dst, mark = wire.Begin(dst, num, len(pairs[i].Key)+len(pairs[i].Value)+4)
		dst = wire.AppendText(dst, 1, pairs[i].Key)
		dst = wire.AppendText(dst, 2, pairs[i].Value)
		dst = wire.End(dst, mark)
	}
	return dst
}

// decodePair adds the current field, one {1 key, 2 value}, to pairs.
func decodePair(d *wire.Decoder, pairs []protocol.KeyValue) []protocol.KeyValue {
	if pairs == nil {
		pairs = make([]protocol.KeyValue, 0, countElements(d))
	}
	var pair protocol.KeyValue
	inner := wire.NewDecoder(d.Bytes())
	for inner.Next() {
		switch inner.Field() {
		case 1:
			pair.Key = inner.Text()
		case 2:
			pair.Value = inner.Text()
		}
	}
	d.Fail(inner.Err())
	return append(pairs, pair)
}

// countElements counts the current field and those after it with the same number; more than
// MaxElements is an error of d.
func countElements(d *wire.Decoder) int {
	count := 1 + d.Count(d.Field())
	if count > MaxElements {
		d.Fail(ErrTooMany)
		return 1
	}
	return count
}

// appendKeys appends the fields of StateKeys{1 keys} to dst.
func appendKeys(dst []byte, keys [][]byte) []byte {
	for _, key := range keys {
		dst = wire.AppendPresentBytes(dst, 1, key)
	}
	return dst
}

func appendKeysField(dst []byte, num wire.Number, keys [][]byte) []byte {
	size := 0
	for _, key := range keys {
		size += wire.SizeBytes(1, len(key))
	}
	return appendKeys(wire.AppendLength(dst, num, size), keys)
}

func decodeKeys(keys *[][]byte, b []byte) error {
	*keys = nil
	d := wire.NewDecoder(b)
	for d.Next() {
		if d.Field() == 1 {
			if *keys == nil {
				*keys = make([][]byte, 0, countElements(&d))
			}
			*keys = append(*keys, d.Bytes())
		}
	}
	return d.Err()
}

// appendResult appends one of two members of a oneof: a Value or a Failure.
func appendResult(dst []byte, value, failure wire.Number, r *protocol.Result) []byte {
	if r.Failure != nil {
		return appendFailureField(dst, failure, r.Failure)
	}
	return appendValue(dst, value, r.Value.Inline)
}

// resultField reads the current field if it is one of the two members; the last one counts.
type resultField struct {
	value, failure wire.Number
	set            bool
}

func (f *resultField) decode(d *wire.Decoder, r *protocol.Result) {
	switch d.Field() {
	case f.value:
		*r = protocol.Result{}
		d.Fail(decodeValue(&r.Value.Inline, d.Bytes()))
	case f.failure:
		*r = protocol.Result{Failure: new(protocol.Failure)}
		d.Fail(decodeFailure(r.Failure, d.Bytes()))
	default:
		return
	}
	f.set = true
}

// finish is the error of d, or that neither member was there.
func (f *resultField) finish(d *wire.Decoder) error {
	if err := d.Err(); err != nil || f.set {
		return err
	}
	return missing("result", f.value, f.failure)
}

func missing(what string, fields ...wire.Number) error {
	return fmt.Errorf("%w: %s needs one of the fields %d", ErrMissing, what, fields)
}
