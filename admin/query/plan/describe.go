package plan

import (
	"fmt"
	"strings"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/table"
)

// Describe prints a plan, a node a line, inputs below and further in.
func Describe(n Node) string {
	var b strings.Builder
	describe(&b, n, 0)
	return b.String()
}

func describe(b *strings.Builder, n Node, depth int) {
	b.WriteString(strings.Repeat("  ", depth))
	b.WriteString(line(n))
	b.WriteByte('\n')
	for _, in := range n.Inputs() {
		describe(b, in, depth+1)
	}
}

func line(n Node) string {
	switch n := n.(type) {
	case *Scan:
		return scanLine(n)
	case *Rows:
		return fmt.Sprintf("Values: %d rows", len(n.Values))
	case *Filter:
		return "Filter: " + n.Cond.Text
	case *Project:
		return "Projection: " + exprTexts(n.Exprs)
	case *Aggregate:
		var list []string
		for _, a := range n.Aggs {
			list = append(list, a.Text)
		}
		return "Aggregate: groupBy=[" + exprTexts(n.Groups) + "], aggr=[" + strings.Join(list, ", ") + "]"
	case *Window:
		var list []string
		for _, c := range n.Calls {
			list = append(list, c.Text)
		}
		return "Window: " + strings.Join(list, ", ")
	case *Sort:
		s := "Sort: " + keysText(n.Keys)
		if n.Limit >= 0 {
			s += fmt.Sprintf(", fetch=%d", n.Limit)
		}
		return s
	case *Limit:
		return fmt.Sprintf("Limit: skip=%d, fetch=%d", n.Offset, n.Limit)
	case *Distinct:
		return "Distinct: " + exprTexts(n.On)
	case *Join:
		s := "Join: " + n.Kind
		for i := range n.LeftKeys {
			s += ", " + n.LeftKeys[i].Text + " = " + n.RightKeys[i].Text
		}
		if n.Cond != nil {
			s += ", filter=" + n.Cond.Text
		}
		return s
	case *SetOp:
		if n.All {
			return strings.ToUpper(n.Op) + " ALL"
		}
		return strings.ToUpper(n.Op)
	case *Unnest:
		return "Unnest"
	}
	return "?"
}

func exprTexts(list []*expr.Expr) string {
	texts := make([]string, len(list))
	for i, e := range list {
		texts[i] = e.Text
	}
	return strings.Join(texts, ", ")
}

var opNames = map[table.Op]string{
	table.In: "in", table.AtLeast: ">=", table.AtMost: "<=", table.HasPrefix: "starts with",
	table.IsNull: "is null", table.IsNotNull: "is not null", table.NotIn: "not in",
}

func scanLine(s *Scan) string {
	names := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		names[i] = s.Table.Columns[c].Name
	}
	out := "Scan: " + s.Table.Name + " [" + strings.Join(names, ", ") + "]"
	for i := range s.Conditions {
		c := &s.Conditions[i]
		out += ", " + s.Table.Columns[c.Column].Name + " " + opNames[c.Op]
		if c.Sub != nil {
			out += " (subquery)"
		}
		if n := len(c.Values); n > 3 {
			out += fmt.Sprintf(" %d values", n)
			continue
		}
		for _, v := range c.Values {
			out += " " + expr.Text(&v.Value)
		}
	}
	if s.Filter != nil {
		out += ", filter=" + s.Filter.Text
	}
	if s.Limit > 0 {
		out += fmt.Sprintf(", fetch=%d", s.Limit)
	}
	return out
}
