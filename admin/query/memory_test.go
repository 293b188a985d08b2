package query

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/table"
)

// memory has tables of a file in memory, each cut into three partitions.
type memory struct {
	tables []*table.Table
	rows   map[string][][]table.Value
	// hints: conditions are applied, as sources may; otherwise all rows are given.
	hints bool
	// opened counts scans.
	opened int
	fail   error // of the last partition
}

const memoryPartitions = 3

func (m *memory) Tables() []*table.Table { return m.tables }

func (m *memory) Partitions(*table.Scan) []uint16 { return []uint16{0, 1, 2} }

func (m *memory) Open(ctx context.Context, p uint16, s *table.Scan) (table.Reader, error) {
	if m.fail != nil && p == memoryPartitions-1 {
		return nil, m.fail
	}
	var rows [][]table.Value
	for i, row := range m.rows[s.Table.Name] {
		if i%memoryPartitions == int(p) && (!m.hints || meets(s, row)) {
			rows = append(rows, row)
		}
	}
	if s.Limit > 0 && m.hints {
		rows = rows[:min(len(rows), s.Limit)]
	}
	return table.Listed(s, rows), nil
}

func meets(s *table.Scan, row []table.Value) bool {
	for i := range s.Conditions {
		if !meetsOne(&s.Conditions[i], &row[s.Conditions[i].Column]) {
			return false
		}
	}
	return true
}

func meetsOne(c *table.Condition, v *table.Value) bool {
	if v.IsNull() || c.Op == table.IsNull {
		return v.IsNull() && c.Op == table.IsNull
	}
	among := false
	for i := range c.Values {
		if c.Values[i].Type != v.Type {
			panic(fmt.Sprintf("a condition on a %s has a %s", v.Type, c.Values[i].Type))
		}
		among = among || expr.Compare(&c.Values[i], v) == 0
	}
	switch c.Op {
	case table.In:
		return among
	case table.NotIn:
		return !among
	case table.AtLeast:
		return expr.Compare(v, &c.Values[0]) >= 0
	case table.AtMost:
		return expr.Compare(v, &c.Values[0]) <= 0
	case table.HasPrefix:
		return strings.HasPrefix(v.Str, c.Values[0].Str)
	}
	return true
}

var memoryTypes = map[string]table.Type{
	"str": table.String, "i64": table.Int64, "u32": table.Uint32, "u64": table.Uint64,
	"f64": table.Float64, "ts": table.Timestamp, "dur": table.Duration, "bool": table.Bool,
	"bin": table.Binary, "[u32]": table.ListUint32,
}

// loadMemory reads tables: "table NAME", then columns as "name type, ...", then a row a line, its
// values between bars; NULL is written as a dash.
func loadMemory(t testing.TB, name string) *memory {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m := &memory{rows: map[string][][]table.Value{}}
	var now *table.Table
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "table "):
			now = &table.Table{Name: strings.TrimPrefix(line, "table "), Partitioned: true}
			m.tables = append(m.tables, now)
		case len(now.Columns) == 0:
			for _, c := range strings.Split(line, ",") {
				f := strings.Fields(c)
				now.Columns = append(now.Columns, table.Column{Name: f[0], Type: memoryTypes[f[1]]})
			}
		default:
			m.rows[now.Name] = append(m.rows[now.Name], memoryRow(t, now, line))
		}
	}
	return m
}

func memoryRow(t testing.TB, to *table.Table, line string) (row []table.Value) {
	t.Helper()
	for i, cell := range strings.Split(line, "|") {
		cell = strings.TrimSpace(cell)
		if cell == "-" {
			row = append(row, table.Value{})
			continue
		}
		row = append(row, memoryValue(t, to.Columns[i].Type, cell))
	}
	if len(row) != len(to.Columns) {
		t.Fatalf("a row of %s has %d values: %s", to.Name, len(row), line)
	}
	return row
}

func memoryValue(t testing.TB, want table.Type, cell string) table.Value {
	t.Helper()
	if elem, list := want.Elem(); list {
		v := table.Value{Type: want}
		for _, s := range strings.Fields(cell) {
			v.List = append(v.List, memoryValue(t, elem, s))
		}
		return v
	}
	e, ok := expr.Cast(expr.Constant(table.Text(cell), ""), want, false)
	if !ok || e.Fold().Op != expr.Const {
		t.Fatalf("%q is no %s", cell, want)
	}
	return e.Fold().Value
}
