package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/chaos/cluster/check"
	"github.com/perdure/perdure/chaos/cluster/history"
	"github.com/perdure/perdure/chaos/cluster/report"
)

// everybody is the column of what is judged once for all workloads of a run.
const everybody = "cluster"

// cell is what one run has shown of one workload under one nemesis.
type cell struct {
	nemesis, workload string
	page              string // of the run
	checked           int    // operations that succeeded
	gap               time.Duration
	verdicts          []check.Verdict
}

// cells splits what a run under one nemesis has shown by workload.
func (o *outcome) cells(nemesis, page string) (all []cell) {
	for _, name := range append(slices.Clone(o.Options.Workloads), everybody) {
		x := cell{nemesis: nemesis, workload: name, page: page}
		h := history.History{Length: o.History.Length}
		for _, op := range o.History.Operations {
			if name == everybody || op.Workload == name {
				h.Operations = append(h.Operations, op)
			}
		}
		x.checked, _, _ = h.Count()
		x.gap = h.LongestGap(0, o.Loaded).Length()
		for _, v := range o.Verdicts {
			if v.Subject == name {
				x.verdicts = append(x.verdicts, v)
			}
		}
		all = append(all, x)
	}
	return all
}

// problem is the first thing that is wrong; "" if nothing is. Where nothing succeeded, nothing was shown.
func (x cell) problem() string {
	for _, v := range x.verdicts {
		if !v.Valid() {
			return v.Checker + ": " + v.Problems[0]
		}
	}
	if x.checked == 0 || len(x.verdicts) == 0 {
		return "nothing succeeded, so nothing was shown"
	}
	return ""
}

// undecided is how many keys could not be judged in time.
func (x cell) undecided() (keys int) {
	for _, v := range x.verdicts {
		keys += v.Unclear
	}
	return keys
}

// String is the verdict and what it rests on.
func (x cell) String() string {
	if x.problem() != "" {
		return "INVALID"
	}
	if n := x.undecided(); n > 0 {
		return fmt.Sprintf("valid %d (%d keys undecided)", x.checked, n)
	}
	return fmt.Sprintf("valid %d", x.checked)
}

// doMatrix has every nemesis at work under every workload.
func (a *arguments) doMatrix(ctx context.Context) (bool, error) {
	var cells []cell
	for i, nemesis := range a.run.Nemeses {
		got, err := a.row(ctx, i, nemesis)
		if err != nil {
			return false, err
		}
		cells = append(cells, got...)
	}
	bad := 0
	for _, x := range cells {
		if x.problem() != "" {
			bad++
		}
	}
	table := filepath.Join(a.out, "matrix.md")
	err := writeFile(table, func(w io.Writer) error { return writeTable(w, cells) })
	if err == nil {
		err = writeMatrix(filepath.Join(a.out, "matrix.html"), cells)
	}
	a.run.Say("%d cells, %d of them invalid; table in %s, reports beside it", len(cells), bad, table)
	return bad == 0 && len(cells) > 0, err
}

// row has one nemesis at work under all workloads, at once or one after the other.
func (a *arguments) row(ctx context.Context, i int, nemesis string) (cells []cell, err error) {
	batches := [][]string{a.run.Workloads}
	if a.pairs {
		batches = slices.Collect(slices.Chunk(a.run.Workloads, 1))
	}
	var c *Cluster
	defer func() {
		if c != nil {
			_ = c.Close()
		}
	}()
	bad := false
	for j, batch := range batches {
		if c != nil && (a.fresh || bad) {
			if err := c.Close(); err != nil {
				return nil, err
			}
			c = nil
		}
		if c == nil {
			if c, err = a.newCluster(ctx); err != nil {
				return nil, err
			}
		}
		if err := nemeses[nemesis].possible(c); err != nil {
			a.run.Say("without nemesis %s: %v", nemesis, err)
			return nil, nil
		}
		o := a.run
		o.Nemeses, o.Workloads = []string{nemesis}, batch
		o.Seed = a.run.Seed + uint64(i*len(batches)+j)
		o.Prefix = fmt.Sprintf("m%d-", j)
		o.Say = func(string, ...any) {}
		result, err := run(ctx, c, o)
		if err != nil {
			return nil, err
		}
		name := nemesis
		if a.pairs {
			name += "-" + batch[0]
		}
		got := result.cells(nemesis, name+".html")
		bad = a.say(name, result, got)
		if err := result.write(a.out, name); err != nil {
			return nil, err
		}
		if a.pairs {
			got = got[:1] // what the cluster has to say is in the line, and in the page
			got[0].verdicts = result.Verdicts
		}
		cells = append(cells, got...)
	}
	return cells, nil
}

// say prints a line for a run and one for each cell that is not well.
func (a *arguments) say(name string, o *outcome, cells []cell) (bad bool) {
	ok, failed, unknown := o.History.Count()
	var wrong []string
	for _, x := range cells {
		if p := x.problem(); p != "" {
			wrong = append(wrong, fmt.Sprintf("    %s INVALID: %s", x.workload, p))
		}
	}
	a.run.Say("%-16s %2d of %2d valid, %5d ok %3d failed %3d unknown, %2d faults, down %5.2fs, settled in %5.2fs, seed %d",
		name, len(cells)-len(wrong), len(cells), ok, failed, unknown, len(o.History.Faults),
		o.Down.Length().Seconds(), o.Settled.Seconds(), o.Options.Seed)
	for _, w := range wrong {
		a.run.Say("%s", w)
	}
	return len(wrong) > 0
}

// axes are the rows and columns of a matrix, in the order of their first cells.
func axes(cells []cell) (rows, columns []string) {
	for _, x := range cells {
		if !slices.Contains(rows, x.nemesis) {
			rows = append(rows, x.nemesis)
		}
		if !slices.Contains(columns, x.workload) {
			columns = append(columns, x.workload)
		}
	}
	return rows, columns
}

// writeTable writes the matrix as a table of text, a verdict in each cell.
func writeTable(w io.Writer, cells []cell) error {
	rows, columns := axes(cells)
	var b strings.Builder
	fmt.Fprintf(&b, "| nemesis | %s |\n|---|%s\n", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s |", r)
		for _, c := range columns {
			i := slices.IndexFunc(cells, func(x cell) bool { return x.nemesis == r && x.workload == c })
			if i < 0 {
				b.WriteString(" |")
				continue
			}
			fmt.Fprintf(&b, " %s |", cells[i])
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeMatrix writes the page that leads to those of all runs.
func writeMatrix(path string, cells []cell) error {
	var list []report.Cell
	for _, x := range cells {
		list = append(list, report.Cell{
			Row: x.nemesis, Column: x.workload, Valid: x.problem() == "", Link: x.page, Hint: x.problem(),
			Text: fmt.Sprintf("%s, %.1f s", x, x.gap.Seconds()),
		})
	}
	return writeFile(path, func(w io.Writer) error {
		return report.WriteMatrix(w, "Every nemesis under every workload", list)
	})
}
