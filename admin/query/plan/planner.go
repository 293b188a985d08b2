package plan

import (
	"strings"
	"time"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// Catalog and schemas in which tables stand.
const (
	Catalog = "restate"
	Public  = "public"
)

// Env is what a query is planned in.
type Env struct {
	// Table finds a table by its schema, empty if none was given, and name, and what has its rows;
	// nil if there is none.
	Table func(schema, name string) (*table.Table, table.Source)
	// Names are the tables there are, for hints.
	Names   []string
	Now     time.Time
	User    string
	Version string
	// Labels: columns without an alias are called as PostgreSQL calls them.
	Labels bool
	// Functions are further functions by name; nil: none.
	Functions map[string]expr.Function
	// Params are the values of parameters; with Describing they are not known yet. Types are their
	// types; Null, or none: not known.
	Params     []table.Value
	Types      []table.Type
	Describing bool
	// Run runs the plans of subqueries.
	Run func(plan any, limit int) []expr.Row
}

// Planned is a query that can be run.
type Planned struct {
	Node Node
	// Params are the types that parameters should have; Null: any.
	Params []table.Type
}

// Plan plans a query. The error is a *sql.Error.
func Plan(q *sql.Query, env Env) (planned Planned, err error) {
	defer func() { // constants are evaluated, which may fail
		if r := recover(); r != nil {
			e, ok := r.(*sql.Error)
			if !ok {
				panic(r)
			}
			err = e
		}
	}()
	p := &planner{env: env}
	n, err := p.query(q, nil)
	if err != nil {
		return planned, err
	}
	return Planned{Optimize(n), p.params}, nil
}

type planner struct {
	env    Env
	ctes   []map[string]cte // innermost last
	params []table.Type
	depth  int
	parts  int // queries planned so far
	tables int // tables named so far
}

// cte is a WITH query, and those it may name itself.
type cte struct {
	sql.CTE
	known []map[string]cte
	outer *outer
}

// Limits of queries in queries: WITH queries that name each other twice double with each level.
const (
	maxDepth  = 64
	maxParts  = 2000
	maxParams = 65535
	maxTables = 100  // in one query and all in it
	maxItems  = 5000 // columns of one SELECT
)

func (p *planner) param(x *sql.Param) (*expr.Expr, error) {
	if x.Number > maxParams {
		return nil, sql.Errorf(sql.StateTooComplex, x.Position(), "there are more than %d parameters",
			maxParams)
	}
	for len(p.params) < x.Number {
		p.params = append(p.params, table.Null)
	}
	name := "$" + Text(x.Number)
	e := expr.Constant(table.Value{}, name)
	if !p.env.Describing {
		if x.Number > len(p.env.Params) {
			return nil, sql.Errorf("08P01", x.Position(), "there is no value for parameter %s", name)
		}
		e = expr.Constant(p.env.Params[x.Number-1], name)
	}
	if x.Number <= len(p.env.Types) && e.Type == table.Null {
		e.Type = p.env.Types[x.Number-1] // a NULL of that type
		p.hint(x, e.Type)
	}
	return e, nil
}

// hint tells the type of a parameter, if nothing has yet.
func (p *planner) hint(x *sql.Param, t table.Type) {
	if x.Number <= len(p.params) && p.params[x.Number-1] == table.Null {
		p.params[x.Number-1] = t
	}
}

// Text prints a number.
func Text(n int) string {
	v := table.Integer(int64(n))
	return expr.Text(&v)
}

func (p *planner) query(q *sql.Query, out *outer) (Node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, sql.Errorf(sql.StateTooComplex, q.Pos, "queries are nested more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	if p.parts++; p.parts > maxParts {
		return nil, sql.Errorf(sql.StateTooComplex, q.Pos, "there are more than %d queries in the query",
			maxParts).With("WITH queries count each time they are named")
	}
	if len(q.With) > 0 {
		level := map[string]cte{}
		p.ctes = append(p.ctes[:len(p.ctes):len(p.ctes)], level)
		defer func(before int) { p.ctes = p.ctes[:before] }(len(p.ctes) - 1)
		for _, c := range q.With {
			known := map[string]cte{}
			for n, other := range level {
				known[n] = other
			}
			outside := p.ctes[: len(p.ctes)-1 : len(p.ctes)-1]
			level[c.Name] = cte{c, append(outside, known), out}
		}
	}
	limit, offset, err := p.bounds(q)
	if err != nil {
		return nil, err
	}
	var n Node
	if s, ok := q.Body.(*sql.Select); ok {
		n, err = p.selectQuery(s, q.OrderBy, limit, offset, out)
	} else {
		n, err = p.set(q.Body, out)
		if err == nil && len(q.OrderBy) > 0 {
			n, err = p.orderSet(n, q.OrderBy, out)
		}
		if err == nil && (limit >= 0 || offset > 0) {
			n = &Limit{n, limit, offset}
		}
	}
	return n, err
}

// bounds are LIMIT, negative if there is none, and OFFSET.
func (p *planner) bounds(q *sql.Query) (limit, offset int, err error) {
	read := func(x sql.Expr, what string, otherwise int) (int, error) {
		if x == nil {
			return otherwise, nil
		}
		b := &binder{p: p, clause: what}
		e, err := b.bind(x)
		if err != nil {
			return 0, err
		}
		if param, ok := x.(*sql.Param); ok {
			p.hint(param, table.Int64)
		}
		if e = e.Fold(); e.Op == expr.Const && e.Type == table.Null {
			return otherwise, nil // LIMIT NULL, or a parameter that is not known yet
		}
		c, ok := expr.Cast(e, table.Int64, false)
		if !ok || c.Fold().Op != expr.Const {
			return 0, sql.Errorf(sql.StateInvalidValue, x.Position(), "%s must be a number", what)
		}
		v := c.Fold().Value
		if v.Int < 0 || v.Int > 1<<40 {
			return 0, sql.Errorf(sql.StateInvalidValue, x.Position(), "%s must not be negative", what)
		}
		return int(v.Int), nil
	}
	if limit, err = read(q.Limit, "LIMIT", -1); err != nil {
		return 0, 0, err
	}
	offset, err = read(q.Offset, "OFFSET", 0)
	return limit, offset, err
}

func (p *planner) set(s sql.SetExpr, out *outer) (Node, error) {
	switch s := s.(type) {
	case *sql.Select:
		return p.selectQuery(s, nil, -1, 0, out)
	case *sql.Query:
		return p.query(s, out)
	case *sql.Values:
		return p.values(s, out)
	case *sql.SetOp:
		return p.setOp(s, out)
	}
	return nil, sql.Errorf(sql.StateNotSupported, -1, "not supported: this set of rows")
}

func (p *planner) setOp(s *sql.SetOp, out *outer) (Node, error) {
	left, err := p.set(s.Left, out)
	if err != nil {
		return nil, err
	}
	right, err := p.set(s.Right, out)
	if err != nil {
		return nil, err
	}
	lf, rf := left.Fields(), right.Fields()
	if len(lf) != len(rf) {
		return nil, sql.Errorf(sql.StateSyntax, s.Pos, "%s of %d and %d columns", strings.ToUpper(s.Op),
			len(lf), len(rf))
	}
	types := make([]table.Type, len(lf))
	for i := range lf {
		t, ok := expr.CommonType(lf[i].Type, rf[i].Type)
		if !ok {
			return nil, sql.Errorf(sql.StateType, s.Pos, "%s of column %s, of type %s, and %s, of type %s",
				strings.ToUpper(s.Op), lf[i].Name, lf[i].Type, rf[i].Name, rf[i].Type)
		}
		types[i] = t
	}
	return &SetOp{s.Op, s.All, castColumns(left, types), castColumns(right, types)}, nil
}

// castColumns makes the columns of a node of other types, and nothing if they are.
func castColumns(n Node, types []table.Type) Node {
	fields := n.Fields()
	p := &Project{In: n}
	same := true
	for i, f := range fields {
		e := expr.Ref(i, f.Type, f.Name)
		if f.Type != types[i] {
			same = false
			if c, ok := expr.Cast(e, types[i], false); ok {
				e = c
			}
		}
		p.Exprs, p.Names = append(p.Exprs, e), append(p.Names, Field{f.Qualifier, f.Name, types[i], false})
	}
	if same {
		return n
	}
	return p
}

func (p *planner) values(v *sql.Values, out *outer) (Node, error) {
	b := &binder{p: p, outer: out, clause: "VALUES"}
	r := &Rows{}
	types := make([]table.Type, len(v.Rows[0]))
	for _, row := range v.Rows {
		if len(row) != len(types) {
			return nil, sql.Errorf(sql.StateSyntax, v.Pos, "the rows of VALUES are not of the same length")
		}
		list, err := b.bindAll(row)
		if err != nil {
			return nil, err
		}
		for i, e := range list {
			t, ok := expr.CommonType(types[i], e.Type)
			if !ok {
				return nil, sql.Errorf(sql.StateType, v.Pos, "column %d of VALUES is of type %s and of type %s",
					i+1, types[i], e.Type)
			}
			types[i] = t
		}
		r.Values = append(r.Values, list)
	}
	for i, t := range types {
		r.Names = append(r.Names, Field{Name: "column" + Text(i+1), Type: t})
		for _, row := range r.Values {
			if c, ok := expr.Cast(row[i], t, false); ok {
				row[i] = c
			}
		}
	}
	return r, nil
}

// orderSet orders what is no SELECT: by its columns.
func (p *planner) orderSet(n Node, order []sql.Order, out *outer) (Node, error) {
	b := &binder{p: p, fields: n.Fields(), outer: out, clause: "ORDER BY"}
	s := &Sort{In: n, Limit: -1}
	for _, o := range order {
		e, err := b.ordinal(o.Expr, n.Fields())
		if err == nil && e == nil {
			e, err = b.bind(o.Expr)
		}
		if err != nil {
			return nil, err
		}
		s.Keys = append(s.Keys, sortKey(e, o))
	}
	return s, nil
}

// ordinal reads a number as a column; nil if it is none.
func (b *binder) ordinal(x sql.Expr, fields []Field) (*expr.Expr, error) {
	l, ok := x.(*sql.Literal)
	if !ok || l.Kind != "int" {
		return nil, nil
	}
	for i := range fields {
		if Text(i+1) == l.Text {
			return expr.Ref(i, fields[i].Type, fields[i].Name), nil
		}
	}
	return nil, sql.Errorf(sql.StateUndefinedCol, x.Position(), "there is no column %s: there are %d",
		l.Text, len(fields))
}
