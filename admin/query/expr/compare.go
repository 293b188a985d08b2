package expr

import (
	"cmp"
	"encoding/binary"
	"math"

	"github.com/perdure/perdure/admin/query/table"
)

// Compare orders two values that are not NULL: numbers by what they are worth, whatever their
// types; strings and bytes by their bytes; times by their instant.
func Compare(a, b *table.Value) int {
	switch {
	case a.Type == table.String || a.Type == table.Binary:
		return cmp.Compare(a.Str, b.Str)
	case a.Type.Compound():
		return compareLists(a.List, b.List)
	case a.Type == table.Float64 || b.Type == table.Float64:
		return compareFloats(Number(a), Number(b))
	case a.Type == table.Uint64 || b.Type == table.Uint64:
		return compareUnsigned(a, b)
	case a.Type == table.Interval || b.Type == table.Interval:
		return cmp.Compare(a.Int+int64(a.Months)*monthMillis, b.Int+int64(b.Months)*monthMillis)
	case a.Type == table.Date && b.Type == table.Timestamp:
		return cmp.Compare(a.Int*dayMillis, b.Int)
	case a.Type == table.Timestamp && b.Type == table.Date:
		return cmp.Compare(a.Int, b.Int*dayMillis)
	}
	return cmp.Compare(a.Int, b.Int)
}

const (
	dayMillis   = 24 * 60 * 60 * 1000
	monthMillis = 30 * dayMillis
)

// compareFloats has NaN as the greatest.
func compareFloats(a, b float64) int {
	switch {
	case math.IsNaN(a) && math.IsNaN(b):
		return 0
	case math.IsNaN(a):
		return 1
	case math.IsNaN(b):
		return -1
	}
	return cmp.Compare(a, b)
}

func compareUnsigned(a, b *table.Value) int {
	if a.Type != table.Uint64 && a.Int < 0 {
		return -1
	}
	if b.Type != table.Uint64 && b.Int < 0 {
		return 1
	}
	return cmp.Compare(uint64(a.Int), uint64(b.Int))
}

func compareLists(a, b []table.Value) int {
	for i := range min(len(a), len(b)) {
		if c := CompareNulls(&a[i], &b[i], false); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

// CompareNulls orders two values of which some may be NULL.
func CompareNulls(a, b *table.Value, nullsFirst bool) int {
	an, bn := a.Type == table.Null, b.Type == table.Null
	switch {
	case an && bn:
		return 0
	case an == nullsFirst && an, bn && !nullsFirst:
		return -1
	case an, bn:
		return 1
	}
	return Compare(a, b)
}

// Number is what a number is worth.
func Number(v *table.Value) float64 {
	switch v.Type {
	case table.Float64:
		return v.Float()
	case table.Uint64:
		return float64(uint64(v.Int))
	}
	return float64(v.Int)
}

// AppendKey appends bytes that are equal for values that are equal, and for no others, NULLs among
// them. Numbers of different types that are worth the same have the same key.
func AppendKey(b []byte, v *table.Value) []byte {
	switch {
	case v.Type == table.Null:
		return append(b, 0)
	case v.Type == table.String || v.Type == table.Binary:
		b = binary.AppendUvarint(append(b, 1), uint64(len(v.Str)))
		return append(b, v.Str...)
	case v.Type.Compound():
		b = binary.AppendUvarint(append(b, 2), uint64(len(v.List)))
		for i := range v.List {
			b = AppendKey(b, &v.List[i])
		}
		return b
	case v.Type == table.Float64:
		f := v.Float()
		if n := int64(f); float64(n) == f && math.Abs(f) < 1<<53 {
			return binary.LittleEndian.AppendUint64(append(b, 3), uint64(n))
		}
		return binary.LittleEndian.AppendUint64(append(b, 4), uint64(v.Int))
	case v.Type == table.Uint64 && v.Int < 0:
		return binary.LittleEndian.AppendUint64(append(b, 5), uint64(v.Int))
	case v.Type == table.Interval:
		b = binary.LittleEndian.AppendUint32(append(b, 6), uint32(v.Months))
		return binary.LittleEndian.AppendUint64(b, uint64(v.Int))
	}
	return binary.LittleEndian.AppendUint64(append(b, 3), uint64(v.Int))
}
