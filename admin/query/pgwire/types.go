package pgwire

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/pgwire/pgcatalog"
	"github.com/perdure/perdure/admin/query/table"
)

// Formats of values.
const (
	textFormat   = 0
	binaryFormat = 1
)

const (
	dayMillis = 24 * 60 * 60 * 1000
	// epochMillis is the beginning of PostgreSQL's time, 2000-01-01, in ours.
	epochMillis = 946_684_800_000
	epochDays   = epochMillis / dayMillis
)

// fitted makes a value be of a column's type. The engine gives no others, but for numbers of which it
// knows only when it sees them whether they have a sign.
func fitted(v table.Value, t table.Type) table.Value {
	if v.Type == t || v.Type == table.Null {
		return v
	}
	if t == table.Null {
		t = table.String
	}
	if c, ok := expr.Cast(expr.Constant(v, ""), t, true); ok {
		return c.Fold().Value
	}
	return table.Text(expr.Text(&v))
}

// appendText appends a value, which is not NULL, as PostgreSQL prints it.
func appendText(b []byte, v *table.Value) []byte {
	if v.Type&table.List != 0 {
		return appendTextList(b, v.List)
	}
	switch v.Type {
	case table.Record:
		return append(b, expr.Text(v)...)
	case table.Bool:
		if v.Int != 0 {
			return append(b, 't')
		}
		return append(b, 'f')
	case table.Uint64:
		return strconv.AppendUint(b, uint64(v.Int), 10)
	case table.Float64:
		return appendFloat(b, v.Float())
	case table.String:
		return append(b, v.Str...)
	case table.Binary:
		return hex.AppendEncode(append(b, `\x`...), []byte(v.Str))
	case table.Timestamp:
		return appendTime(b, v.Int)
	case table.Date:
		return time.UnixMilli(v.Int*dayMillis).UTC().AppendFormat(b, time.DateOnly)
	case table.Duration, table.Interval:
		return appendInterval(b, v)
	}
	return strconv.AppendInt(b, v.Int, 10)
}

func appendFloat(b []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(b, "Infinity"...)
	case math.IsInf(f, -1):
		return append(b, "-Infinity"...)
	case math.IsNaN(f):
		return append(b, "NaN"...)
	case f != 0 && (math.Abs(f) >= 1e15 || math.Abs(f) < 1e-4):
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}

// appendTime prints an instant in UTC; milliseconds only if there are any.
func appendTime(b []byte, millis int64) []byte {
	layout := "2006-01-02 15:04:05+00"
	if millis%1000 != 0 {
		layout = "2006-01-02 15:04:05.999+00"
	}
	return time.UnixMilli(millis).UTC().AppendFormat(b, layout)
}

// split takes a span of time apart: PostgreSQL keeps days and what is less apart, each with a sign.
func split(v *table.Value) (months int32, days int32, millis int64) {
	if v.Type == table.Duration { // exact, whatever the day
		return 0, 0, v.Int
	}
	return v.Months, int32(v.Int / dayMillis), v.Int % dayMillis
}

// appendInterval prints "1 year 2 mons 3 days 04:05:06.789".
func appendInterval(b []byte, v *table.Value) []byte {
	months, days, millis := split(v)
	start := len(b)
	part := func(n int64, unit string) {
		if n == 0 {
			return
		}
		if len(b) > start {
			b = append(b, ' ')
		}
		b = strconv.AppendInt(b, n, 10)
		b = append(append(b, ' '), unit...)
		if n != 1 {
			b = append(b, 's')
		}
	}
	part(int64(months/12), "year")
	part(int64(months%12), "mon")
	part(int64(days), "day")
	if millis == 0 && len(b) > start {
		return b
	}
	if len(b) > start {
		b = append(b, ' ')
	}
	abs := uint64(millis)
	if millis < 0 {
		b, abs = append(b, '-'), uint64(-millis)
	}
	two := func(n uint64) {
		if n < 10 {
			b = append(b, '0')
		}
		b = strconv.AppendUint(b, n, 10)
	}
	two(abs / 3_600_000)
	b = append(b, ':')
	two(abs / 60_000 % 60)
	b = append(b, ':')
	two(abs / 1000 % 60)
	if rest := abs % 1000; rest != 0 {
		b = append(b, strings.TrimRight("."+strconv.FormatUint(1000+rest, 10)[1:], "0")...)
	}
	return b
}

func appendTextList(b []byte, list []table.Value) []byte {
	b = append(b, '{')
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		v := &list[i]
		switch {
		case v.Type == table.Null:
			b = append(b, "NULL"...)
			continue
		case v.Type.Number() || v.Type == table.Bool || v.Type&table.List != 0:
			b = appendText(b, v)
			continue
		}
		b = append(b, '"')
		for _, c := range appendText(nil, v) {
			if c == '"' || c == '\\' {
				b = append(b, '\\')
			}
			b = append(b, c)
		}
		b = append(b, '"')
	}
	return append(b, '}')
}

// appendBinary appends a value, which is not NULL, in the form that PostgreSQL sends it in.
func appendBinary(b []byte, v *table.Value) []byte {
	if elem, ok := v.Type.Elem(); ok {
		return appendBinaryList(b, v.List, elem)
	}
	switch v.Type {
	case table.Record:
		return appendBinaryRecord(b, v.List)
	case table.Bool:
		return append(b, byte(v.Int&1))
	case table.Uint64:
		return appendNumeric(b, uint64(v.Int))
	case table.String, table.Binary:
		return append(b, v.Str...)
	case table.Timestamp:
		return binary.BigEndian.AppendUint64(b, uint64((v.Int-epochMillis)*1000))
	case table.Date:
		return binary.BigEndian.AppendUint32(b, uint32(v.Int-epochDays))
	case table.Duration, table.Interval:
		months, days, millis := split(v)
		b = binary.BigEndian.AppendUint64(b, uint64(millis*1000))
		b = binary.BigEndian.AppendUint32(b, uint32(days))
		return binary.BigEndian.AppendUint32(b, uint32(months))
	}
	return binary.BigEndian.AppendUint64(b, uint64(v.Int))
}

// appendNumeric appends a whole number as digits to the base of 10,000.
func appendNumeric(b []byte, n uint64) []byte {
	var digits []uint16 // least first
	for ; n > 0; n /= 10_000 {
		digits = append(digits, uint16(n%10_000))
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(digits)))
	b = binary.BigEndian.AppendUint16(b, uint16(max(len(digits)-1, 0))) // weight of the first one
	b = append(b, 0, 0, 0, 0)                                           // sign, digits after the point
	for i := len(digits) - 1; i >= 0; i-- {
		b = binary.BigEndian.AppendUint16(b, digits[i])
	}
	return b
}

// appendBinaryRecord appends the number of fields, and of each its type and value.
func appendBinaryRecord(b []byte, fields []table.Value) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(fields)))
	for i := range fields {
		b = binary.BigEndian.AppendUint32(b, pgcatalog.OID(table.Int64))
		b = appendSized(b, &fields[i])
	}
	return b
}

// appendSized appends the length of a value and the value; NULL has a length of -1.
func appendSized(b []byte, v *table.Value) []byte {
	if v.Type == table.Null {
		return binary.BigEndian.AppendUint32(b, math.MaxUint32)
	}
	at := len(b)
	b = appendBinary(append(b, 0, 0, 0, 0), v)
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}

func appendBinaryList(b []byte, list []table.Value, elem table.Type) []byte {
	dimensions, nulls := uint32(1), uint32(0)
	if len(list) == 0 {
		dimensions = 0
	}
	for i := range list {
		if list[i].Type == table.Null {
			nulls = 1
		}
	}
	b = binary.BigEndian.AppendUint32(b, dimensions)
	b = binary.BigEndian.AppendUint32(b, nulls)
	b = binary.BigEndian.AppendUint32(b, pgcatalog.OID(elem))
	if len(list) == 0 {
		return b
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(list)))
	b = binary.BigEndian.AppendUint32(b, 1) // the first index
	for i := range list {
		v := fitted(list[i], elem)
		b = appendSized(b, &v)
	}
	return b
}
