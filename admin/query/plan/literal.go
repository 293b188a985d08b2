package plan

import (
	"strconv"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// literal makes a constant. Its text is how columns are named after it.
func literal(l *sql.Literal) (*expr.Expr, error) {
	constant := func(v table.Value, text string) (*expr.Expr, error) {
		e := expr.Constant(v, text)
		e.Pos = l.Position()
		return e, nil
	}
	bad := func(what string) (*expr.Expr, error) {
		return nil, sql.Errorf(sql.StateInvalidValue, l.Position(), "%q is no %s", l.Text, what)
	}
	switch l.Kind {
	case "null":
		return constant(table.Value{}, "NULL")
	case "bool":
		return constant(table.Truth(l.Text == "true"), "Boolean("+l.Text+")")
	case "string":
		return constant(table.Text(l.Text), "Utf8(\""+l.Text+"\")")
	case "int":
		if n, err := strconv.ParseInt(l.Text, 10, 64); err == nil {
			return constant(table.Integer(n), "Int64("+l.Text+")")
		}
		if n, err := strconv.ParseUint(l.Text, 10, 64); err == nil {
			return constant(table.Value{Type: table.Uint64, Int: int64(n)}, "UInt64("+l.Text+")")
		}
		fallthrough
	case "float":
		f, err := strconv.ParseFloat(l.Text, 64)
		if err != nil {
			return bad("number")
		}
		return constant(table.Real(f), "Float64("+strconv.FormatFloat(f, 'f', -1, 64)+")")
	case "interval":
		v, ok := expr.ParseInterval(l.Text)
		if !ok {
			return bad("interval")
		}
		return constant(v, "IntervalMonthDayNano(\""+l.Text+"\")")
	}
	at, ok := expr.ParseTime(l.Text)
	if !ok {
		return bad("time")
	}
	if l.Kind == "date" {
		return constant(table.Value{Type: table.Date, Int: at / 86400000}, "Utf8(\""+l.Text+"\")")
	}
	return constant(table.Value{Type: table.Timestamp, Int: at}, "Utf8(\""+l.Text+"\")")
}
