package table

import (
	"errors"

	"github.com/perdure/perdure/protocol/wire"
)

// maxDepth is how deep values are nested: a list of records of values.
const maxDepth = 3

var errTooDeep = errors.New("a value is nested too deep")

// AppendField appends a value as a field of a message; docs/format/scan.md shows its own fields.
func AppendField(dst []byte, num wire.Number, v *Value) []byte {
	dst, mark := wire.Begin(dst, num, 0)
	dst = wire.AppendUvarint(dst, 1, uint8(v.Type))
	dst = wire.AppendFixed64(dst, 2, uint64(v.Int))
	dst = wire.AppendString(dst, 3, v.Str)
	dst = wire.AppendUvarint(dst, 4, uint32(v.Months))
	for i := range v.List {
		dst = AppendField(dst, 5, &v.List[i])
	}
	return wire.End(dst, mark)
}

// DecodeValue reads the content of such a field. take hears how much memory is wanted before it is
// used, and may panic; nil: nobody counts.
func DecodeValue(b []byte, take func(bytes int64)) (Value, error) {
	if take == nil {
		take = func(int64) {}
	}
	return decodeValue(b, take, maxDepth)
}

func decodeValue(b []byte, take func(int64), depth int) (v Value, err error) {
	if depth == 0 {
		return v, errTooDeep
	}
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			v.Type = Type(d.Uint8())
		case 2:
			v.Int = int64(d.Fixed64())
		case 3:
			take(int64(len(d.Bytes())))
			v.Str = d.RawString()
		case 4:
			v.Months = int32(d.Uint32())
		case 5:
			if v.List == nil {
				n := 1 + d.Count(5)
				take(int64(n * valueBytes))
				v.List = make([]Value, 0, n)
			}
			x, err := decodeValue(d.Bytes(), take, depth-1)
			d.Fail(err)
			v.List = append(v.List, x)
		}
	}
	return v, d.Err()
}

// valueBytes is about what a Value takes without what it points to.
const valueBytes = 64

// Fits reports whether a value can stand where those of a type are expected: it is NULL or of that
// type, and so is all in it.
func (v *Value) Fits(t Type) bool {
	if v.Type == Null {
		return true
	}
	if v.Type != t {
		return false
	}
	if t == Record {
		return len(v.List) == 2 && v.List[0].Fits(Int64) && v.List[1].Fits(Int64)
	}
	elem, _ := t.Elem()
	for i := range v.List {
		if !v.List[i].Fits(elem) {
			return false
		}
	}
	return true
}
