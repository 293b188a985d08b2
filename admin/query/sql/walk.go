package sql

// Walk calls visit for an expression and, as long as it returns true, for all below it. It does not
// go into queries.
func Walk(x Expr, visit func(Expr) bool) {
	if x == nil || !visit(x) {
		return
	}
	for _, below := range children(x) {
		Walk(below, visit)
	}
}

// Any reports whether test holds for an expression or one below it, outside queries.
func Any(x Expr, test func(Expr) bool) (found bool) {
	Walk(x, func(e Expr) bool {
		found = found || test(e)
		return !found
	})
	return found
}

func children(x Expr) []Expr {
	switch x := x.(type) {
	case *Unary:
		return []Expr{x.X}
	case *Binary:
		return []Expr{x.X, x.Y}
	case *Is:
		return []Expr{x.X}
	case *Like:
		return []Expr{x.X, x.Pattern}
	case *Between:
		return []Expr{x.X, x.Low, x.High}
	case *In:
		return append([]Expr{x.X}, x.List...)
	case *Quantified:
		return []Expr{x.X, x.List}
	case *Case:
		list := []Expr{x.Operand}
		for _, w := range x.Whens {
			list = append(list, w.If, w.Then)
		}
		return append(list, x.Else)
	case *Cast:
		return []Expr{x.X}
	case *Call:
		return callChildren(x)
	case *Extract:
		return []Expr{x.X}
	case *Array:
		return x.Items
	case *Field:
		return []Expr{x.X}
	case *Index:
		return []Expr{x.X, x.I}
	}
	return nil
}

func callChildren(c *Call) []Expr {
	list := append([]Expr{}, c.Args...)
	for _, o := range c.OrderBy {
		list = append(list, o.Expr)
	}
	list = append(list, c.Filter)
	if c.Over != nil {
		list = append(list, c.Over.PartitionBy...)
		for _, o := range c.Over.OrderBy {
			list = append(list, o.Expr)
		}
	}
	return list
}
