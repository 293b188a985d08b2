package answer

import (
	"encoding/hex"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/perdure/perdure/admin/query"
	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/table"
)

// jsonFormat writes {"rows":[{...}]}. Columns that are NULL are left out of their row.
type jsonFormat struct {
	out    *held
	names  [][]byte // with quotes and the colon
	buffer []byte
	rows   int
}

func newJSON(columns []query.Column, out *held) *jsonFormat {
	f := &jsonFormat{out: out, buffer: []byte(`{"rows":[`)}
	for _, c := range columns {
		f.names = append(f.names, append(appendString(nil, c.Name), ':'))
	}
	return f
}

func (f *jsonFormat) row(row []table.Value) error {
	b := f.buffer
	if f.rows++; f.rows > 1 {
		b = append(b, ',')
	}
	b = append(b, '{')
	first := true
	for i := range row {
		if row[i].Type == table.Null {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendValue(append(b, f.names[i]...), &row[i])
	}
	b = append(b, '}')
	_, err := f.out.Write(b)
	f.buffer = b[:0]
	return err
}

func (f *jsonFormat) end() error {
	_, err := f.out.Write(append(f.buffer, "]}"...))
	return err
}

func appendValue(b []byte, v *table.Value) []byte {
	if v.Type.Compound() {
		b = append(b, '[')
		for i := range v.List {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, &v.List[i])
		}
		return append(b, ']')
	}
	switch v.Type {
	case table.Null:
		return append(b, "null"...)
	case table.Bool:
		return strconv.AppendBool(b, v.Int != 0)
	case table.Int64, table.Uint32:
		return strconv.AppendInt(b, v.Int, 10)
	case table.Uint64:
		return strconv.AppendUint(b, uint64(v.Int), 10)
	case table.Float64:
		return appendFloat(b, v.Float())
	case table.String:
		return appendString(b, v.Str)
	case table.Binary:
		return append(hex.AppendEncode(append(b, '"'), []byte(v.Str)), '"')
	case table.Duration:
		if v.Int == 0 {
			return append(b, `"P0D"`...)
		}
	}
	return appendString(b, expr.Text(v))
}

// appendFloat: what is no number in JSON is null.
func appendFloat(b []byte, f float64) []byte {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return append(b, "null"...)
	}
	return append(b, expr.FormatFloat(f)...)
}

const hexDigits = "0123456789abcdef"

// appendString quotes a string; bytes that are no text become the replacement character.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[from:i]...), "\ufffd"...)
				from = i + 1
			}
			i += size
			continue
		}
		i++
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i-1]...)
		from = i
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(b, s[from:]...), '"')
}
