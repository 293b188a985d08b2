package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// tally counts the checks of one row in one area of the suite (go, ts, ..., http, wire, sql).
type tally struct{ passed, failed, notOffered int }

// coverage remembers which rows were shown, and by whom.
type coverage struct {
	by map[string]map[string]*tally // row, column
}

func newCoverage() *coverage { return &coverage{by: make(map[string]map[string]*tally)} }

func (v *coverage) of(id, column string) *tally {
	columns := v.by[id]
	if columns == nil {
		columns = make(map[string]*tally)
		v.by[id] = columns
	}
	if columns[column] == nil {
		columns[column] = &tally{}
	}
	return columns[column]
}

// columns are the areas of the suite that checked anything, SDKs first.
func (v *coverage) columns() []string {
	var all []string
	for _, columns := range v.by {
		for name := range columns {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	rank := func(name string) int {
		return slices.Index([]string{"go", "ts", "py", "java", "rust", "http", "wire", "sql"}, name)
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	return all
}

// cell says how many rows of an area a column covers, and how many of them pass.
func (v *coverage) cell(rows []row, column string) string {
	covered, passing := 0, 0
	for _, r := range rows {
		t := v.by[r.id][column]
		if t == nil || t.passed+t.failed == 0 {
			continue
		}
		covered++
		if t.failed == 0 {
			passing++
		}
	}
	if covered == 0 {
		return "-"
	}
	return fmt.Sprintf("%d/%d", passing, covered)
}

// total is a cell over all columns: a row passes if none of its checks fails.
func (v *coverage) total(rows []row) (covered, passing int) {
	for _, r := range rows {
		sum := tally{}
		for _, t := range v.by[r.id] {
			sum.passed += t.passed
			sum.failed += t.failed
		}
		if sum.passed+sum.failed > 0 {
			covered++
			if sum.failed == 0 {
				passing++
			}
		}
	}
	return covered, passing
}

// table is the coverage as Markdown: for each area the rows that pass of those that are checked.
func (v *coverage) table() string {
	var b strings.Builder
	columns := v.columns()
	fmt.Fprintf(&b, "| area | rows | any | %s |\n", strings.Join(columns, " | "))
	fmt.Fprintf(&b, "|---|---|---|%s\n", strings.Repeat("---|", len(columns)))
	line := func(name string, rows []row) {
		covered, passing := v.total(rows)
		fmt.Fprintf(&b, "| %s | %d | %d/%d |", name, len(rows), passing, covered)
		for _, column := range columns {
			fmt.Fprintf(&b, " %s |", v.cell(rows, column))
		}
		b.WriteString("\n")
	}
	var all []row
	for _, area := range checklist {
		line(area.area, area.rows)
		all = append(all, area.rows...)
	}
	line("all", all)
	b.WriteString("\nA cell is rows passing / rows checked.\n")
	for _, list := range []struct{ title, rows string }{
		{"Rows without a check", v.list(func(_ row, columns map[string]*tally) bool {
			return !checked(columns)
		})},
		{"Rows with a check that fails", v.list(func(_ row, columns map[string]*tally) bool {
			return slices.ContainsFunc(values(columns), func(t *tally) bool { return t.failed > 0 })
		})},
	} {
		if list.rows != "" {
			fmt.Fprintf(&b, "\n%s: %s.\n", list.title, list.rows)
		}
	}
	for _, column := range columns {
		lacks := v.list(func(_ row, columns map[string]*tally) bool {
			return columns[column] != nil && columns[column].notOffered > 0
		})
		if lacks != "" {
			fmt.Fprintf(&b, "\nNot offered by the SDK, %s: %s.\n", column, lacks)
		}
	}
	return b.String()
}

func values(columns map[string]*tally) (all []*tally) {
	for _, t := range columns {
		all = append(all, t)
	}
	return all
}

func checked(columns map[string]*tally) bool {
	return slices.ContainsFunc(values(columns), func(t *tally) bool { return t.passed+t.failed > 0 })
}

// list names the rows that fit.
func (v *coverage) list(fits func(row, map[string]*tally) bool) string {
	var names []string
	for _, area := range checklist {
		for _, r := range area.rows {
			if fits(r, v.by[r.id]) {
				names = append(names, fmt.Sprintf("%s (%s, %s)", r.id, r.priority, r.name))
			}
		}
	}
	return strings.Join(names, "; ")
}
