package table

import (
	"context"
	"errors"
)

// Type is the type of a column or of an expression.
type Type uint8

const (
	Null Type = iota // the type of a bare NULL
	Bool
	Int64
	Uint32
	Uint64
	Float64
	String
	Binary
	Timestamp // milliseconds since 1970, UTC
	Duration  // milliseconds
	Interval  // months, and milliseconds; days are 24 hours
	Date      // days since 1970
	Record    // a whole number x and its place n in a list, from 1: List has both

	// List and a type make a list of values of that type.
	List Type = 0x40
)

// Lists that tables have.
const (
	ListUint32 = List | Uint32
	ListString = List | String
)

// Compound reports whether values of the type are made of values: those of lists and records are.
func (t Type) Compound() bool { return t&List != 0 || t == Record }

// Elem is the type of a list's values; ok is false if t is no list.
func (t Type) Elem() (elem Type, ok bool) { return t &^ List, t&List != 0 }

// String is the name that errors and EXPLAIN use; it is that of the Arrow type.
func (t Type) String() string {
	if elem, ok := t.Elem(); ok {
		return "List(" + elem.String() + ")"
	}
	names := [...]string{
		"Null", "Boolean", "Int64", "UInt32", "UInt64", "Float64", "Utf8", "Binary", "Timestamp",
		"Duration", "Interval", "Date", "Record",
	}
	if int(t) < len(names) {
		return names[t]
	}
	return "Unknown"
}

// Arrow is the name of the Arrow type that clients get values of the type as, which is also what
// information_schema says.
func (t Type) Arrow() string {
	if elem, ok := t.Elem(); ok {
		return "List(" + elem.Arrow() + ")"
	}
	switch t {
	case String:
		return "LargeUtf8"
	case Binary:
		return "LargeBinary"
	case Timestamp:
		return "Timestamp(ms, \"+00:00\")"
	case Duration:
		return "Duration(ms)"
	case Interval:
		return "Interval(MonthDayNano)"
	case Date:
		return "Date32"
	}
	return t.String()
}

// Number reports whether values of the type can be computed with.
func (t Type) Number() bool { return Int64 <= t && t <= Float64 }

// Column is one column of a table. NotNull says that it is never NULL; nothing relies on it.
// A column that is Hidden is there if it is named: * does not stand for it.
type Column struct {
	Name    string
	Type    Type
	NotNull bool
	Hidden  bool
}

// Table is what a query may name. Partitioned tables have rows in every partition, the others only
// on the node that plans the query.
type Table struct {
	Name        string
	Columns     []Column
	Partitioned bool
	View        bool // shown as a view
}

// Column returns the position of a column, -1 if there is none.
func (t *Table) Column(name string) int {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return i
		}
	}
	return -1
}

// Op is how a Condition compares its column.
type Op uint8

const (
	In        Op = iota // equal to one of Values
	AtLeast             // >= Values[0]
	AtMost              // <= Values[0]
	HasPrefix           // a string that starts with Values[0]
	IsNull              // no Values
	IsNotNull           // no Values
	NotIn               // not NULL and equal to none of Values
)

// Condition is one of the conjuncts that rows must meet, about one column. Its values are of the
// column's type.
type Condition struct {
	Column int // position in Table.Columns
	Op     Op
	Values []Value
}

// Scan asks for rows of one table. Conditions are hints: a source uses those that save it work.
type Scan struct {
	Table      *Table
	Columns    []int // positions in Table.Columns, in the order in which a Batch has them
	Conditions []Condition
	Limit      int // rows after which no more are wanted if all Conditions hold; 0: no limit
}

// Source has the rows. It is used by many queries at once.
type Source interface {
	// Tables returns all tables, in the order in which SHOW TABLES lists them.
	Tables() []*Table
	// Partitions returns the partitions that may have rows for s: all of them unless its
	// conditions tell (an invocation ID, a partition key, a service together with its key). For a
	// table that is not partitioned it returns one made-up partition, or none if it is empty.
	Partitions(s *Scan) []uint16
	// Open starts reading the rows of one partition as of one instant. The error names the
	// partition if it cannot be read.
	Open(ctx context.Context, partition uint16, s *Scan) (Reader, error)
}

// Work is what is computed of the rows of one partition: a part of a statement. It means something to
// engines only.
type Work struct {
	Statement []byte // what else has to be known to prepare the statement
	Part      [32]byte
}

// ErrCannot says that work cannot be done elsewhere. The rows have to be asked for.
var ErrCannot = errors.New("it cannot be computed there")

// Delegating is a Source of partitions that others have, who can be given work.
type Delegating interface {
	Source
	// Delegate has who has a partition compute, and gives what came of it, piece by piece. It is nil if
	// the rows are here. An error that is not ErrCannot is about the partition, as one of Open.
	Delegate(ctx context.Context, partition uint16, w *Work) (Pieces, error)
}

// Pieces are what came of work. They are used by one goroutine.
type Pieces interface {
	// Next returns the next piece, which is valid until it is called again, and io.EOF after the last.
	// take hears how much more memory is wanted before it is used, and may panic.
	Next(take func(bytes int64)) ([]byte, error)
	Close() error
}

// Distant is a Reader that waits for its rows rather than computing them: they come from elsewhere.
type Distant interface {
	Reader
	Distant()
}

// Reader returns the rows of one scan of one partition. It is used by one goroutine.
type Reader interface {
	// Next fills b, which it resets first, with up to b.Cap() rows: fewer, or none, when it has
	// looked at many; false without an error says that there are no more. It returns early with the
	// context's error when that ended.
	Next(b *Batch) (bool, error)
	Close() error
}
