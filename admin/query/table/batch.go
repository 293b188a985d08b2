package table

// DefaultRows is how many rows a Batch takes.
const DefaultRows = 1024

// Value is one value on its own: a literal, a bound, a row's cell. Which field counts depends on
// Type; a Value whose Type is Null is NULL.
type Value struct {
	Type Type
	Int  int64   // Bool (0 or 1), Int64, Uint32, Uint64 (its bits), Timestamp, Duration
	F    float64 // Float64
	Str  string  // String, Binary
	U32s []uint32
	Strs []string
}

// Vector is one column of a Batch. Which of the slices holds the values depends on Type, as with
// Value; Null says for each row whether it has none, in which case the other slice has a zero.
type Vector struct {
	Type Type
	Null []bool
	Int  []int64
	F    []float64
	Str  []string // String and Binary; a source may point into memory that nobody changes
	U32s [][]uint32
	Strs [][]string
}

// Batch is some rows, column by column.
type Batch struct {
	Rows    int
	Columns []Vector
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
func (b *Batch) Cap() int { return DefaultRows }

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	b.Rows = 0
	for i := range b.Columns {
		v := &b.Columns[i]
		v.Null, v.Int, v.F, v.Str = v.Null[:0], v.Int[:0], v.F[:0], v.Str[:0]
		v.U32s, v.Strs = v.U32s[:0], v.Strs[:0]
	}
}

// AppendNull adds a row's missing value to the column.
func (v *Vector) AppendNull() { v.append(Value{}) }

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

// AppendFloat adds a float.
func (v *Vector) AppendFloat(f float64) { v.Null, v.F = append(v.Null, false), append(v.F, f) }

// Append adds a value of the column's type, or NULL.
func (v *Vector) Append(x Value) { v.append(x) }

func (v *Vector) append(x Value) {
	v.Null = append(v.Null, x.Type == Null)
	switch v.Type {
	case Float64:
		v.F = append(v.F, x.F)
	case String, Binary:
		v.Str = append(v.Str, x.Str)
	case ListUint32:
		v.U32s = append(v.U32s, x.U32s)
	case ListString:
		v.Strs = append(v.Strs, x.Strs)
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
	switch v.Type {
	case Float64:
		x.F = v.F[row]
	case String, Binary:
		x.Str = v.Str[row]
	case ListUint32:
		x.U32s = v.U32s[row]
	case ListString:
		x.Strs = v.Strs[row]
	default:
		x.Int = v.Int[row]
	}
	return x
}
