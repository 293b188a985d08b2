package plan

import (
	"slices"
	"strings"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// windowBase is where columns of window functions are counted from until it is known how many
// columns come before them.
const windowBase = 1 << 20

func callText(name string, args []*expr.Expr) string {
	texts := make([]string, len(args))
	for i, a := range args {
		texts[i] = a.Text
	}
	return join(name, "(", strings.Join(texts, ","), ")")
}

// bindGrouped binds what stands above a grouping: a group's expression, an aggregate. It returns nil
// for everything that is made of those.
func (b *binder) bindGrouped(x sql.Expr) (*expr.Expr, error) {
	if c, ok := x.(*sql.Call); ok && c.Over == nil && expr.IsAggregate(c.Name) {
		return b.aggregate(c)
	}
	if len(b.groups) == 0 {
		return nil, nil
	}
	if _, constant := x.(*sql.Literal); constant || sql.Any(x, hasQuery) {
		return nil, nil
	}
	e, err := b.input.bind(x)
	if err != nil {
		return nil, nil // it has aggregates in it, or is wrong: then binding it plainly says so
	}
	for i, g := range b.groups {
		if g.Text == e.Text && g.Type == e.Type {
			return expr.Ref(i, g.Type, g.Text), nil
		}
	}
	return nil, nil
}

// hasQuery reports whether an expression is a query. Those are no group: to plan one only to find
// that out takes twice as long for each level of nesting.
func hasQuery(x sql.Expr) bool {
	switch x := x.(type) {
	case *sql.Exists, *sql.Subquery:
		return true
	case *sql.In:
		return x.Query != nil
	case *sql.Quantified:
		return x.Query != nil
	}
	return false
}

func (b *binder) call(c *sql.Call) (*expr.Expr, error) {
	switch {
	case c.Over != nil:
		return b.window(c)
	case expr.IsAggregate(c.Name):
		return nil, sql.Errorf(sql.StateGrouping, c.Position(), "the aggregate %s cannot stand in %s",
			c.Name, b.clause)
	case windowOnly[c.Name]:
		return nil, sql.Errorf(sql.StateGrouping, c.Position(), "%s needs OVER (...)", c.Name)
	case c.Filter != nil || c.Distinct || len(c.OrderBy) > 0:
		return nil, sql.Errorf(sql.StateUndefinedFunc, c.Position(),
			"DISTINCT, ORDER BY and FILTER are for aggregates, which %s is not", c.Name)
	case c.Star:
		return nil, sql.Errorf(sql.StateUndefinedFunc, c.Position(), "%s cannot be called with *", c.Name)
	}
	if e := b.p.environment(c); e != nil {
		return e, nil
	}
	if len(c.Args) == 1 && c.Name == "array" {
		if q, ok := c.Args[0].(*sql.Subquery); ok {
			return b.subquery(expr.SubArray, q.Query, nil, "array")
		}
	}
	if c.Name == "unnest" {
		return nil, sql.Errorf(sql.StateNotSupported, c.Position(), "not supported: unnest here").
			With("it can be a column of SELECT, or a table")
	}
	args, err := b.bindAll(c.Args)
	if err != nil {
		return nil, err
	}
	for i, x := range c.Args {
		if param, ok := x.(*sql.Param); ok {
			b.p.hint(param, expr.ArgType(c.Name, i))
		}
	}
	if f, ok := b.p.env.Functions[c.Name]; ok {
		return f.Build(c.Name, args, callText(c.Name, args), c.Position())
	}
	return expr.Build(c.Name, args, callText(expr.Canonical(c.Name), args), c.Position())
}

// environment makes the functions that are about the query and not about values; nil if c is none.
func (p *planner) environment(c *sql.Call) *expr.Expr {
	if len(c.Args) > 0 {
		return nil
	}
	now := table.Value{Type: table.Timestamp, Int: p.env.Now.UnixMilli()}
	switch c.Name {
	case "now", "current_timestamp", "localtimestamp", "statement_timestamp",
		"transaction_timestamp", "clock_timestamp":
		return expr.Constant(now, "now()")
	case "current_date", "today":
		return expr.Constant(table.Value{Type: table.Date, Int: now.Int / 86400000}, "current_date()")
	case "current_user", "session_user", "user", "current_role":
		return expr.Constant(table.Text(p.env.User), c.Name)
	case "current_schema":
		return expr.Constant(table.Text("public"), c.Name)
	case "current_database", "current_catalog":
		return expr.Constant(table.Text(Catalog), c.Name)
	case "version":
		return expr.Constant(table.Text(p.env.Version), "version()")
	}
	return nil
}

// aggregate registers an aggregate of a grouping, once if it stands there several times.
func (b *binder) aggregate(c *sql.Call) (*expr.Expr, error) {
	a, err := b.input.newAggregate(c)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(b.aggs, func(x *expr.Aggregate) bool { return x.Text == a.Text })
	if at < 0 {
		at = len(b.aggs)
		b.aggs = append(b.aggs, a)
	}
	return expr.Ref(len(b.groups)+at, b.aggs[at].Type, a.Text), nil
}

func (b *binder) newAggregate(c *sql.Call) (*expr.Aggregate, error) {
	a := &expr.Aggregate{Name: c.Name, Distinct: c.Distinct}
	var err error
	if a.Args, err = b.bindAll(c.Args); err != nil {
		return nil, err
	}
	a.Text = callText(c.Name, a.Args)
	switch {
	case c.Star && c.Name != "count":
		return nil, sql.Errorf(sql.StateUndefinedFunc, c.Position(), "%s cannot be called with *", c.Name)
	case c.Star:
		a.Text = "count(*)"
	case c.Distinct:
		a.Text = strings.Replace(a.Text, "(", "(DISTINCT ", 1)
	}
	if a.OrderBy, err = b.sortKeys(c.OrderBy); err != nil {
		return nil, err
	}
	if len(a.OrderBy) > 0 {
		a.Text += " ORDER BY [" + keysText(a.OrderBy) + "]"
	}
	if c.Filter != nil {
		if a.Filter, err = b.bind(c.Filter); err != nil {
			return nil, err
		}
		if a.Filter, err = b.condition(a.Filter, c.Filter); err != nil {
			return nil, err
		}
		a.Text += " FILTER (WHERE " + a.Filter.Text + ")"
	}
	if c.Name == "string_agg" && len(a.Args) == 1 {
		a.Args = append(a.Args, expr.Constant(table.Text(""), ""))
	}
	return a, expr.NewAggregate(a, c.Position())
}

func keysText(keys []expr.SortKey) string {
	var list []string
	for _, k := range keys {
		t := k.Expr.Text
		if k.Desc {
			t += " DESC"
		} else {
			t += " ASC"
		}
		if k.NullsFirst {
			t += " NULLS FIRST"
		} else {
			t += " NULLS LAST"
		}
		list = append(list, t)
	}
	return strings.Join(list, ", ")
}

func (b *binder) sortKeys(list []sql.Order) (keys []expr.SortKey, err error) {
	for _, o := range list {
		e, err := b.bind(o.Expr)
		if err != nil {
			return nil, err
		}
		keys = append(keys, sortKey(e, o))
	}
	return keys, nil
}

// sortKey: NULLs are the greatest of all unless they are told where to go.
func sortKey(e *expr.Expr, o sql.Order) expr.SortKey {
	k := expr.SortKey{Expr: e, Desc: o.Desc, NullsFirst: o.Desc}
	if o.NullsFirst != nil {
		k.NullsFirst = *o.NullsFirst
	}
	return k
}

// windowOnly are the functions that exist with OVER only.
var windowOnly = map[string]bool{
	"row_number": true, "rank": true, "dense_rank": true, "percent_rank": true, "cume_dist": true,
	"ntile": true, "lag": true, "lead": true, "nth_value": true,
}

// windowArgs is how many arguments window functions take, least and most.
var windowArgs = map[string][2]int{
	"ntile": {1, 1}, "lag": {1, 3}, "lead": {1, 3}, "nth_value": {2, 2}, "first_value": {1, 1},
	"last_value": {1, 1}, "row_number": {}, "rank": {}, "dense_rank": {}, "percent_rank": {},
	"cume_dist": {},
}

// window registers a window function.
func (b *binder) window(c *sql.Call) (*expr.Expr, error) {
	if b.windows == nil {
		return nil, sql.Errorf("42P20", c.Position(), "a window function cannot stand in %s", b.clause)
	}
	over := c.Over
	if over.Name != "" {
		named := b.named[over.Name]
		if named == nil {
			return nil, sql.Errorf("42P20", over.Pos, "there is no window %s", over.Name)
		}
		merged := *named
		merged.OrderBy = append(slices.Clone(named.OrderBy), over.OrderBy...)
		if over.Frame != nil {
			merged.Frame = over.Frame
		}
		over = &merged
	}
	inner := *b
	inner.windows, inner.clause = nil, "a window function"
	w, err := inner.newWindow(c, over)
	b.aggs = inner.aggs
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(*b.windows, func(x *WindowCall) bool { return x.Text == w.Text })
	if at < 0 {
		at = len(*b.windows)
		*b.windows = append(*b.windows, w)
	}
	return expr.Ref(windowBase+at, w.Type, w.Text), nil
}

func (b *binder) newWindow(c *sql.Call, over *sql.Window) (w *WindowCall, err error) {
	w = &WindowCall{Name: c.Name, Frame: over.Frame, IgnoreNulls: c.IgnoreNulls, Type: table.Uint64}
	if w.Args, err = b.bindAll(c.Args); err != nil {
		return nil, err
	}
	if w.PartitionBy, err = b.bindAll(over.PartitionBy); err != nil {
		return nil, err
	}
	if w.OrderBy, err = b.sortKeys(over.OrderBy); err != nil {
		return nil, err
	}
	if over.Frame != nil {
		for i, bound := range []sql.Bound{over.Frame.Start, over.Frame.End} {
			if bound.Offset == nil {
				continue
			}
			if w.Offsets[i], err = b.bind(bound.Offset); err != nil {
				return nil, err
			}
			if w.Offsets[i] = w.Offsets[i].Fold(); w.Offsets[i].Op != expr.Const {
				return nil, sql.Errorf("42P20", over.Pos, "the bounds of a frame must be constant")
			}
		}
		if over.Frame.Unit != "rows" && (w.Offsets[0] != nil || w.Offsets[1] != nil) {
			return nil, sql.Errorf(sql.StateNotSupported, over.Pos, "not supported: %s with an offset",
				strings.ToUpper(over.Frame.Unit)).With("ROWS can have one")
		}
	}
	if err := b.windowType(c, w); err != nil {
		return nil, err
	}
	w.Text = windowText(c, w)
	return w, nil
}

func (b *binder) windowType(c *sql.Call, w *WindowCall) (err error) {
	if n, known := windowArgs[c.Name]; known {
		if len(w.Args) < n[0] || len(w.Args) > n[1] {
			return sql.Errorf(sql.StateUndefinedFunc, c.Position(), "%s cannot be called with %d arguments",
				c.Name, len(w.Args))
		}
		if err := b.countArg(c, w); err != nil {
			return err
		}
	}
	switch c.Name {
	case "row_number", "rank", "dense_rank", "ntile":
	case "percent_rank", "cume_dist":
		w.Type = table.Float64
	case "lag", "lead", "nth_value", "first_value", "last_value":
		w.Type = w.Args[0].Type
		if len(w.Args) == 3 {
			both, t, err := expr.Common([]*expr.Expr{w.Args[0], w.Args[2]}, c.Position())
			if err != nil {
				return err
			}
			w.Args[0], w.Args[2], w.Type = both[0], both[1], t
		}
	default:
		if !expr.IsAggregate(c.Name) {
			return sql.Errorf(sql.StateUndefinedFunc, c.Position(), "there is no window function %s", c.Name)
		}
		plain := *c
		plain.Over = nil
		if w.Agg, err = b.newAggregate(&plain); err != nil {
			return err
		}
		w.Type = w.Agg.Type
	}
	return nil
}

// countArg makes the argument that is a number of rows or parts an integer.
func (b *binder) countArg(c *sql.Call, w *WindowCall) error {
	at := 1
	if c.Name == "ntile" {
		at = 0
	}
	if at >= len(w.Args) {
		return nil
	}
	e, ok := expr.Cast(w.Args[at], table.Int64, false)
	if !ok {
		return sql.Errorf(sql.StateType, c.Position(), "%s takes a number, not %s", c.Name, w.Args[at].Type)
	}
	w.Args[at] = e
	return nil
}

func windowText(c *sql.Call, w *WindowCall) string {
	t := callText(c.Name, w.Args)
	if w.Agg != nil {
		t = w.Agg.Text
	}
	if len(w.PartitionBy) > 0 {
		var list []string
		for _, e := range w.PartitionBy {
			list = append(list, e.Text)
		}
		t += " PARTITION BY [" + strings.Join(list, ", ") + "]"
	}
	if len(w.OrderBy) > 0 {
		t += " ORDER BY [" + keysText(w.OrderBy) + "]"
	}
	switch {
	case w.Frame != nil:
		t += " " + strings.ToUpper(w.Frame.Unit) + " BETWEEN " + boundText(w.Frame.Start, w.Offsets[0]) +
			" AND " + boundText(w.Frame.End, w.Offsets[1])
	case len(w.OrderBy) > 0:
		t += " RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
	default:
		t += " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
	}
	return t
}

func boundText(b sql.Bound, offset *expr.Expr) string {
	if b.Kind == "current" {
		return "CURRENT ROW"
	}
	if offset != nil {
		v := offset.Value
		return expr.Text(&v) + " " + strings.ToUpper(b.Kind)
	}
	return strings.ToUpper(b.Kind)
}
