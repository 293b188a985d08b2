package plan

import (
	"slices"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/table"
)

// Optimize moves conditions towards the tables, and has them read only the columns and rows that are
// needed.
func Optimize(n Node) Node {
	n = pushFilters(n, nil)
	n = prune(n)
	limitScans(n)
	return n
}

// conjuncts are the conditions that must all hold for e to hold.
func conjuncts(e *expr.Expr) []*expr.Expr {
	if e.Op == expr.And {
		return e.Args
	}
	return []*expr.Expr{e}
}

func conjunctsOrNil(e *expr.Expr) []*expr.Expr {
	if e == nil {
		return nil
	}
	return conjuncts(e)
}

// conjunction is the condition that all of some hold; nil if there are none.
func conjunction(list []*expr.Expr) *expr.Expr {
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	text := list[0].Text
	for _, e := range list[1:] {
		text = join(text, " AND ", e.Text)
	}
	return expr.Logic(expr.And, text, list...)
}

// pushFilters adds conditions on the rows of a node, as deep as they can go.
func pushFilters(n Node, conds []*expr.Expr) Node {
	switch n := n.(type) {
	case *Filter:
		for _, c := range conjuncts(n.Cond) {
			if c = c.Fold(); c.Op == expr.Const && c.Value.Type == table.Bool && c.Value.Int == 1 {
				continue
			}
			conds = append(conds, c)
		}
		return pushFilters(n.In, conds)
	case *Scan:
		return filterScan(n, conds)
	case *Project:
		return pushThroughProject(n, conds)
	case *Sort:
		if n.Limit < 0 {
			n.In = pushFilters(n.In, conds)
			return n
		}
	case *Distinct:
		if n.On == nil {
			n.In = pushFilters(n.In, conds)
			return n
		}
	case *SetOp:
		n.Left, n.Right = pushFilters(n.Left, conds), pushFilters(n.Right, slices.Clone(conds))
		return n
	case *Join:
		return pushIntoJoin(n, conds)
	case *Aggregate:
		return pushThroughAggregate(n, conds)
	}
	below(n)
	return filtered(n, conds)
}

// below optimizes the inputs of a node that lets no condition pass.
func below(n Node) {
	switch n := n.(type) {
	case *Sort:
		n.In = pushFilters(n.In, nil)
	case *Limit:
		n.In = pushFilters(n.In, nil)
	case *Distinct:
		n.In = pushFilters(n.In, nil)
	case *Window:
		n.In = pushFilters(n.In, nil)
	case *Unnest:
		n.In = pushFilters(n.In, nil)
	}
}

func filtered(n Node, conds []*expr.Expr) Node {
	if c := conjunction(conds); c != nil {
		return &Filter{n, c}
	}
	return n
}

// pushThroughProject replaces columns in conditions by what they are computed from.
func pushThroughProject(n *Project, conds []*expr.Expr) Node {
	var down, stay []*expr.Expr
	for _, c := range conds {
		movable := true
		c.Walk(func(e *expr.Expr) {
			if e.Op == expr.Column && !cheap(n.Exprs[e.Index]) {
				movable = false
			}
		})
		if !movable {
			stay = append(stay, c)
			continue
		}
		down = append(down, c.Rewrite(func(col *expr.Expr) *expr.Expr { return n.Exprs[col.Index] }))
	}
	n.In = pushFilters(n.In, down)
	return filtered(n, stay)
}

// cheap: what is computed anew in a condition must give the same value, and not be a query.
func cheap(e *expr.Expr) bool {
	ok := !e.Changes()
	e.Walk(func(x *expr.Expr) { ok = ok && x.Op != expr.SubQuery })
	return ok
}

func pushThroughAggregate(n *Aggregate, conds []*expr.Expr) Node {
	var down, stay []*expr.Expr
	for _, c := range conds {
		onGroups := len(n.Groups) > 0
		c.Walk(func(e *expr.Expr) {
			if e.Op == expr.Column && (e.Index >= len(n.Groups) || !cheap(n.Groups[e.Index])) {
				onGroups = false
			}
		})
		if !onGroups {
			stay = append(stay, c)
			continue
		}
		down = append(down, c.Rewrite(func(col *expr.Expr) *expr.Expr { return n.Groups[col.Index] }))
	}
	n.In = pushFilters(n.In, down)
	return filtered(n, stay)
}

// sides says which inputs of a join an expression depends on.
func sides(e *expr.Expr, width int) (left, right bool) {
	e.Walk(func(x *expr.Expr) {
		if x.Op == expr.Column {
			left, right = left || x.Index < width, right || x.Index >= width
		}
	})
	return left, right
}

// shift moves the columns of an expression.
func shift(e *expr.Expr, by int) *expr.Expr {
	return e.Rewrite(func(c *expr.Expr) *expr.Expr { return expr.Ref(c.Index+by, c.Type, c.Text) })
}

// equality finds a comparison of one side of a join with the other.
func equality(c *expr.Expr, width int) (l, r *expr.Expr, ok bool) {
	if c.Operator != "=" || len(c.Args) != 2 {
		return nil, nil, false
	}
	ll, lr := sides(c.Args[0], width)
	rl, rr := sides(c.Args[1], width)
	switch {
	case ll && !lr && !rl && rr:
		return c.Args[0], shift(c.Args[1], -width), true
	case !ll && lr && rl && !rr:
		return c.Args[1], shift(c.Args[0], -width), true
	}
	return nil, nil, false
}

// pushIntoJoin gives each side the conditions that are about it alone. Below the side that may be
// missing, conditions of WHERE cannot go: they are about the rows that come out.
func pushIntoJoin(n *Join, conds []*expr.Expr) Node {
	width := len(n.Left.Fields())
	inner := n.Kind == "inner" || n.Kind == "cross"
	toLeft := inner || n.Kind == "left" || n.Kind == "semi" || n.Kind == "anti"
	toRight := inner || n.Kind == "right"
	var left, right, stay []*expr.Expr
	if inner {
		conds = append(conds, conjunctsOrNil(n.Cond)...)
		n.Cond = nil
	}
	for _, c := range conds {
		l, r := sides(c, width)
		switch {
		case l && !r && toLeft && cheap(c):
			left = append(left, c)
		case r && !l && toRight && cheap(c):
			right = append(right, shift(c, -width))
		case inner && l && r:
			if a, b, ok := equality(c, width); ok {
				n.Kind, n.LeftKeys, n.RightKeys = "inner", append(n.LeftKeys, a), append(n.RightKeys, b)
				continue
			}
			n.Kind, n.Cond = "inner", conjunction(append(conjunctsOrNil(n.Cond), c))
		default:
			stay = append(stay, c)
		}
	}
	if !inner {
		n.Cond, left, right = pushOuterCondition(n, width, left, right)
	}
	n.Left, n.Right = pushFilters(n.Left, left), pushFilters(n.Right, right)
	return filtered(n, stay)
}

// pushOuterCondition moves those parts of ON down that are about the optional side alone.
func pushOuterCondition(n *Join, width int, left, right []*expr.Expr) (
	rest *expr.Expr, toLeft, toRight []*expr.Expr,
) {
	var stay []*expr.Expr
	for _, c := range conjunctsOrNil(n.Cond) {
		l, r := sides(c, width)
		switch {
		case r && !l && (n.Kind == "left" || n.Kind == "semi" || n.Kind == "anti") && cheap(c):
			right = append(right, shift(c, -width))
		case l && !r && n.Kind == "right" && cheap(c):
			left = append(left, c)
		default:
			stay = append(stay, c)
		}
	}
	return conjunction(stay), left, right
}

// limitScans has a table stop reading once a LIMIT without an order is reached.
func limitScans(n Node) {
	if l, ok := n.(*Limit); ok && l.Limit >= 0 {
		in := l.In
		for {
			p, ok := in.(*Project)
			if !ok {
				break
			}
			in = p.In
		}
		if s, ok := in.(*Scan); ok && l.Limit+l.Offset > 0 {
			s.Few = l.Limit + l.Offset
			if s.Filter == nil {
				s.Limit = s.Few
			}
		}
	}
	for _, in := range n.Inputs() {
		limitScans(in)
	}
}
