package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// binder gives expressions meaning on the rows of one node.
type binder struct {
	p      *planner
	fields []Field
	// outer is the query around this one, nil if there is none.
	outer *outer
	// groups are set once rows are grouped: input is how expressions below were bound.
	grouped bool
	groups  []*expr.Expr
	input   *binder
	aggs    []*expr.Aggregate
	// windows are the calls found so far; nil where they may not stand.
	windows *[]*WindowCall
	named   map[string]*sql.Window
	// clause is what is being bound, for errors.
	clause string
	// merged are columns of USING: names that stand for either table.
	merged map[string]int
	// aliases are the columns of the result, where they may be named.
	aliases map[string]*expr.Expr
}

// outer is how a subquery reaches the row around it.
type outer struct {
	binder *binder
	sub    *expr.Sub
}

func (b *binder) bind(x sql.Expr) (*expr.Expr, error) {
	if c, ok := x.(*sql.Column); ok && len(c.Name) == 1 && b.aliases[c.Name[0]] != nil {
		return b.aliases[c.Name[0]], nil
	}
	if b.grouped {
		if e, err := b.bindGrouped(x); e != nil || err != nil {
			return e, err
		}
	}
	e, err := b.bindPlain(x)
	if e != nil && e.Pos < 0 {
		positioned := *e
		positioned.Pos = x.Position()
		e = &positioned
	}
	return e, err
}

func (b *binder) bindAll(list []sql.Expr) (out []*expr.Expr, err error) {
	for _, x := range list {
		e, err := b.bind(x)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func (b *binder) bindPlain(x sql.Expr) (*expr.Expr, error) {
	switch x := x.(type) {
	case *sql.Column:
		return b.column(x)
	case *sql.Literal:
		return literal(x)
	case *sql.Param:
		return b.p.param(x)
	case *sql.Unary:
		return b.unary(x)
	case *sql.Binary:
		return b.binary(x)
	case *sql.Is:
		return b.is(x)
	case *sql.Like:
		return b.like(x)
	case *sql.Between:
		return b.between(x)
	case *sql.In:
		return b.in(x)
	case *sql.Case:
		return b.caseOf(x)
	case *sql.Cast:
		return b.cast(x)
	case *sql.Call:
		return b.call(x)
	case *sql.Extract:
		e, err := b.bind(x.X)
		if err != nil {
			return nil, err
		}
		return expr.ExtractPart(x.Field, e,
			"date_part(Utf8(\""+strings.ToUpper(x.Field)+"\"),"+e.Text+")", x.Position())
	}
	return b.bindRare(x)
}

func (b *binder) bindRare(x sql.Expr) (*expr.Expr, error) {
	switch x := x.(type) {
	case *sql.Exists:
		return b.subquery(expr.SubExists, x.Query, nil, "EXISTS")
	case *sql.Subquery:
		return b.subquery(expr.SubScalar, x.Query, nil, "")
	case *sql.Quantified:
		return b.quantified(x)
	case *sql.Array:
		args, err := b.bindAll(x.Items)
		if err != nil {
			return nil, err
		}
		return expr.Build("make_array", args, callText("make_array", args), x.Position())
	case *sql.Field:
		e, err := b.bind(x.X)
		if err != nil {
			return nil, err
		}
		return expr.FieldOf(e, x.Name, x.Position())
	case *sql.Index:
		args, err := b.bindAll([]sql.Expr{x.X, x.I})
		if err != nil {
			return nil, err
		}
		return expr.Build("array_element", args, callText("array_element", args), x.Position())
	}
	return nil, sql.Errorf(sql.StateNotSupported, x.Position(), "not supported: this expression")
}

// column finds a column here, or in the queries around this one.
func (b *binder) column(c *sql.Column) (*expr.Expr, error) {
	at, err := b.find(c)
	if err != nil {
		return nil, err
	}
	if at >= 0 {
		if b.grouped {
			return nil, sql.Errorf(sql.StateGrouping, c.Position(),
				"column %s must be in GROUP BY or inside an aggregate", fieldText(&b.fields[at]))
		}
		return expr.Ref(at, b.fields[at].Type, fieldText(&b.fields[at])), nil
	}
	if b.outer != nil {
		e, err := b.outer.binder.bind(c)
		if err != nil {
			return nil, err
		}
		sub := b.outer.sub
		for i, o := range sub.Outer {
			if o.Text == e.Text && o.Type == e.Type {
				return &expr.Expr{Op: expr.Outer, Type: e.Type, Index: i, Cell: sub.Cell, Text: e.Text}, nil
			}
		}
		sub.Outer = append(sub.Outer, e)
		return &expr.Expr{Op: expr.Outer, Type: e.Type, Index: len(sub.Outer) - 1, Cell: sub.Cell,
			Text: e.Text}, nil
	}
	return nil, b.unknown(c)
}

// find returns the position of a column, -1 if there is none.
func (b *binder) find(c *sql.Column) (int, error) {
	fields := b.fields
	name := c.Name.Last()
	qualifier := ""
	if len(c.Name) > 1 {
		qualifier = c.Name[len(c.Name)-2]
	} else if at, ok := b.merged[name]; ok {
		return at, nil
	}
	found := -1
	for i := range fields {
		f := &fields[i]
		if f.Name != name || qualifier != "" && f.Qualifier != qualifier {
			continue
		}
		if found >= 0 {
			return -1, sql.Errorf(sql.StateAmbiguous, c.Position(), "column %s is ambiguous: %s or %s",
				name, fieldText(&fields[found]), fieldText(f)).With("say of which table")
		}
		found = i
	}
	return found, nil
}

// unknown says that a column does not exist, and what may have been meant.
func (b *binder) unknown(c *sql.Column) error {
	name := strings.Join(c.Name, ".")
	e := sql.Errorf(sql.StateUndefinedCol, c.Position(), "there is no column %s", name)
	best, near := 4, ""
	var all []string
	for i := range b.fields {
		if d := expr.Distance(c.Name.Last(), b.fields[i].Name); d < best {
			best, near = d, fieldText(&b.fields[i])
		}
		all = append(all, fieldText(&b.fields[i]))
	}
	switch {
	case near != "":
		return e.With("did you mean %s?", near)
	case len(all) > 0 && len(all) <= 60:
		return e.With("there are %s", strings.Join(all, ", "))
	}
	return e
}

func fieldText(f *Field) string {
	if f.Qualifier == "" {
		return f.Name
	}
	return f.Qualifier + "." + f.Name
}

func (b *binder) unary(x *sql.Unary) (*expr.Expr, error) {
	if l, ok := x.X.(*sql.Literal); ok && x.Op == "-" && (l.Kind == "int" || l.Kind == "float") {
		return literal(&sql.Literal{At: x.At, Kind: l.Kind, Text: "-" + l.Text})
	}
	e, err := b.bind(x.X)
	if err != nil {
		return nil, err
	}
	switch x.Op {
	case "not":
		if e, err = b.condition(e, x.X); err != nil {
			return nil, err
		}
		return expr.Negate(e, "NOT "+e.Text), nil
	case "-":
		if e.Type == table.Uint32 || e.Type == table.Uint64 {
			if c, ok := expr.Cast(e, table.Int64, false); ok {
				e = c
			}
		}
		zero := expr.Constant(table.Integer(0), "0")
		if e.Type == table.Duration || e.Type == table.Interval {
			return expr.Operate("*", e, expr.Constant(table.Integer(-1), "-1"), "(- "+e.Text+")", x.Position())
		}
		return expr.Operate("-", zero, e, "(- "+e.Text+")", x.Position())
	}
	return expr.Operate("#", e, expr.Constant(table.Integer(-1), "-1"), "~"+e.Text, x.Position())
}

// condition makes sure that an expression is true or false.
func (b *binder) condition(e *expr.Expr, x sql.Expr) (*expr.Expr, error) {
	if e.Type == table.Bool {
		return e, nil
	}
	if e.Type == table.Null || e.Op == expr.Const {
		if c, ok := expr.Cast(e, table.Bool, false); ok {
			return c, nil
		}
	}
	return nil, sql.Errorf(sql.StateType, x.Position(), "a condition must be true or false, not of type %s",
		e.Type)
}

func (b *binder) binary(x *sql.Binary) (*expr.Expr, error) {
	switch x.Op {
	case "and", "or":
		return b.logic(x)
	case "~~", "!~~", "~~*", "!~~*":
		like := &sql.Like{At: x.At, Op: "like", X: x.X, Pattern: x.Y, Not: x.Op[0] == '!'}
		if strings.HasSuffix(x.Op, "*") {
			like.Op = "ilike"
		}
		return b.like(like)
	}
	list, err := b.bindAlike(x.X, x.Y)
	if err != nil {
		return nil, err
	}
	return expr.Operate(x.Op, list[0], list[1],
		join(list[0].Text, " ", strings.ToUpper(x.Op), " ", list[1].Text), x.Position())
}

// logic binds a whole chain of ANDs or ORs at once: there may be thousands.
func (b *binder) logic(x *sql.Binary) (*expr.Expr, error) {
	var chain []sql.Expr
	left := sql.Expr(x)
	for {
		l, ok := left.(*sql.Binary)
		if !ok || l.Op != x.Op {
			break
		}
		chain, left = append(chain, l.Y), l.X
	}
	chain = append(chain, left)
	slices.Reverse(chain)
	var texts []string
	var args []*expr.Expr
	for _, c := range chain {
		e, err := b.bind(c)
		if err != nil {
			return nil, err
		}
		if e, err = b.condition(e, c); err != nil {
			return nil, err
		}
		args = append(args, e)
		if len(texts) > 0 {
			texts = append(texts, " ", strings.ToUpper(x.Op), " ")
		}
		texts = append(texts, e.Text)
	}
	op := expr.And
	if x.Op == "or" {
		op = expr.Or
	}
	return expr.Logic(op, join(texts...), args...), nil
}

// bindAlike binds expressions that are compared or computed with each other: the type of one tells
// that of a parameter.
func (b *binder) bindAlike(list ...sql.Expr) ([]*expr.Expr, error) {
	out, err := b.bindAll(list)
	if err != nil {
		return nil, err
	}
	b.p.hintAlike(list, out)
	return out, nil
}

// hintAlike: parameters among expressions are of the type of the others.
func (p *planner) hintAlike(list []sql.Expr, bound []*expr.Expr) {
	at := slices.IndexFunc(bound, func(e *expr.Expr) bool { return e.Type != table.Null })
	if at < 0 {
		return
	}
	for _, x := range list {
		if param, ok := x.(*sql.Param); ok {
			p.hint(param, bound[at].Type)
		}
	}
}

// maxText is how long the text of an expression gets; beyond it, it is a digest.
const maxText = 8 << 10

// join puts the text of an expression together. Texts that differ stay different.
func join(parts ...string) string {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	if n <= maxText {
		return strings.Join(parts, "")
	}
	h := sha256.New()
	for _, p := range parts {
		_, _ = h.Write([]byte(p)) // it never fails
	}
	return parts[0][:min(len(parts[0]), 100)] + "... " + hex.EncodeToString(h.Sum(nil))
}

func (b *binder) is(x *sql.Is) (*expr.Expr, error) {
	e, err := b.bind(x.X)
	if err != nil {
		return nil, err
	}
	text := e.Text + " IS " + strings.ToUpper(x.What)
	if x.Not {
		text = e.Text + " IS NOT " + strings.ToUpper(x.What)
	}
	if x.What == "null" || x.What == "unknown" {
		is := &expr.Expr{Op: expr.IsNull, Type: table.Bool, Args: []*expr.Expr{e}, Text: text, Pos: -1}
		if x.Not {
			return expr.Negate(is, text), nil
		}
		return is, nil
	}
	if e, err = b.condition(e, x.X); err != nil {
		return nil, err
	}
	op := "is not distinct from"
	if x.Not {
		op = "is distinct from"
	}
	return expr.Operate(op, e, expr.Constant(table.Truth(x.What == "true"), ""), text, x.Position())
}

func (b *binder) like(x *sql.Like) (*expr.Expr, error) {
	args, err := b.bindAll([]sql.Expr{x.X, x.Pattern})
	if p, ok := x.Pattern.(*sql.Param); ok {
		b.p.hint(p, table.String)
	}
	if err != nil {
		return nil, err
	}
	escape := byte('\\')
	if x.Escape != "" {
		escape = x.Escape[0]
	}
	op := " " + strings.ToUpper(x.Op) + " "
	e, err := expr.LikePattern(x.Op, args[0], args[1], escape, args[0].Text+op+args[1].Text, x.Position())
	if err == nil && x.Not {
		e = expr.Negate(e, args[0].Text+" NOT"+op+args[1].Text)
	}
	return e, err
}

func (b *binder) between(x *sql.Between) (*expr.Expr, error) {
	args, err := b.bindAlike(x.X, x.Low, x.High)
	if err != nil {
		return nil, err
	}
	low, err := expr.Operate(">=", args[0], args[1], "", x.Position())
	if err != nil {
		return nil, err
	}
	high, err := expr.Operate("<=", args[0], args[2], "", x.Position())
	if err != nil {
		return nil, err
	}
	not := ""
	if x.Not {
		not = "NOT "
	}
	text := args[0].Text + " " + not + "BETWEEN " + args[1].Text + " AND " + args[2].Text
	e := expr.Logic(expr.And, text, low, high)
	if x.Not {
		return expr.Negate(e, text), nil
	}
	return e, nil
}

func (b *binder) in(x *sql.In) (*expr.Expr, error) {
	e, err := b.bind(x.X)
	if err != nil {
		return nil, err
	}
	not := ""
	if x.Not {
		not = "NOT "
	}
	if x.Query != nil {
		sub, err := b.subquery(expr.SubIn, x.Query, e, e.Text+" "+not+"IN (<subquery>)")
		if err == nil && x.Not {
			sub = expr.Negate(sub, sub.Text)
		}
		return sub, err
	}
	list, err := b.bindAll(x.List)
	if err != nil {
		return nil, err
	}
	b.p.hintAlike(append([]sql.Expr{x.X}, x.List...), append([]*expr.Expr{e}, list...))
	in, err := among(e, list, x.Position())
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, v := range list {
		texts = append(texts, v.Text)
	}
	in.Text = join(e.Text, " ", not, "IN (["+strings.Join(texts, ", ")+"])")
	if x.Not {
		return expr.Negate(in, in.Text), nil
	}
	return in, nil
}

// among makes IN of a list: of constants a set.
func among(e *expr.Expr, list []*expr.Expr, pos int) (*expr.Expr, error) {
	in := &expr.Expr{Op: expr.InSet, Type: table.Bool, Pos: pos, Args: []*expr.Expr{e}}
	var values []table.Value
	for _, v := range list {
		left, right, err := expr.Unify(e, v, pos)
		if err != nil {
			return nil, err
		}
		if left != e { // all are compared as text, then
			in.Args[0], e = left, left
		}
		right = right.Fold()
		in.Args = append(in.Args, right)
		if right.Op != expr.Const {
			in.Op = expr.InList
			continue
		}
		values = append(values, right.Value)
	}
	if in.Op == expr.InSet {
		in.Args, in.Set = in.Args[:1], expr.NewSet(values)
	}
	return in, nil
}

func (b *binder) caseOf(x *sql.Case) (*expr.Expr, error) {
	text := "CASE"
	var operand *expr.Expr
	var err error
	if x.Operand != nil {
		if operand, err = b.bind(x.Operand); err != nil {
			return nil, err
		}
		text += " " + operand.Text
	}
	var args []*expr.Expr
	for _, w := range x.Whens {
		pair, err := b.bindAll([]sql.Expr{w.If, w.Then})
		if err != nil {
			return nil, err
		}
		text += " WHEN " + pair[0].Text + " THEN " + pair[1].Text
		if operand != nil {
			pair[0], err = expr.Operate("=", operand, pair[0], "", w.If.Position())
		} else {
			pair[0], err = b.condition(pair[0], w.If)
		}
		if err != nil {
			return nil, err
		}
		args = append(args, pair...)
	}
	otherwise := expr.Constant(table.Value{}, "NULL")
	if x.Else != nil {
		if otherwise, err = b.bind(x.Else); err != nil {
			return nil, err
		}
		text += " ELSE " + otherwise.Text
	}
	return expr.CaseOf(append(args, otherwise), text+" END", x.Position())
}

func (b *binder) cast(x *sql.Cast) (*expr.Expr, error) {
	if e, err := b.castName(x); e != nil || err != nil {
		return e, err
	}
	e, err := b.bind(x.X)
	if err != nil {
		return nil, err
	}
	t, ok := expr.TypeNamed(x.Type)
	if !ok {
		return nil, sql.Errorf(sql.StateType, x.Position(), "there is no type %s", x.Type)
	}
	if param, ok := x.X.(*sql.Param); ok {
		b.p.hint(param, t)
	}
	c, ok := expr.Cast(e, t, x.Try)
	if !ok {
		return nil, sql.Errorf(sql.StateType, x.Position(), "cannot cast %s to %s", e.Type, t)
	}
	return c, nil
}

// RegIn and RegOut, with the name of a type, are the functions that make an OID of a name, and a name of
// an OID: PostgreSQL's types regclass, regtype and their like are both.
const (
	RegIn  = "cast to "
	RegOut = "cast from "
)

// castName makes casts to types that are OIDs and look like names: text becomes the OID, an OID the text,
// and both once more if they are cast again. It returns nil if there is no such type.
func (b *binder) castName(x *sql.Cast) (*expr.Expr, error) {
	kind, inner := x.Type, x.X
	_, single := b.p.env.Functions[RegIn+kind]
	again, twice := x.X.(*sql.Cast)
	if twice && !single {
		kind, inner = again.Type, again.X
		_, twice = b.p.env.Functions[RegIn+kind]
	}
	if !single && !twice {
		return nil, nil
	}
	e, err := b.bind(inner)
	if err != nil {
		return nil, err
	}
	call := func(prefix string, e *expr.Expr) (*expr.Expr, error) {
		f := b.p.env.Functions[prefix+kind]
		return f.Build(kind, []*expr.Expr{e}, e.Text, x.Position())
	}
	name := e.Type == table.String || e.Type == table.Null
	if single {
		if name {
			return call(RegIn, e)
		}
		return call(RegOut, e)
	}
	if name {
		if e, err = call(RegIn, e); err != nil {
			return nil, err
		}
	}
	switch t, ok := expr.TypeNamed(x.Type); {
	case ok && t.Number():
		return e, nil
	case ok && t == table.String:
		return call(RegOut, e)
	}
	return nil, sql.Errorf(sql.StateType, x.Position(), "cannot cast %s to %s", kind, x.Type)
}

func (b *binder) quantified(x *sql.Quantified) (*expr.Expr, error) {
	if x.Query != nil {
		if x.Op == "=" && !x.All {
			return b.in(&sql.In{At: x.At, X: x.X, Query: x.Query})
		}
		if x.Op == "!=" && x.All {
			return b.in(&sql.In{At: x.At, X: x.X, Query: x.Query, Not: true})
		}
		return nil, sql.Errorf(sql.StateNotSupported, x.Position(), "not supported: %s ANY or ALL of a query",
			x.Op).With("compare with the least or greatest of its values")
	}
	args, err := b.bindAll([]sql.Expr{x.List, x.X})
	if err != nil {
		return nil, err
	}
	if param, ok := x.List.(*sql.Param); ok && args[1].Type != table.Null {
		b.p.hint(param, table.List|args[1].Type)
	}
	if param, ok := x.X.(*sql.Param); ok {
		if elem, list := args[0].Type.Elem(); list {
			b.p.hint(param, elem)
		}
	}
	if args[0].Type == table.String { // '{a,b}'
		elem := args[1].Type
		if elem == table.Null {
			elem = table.String
		}
		c, ok := expr.Cast(args[0], table.List|elem, false)
		if _, list := elem.Elem(); !ok || list {
			return nil, sql.Errorf(sql.StateType, x.Position(), "ANY takes a list, not %s", args[0].Type)
		}
		args[0] = c
	}
	if x.Op != "=" || x.All {
		return expr.Quantify(x.Op, x.All, args[1], args[0],
			join(args[1].Text, " ", strings.ToUpper(x.Op), map[bool]string{false: " ANY(", true: " ALL("}[x.All],
				args[0].Text, ")"), x.Position())
	}
	return expr.Build("array_has", args, args[1].Text+" = ANY("+args[0].Text+")", x.Position())
}

// subquery plans a query inside an expression.
func (b *binder) subquery(kind expr.SubKind, q *sql.Query, arg *expr.Expr, text string,
) (*expr.Expr, error) {
	sub := expr.NewSub(kind, b.p.env.Run)
	n, err := b.p.query(q, &outer{b, sub})
	if err != nil {
		return nil, err
	}
	fields := n.Fields()
	if kind != expr.SubExists && len(fields) != 1 {
		return nil, sql.Errorf(sql.StateSyntax, q.Pos, "a subquery has %d columns where one value is wanted",
			len(fields))
	}
	sub.Plan = Optimize(n)
	e := &expr.Expr{Op: expr.SubQuery, Sub: sub, Type: table.Bool, Text: text, Pos: q.Pos}
	switch kind {
	case expr.SubScalar:
		e.Type, e.Text = fields[0].Type, fields[0].Name
	case expr.SubArray:
		e.Type = table.List | fields[0].Type
	case expr.SubIn:
		e.Args = []*expr.Expr{arg}
	}
	return e, nil
}
