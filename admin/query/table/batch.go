package table

import "math"

// DefaultRows is how many rows a Batch takes.
const DefaultRows = 1024

// Value is one value on its own: a literal, a bound, a row's cell. Which field counts depends on
// Type; a Value whose Type is Null is NULL.
type Value struct {
	Type   Type
	Months int32   // Interval
	Int    int64   // Bool (0 or 1), integers (Uint64: its bits), Float64 (its bits), times
	Str    string  // String, Binary
	List   []Value // lists, records
}

// IsNull reports whether the value is missing.
func (v *Value) IsNull() bool { return v.Type == Null }

// Float is a Float64 value's number.
func (v *Value) Float() float64 { return math.Float64frombits(uint64(v.Int)) }

// Text makes a string.
func Text(s string) Value { return Value{Type: String, Str: s} }

// Integer makes a signed integer.
func Integer(n int64) Value { return Value{Type: Int64, Int: n} }

// Real makes a float.
func Real(f float64) Value { return Value{Type: Float64, Int: int64(math.Float64bits(f))} }

// Truth makes a truth value.
func Truth(t bool) Value {
	if t {
		return Value{Type: Bool, Int: 1}
	}
	return Value{Type: Bool}
}

// SizeBytes is about how much memory the value takes.
func (v *Value) SizeBytes() int {
	n := valueBytes + len(v.Str)
	for i := range v.List {
		n += v.List[i].SizeBytes()
	}
	return n
}

// Vector is one column of a Batch. Which of the slices holds the values depends on Type, as with
// Value; Null says for each row whether it has none, in which case the other slice has a zero.
type Vector struct {
	Type   Type
	Null   []bool
	Int    []int64
	Months []int32
	Str    []string // a source may point into memory that nobody changes
	Lists  [][]Value
}

// Batch is some rows, column by column.
type Batch struct {
	Rows    int
	Columns []Vector
	// Bound, unless it is nil, is a condition that has come up while rows are read: those that do not meet
	// it are wanted no more, but those without a value in its column are. It is a hint, as other
	// conditions are, and it may change from batch to batch.
	Bound *Condition

	most int // rows that it takes; 0: DefaultRows
}

// NewBatch makes a batch for the columns of a scan.
func NewBatch(s *Scan) *Batch {
	b := &Batch{Columns: make([]Vector, len(s.Columns))}
	for i, c := range s.Columns {
		b.Columns[i].Type = s.Table.Columns[c].Type
	}
	return b
}

// Cap is the number of rows a Reader puts in at most.
func (b *Batch) Cap() int {
	if b.most == 0 {
		return DefaultRows
	}
	return b.most
}

// Rows of a batch that has grown or shrunk.
const (
	firstRows = 128
	fewRows   = 16
)

// Begin has the first batch take few rows, for those who may want no more than that; 0: who want all.
func (b *Batch) Begin(rows int) {
	if rows <= 0 {
		rows = firstRows
	}
	b.most = min(rows, DefaultRows)
}

// Grow has the next batch take twice as many rows, up to DefaultRows.
func (b *Batch) Grow() { b.most = min(2*b.Cap(), DefaultRows) }

// Shrink has the next batch take half as many rows.
func (b *Batch) Shrink() { b.most = max(b.Cap()/2, min(b.Cap(), fewRows)) }

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	b.Rows = 0
	for i := range b.Columns {
		b.Columns[i].Reset()
	}
}

// Reset empties the column and keeps its memory.
func (v *Vector) Reset() {
	v.Null, v.Int, v.Months, v.Str, v.Lists = v.Null[:0], v.Int[:0], v.Months[:0], v.Str[:0],
		v.Lists[:0]
}

// AppendNull adds a row's missing value to the column.
func (v *Vector) AppendNull() {
	v.Null = append(v.Null, true)
	v.appendValue(Value{})
}

// AppendInt adds a value of a type that Value keeps in Int.
func (v *Vector) AppendInt(n int64) { v.Null, v.Int = append(v.Null, false), append(v.Int, n) }

// AppendString adds a string or bytes.
func (v *Vector) AppendString(s string) { v.Null, v.Str = append(v.Null, false), append(v.Str, s) }

// AppendBool adds a truth value.
func (v *Vector) AppendBool(t bool) {
	n := int64(0)
	if t {
		n = 1
	}
	v.AppendInt(n)
}

// Append adds a value of the column's type, or NULL.
func (v *Vector) Append(x Value) {
	v.Null = append(v.Null, x.Type == Null)
	v.appendValue(x)
}

func (v *Vector) appendValue(x Value) {
	switch {
	case v.Type.Compound():
		v.Lists = append(v.Lists, x.List)
	case v.Type == String || v.Type == Binary:
		v.Str = append(v.Str, x.Str)
	case v.Type == Interval:
		v.Int, v.Months = append(v.Int, x.Int), append(v.Months, x.Months)
	default:
		v.Int = append(v.Int, x.Int)
	}
}

// Value returns the value of a row.
func (v *Vector) Value(row int) Value {
	if v.Null[row] {
		return Value{}
	}
	x := Value{Type: v.Type}
	switch {
	case v.Type.Compound():
		x.List = v.Lists[row]
	case v.Type == String || v.Type == Binary:
		x.Str = v.Str[row]
	case v.Type == Interval:
		x.Int, x.Months = v.Int[row], v.Months[row]
	default:
		x.Int = v.Int[row]
	}
	return x
}
