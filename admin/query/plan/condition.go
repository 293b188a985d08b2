package plan

import (
	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/table"
)

// filterScan puts conditions on a scan. Those that the table can use itself become its Conditions;
// those that it need not be asked twice about are not part of the filter.
func filterScan(s *Scan, conds []*expr.Expr) Node {
	for _, c := range conds {
		s.Filter = conjunction(append(conjunctsOrNil(s.Filter), c))
		if found, ok := condition(s, c); ok {
			s.Conditions = append(s.Conditions, found)
		}
	}
	return s
}

// condition makes a condition on a column of what restricts rows; ok is false if it cannot.
func condition(s *Scan, c *expr.Expr) (Condition, bool) {
	switch c.Op {
	case expr.IsNull:
		if at, ok := scanned(s, c.Args[0]); ok {
			return Condition{Column: at, Op: table.IsNull}, true
		}
	case expr.InSet:
		if at, ok := scanned(s, c.Args[0]); ok {
			return constants(s, at, table.In, c.Set.Values)
		}
	case expr.SubQuery:
		if at, ok := answered(s, c); ok {
			return Condition{Column: at, Op: table.In, Sub: c}, true
		}
	case expr.Not:
		return negated(s, c.Args[0])
	case expr.Or:
		return alternatives(s, c.Args)
	}
	if c.Operator == "like" && c.Prefix != "" {
		if at, ok := scanned(s, c.Args[0]); ok && s.Table.Columns[at].Type == table.String {
			prefix := expr.Constant(table.Text(c.Prefix), "")
			return Condition{Column: at, Op: table.HasPrefix, Values: []*expr.Expr{prefix}}, true
		}
	}
	return compared(s, c)
}

// answered finds IN (query) about a column, whose answer does not change from row to row.
func answered(s *Scan, c *expr.Expr) (at int, ok bool) {
	if c.Sub.Kind != expr.SubIn {
		return 0, false
	}
	for _, o := range c.Sub.Outer {
		if !fixed(o) {
			return 0, false
		}
	}
	return scanned(s, c.Args[0])
}

// scanned finds the column of the table that an expression is.
func scanned(s *Scan, e *expr.Expr) (at int, ok bool) {
	if e.Op != expr.Column {
		return 0, false
	}
	return s.Columns[e.Index], true
}

// fixed reports whether an expression has one value while a scan runs.
func fixed(e *expr.Expr) bool {
	ok := true
	e.Walk(func(x *expr.Expr) {
		if x.Op == expr.Column || x.Op == expr.SubQuery || x.Volatile {
			ok = false
		}
	})
	return ok
}

// constants makes a condition with values, which must be of the column's type.
func constants(s *Scan, at int, op table.Op, values []table.Value) (Condition, bool) {
	c := Condition{Column: at, Op: op}
	for _, v := range values {
		e, ok := exactly(expr.Constant(v, ""), s.Table.Columns[at].Type)
		if !ok {
			return c, false
		}
		c.Values = append(c.Values, e)
	}
	return c, true
}

// exactly makes a constant of another type, if it stays what it is.
func exactly(e *expr.Expr, t table.Type) (*expr.Expr, bool) {
	if e.Type == t {
		return e, true
	}
	if !e.Type.Number() || !t.Number() || e.Op != expr.Const || t == table.Float64 {
		return nil, false
	}
	c, ok := expr.Cast(e, t, true)
	if !ok {
		return nil, false
	}
	if c = c.Fold(); c.Op != expr.Const || c.Value.IsNull() || expr.Compare(&c.Value, &e.Value) != 0 {
		return nil, false
	}
	return c, true
}

func negated(s *Scan, c *expr.Expr) (Condition, bool) {
	switch {
	case c.Op == expr.IsNull:
		if at, ok := scanned(s, c.Args[0]); ok {
			return Condition{Column: at, Op: table.IsNotNull}, true
		}
	case c.Op == expr.InSet:
		if at, ok := scanned(s, c.Args[0]); ok {
			return constants(s, at, table.NotIn, c.Set.Values)
		}
	}
	return Condition{}, false
}

// alternatives makes one list of conditions that one column be equal to some values.
func alternatives(s *Scan, list []*expr.Expr) (all Condition, ok bool) {
	for i, x := range list {
		c, ok := condition(s, x)
		if !ok || c.Op != table.In || c.Sub != nil || i > 0 && c.Column != all.Column {
			return all, false
		}
		c.Values = append(all.Values, c.Values...)
		all = c
	}
	return all, true
}

var mirrored = map[string]string{"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

// compared makes a condition of a comparison with what does not change from row to row.
func compared(s *Scan, c *expr.Expr) (Condition, bool) {
	if mirrored[c.Operator] == "" || len(c.Args) != 2 {
		return Condition{}, false
	}
	x, v, op := c.Args[0], c.Args[1], c.Operator
	if x.Op != expr.Column {
		x, v, op = v, x, mirrored[op]
	}
	at, ok := scanned(s, x)
	if !ok || !fixed(v) {
		return Condition{}, false
	}
	if v, ok = exactly(v.Fold(), s.Table.Columns[at].Type); !ok {
		return Condition{}, false
	}
	found := Condition{Column: at, Values: []*expr.Expr{v}}
	switch op {
	case "=":
		found.Op = table.In
	case "!=":
		found.Op = table.NotIn
	case "<", "<=": // less than is at most: the filter looks again
		found.Op = table.AtMost
	default:
		found.Op = table.AtLeast
	}
	return found, true
}
