package plan

import (
	"slices"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/table"
)

// Narrow asks a node for those rows only whose column key is among some values; other rows may come
// too. ok is false if nothing would be saved. The node itself is not changed.
func Narrow(n Node, key *expr.Expr, among *expr.Set) (narrowed Node, ok bool) {
	if key.Op != expr.Column {
		return nil, false
	}
	switch n := n.(type) {
	case *Scan:
		c, ok := constants(n, n.Columns[key.Index], table.In, among.Values)
		if !ok {
			return nil, false
		}
		s := *n
		s.Conditions = append(slices.Clip(s.Conditions), c)
		return &s, true
	case *Filter:
		in, ok := Narrow(n.In, key, among)
		return &Filter{in, n.Cond}, ok
	case *Project:
		in, ok := Narrow(n.In, n.Exprs[key.Index], among)
		return &Project{in, n.Exprs, n.Names}, ok
	}
	return nil, false
}
