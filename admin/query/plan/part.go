package plan

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/perdure/perdure/admin/query/expr"
)

// Part is a node of a plan that can be computed partition by partition, by whoever has one's rows, to be
// put together from what those give: an aggregate or the first rows of an order, of rows of one table.
type Part struct {
	Node Node
	Scan *Scan
	// Sum is the same on all nodes of one release for what gives the same of the same rows.
	Sum [sha256.Size]byte
}

// PartOf makes a part of a node; ok is false if other nodes cannot compute it.
func PartOf(n Node) (p Part, ok bool) {
	i := &identifier{ok: true}
	p.Node, p.Scan = n, i.part(n)
	if p.Scan == nil || !i.ok {
		return p, false
	}
	p.Sum = sha256.Sum256(i.b)
	return p, true
}

// FindPart finds a part of a plan by its sum, subqueries in expressions aside. Several that have it are
// alike.
func FindPart(n Node, sum [sha256.Size]byte) (p Part, ok bool) {
	if p, ok = PartOf(n); ok && p.Sum == sum {
		return p, true
	}
	for _, in := range n.Inputs() {
		if p, ok = FindPart(in, sum); ok {
			return p, true
		}
	}
	return p, false
}

// identifier gathers what tells a part from others.
type identifier struct {
	b  []byte
	ok bool
}

// part appends a node, and returns the scan below it; nil if it is no part.
func (i *identifier) part(n Node) *Scan {
	switch n := n.(type) {
	case *Aggregate:
		i.text("aggregate")
		i.exprs(n.Groups)
		i.count(len(n.Aggs))
		for _, a := range n.Aggs {
			i.add(a.AppendIdentity)
		}
		return i.rows(n.In)
	case *Sort:
		if n.Limit <= 0 {
			return nil
		}
		i.text("first")
		i.count(n.Limit)
		i.add(func(b []byte) ([]byte, bool) { return expr.AppendKeysIdentity(b, n.Keys) })
		return i.rows(n.In)
	}
	return nil
}

// rows appends what is done to rows one by one, and their scan.
func (i *identifier) rows(n Node) *Scan {
	switch n := n.(type) {
	case *Filter:
		i.text("filter")
		i.add(n.Cond.AppendIdentity)
		return i.rows(n.In)
	case *Project:
		i.text("project")
		i.exprs(n.Exprs)
		return i.rows(n.In)
	case *Unnest:
		i.text("unnest")
		return i.rows(n.In)
	case *Scan:
		i.scan(n)
		return n
	}
	return nil
}

func (i *identifier) scan(s *Scan) {
	i.ok = i.ok && s.Table.Partitioned
	i.text("scan")
	i.text(s.Table.Name)
	i.count(len(s.Columns))
	for _, c := range s.Columns {
		i.column(s, c)
	}
	i.count(len(s.Conditions))
	for _, c := range s.Conditions {
		i.ok = i.ok && c.Sub == nil
		i.column(s, c.Column)
		i.count(int(c.Op))
		i.exprs(c.Values)
	}
	i.count(s.Limit)
	if s.Filter == nil {
		i.count(0)
		return
	}
	i.exprs([]*expr.Expr{s.Filter})
}

func (i *identifier) column(s *Scan, at int) {
	i.text(s.Table.Columns[at].Name)
	i.count(int(s.Table.Columns[at].Type))
}

func (i *identifier) exprs(list []*expr.Expr) {
	i.count(len(list))
	for _, e := range list {
		i.add(e.AppendIdentity)
	}
}

func (i *identifier) add(part func([]byte) ([]byte, bool)) {
	if i.ok {
		i.b, i.ok = part(i.b)
	}
}

func (i *identifier) count(n int) { i.b = binary.AppendUvarint(i.b, uint64(n)) }

func (i *identifier) text(s string) {
	i.count(len(s))
	i.b = append(i.b, s...)
}
