package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/perdure/perdure/chaos/cluster/check"
	"github.com/perdure/perdure/chaos/cluster/history"
)

//go:embed page.html
var page string

//go:embed matrix.html
var matrix string

var (
	pageTemplate   = template.Must(template.New("page").Funcs(functions).Parse(page))
	matrixTemplate = template.Must(template.New("matrix").Funcs(functions).Parse(matrix))
)

var functions = template.FuncMap{
	"seconds": func(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) },
	"short":   shorten,
}

// shortest is how much of an input or an output is shown.
const shortest = 120

func shorten(s string) string {
	if len(s) > shortest {
		return s[:shortest] + "…"
	}
	return s
}

// Run is one run as the page shows it.
type Run struct {
	Title    string
	Command  string // that makes it again
	Facts    [][2]string
	Verdicts []check.Verdict
	History  history.History
	Gap      history.Gap // the longest time without any success while there was load
	Pictures []string    // files beside the page
}

// rows bounds the operations that are listed: those that tell most come first.
const rows = 2000

// Write writes the page of a run.
func Write(w io.Writer, r Run) error {
	ok, failed, unknown := r.History.Count()
	listed := r.listed()
	err := pageTemplate.Execute(w, struct {
		Run
		OK, Failed, Unknown, Listed int
		Operations                  []history.Operation
		Chart                       chart
	}{r, ok, failed, unknown, len(listed), listed, draw(r.History)})
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// listed are the operations to list: those without a success, the slowest ones, then others.
func (r Run) listed() []history.Operation {
	all := slices.Clone(r.History.Operations)
	if len(all) > rows {
		slices.SortStableFunc(all, func(a, b history.Operation) int {
			if bad := weight(b) - weight(a); bad != 0 {
				return bad
			}
			return int(b.End - b.Start - (a.End - a.Start))
		})
		all = all[:rows]
	}
	slices.SortStableFunc(all, func(a, b history.Operation) int { return int(a.Start - b.Start) })
	return all
}

func weight(o history.Operation) int {
	if o.Outcome == history.OK {
		return 0
	}
	return 1
}

// Cell is one pair of the matrix.
type Cell struct {
	Row, Column string
	Valid       bool
	Text        string // a figure
	Link        string // its page
	Hint        string // the first problem
}

// WriteMatrix writes a page with a table of cells.
func WriteMatrix(w io.Writer, title string, cells []Cell) error {
	at := map[[2]string]Cell{}
	rows, columns := []string{}, []string{}
	for _, c := range cells {
		at[[2]string{c.Row, c.Column}] = c
		if !slices.Contains(rows, c.Row) {
			rows = append(rows, c.Row)
		}
		if !slices.Contains(columns, c.Column) {
			columns = append(columns, c.Column)
		}
	}
	table := map[string][]*Cell{}
	for _, r := range rows {
		for _, c := range columns {
			var found *Cell
			if cell, ok := at[[2]string{r, c}]; ok {
				found = &cell
			}
			table[r] = append(table[r], found)
		}
	}
	err := matrixTemplate.Execute(w, struct {
		Title         string
		Rows, Columns []string
		Table         map[string][]*Cell
	}{title, rows, columns, table})
	if err != nil {
		return fmt.Errorf("write the matrix: %w", err)
	}
	return nil
}

// Measures of the chart, in pixels.
const (
	width   = 1200.0
	lane    = 22.0
	plot    = 220.0
	buckets = 240
)

// chart is the timeline: faults as bands, successes per moment as bars, latencies as dots.
type chart struct {
	Width, Height, Plot float64
	Bands               []band
	Bars                []bar
	Dots                []dot
	Marks               []mark
	Ticks               []mark
	MostRate            string
	Slowest             string
}

type band struct {
	X, Y, W      float64
	Name, Detail string
}

type bar struct{ X, W, H float64 }

type dot struct {
	X, Y  float64
	Class string
	Tip   string
}

type mark struct {
	X    float64
	Text string
}

func draw(h history.History) chart {
	length := max(h.Length, time.Millisecond)
	x := func(t time.Duration) float64 { return width * t.Seconds() / length.Seconds() }
	lanes := slices.Sorted(maps.Keys(faultNames(h)))
	c := chart{Width: width, Plot: plot, Height: plot + lane*float64(len(lanes)) + 40}
	for _, f := range h.Faults {
		at := slices.Index(lanes, f.Name)
		c.Bands = append(c.Bands, band{x(f.Start), plot + 4 + lane*float64(at), max(2, x(f.End)-x(f.Start)), f.Name, f.Detail})
	}
	for _, m := range h.Marks {
		c.Marks = append(c.Marks, mark{x(m.At), m.Text})
	}
	step := max(1, int(length.Seconds())/20)
	for s := 0; s <= int(length.Seconds()); s += step {
		c.Ticks = append(c.Ticks, mark{x(time.Duration(s) * time.Second), fmt.Sprintf("%ds", s)})
	}
	c.drawBars(h, length)
	c.drawDots(h, x)
	return c
}

func faultNames(h history.History) map[string]bool {
	names := map[string]bool{}
	for _, f := range h.Faults {
		names[f.Name] = true
	}
	return names
}

func (c *chart) drawBars(h history.History, length time.Duration) {
	var count [buckets]int
	most := 1
	for _, o := range h.Operations {
		if o.Outcome == history.OK {
			i := min(buckets-1, int(buckets*o.End/length))
			count[i]++
			most = max(most, count[i])
		}
	}
	for i, n := range count {
		if n > 0 {
			c.Bars = append(c.Bars, bar{width * float64(i) / buckets, width/buckets - 0.5, plot * float64(n) / float64(most)})
		}
	}
	c.MostRate = fmt.Sprintf("%.0f successes/s", float64(most)/(length.Seconds()/buckets))
}

// dots bounds how many latencies are drawn: the slowest of each moment matter.
const dots = 6000

func (c *chart) drawDots(h history.History, x func(time.Duration) float64) {
	slowest := time.Millisecond
	for _, o := range h.Operations {
		slowest = max(slowest, o.End-o.Start)
	}
	every := 1 + len(h.Operations)/dots
	for i, o := range h.Operations {
		took := o.End - o.Start
		if o.Outcome == history.OK && i%every != 0 && took < slowest/4 {
			continue
		}
		c.Dots = append(c.Dots, dot{
			x(o.End), plot - plot*took.Seconds()/slowest.Seconds(), string(o.Outcome),
			fmt.Sprintf("%s %s %s on %s: %v %s", o.Workload, o.Kind, o.Key, o.Node,
				took.Round(time.Millisecond), shorten(o.Error)),
		})
	}
	c.Slowest = slowest.Round(time.Millisecond).String()
}
