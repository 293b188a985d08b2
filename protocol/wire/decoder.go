package wire

import (
	"errors"
	"fmt"
	"io"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// Errors that the errors of a Decoder wrap.
var (
	// ErrTruncated: the input ends inside a field.
	ErrTruncated = errors.New("input is truncated")
	// ErrMalformed: the input is no protocol buffer message.
	ErrMalformed = errors.New("input is malformed")
	// ErrFieldType: a known field has another wire type than it should.
	ErrFieldType = errors.New("field has an unexpected wire type")
	// ErrRange: an integer or a list does not fit where it belongs.
	ErrRange = errors.New("value is out of range")
	// ErrUTF8: a string is not valid UTF-8.
	ErrUTF8 = errors.New("string is not valid UTF-8")
)

// Decoder reads the fields of one message in order; see the package comment.
type Decoder struct {
	rest  []byte // what follows the current field
	bytes []byte // content of the current field, if it is length-delimited
	value uint64 // content of the current field, if it is an integer
	num   Number
	typ   protowire.Type
	err   error
}

// NewDecoder reads b.
func NewDecoder(b []byte) Decoder { return Decoder{rest: b} }

// Next moves to the next field; false means the end or an error, see Err.
func (d *Decoder) Next() bool {
	if d.err != nil || len(d.rest) == 0 {
		return false
	}
	tag, n := consumeVarint(d.rest)
	if n < 0 {
		return d.broken("read a tag", n)
	}
	d.num, d.typ = protowire.DecodeTag(tag)
	if d.num < protowire.MinValidNumber {
		d.err = fmt.Errorf("read a tag with %d bytes left: %w", len(d.rest), ErrMalformed)
		return false
	}
	rest := d.rest[n:]
	switch d.typ {
	case protowire.VarintType:
		d.value, n = consumeVarint(rest)
	case protowire.BytesType:
		d.bytes, n = protowire.ConsumeBytes(rest)
	case protowire.Fixed64Type:
		d.value, n = protowire.ConsumeFixed64(rest)
	default:
		n = protowire.ConsumeFieldValue(d.num, d.typ, rest)
	}
	if n < 0 {
		return d.broken(fmt.Sprintf("read field %d", d.num), n)
	}
	d.rest = rest[n:]
	return true
}

// consumeVarint is protowire.ConsumeVarint with the usual case, one byte, inlined.
func consumeVarint(b []byte) (uint64, int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	return protowire.ConsumeVarint(b)
}

// broken records a parse error code of protowire.
func (d *Decoder) broken(attempt string, code int) bool {
	kind := ErrMalformed
	cause := protowire.ParseError(code)
	if errors.Is(cause, io.ErrUnexpectedEOF) {
		kind = ErrTruncated
	}
	d.err = fmt.Errorf("%s with %d bytes left: %w", attempt, len(d.rest), kind)
	return false
}

// Field is the number of the current field.
func (d *Decoder) Field() Number { return d.num }

// Err is the first error, or nil.
func (d *Decoder) Err() error { return d.err }

// Fail ends the iteration with an error about the current field; nil does nothing. The first
// error stays.
func (d *Decoder) Fail(err error) {
	if err != nil && d.err == nil {
		d.err = fmt.Errorf("field %d: %w", d.num, err)
	}
}

func (d *Decoder) is(typ protowire.Type) bool {
	if d.typ == typ {
		return true
	}
	d.Fail(fmt.Errorf("%w: got type %d, want %d", ErrFieldType, d.typ, typ))
	return false
}

// Bytes is the content of a length-delimited field: bytes or a nested message. It aliases the
// input and is nil if it is empty.
func (d *Decoder) Bytes() []byte {
	if !d.is(protowire.BytesType) || len(d.bytes) == 0 {
		return nil
	}
	return d.bytes[:len(d.bytes):len(d.bytes)]
}

// Array copies a field of exactly len(dst) bytes.
func (d *Decoder) Array(dst []byte) {
	if b := d.Bytes(); len(b) == len(dst) {
		copy(dst, b)
	} else if d.err == nil {
		d.Fail(fmt.Errorf("%w: %d bytes, want %d", ErrRange, len(b), len(dst)))
	}
}

// RawString is a string that need not be valid UTF-8.
func (d *Decoder) RawString() string { return string(d.Bytes()) }

// OptionalRawString is a string of an optional field.
func (d *Decoder) OptionalRawString() *string {
	s := string(d.Bytes())
	return &s
}

// Text is a string; it must be valid UTF-8.
func (d *Decoder) Text() string {
	b := d.Bytes()
	if !utf8.Valid(b) {
		d.Fail(ErrUTF8)
		return ""
	}
	return string(b)
}

// OptionalText is a string of an optional field; it must be valid UTF-8.
func (d *Decoder) OptionalText() *string {
	s := d.Text()
	return &s
}

// Uint64 is an unsigned integer.
func (d *Decoder) Uint64() uint64 {
	if !d.is(protowire.VarintType) {
		return 0
	}
	return d.value
}

func (d *Decoder) atMost(limit uint64) uint64 {
	v := d.Uint64()
	if v > limit {
		d.Fail(fmt.Errorf("%w: %d, at most %d", ErrRange, v, limit))
		return 0
	}
	return v
}

// Uint32 is an unsigned integer of at most 32 bits.
func (d *Decoder) Uint32() uint32 { return uint32(d.atMost(math.MaxUint32)) }

// Uint16 is an unsigned integer of at most 16 bits.
func (d *Decoder) Uint16() uint16 { return uint16(d.atMost(math.MaxUint16)) }

// Uint8 is an unsigned integer of at most 8 bits.
func (d *Decoder) Uint8() uint8 { return uint8(d.atMost(math.MaxUint8)) }

// Bool is a flag.
func (d *Decoder) Bool() bool { return d.Uint64() != 0 }

// Fixed64 is an integer of eight bytes.
func (d *Decoder) Fixed64() uint64 {
	if !d.is(protowire.Fixed64Type) {
		return 0
	}
	return d.value
}

// Count is the number of fields with the given number from here to the end of the message, so
// that lists are allocated once. It does not move the decoder; broken input counts up to where it
// breaks.
func (d *Decoder) Count(num Number) (count int) {
	ahead := Decoder{rest: d.rest}
	for ahead.Next() {
		if ahead.num == num {
			count++
		}
	}
	return count
}

// AppendUint32s appends an element, or a packed list of elements, to list.
func (d *Decoder) AppendUint32s(list []uint32) []uint32 {
	if d.typ == protowire.VarintType {
		return append(list, d.Uint32())
	}
	for b := d.Bytes(); len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 || v > math.MaxUint32 {
			d.Fail(fmt.Errorf("%w: packed list of 32-bit integers", ErrMalformed))
			return list
		}
		list, b = append(list, uint32(v)), b[n:]
	}
	return list
}

// AppendUint64s appends an element, or a packed list of elements, to list.
func (d *Decoder) AppendUint64s(list []uint64) []uint64 {
	if d.typ == protowire.VarintType {
		return append(list, d.Uint64())
	}
	for b := d.Bytes(); len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			d.Fail(fmt.Errorf("%w: packed list of integers", ErrMalformed))
			return list
		}
		list, b = append(list, v), b[n:]
	}
	return list
}
