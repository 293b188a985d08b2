package expr

import (
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// Row is the values an expression is evaluated on.
type Row = []table.Value

// Op is what an Expr does.
type Op uint8

// Operations.
const (
	Const    Op = iota // Value
	Column             // the row's value at Index
	Outer              // the value at Index of the row of a query around this one
	Call1              // fn1 of an argument, NULL if that is
	Call2              // fn2 of two arguments, NULL if one is
	CallN              // fnN of all arguments, NULLs among them
	And                // three-valued
	Or                 // three-valued
	Not                // three-valued
	IsNull             // never NULL
	Case               // pairs of condition and value, then the else value
	Coalesce           // the first that is not NULL
	InSet              // the first argument is among the constants of Set
	InList             // the first argument is among the others
	SubQuery           // Sub
)

// Expr is an expression. It is not changed once it is made, so that it may be shared.
type Expr struct {
	Op    Op
	Type  table.Type
	Args  []*Expr
	Value table.Value
	Index int
	Cell  *Row // of Outer: where the outer row is found
	Text  string
	Pos   int
	Set   *Set
	Sub   *Sub
	// Volatile: it may give another value each time.
	Volatile bool
	// Foreign: it is no function of the engine's own, and known to this session only.
	Foreign bool
	// Operator says what a comparison or LIKE is, for those who look for conditions a table can use.
	Operator string
	// Prefix is how all strings begin that a LIKE lets pass; it lets pass no others if PrefixOnly.
	Prefix     string
	PrefixOnly bool

	fn1 func(a *table.Value) table.Value
	fn2 func(a, b *table.Value) table.Value
	fnN func(args []table.Value) table.Value
}

// Constant makes a constant.
func Constant(v table.Value, text string) *Expr {
	return &Expr{Op: Const, Type: v.Type, Value: v, Text: text, Pos: -1}
}

// Ref makes a reference to a column of the row.
func Ref(index int, t table.Type, text string) *Expr {
	return &Expr{Op: Column, Type: t, Index: index, Text: text, Pos: -1}
}

// Unary makes a strict function of one argument.
func Unary(t table.Type, text string, fn func(*table.Value) table.Value, a *Expr) *Expr {
	return &Expr{Op: Call1, Type: t, Text: text, fn1: fn, Args: []*Expr{a}, Pos: a.Pos}
}

// Binary makes a strict function of two arguments.
func Binary(t table.Type, text string, fn func(a, b *table.Value) table.Value, a, b *Expr) *Expr {
	return &Expr{Op: Call2, Type: t, Text: text, fn2: fn, Args: []*Expr{a, b}, Pos: a.Pos}
}

// Eval computes the value for a row.
func (e *Expr) Eval(r Row) table.Value {
	switch e.Op {
	case Const:
		return e.Value
	case Column:
		return r[e.Index]
	case Outer:
		return (*e.Cell)[e.Index]
	case Call1:
		a := e.Args[0].look(r)
		if a.Type == table.Null {
			return *a
		}
		return e.fn1(a)
	case Call2:
		return e.call2(r)
	case CallN:
		args := make([]table.Value, len(e.Args))
		for i, a := range e.Args {
			args[i] = a.Eval(r)
		}
		return e.fnN(args)
	}
	return e.evalLogic(r)
}

func (e *Expr) call2(r Row) table.Value {
	a := e.Args[0].look(r)
	if a.Type == table.Null {
		return *a
	}
	b := e.Args[1].look(r)
	if b.Type == table.Null {
		return *b
	}
	return e.fn2(a, b)
}

// look is Eval for those who only look at the value: a column's or a constant's is not copied, which would
// be into memory of its own, since functions that are called through a pointer might keep it.
func (e *Expr) look(r Row) *table.Value {
	switch e.Op {
	case Column:
		return &r[e.Index]
	case Const:
		return &e.Value
	}
	v := e.Eval(r)
	return &v
}

func (e *Expr) evalLogic(r Row) table.Value {
	switch e.Op {
	case And:
		return e.connect(r, 0)
	case Or:
		return e.connect(r, 1)
	case Not:
		a := e.Args[0].Eval(r)
		if a.Type == table.Null {
			return a
		}
		return table.Truth(a.Int == 0)
	case IsNull:
		a := e.Args[0].Eval(r)
		return table.Truth(a.Type == table.Null)
	case Case:
		for i := 0; i+1 < len(e.Args); i += 2 {
			if c := e.Args[i].Eval(r); c.Type == table.Bool && c.Int == 1 {
				return e.Args[i+1].Eval(r)
			}
		}
		return e.Args[len(e.Args)-1].Eval(r)
	case Coalesce:
		for _, a := range e.Args {
			if v := a.Eval(r); v.Type != table.Null {
				return v
			}
		}
		return table.Value{}
	case InSet:
		a := e.Args[0].Eval(r)
		return e.Set.has(&a)
	case InList:
		return e.among(r)
	case SubQuery:
		return e.Sub.eval(e, r)
	}
	return table.Value{}
}

// connect is AND (decisive 0) and OR (decisive 1): one decisive argument decides, whatever the
// others are.
func (e *Expr) connect(r Row, decisive int64) table.Value {
	unknown := false
	for _, x := range e.Args {
		v := x.Eval(r)
		switch {
		case v.Type == table.Null:
			unknown = true
		case v.Int == decisive:
			return v
		}
	}
	if unknown {
		return table.Value{}
	}
	return table.Truth(decisive == 0)
}

func (e *Expr) among(r Row) table.Value {
	a := e.Args[0].Eval(r)
	if a.Type == table.Null {
		return a
	}
	unknown := false
	for _, x := range e.Args[1:] {
		v := x.Eval(r)
		if v.Type == table.Null {
			unknown = true
		} else if Compare(&a, &v) == 0 {
			return table.Truth(true)
		}
	}
	if unknown {
		return table.Value{}
	}
	return table.Truth(false)
}

// True reports whether a condition holds for a row: NULL does not.
func (e *Expr) True(r Row) bool {
	v := e.Eval(r)
	return v.Type == table.Bool && v.Int == 1
}

// Walk calls visit for the expression and all below it, outermost first, those of subqueries not
// among them.
func (e *Expr) Walk(visit func(*Expr)) {
	visit(e)
	for _, a := range e.Args {
		a.Walk(visit)
	}
	if e.Sub != nil {
		for _, o := range e.Sub.Outer {
			o.Walk(visit)
		}
	}
}

// Rewrite returns the expression with every column replaced by what f gives for it.
func (e *Expr) Rewrite(f func(*Expr) *Expr) *Expr {
	if e.Op == Column {
		return f(e)
	}
	if len(e.Args) == 0 && e.Sub == nil {
		return e
	}
	c := *e
	c.Args = make([]*Expr, len(e.Args))
	for i, a := range e.Args {
		c.Args[i] = a.Rewrite(f)
	}
	if e.Sub != nil {
		c.Sub = e.Sub.rewrite(f)
	}
	return &c
}

// Constantly reports whether the expression depends on nothing that changes while a query runs.
func (e *Expr) Constantly() bool {
	ok := true
	e.Walk(func(x *Expr) {
		if x.Op == Column || x.Op == Outer || x.Op == SubQuery || x.Volatile {
			ok = false
		}
	})
	return ok
}

// Changes reports whether the expression may give another value each time.
func (e *Expr) Changes() bool {
	changes := false
	e.Walk(func(x *Expr) { changes = changes || x.Volatile })
	return changes
}

// Fold evaluates what is constant now.
func (e *Expr) Fold() *Expr {
	if e.Op == Const || !e.Constantly() {
		return e
	}
	v := e.Eval(nil)
	return &Expr{Op: Const, Type: e.Type, Value: v, Text: e.Text, Pos: e.Pos}
}

// fail ends the evaluation.
func fail(state, format string, args ...any) {
	panic(sql.Errorf(state, -1, format, args...))
}

// Set is constants to look values up in.
type Set struct {
	Values  []table.Value
	keys    map[string]bool
	unknown bool // NULL is among them
}

// NewSet makes a set of values that are compared as the type.
func NewSet(values []table.Value) *Set {
	s := &Set{keys: make(map[string]bool, len(values))}
	var b []byte
	for i := range values {
		if values[i].Type == table.Null {
			s.unknown = true
			continue
		}
		b = AppendKey(b[:0], &values[i])
		if !s.keys[string(b)] {
			s.keys[string(b)] = true
			s.Values = append(s.Values, values[i])
		}
	}
	return s
}

func (s *Set) has(v *table.Value) table.Value {
	if v.Type == table.Null {
		if len(s.keys) == 0 && !s.unknown {
			return table.Truth(false) // nothing is in the empty set
		}
		return *v
	}
	var buffer [64]byte
	if s.keys[string(AppendKey(buffer[:0], v))] {
		return table.Truth(true)
	}
	if s.unknown {
		return table.Value{}
	}
	return table.Truth(false)
}
