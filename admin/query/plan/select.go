package plan

import (
	"slices"
	"strings"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/sql"
)

// selection is a SELECT that is being planned.
type selection struct {
	p      *planner
	ast    *sql.Select
	order  []sql.Order
	node   Node    // what has been planned so far
	input  *binder // on the rows of FROM
	bind   *binder // on the rows that columns are computed from
	items  []item
	keys   []expr.SortKey
	having *expr.Expr
	calls  []*WindowCall
	limit  int // negative: none
	offset int
}

// item is one column of the result.
type item struct {
	x      sql.Expr // nil: a column of a star
	e      *expr.Expr
	name   Field
	alias  string
	unnest bool   // it is a list, each value of which makes a row
	field  string // of those values; empty: all of it
	list   string // the text of that list
}

// selectQuery plans a SELECT with what follows it: ORDER BY may name what is not selected.
func (p *planner) selectQuery(s *sql.Select, order []sql.Order, limit, offset int, out *outer,
) (Node, error) {
	src, err := p.from(s.From, out)
	if err != nil {
		return nil, err
	}
	sel := &selection{p: p, ast: s, order: order, node: src.node, limit: limit, offset: offset}
	sel.input = &binder{
		p: p, fields: src.node.Fields(), merged: src.merged, outer: out, clause: "WHERE",
		named: s.Windows,
	}
	for _, step := range []func() error{
		sel.where, sel.expand, sel.group, sel.columns, sel.sort, sel.compose,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return sel.node, nil
}

func (s *selection) where() error {
	if s.ast.Where == nil {
		return nil
	}
	e, err := s.input.bind(s.ast.Where)
	if err != nil {
		return err
	}
	if e, err = s.input.condition(e, s.ast.Where); err != nil {
		return err
	}
	s.node = &Filter{s.node, e}
	return nil
}

// expand makes items of stars.
func (s *selection) expand() error {
	for _, i := range s.ast.Items {
		if !i.Star {
			s.items = append(s.items, item{x: i.Expr, alias: i.Alias})
			continue
		}
		before := len(s.items)
		for at, f := range s.input.fields {
			if f.Hidden || len(i.Table) > 0 && f.Qualifier != i.Table.Last() || slices.Contains(i.Except, f.Name) ||
				s.hiddenByUsing(at, f) {
				continue
			}
			s.items = append(s.items, item{e: expr.Ref(at, f.Type, fieldText(&f)), name: f})
		}
		if len(s.items) == before {
			if len(i.Table) > 0 {
				return sql.Errorf(sql.StateUndefinedTable, i.Pos, "there is no table %s here",
					strings.Join(i.Table, "."))
			}
			return sql.Errorf(sql.StateSyntax, i.Pos, "SELECT * without columns").
				With("name a table in FROM")
		}
	}
	if len(s.items) > maxItems {
		return sql.Errorf(sql.StateTooComplex, s.ast.Pos, "more than %d columns are selected", maxItems)
	}
	return nil
}

// hiddenByUsing: of two columns that USING has made one, a star shows one.
func (s *selection) hiddenByUsing(at int, f Field) bool {
	shown, merged := s.input.merged[f.Name]
	return merged && shown != at
}

// grouped reports whether rows are grouped.
func (s *selection) grouped() bool {
	if len(s.ast.GroupBy) > 0 || s.ast.GroupByAll || s.ast.Having != nil {
		return true
	}
	for _, i := range s.items {
		if i.x != nil && sql.Any(i.x, isAggregate) {
			return true
		}
	}
	return slices.ContainsFunc(s.order, func(o sql.Order) bool { return sql.Any(o.Expr, isAggregate) })
}

func isAggregate(x sql.Expr) bool {
	c, ok := x.(*sql.Call)
	return ok && c.Over == nil && expr.IsAggregate(c.Name)
}

// group binds GROUP BY and prepares the binder of what stands above it.
func (s *selection) group() error {
	s.bind = s.input
	s.bind.windows, s.bind.clause = nil, "GROUP BY"
	if !s.grouped() {
		return nil
	}
	groups, err := s.groupKeys()
	if err != nil {
		return err
	}
	above := *s.input
	above.grouped, above.groups, above.input = true, groups, s.input
	s.bind = &above
	return nil
}

func (s *selection) groupKeys() (groups []*expr.Expr, err error) {
	list := slices.Clone(s.ast.GroupBy)
	if s.ast.GroupByAll {
		for _, i := range s.items {
			if i.x != nil && !sql.Any(i.x, isAggregate) {
				list = append(list, i.x)
			}
		}
	}
	for _, x := range list {
		e, err := s.groupKey(x)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(groups, func(g *expr.Expr) bool { return g.Text == e.Text }) {
			groups = append(groups, e)
		}
	}
	return groups, nil
}

// groupKey binds a key: the number of a column, a column of FROM, the alias of a column, or any
// expression.
func (s *selection) groupKey(x sql.Expr) (*expr.Expr, error) {
	if l, ok := x.(*sql.Literal); ok && l.Kind == "int" {
		at, err := s.ordinal(l)
		if err != nil {
			return nil, err
		}
		if s.items[at].x == nil {
			return s.items[at].e, nil
		}
		return s.input.bind(s.items[at].x)
	}
	if c, ok := x.(*sql.Column); ok && len(c.Name) == 1 {
		at, err := s.input.find(c)
		if i := s.aliased(c.Name[0]); err == nil && at < 0 && i >= 0 {
			return s.input.bind(s.items[i].x)
		}
	}
	return s.input.bind(x)
}

func (s *selection) ordinal(l *sql.Literal) (int, error) {
	for i := range s.items {
		if Text(i+1) == l.Text {
			return i, nil
		}
	}
	return 0, sql.Errorf(sql.StateUndefinedCol, l.Position(), "there is no column %s: there are %d",
		l.Text, len(s.items))
}

// aliased finds the item of an alias, -1 if there is none.
func (s *selection) aliased(name string) int {
	return slices.IndexFunc(s.items, func(i item) bool { return i.x != nil && i.alias == name })
}

// columns binds what is selected, and HAVING.
func (s *selection) columns() error {
	s.bind.windows, s.bind.clause = &s.calls, "SELECT"
	for i := range s.items {
		if err := s.column(&s.items[i]); err != nil {
			return err
		}
	}
	if s.ast.Having == nil {
		return nil
	}
	having := *s.bind
	having.windows, having.clause = nil, "HAVING"
	having.aliases = s.aliases()
	e, err := having.bind(s.ast.Having)
	s.bind.aggs = having.aggs
	if err == nil {
		s.having, err = having.condition(e, s.ast.Having)
	}
	return err
}

func (s *selection) aliases() map[string]*expr.Expr {
	known := map[string]*expr.Expr{}
	for _, i := range s.items {
		if _, twice := known[i.alias]; i.x != nil && i.alias != "" && !twice {
			known[i.alias] = i.e
		}
	}
	return known
}

func (s *selection) column(i *item) (err error) {
	if i.x == nil {
		if s.bind.grouped {
			at := slices.IndexFunc(s.bind.groups, func(g *expr.Expr) bool { return g.Text == i.e.Text })
			if at < 0 {
				return sql.Errorf(sql.StateGrouping, s.ast.Pos,
					"column %s must be in GROUP BY or inside an aggregate", i.e.Text)
			}
			i.e = expr.Ref(at, i.e.Type, i.e.Text)
		}
		return nil
	}
	x := i.x
	if list, field, ok := s.setOf(x); ok {
		i.unnest, i.field, x = true, field, list
	}
	if i.e, err = s.bind.bind(x); err != nil {
		return err
	}
	i.name = Field{Name: i.e.Text, Type: i.e.Type}
	if s.p.env.Labels {
		i.name.Name = label(i.x)
	}
	if c, ok := x.(*sql.Column); ok {
		i.name.Name = c.Name.Last()
		if at, err := s.input.find(c); err == nil && at >= 0 {
			i.name.Qualifier = s.input.fields[at].Qualifier
		}
	}
	if i.unnest {
		if _, list := i.e.Type.Elem(); !list {
			return sql.Errorf(sql.StateType, x.Position(), "unnest takes a list, not %s", i.e.Type)
		}
		if i.name.Type = i.e.Type; !s.p.env.Labels {
			i.name.Name = join("unnest(", i.e.Text, ")")
		}
		i.list = i.e.Text
		if i.field != "" { // another column than the whole list
			own := *i.e
			own.Text = join("(", i.e.Text, ").", i.field)
			i.e = &own
		}
	}
	if i.alias != "" {
		i.name = Field{Name: i.alias, Type: i.e.Type}
	}
	return nil
}

// setOf finds what makes rows of a list: unnest, or a function that gives a set; and which field of its
// values is meant.
func (s *selection) setOf(x sql.Expr) (list sql.Expr, field string, ok bool) {
	if f, is := x.(*sql.Field); is {
		x, field = f.X, f.Name
	}
	c, is := x.(*sql.Call)
	switch {
	case !is || c.Over != nil:
		return nil, "", false
	case c.Name == "unnest" && len(c.Args) == 1:
		return c.Args[0], field, true
	}
	return c, field, s.p.env.Functions[c.Name].Set
}

// sort binds ORDER BY: a column of the result by its number or name, or else an expression.
func (s *selection) sort() error {
	by := *s.bind
	by.clause, by.aliases = "ORDER BY", s.aliases()
	defer func() { s.bind.aggs = by.aggs }()
	for _, o := range s.order {
		e, err := s.sortExpr(&by, o.Expr)
		if err != nil {
			return err
		}
		s.keys = append(s.keys, sortKey(e, o))
	}
	return nil
}

func (s *selection) sortExpr(by *binder, x sql.Expr) (*expr.Expr, error) {
	switch x := x.(type) {
	case *sql.Literal:
		if x.Kind == "int" {
			at, err := s.ordinal(x)
			if err != nil {
				return nil, err
			}
			return s.items[at].e, nil
		}
	case *sql.Column:
		if len(x.Name) == 1 {
			for _, i := range s.items {
				if i.name.Name == x.Name[0] &&
					(i.alias != "" || i.x == nil || i.name.Qualifier != "" || s.p.env.Labels) {
					return i.e, nil
				}
			}
		}
	}
	return by.bind(x)
}

// compose puts the nodes on top of each other.
func (s *selection) compose() error {
	if s.bind.grouped {
		s.node = &Aggregate{In: s.node, Groups: s.bind.groups, Aggs: s.bind.aggs}
		if s.having != nil {
			s.node = &Filter{s.node, s.having}
		}
	}
	if len(s.calls) > 0 {
		s.placeWindows()
	}
	unnested := slices.ContainsFunc(s.items, func(i item) bool { return i.unnest })
	volatile := slices.ContainsFunc(s.keys, func(k expr.SortKey) bool { return k.Expr.Changes() })
	if s.ast.Distinct || len(s.ast.DistinctOn) > 0 || unnested || volatile {
		return s.composeResult(unnested)
	}
	s.arrange(s.keys)
	s.project()
	return nil
}

// arrange sorts and cuts the rows as they are.
func (s *selection) arrange(keys []expr.SortKey) {
	if len(keys) > 0 {
		n := &Sort{In: s.node, Keys: keys, Limit: -1}
		if s.limit >= 0 {
			n.Limit = s.limit + s.offset
		}
		s.node = n
	}
	if s.limit >= 0 || s.offset > 0 {
		s.node = &Limit{s.node, s.limit, s.offset}
	}
}

func (s *selection) project() {
	n := &Project{In: s.node}
	for _, i := range s.items {
		n.Exprs, n.Names = append(n.Exprs, i.e), append(n.Names, i.name)
	}
	s.node = n
}

// placeWindows computes window functions; from here on it is known which columns they are.
func (s *selection) placeWindows() {
	width := len(s.node.Fields())
	place := func(c *expr.Expr) *expr.Expr {
		if c.Index < windowBase {
			return c
		}
		return expr.Ref(width+c.Index-windowBase, c.Type, c.Text)
	}
	for i := range s.items {
		s.items[i].e = s.items[i].e.Rewrite(place)
	}
	for i := range s.keys {
		s.keys[i].Expr = s.keys[i].Expr.Rewrite(place)
	}
	s.node = &Window{In: s.node, Calls: s.calls}
}

// composeResult sorts what is selected after it was computed, since rows are left out or added then.
func (s *selection) composeResult(unnested bool) error {
	var on []*expr.Expr
	onKeys := &binder{}
	if len(s.ast.DistinctOn) > 0 {
		*onKeys = *s.bind
		onKeys.clause, onKeys.aliases = "DISTINCT ON", s.aliases()
		for _, x := range s.ast.DistinctOn {
			e, err := s.sortExpr(onKeys, x)
			if err != nil {
				return err
			}
			on = append(on, e)
		}
	}
	if len(on) > 0 { // the first of each in the order
		if len(s.keys) > 0 {
			s.node = &Sort{In: s.node, Keys: s.keys, Limit: -1}
		}
		s.node = &Distinct{s.node, on}
		s.arrange(nil)
		s.project()
		return nil
	}
	outputs := make([]*expr.Expr, len(s.items))
	for i, it := range s.items {
		outputs[i] = it.e
	}
	s.project()
	if unnested {
		if err := s.unnest(); err != nil {
			return err
		}
	}
	fields := s.node.Fields()
	hidden := len(fields)
	for i, k := range s.keys {
		at := slices.IndexFunc(outputs, func(e *expr.Expr) bool { return e.Text == k.Expr.Text })
		if at < 0 {
			if s.ast.Distinct || unnested {
				return sql.Errorf("42P10", s.order[i].Expr.Position(),
					"with SELECT DISTINCT, what ORDER BY names must be selected").With("select it too")
			}
			project := s.node.(*Project)
			at = len(project.Exprs)
			project.Exprs = append(project.Exprs, k.Expr)
			project.Names = append(project.Names, Field{Name: k.Expr.Text, Type: k.Expr.Type})
		}
		s.keys[i].Expr = expr.Ref(at, k.Expr.Type, k.Expr.Text)
	}
	if s.ast.Distinct {
		s.node = &Distinct{In: s.node}
	}
	s.arrange(s.keys)
	if len(s.node.Fields()) > hidden {
		s.node = &Project{In: s.node, Exprs: refs(fields), Names: fields}
	}
	return nil
}

func refs(fields []Field) (list []*expr.Expr) {
	for i, f := range fields {
		list = append(list, expr.Ref(i, f.Type, fieldText(&f)))
	}
	return list
}

// unnest makes rows of the one list among the columns, which may be there several times.
func (s *selection) unnest() error {
	at := -1
	for i := range s.items {
		switch {
		case !s.items[i].unnest:
		case at < 0:
			at = i
		case s.items[i].list != s.items[at].list:
			return sql.Errorf(sql.StateNotSupported, s.items[i].x.Position(),
				"not supported: more than one unnest")
		}
	}
	fields := s.node.Fields()
	last := len(fields) - 1
	swapped := refs(fields)
	swapped[at], swapped[last] = swapped[last], swapped[at]
	names := slices.Clone(fields)
	names[at], names[last] = names[last], names[at]
	n := &Unnest{&Project{In: s.node, Exprs: swapped, Names: names}}
	value := n.Fields()[last]
	back, out := refs(fields), fields
	if last != at {
		back[last].Index = at
	}
	for i := range s.items {
		if !s.items[i].unnest {
			continue
		}
		back[i] = expr.Ref(last, value.Type, s.items[i].list)
		if s.items[i].field != "" {
			var err error
			back[i], err = expr.FieldOf(back[i], s.items[i].field, s.items[i].x.Position())
			if err != nil {
				return err
			}
		}
		out[i].Type, s.items[i].name.Type = back[i].Type, back[i].Type
	}
	s.node = &Project{In: n, Exprs: back, Names: out}
	return nil
}
