package plan

import (
	"slices"
	"strings"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// source is what FROM gives: rows, and the columns that USING has made one.
type source struct {
	node   Node
	merged map[string]int
}

// from joins all tables of FROM crosswise.
func (p *planner) from(list []sql.TableExpr, out *outer) (s source, err error) {
	if len(list) == 0 {
		return source{node: &Rows{Values: [][]*expr.Expr{{}}}}, nil
	}
	for i, t := range list {
		next, err := p.table(t, out)
		if err != nil {
			return s, err
		}
		if i == 0 {
			s = next
			continue
		}
		if err := clash(s.node, next.node, -1); err != nil {
			return s, err
		}
		s = source{node: &Join{Kind: "cross", Left: s.node, Right: next.node}, merged: s.merged}
	}
	return s, nil
}

// clash refuses two tables of one name.
func clash(a, b Node, pos int) error {
	names := map[string]bool{}
	for _, f := range a.Fields() {
		names[f.Qualifier] = true
	}
	for _, f := range b.Fields() {
		if f.Qualifier != "" && names[f.Qualifier] {
			return sql.Errorf("42712", pos, "two tables are called %s", f.Qualifier).With("give one an alias")
		}
	}
	return nil
}

func (p *planner) table(t sql.TableExpr, out *outer) (source, error) {
	switch t := t.(type) {
	case *sql.TableRef:
		if p.tables++; p.tables > maxTables {
			return source{}, sql.Errorf(sql.StateTooComplex, t.Pos, "more than %d tables are read", maxTables).
				With("WITH queries count each time they are named")
		}
		n, err := p.tableRef(t)
		return source{node: n}, err
	case *sql.Derived:
		if t.Lateral {
			return source{}, sql.Errorf(sql.StateNotSupported, t.Pos, "not supported: LATERAL")
		}
		n, err := p.query(t.Query, out)
		if err != nil {
			return source{}, err
		}
		n, err = rename(n, t.Alias, t.Columns, t.Pos)
		return source{node: n}, err
	case *sql.TableFunc:
		return p.tableFunc(t, out)
	case *sql.Join:
		return p.join(t, out)
	}
	return source{}, sql.Errorf(sql.StateNotSupported, -1, "not supported: this table")
}

// rename gives the columns of a node the name of a table, and other names of their own. Without an
// alias they keep what they were called inside.
func rename(n Node, alias string, columns []string, pos int) (Node, error) {
	if alias == "" {
		return n, nil
	}
	fields := n.Fields()
	if len(columns) > len(fields) {
		return nil, sql.Errorf(sql.StateSyntax, pos, "%s has %d columns, not %d", alias, len(fields),
			len(columns))
	}
	r := &Project{In: n}
	for i, f := range fields {
		name := f.Name
		if i < len(columns) {
			name = columns[i]
		}
		r.Exprs = append(r.Exprs, expr.Ref(i, f.Type, alias+"."+name))
		r.Names = append(r.Names, Field{alias, name, f.Type, f.Hidden})
	}
	return r, nil
}

func (p *planner) tableRef(t *sql.TableRef) (Node, error) {
	alias := t.Alias
	if alias == "" {
		alias = t.Name.Last()
	}
	if len(t.Name) == 1 {
		if n, err := p.with(t.Name[0], alias, t); n != nil || err != nil {
			return n, err
		}
	}
	schema := ""
	if len(t.Name) > 1 {
		schema = t.Name[len(t.Name)-2]
	}
	if len(t.Name) > 3 || len(t.Name) == 3 && t.Name[0] != Catalog {
		return nil, p.noTable(t)
	}
	found, rows := p.env.Table(schema, t.Name.Last())
	if found == nil {
		return nil, p.noTable(t)
	}
	s := &Scan{Table: found, Source: rows, Alias: alias}
	for i := range found.Columns {
		s.Columns = append(s.Columns, i)
	}
	if len(t.Columns) == 0 {
		return s, nil
	}
	return rename(s, alias, t.Columns, t.Pos)
}

func (p *planner) noTable(t *sql.TableRef) error {
	name := strings.Join(t.Name, ".")
	e := sql.Errorf(sql.StateUndefinedTable, t.Pos, "there is no table %s", name)
	best, near := (len(t.Name.Last())+5)/3, ""
	for _, n := range p.env.Names {
		if d := expr.Distance(t.Name.Last(), n); d < best {
			best, near = d, n
		}
	}
	if near != "" {
		return e.With("did you mean %s?", near)
	}
	return e.With("SHOW TABLES lists them")
}

// with plans a WITH query anew for each place that names it; nil if there is none of the name.
func (p *planner) with(name, alias string, t *sql.TableRef) (Node, error) {
	for _, level := range slices.Backward(p.ctes) {
		c, ok := level[name]
		if !ok {
			continue
		}
		saved := p.ctes
		p.ctes = c.known
		n, err := p.query(c.Query, c.outer)
		p.ctes = saved
		if err != nil {
			return nil, err
		}
		if n, err = rename(n, alias, c.Columns, c.Pos); err != nil || len(t.Columns) == 0 {
			return n, err
		}
		return rename(n, alias, t.Columns, t.Pos)
	}
	return nil, nil
}

func (p *planner) tableFunc(t *sql.TableFunc, out *outer) (source, error) {
	b := &binder{p: p, outer: out, clause: "FROM"}
	args, err := b.bindAll(t.Call.Args)
	if err != nil {
		return source{}, err
	}
	name := t.Call.Name
	column := Field{Qualifier: name, Name: name}
	if t.Alias != "" {
		column = Field{Qualifier: t.Alias, Name: t.Alias}
	}
	if len(t.Columns) > 0 {
		column.Name = t.Columns[0]
	}
	switch {
	case name == "unnest" && len(args) == 1:
	case (name == "generate_series" || name == "range") && (len(args) == 2 || len(args) == 3):
		if args, err = series(name, args, t.Pos); err != nil {
			return source{}, err
		}
		if t.Alias == "" {
			column.Name = "value"
		}
	default: // any other function is a row of one value, or a table of the catalog
		if found, rows := p.env.Table(catalogSchema, name); found != nil && len(args) == 0 {
			s := &Scan{Table: found, Source: rows, Alias: column.Qualifier}
			for i := range found.Columns {
				s.Columns = append(s.Columns, i)
			}
			return source{node: s}, nil
		}
		e, err := b.call(t.Call)
		if err != nil {
			return source{}, err
		}
		column.Type = e.Type
		return source{node: &Rows{Values: [][]*expr.Expr{{e}}, Names: []Field{column}}}, nil
	}
	if _, ok := args[0].Type.Elem(); !ok {
		return source{}, sql.Errorf(sql.StateType, t.Pos, "%s takes a list, not %s", name, args[0].Type)
	}
	column.Type = args[0].Type
	return source{node: &Unnest{&Rows{Values: [][]*expr.Expr{{args[0]}}, Names: []Field{column}}}}, nil
}

// catalogSchema has tables that are written as functions.
const catalogSchema = "pg_catalog"

// maxSeries bounds generate_series.
const maxSeries = 1 << 20

// series makes the list of a series of numbers, or of times.
func series(name string, args []*expr.Expr, pos int) ([]*expr.Expr, error) {
	kind, step := table.Int64, table.Int64
	if t := args[0].Type; t == table.Timestamp || t == table.Date {
		kind, step = table.Timestamp, table.Interval
		if len(args) < 3 {
			return nil, sql.Errorf(sql.StateUndefinedFunc, pos, "%s of times needs a step", name).
				With("interval '1 day', for one")
		}
	}
	f := expr.Function{Min: 2, Max: 3, Args: []table.Type{kind, kind, step}, Result: table.List | kind,
		Call: func(v []table.Value) table.Value {
			by := table.Integer(1)
			if len(v) == 3 {
				by = v[2]
			}
			return seriesOf(name, v[0], v[1], by)
		}}
	e, err := f.Build(name, args, callText(name, args), pos)
	if err != nil {
		return nil, err
	}
	return []*expr.Expr{e}, nil
}

// seriesOf are the values from one to another; "range" leaves the last one out.
func seriesOf(name string, from, to, by table.Value) table.Value {
	list := table.Value{Type: table.List | from.Type}
	up := by.Int > 0 || by.Months > 0
	if by.Int == 0 && by.Months == 0 {
		panic(sql.Errorf(sql.StateInvalidValue, -1, "the step of %s is 0", name))
	}
	if (by.Int < 0 || by.Months < 0) && up {
		panic(sql.Errorf(sql.StateInvalidValue, -1, "the step of %s goes both ways", name))
	}
	for n := 0; ; n++ {
		at := table.Value{Type: from.Type, Int: from.Int + int64(n)*by.Int}
		if by.Months != 0 {
			at.Int = expr.AddMonths(from.Int, n*int(by.Months)) + int64(n)*by.Int
		}
		if up && at.Int > to.Int || !up && at.Int < to.Int || name == "range" && at.Int == to.Int {
			return list
		}
		if n >= maxSeries {
			panic(sql.Errorf(sql.StateTooComplex, -1, "%s would have more than %d values", name, maxSeries))
		}
		list.List = append(list.List, at)
	}
}

func (p *planner) join(t *sql.Join, out *outer) (source, error) {
	left, err := p.table(t.Left, out)
	if err != nil {
		return source{}, err
	}
	right, err := p.table(t.Right, out)
	if err != nil {
		return source{}, err
	}
	if err := clash(left.node, right.node, t.Pos); err != nil {
		return source{}, err
	}
	j := &Join{Kind: t.Kind, Left: left.node, Right: right.node}
	s := source{node: j, merged: left.merged}
	using := t.Using
	if t.Natural {
		for _, l := range left.node.Fields() {
			if !l.Hidden && slices.ContainsFunc(right.node.Fields(), func(r Field) bool {
				return !r.Hidden && r.Name == l.Name
			}) {
				using = append(using, l.Name)
			}
		}
	}
	if len(using) > 0 {
		return p.using(s, j, using, t.Pos)
	}
	if t.On == nil {
		return s, nil
	}
	b := &binder{p: p, outer: out, clause: "ON",
		fields: append(append([]Field{}, left.node.Fields()...), right.node.Fields()...)}
	on, err := b.bind(t.On)
	if err != nil {
		return source{}, err
	}
	if on, err = b.condition(on, t.On); err != nil {
		return source{}, err
	}
	splitJoin(j, on)
	return s, nil
}

// using joins by columns of the same name; of both the left one is seen, or for right joins the
// right one.
func (p *planner) using(s source, j *Join, using []string, pos int) (source, error) {
	lf, rf := j.Left.Fields(), j.Right.Fields()
	merged := map[string]int{}
	for name, at := range s.merged {
		merged[name] = at
	}
	for _, name := range using {
		l := slices.IndexFunc(lf, func(f Field) bool { return f.Name == name })
		r := slices.IndexFunc(rf, func(f Field) bool { return f.Name == name })
		if l < 0 || r < 0 {
			return s, sql.Errorf(sql.StateUndefinedCol, pos, "there is no column %s in both tables", name)
		}
		a, b, err := expr.Unify(expr.Ref(l, lf[l].Type, name), expr.Ref(r, rf[r].Type, name), pos)
		if err != nil {
			return s, err
		}
		j.LeftKeys, j.RightKeys = append(j.LeftKeys, a), append(j.RightKeys, b)
		if merged[name] = l; j.Kind == "right" {
			merged[name] = len(lf) + r
		}
	}
	s.merged = merged
	return s, nil
}

// splitJoin finds what of a condition compares both sides for equality.
func splitJoin(j *Join, on *expr.Expr) {
	width := len(j.Left.Fields())
	var rest []*expr.Expr
	for _, c := range conjuncts(on) {
		if l, r, ok := equality(c, width); ok {
			j.LeftKeys, j.RightKeys = append(j.LeftKeys, l), append(j.RightKeys, r)
			continue
		}
		rest = append(rest, c)
	}
	j.Cond = conjunction(append(rest, conjunctsOrNil(j.Cond)...))
}
