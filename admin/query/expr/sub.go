package expr

import (
	"sync"

	"github.com/perdure/perdure/admin/query/table"
)

// SubKind is what is asked of a subquery.
type SubKind uint8

// Kinds of subqueries.
const (
	SubScalar SubKind = iota // its only value
	SubExists                // whether it has rows
	SubIn                    // whether the argument is among its values
	SubArray                 // its values as a list
)

// Sub is a query inside an expression. It is run again for each row of the query around it, unless
// it does not depend on that; what it gave for the same outer values is remembered.
type Sub struct {
	Kind SubKind
	Plan any // what Run takes
	// Outer are the values it takes from the row around it; they are put into Cell.
	Outer []*Expr
	Cell  *Row
	// Run gives the rows of a plan, at most limit if that is not 0. They belong to the caller.
	Run func(plan any, limit int) []Row

	known *answers // shared by all copies
}

// NewSub makes a subquery that has no plan yet.
func NewSub(kind SubKind, run func(plan any, limit int) []Row) *Sub {
	return &Sub{Kind: kind, Cell: new(Row), Run: run, known: &answers{}}
}

// answers are what a subquery gave for outer values.
type answers struct {
	mu    sync.Mutex
	cache map[string]answer // guarded by mu, as is the Cell
}

type answer struct {
	value table.Value
	set   *Set
}

// maxCached is how many outer values answers are remembered for.
const maxCached = 10000

func (s *Sub) rewrite(f func(*Expr) *Expr) *Sub {
	c := &Sub{Kind: s.Kind, Plan: s.Plan, Cell: s.Cell, Run: s.Run, known: s.known}
	for _, o := range s.Outer {
		c.Outer = append(c.Outer, o.Rewrite(f))
	}
	return c
}

func (s *Sub) eval(e *Expr, r Row) table.Value {
	a := s.ask(r)
	if s.Kind != SubIn {
		return a.value
	}
	v := e.Args[0].Eval(r)
	return a.set.has(&v)
}

func (s *Sub) ask(r Row) answer {
	outer := make(Row, len(s.Outer))
	var key []byte
	for i, o := range s.Outer {
		outer[i] = o.Eval(r)
		key = AppendKey(key, &outer[i])
	}
	k := s.known
	k.mu.Lock()
	defer k.mu.Unlock()
	if a, ok := k.cache[string(key)]; ok {
		return a
	}
	*s.Cell = outer
	a := s.answer()
	if len(k.cache) < maxCached {
		if k.cache == nil {
			k.cache = map[string]answer{}
		}
		k.cache[string(key)] = a
	}
	return a
}

// Values are those that IN looks for, if the subquery depends on no row.
func (s *Sub) Values() []table.Value { return s.ask(nil).set.Values }

func (s *Sub) answer() answer {
	limit := 0
	switch s.Kind {
	case SubExists:
		limit = 1
	case SubScalar:
		limit = 2
	}
	rows := s.Run(s.Plan, limit)
	switch s.Kind {
	case SubExists:
		return answer{value: table.Truth(len(rows) > 0)}
	case SubScalar:
		switch len(rows) {
		case 0:
			return answer{}
		case 1:
			return answer{value: rows[0][0]}
		}
		fail("21000", "a subquery that stands for one value gave several rows")
	}
	values := make([]table.Value, len(rows))
	for i := range rows {
		values[i] = rows[i][0]
	}
	if s.Kind == SubIn {
		return answer{set: NewSet(values)}
	}
	v := table.Value{Type: table.List | table.String, List: values}
	for i := range values {
		if values[i].Type != table.Null {
			v.Type = table.List | values[i].Type
		}
	}
	return answer{value: v}
}
