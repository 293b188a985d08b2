package plan

import (
	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// Field is one column of a node's rows.
type Field struct {
	Qualifier string // what a table is called in the query
	Name      string
	Type      table.Type
	Hidden    bool // * does not stand for it
}

// Node is an operator.
type Node interface {
	Fields() []Field
	Inputs() []Node
}

// Condition is a condition on one column of a scan; its values are known when the scan begins.
type Condition struct {
	Column int // position in the table
	Op     table.Op
	Values []*expr.Expr
	Sub    *expr.Expr // IN (query) that gives the values; nil: none
}

// Scan reads a table. Its rows have the table's columns of Columns, in that order.
type Scan struct {
	Table      *table.Table
	Source     table.Source // that has its rows
	Alias      string
	Columns    []int
	Filter     *expr.Expr // on its rows; nil: none
	Conditions []Condition
	Limit      int // 0: none
	Few        int // rows that may be enough if all of them meet the filter; 0: it is not known
}

// Fields implements Node.
func (s *Scan) Fields() []Field {
	list := make([]Field, len(s.Columns))
	for i, c := range s.Columns {
		column := &s.Table.Columns[c]
		list[i] = Field{s.Alias, column.Name, column.Type, column.Hidden}
	}
	return list
}

// Inputs implements Node.
func (s *Scan) Inputs() []Node { return nil }

// Rows are rows of expressions.
type Rows struct {
	Values [][]*expr.Expr
	Names  []Field
}

// Fields implements Node.
func (r *Rows) Fields() []Field { return r.Names }

// Inputs implements Node.
func (r *Rows) Inputs() []Node { return nil }

// Filter lets rows pass for which a condition holds.
type Filter struct {
	In   Node
	Cond *expr.Expr
}

// Fields implements Node.
func (f *Filter) Fields() []Field { return f.In.Fields() }

// Inputs implements Node.
func (f *Filter) Inputs() []Node { return []Node{f.In} }

// Project computes rows.
type Project struct {
	In    Node
	Exprs []*expr.Expr
	Names []Field
}

// Fields implements Node.
func (p *Project) Fields() []Field { return p.Names }

// Inputs implements Node.
func (p *Project) Inputs() []Node { return []Node{p.In} }

// Aggregate groups rows. Its rows are the groups' values and then those of the aggregates.
type Aggregate struct {
	In     Node
	Groups []*expr.Expr
	Aggs   []*expr.Aggregate
}

// Fields implements Node.
func (a *Aggregate) Fields() []Field {
	var list []Field
	for _, g := range a.Groups {
		list = append(list, Field{Name: g.Text, Type: g.Type})
	}
	for _, x := range a.Aggs {
		list = append(list, Field{Name: x.Text, Type: x.Type})
	}
	return list
}

// Inputs implements Node.
func (a *Aggregate) Inputs() []Node { return []Node{a.In} }

// WindowCall is one window function.
type WindowCall struct {
	Name        string
	Args        []*expr.Expr
	Agg         *expr.Aggregate // of aggregates
	PartitionBy []*expr.Expr
	OrderBy     []expr.SortKey
	Frame       *sql.Frame // nil: up to the current row and its peers, or all without an order
	Offsets     [2]*expr.Expr
	IgnoreNulls bool
	Type        table.Type
	Text        string
}

// Window appends the values of window functions to rows.
type Window struct {
	In    Node
	Calls []*WindowCall
}

// Fields implements Node.
func (w *Window) Fields() []Field {
	list := append([]Field{}, w.In.Fields()...)
	for _, c := range w.Calls {
		list = append(list, Field{Name: c.Text, Type: c.Type})
	}
	return list
}

// Inputs implements Node.
func (w *Window) Inputs() []Node { return []Node{w.In} }

// Sort orders rows, and keeps the first ones only if Limit is not negative.
type Sort struct {
	In    Node
	Keys  []expr.SortKey
	Limit int
}

// Fields implements Node.
func (s *Sort) Fields() []Field { return s.In.Fields() }

// Inputs implements Node.
func (s *Sort) Inputs() []Node { return []Node{s.In} }

// Limit leaves out the first rows, and all after some; a negative Limit is none.
type Limit struct {
	In            Node
	Limit, Offset int
}

// Fields implements Node.
func (l *Limit) Fields() []Field { return l.In.Fields() }

// Inputs implements Node.
func (l *Limit) Inputs() []Node { return []Node{l.In} }

// Distinct lets the first of rows pass that are equal, or equal in On.
type Distinct struct {
	In Node
	On []*expr.Expr // nil: all columns
}

// Fields implements Node.
func (d *Distinct) Fields() []Field { return d.In.Fields() }

// Inputs implements Node.
func (d *Distinct) Inputs() []Node { return []Node{d.In} }

// Join joins rows of two nodes. Its rows are those of the left and then of the right one; of semi
// and anti joins, of the left one only.
type Join struct {
	Kind        string // as in sql.Join
	Left, Right Node
	// LeftKeys and RightKeys are compared for equality; Cond is what else must hold, on the rows
	// of both.
	LeftKeys, RightKeys []*expr.Expr
	Cond                *expr.Expr
}

// Fields implements Node.
func (j *Join) Fields() []Field {
	if j.Kind == "semi" || j.Kind == "anti" {
		return j.Left.Fields()
	}
	return append(append([]Field{}, j.Left.Fields()...), j.Right.Fields()...)
}

// Inputs implements Node.
func (j *Join) Inputs() []Node { return []Node{j.Left, j.Right} }

// SetOp combines the rows of two nodes, whose columns are of the same types.
type SetOp struct {
	Op          string // as in sql.SetOp
	All         bool
	Left, Right Node
}

// Fields implements Node.
func (s *SetOp) Fields() []Field { return s.Left.Fields() }

// Inputs implements Node.
func (s *SetOp) Inputs() []Node { return []Node{s.Left, s.Right} }

// Unnest makes of each row as many as the list in its last column has values.
type Unnest struct{ In Node }

// Fields implements Node.
func (u *Unnest) Fields() []Field {
	list := append([]Field{}, u.In.Fields()...)
	last := &list[len(list)-1]
	last.Type, _ = last.Type.Elem()
	return list
}

// Inputs implements Node.
func (u *Unnest) Inputs() []Node { return []Node{u.In} }
