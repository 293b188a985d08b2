package expr

import (
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// recordFields are the names of what a record has, in the order in which its List has them.
var recordFields = [...]string{"x", "n"}

// RecordOf makes a record of a number and its place.
func RecordOf(x table.Value, n int) table.Value {
	return table.Value{Type: table.Record, List: []table.Value{x, table.Integer(int64(n))}}
}

// FieldOf takes a field of a record.
func FieldOf(e *Expr, name string, pos int) (*Expr, error) {
	if e.Type != table.Record && e.Type != table.Null {
		return nil, sql.Errorf(sql.StateType, pos, "a value of type %s has no fields", e.Type)
	}
	for i, f := range recordFields {
		if f == name {
			return Unary(table.Int64, "("+e.Text+")."+name,
				func(r *table.Value) table.Value { return r.List[i] }, e), nil
		}
	}
	return nil, sql.Errorf(sql.StateUndefinedCol, pos, "a record has no field %s", name).
		With("it has %s and %s", recordFields[0], recordFields[1])
}
