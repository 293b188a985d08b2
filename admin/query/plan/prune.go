package plan

import "github.com/perdure/perdure/admin/query/expr"

// prune has every node give the columns only that somebody looks at.
func prune(n Node) Node {
	all := make([]bool, len(n.Fields()))
	for i := range all {
		all[i] = true
	}
	n, _ = pruneTo(n, all)
	return n
}

// mapping says where the columns of a node have gone; those that are gone have -1.
type mapping []int

func (m mapping) apply(e *expr.Expr) *expr.Expr {
	return e.Rewrite(func(c *expr.Expr) *expr.Expr { return expr.Ref(m[c.Index], c.Type, c.Text) })
}

func (m mapping) applyAll(list []*expr.Expr) {
	for i, e := range list {
		list[i] = m.apply(e)
	}
}

func (m mapping) applyKeys(keys []expr.SortKey) {
	for i := range keys {
		keys[i].Expr = m.apply(keys[i].Expr)
	}
}

func identity(n int) mapping {
	m := make(mapping, n)
	for i := range m {
		m[i] = i
	}
	return m
}

// mark notes the columns of an expression.
func mark(need []bool, list ...*expr.Expr) {
	for _, e := range list {
		if e == nil {
			continue
		}
		e.Walk(func(x *expr.Expr) {
			if x.Op == expr.Column {
				need[x.Index] = true
			}
		})
	}
}

func markKeys(need []bool, keys []expr.SortKey) {
	for _, k := range keys {
		mark(need, k.Expr)
	}
}

// pruneTo keeps the columns of a node that are needed, and maybe others.
func pruneTo(n Node, need []bool) (Node, mapping) {
	switch n := n.(type) {
	case *Scan:
		return pruneScan(n, need)
	case *Project:
		return pruneProject(n, need)
	case *Aggregate:
		return pruneAggregate(n, need)
	case *Join:
		return pruneJoin(n, need)
	case *Filter:
		mark(need, n.Cond)
		in, m := pruneTo(n.In, need)
		n.In, n.Cond = in, m.apply(n.Cond)
		return n, m
	case *Sort:
		markKeys(need, n.Keys)
		in, m := pruneTo(n.In, need)
		n.In = in
		m.applyKeys(n.Keys)
		return n, m
	case *Limit:
		in, m := pruneTo(n.In, need)
		n.In = in
		return n, m
	case *Window:
		return pruneWindow(n, need)
	case *Distinct:
		if n.On != nil {
			mark(need, n.On...)
			in, m := pruneTo(n.In, need)
			n.In = in
			m.applyAll(n.On)
			return n, m
		}
		n.In = prune(n.In)
	case *SetOp:
		n.Left, n.Right = prune(n.Left), prune(n.Right)
	case *Unnest:
		n.In = prune(n.In)
	}
	return n, identity(len(need))
}

func pruneScan(s *Scan, need []bool) (Node, mapping) {
	mark(need, s.Filter)
	m := make(mapping, len(need))
	var kept []int
	for i, c := range s.Columns {
		if m[i] = -1; need[i] {
			m[i] = len(kept)
			kept = append(kept, c)
		}
	}
	s.Columns = kept
	if s.Filter != nil {
		s.Filter = m.apply(s.Filter)
	}
	return s, m
}

func pruneProject(p *Project, need []bool) (Node, mapping) {
	m := make(mapping, len(need))
	c := &Project{}
	for i := range p.Exprs {
		if m[i] = -1; need[i] {
			m[i] = len(c.Exprs)
			c.Exprs, c.Names = append(c.Exprs, p.Exprs[i]), append(c.Names, p.Names[i])
		}
	}
	below := make([]bool, len(p.In.Fields()))
	mark(below, c.Exprs...)
	in, moved := pruneTo(p.In, below)
	c.In = in
	moved.applyAll(c.Exprs)
	return c, m
}

func pruneAggregate(a *Aggregate, need []bool) (Node, mapping) {
	m := identity(len(need))
	var aggs []*expr.Aggregate
	for i, x := range a.Aggs {
		at := len(a.Groups) + i
		if m[at] = -1; need[at] {
			m[at] = len(a.Groups) + len(aggs)
			aggs = append(aggs, x)
		}
	}
	a.Aggs = aggs
	below := make([]bool, len(a.In.Fields()))
	mark(below, a.Groups...)
	for _, x := range a.Aggs {
		markAggregate(below, x)
	}
	in, moved := pruneTo(a.In, below)
	a.In = in
	moved.applyAll(a.Groups)
	for _, x := range a.Aggs {
		moved.aggregate(x)
	}
	return a, m
}

func markAggregate(need []bool, a *expr.Aggregate) {
	mark(need, a.Args...)
	mark(need, a.Filter)
	markKeys(need, a.OrderBy)
}

func (m mapping) aggregate(a *expr.Aggregate) {
	m.applyAll(a.Args)
	m.applyKeys(a.OrderBy)
	if a.Filter != nil {
		a.Filter = m.apply(a.Filter)
	}
}

func pruneWindow(w *Window, need []bool) (Node, mapping) {
	width := len(w.In.Fields())
	below := need[:width:width]
	for _, c := range w.Calls {
		mark(below, c.Args...)
		mark(below, c.PartitionBy...)
		markKeys(below, c.OrderBy)
		if c.Agg != nil {
			markAggregate(below, c.Agg)
		}
	}
	in, m := pruneTo(w.In, below)
	w.In = in
	for _, c := range w.Calls {
		m.applyAll(c.Args)
		m.applyAll(c.PartitionBy)
		m.applyKeys(c.OrderBy)
		if c.Agg != nil {
			m.aggregate(c.Agg)
		}
	}
	kept := len(in.Fields())
	for i := range w.Calls {
		m = append(m, kept+i)
	}
	return w, m
}

func pruneJoin(j *Join, need []bool) (Node, mapping) {
	left := make([]bool, len(j.Left.Fields()))
	right := make([]bool, len(j.Right.Fields()))
	both := make([]bool, len(left)+len(right))
	copy(both, need)
	mark(both, j.Cond)
	copy(left, both)
	copy(right, both[len(left):])
	mark(left, j.LeftKeys...)
	mark(right, j.RightKeys...)
	l, lm := pruneTo(j.Left, left)
	r, rm := pruneTo(j.Right, right)
	j.Left, j.Right = l, r
	lm.applyAll(j.LeftKeys)
	rm.applyAll(j.RightKeys)
	m := append(mapping{}, lm...)
	width := len(l.Fields())
	for _, at := range rm {
		if at >= 0 {
			at += width
		}
		m = append(m, at)
	}
	if j.Cond != nil {
		j.Cond = m.apply(j.Cond)
	}
	return j, m[:len(need)]
}
