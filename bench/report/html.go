package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"time"

	"github.com/perdure/perdure/bench/load"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"add": func(a, b float64) float64 { return a + b },
}).Parse(pageText))

// colors tell servers apart, also to readers who see few colours.
var colors = []string{
	"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999", "#8c6bb1",
}

// page is what the template shows.
type page struct {
	Title, Date, Command string

	Report      *Report
	Verdicts    []Verdict
	Met, Judged int
	Legend      []line
	Ratios      []chart
	Cases       []caseCharts
	Tables      []table
	Text        string // about the comparison
	Comparison  table
	Figures     []Figure
	Failures    []string

	Width, Left, Right, Top, Bottom float64
	RatioLeft, RatioRight           float64
}

type caseCharts struct {
	Title  string
	Charts []chart
}

type table struct {
	Title string
	Rows  [][]string
}

// WriteHTML writes the report as one page that needs nothing else, with drawings of the latency.
func (r *Report) WriteHTML(w io.Writer) error {
	p := page{
		Title: r.title(), Date: r.Date.UTC().Format(time.DateOnly), Command: r.Command,
		Report: r, Verdicts: r.Verdicts(), Ratios: r.ratioCharts(), Text: comparisonText,
		Comparison: table{"Comparison", r.comparison()}, Figures: r.occurring(),
		Width: chartWidth, Left: leftMargin, Right: rightEdge, Top: topMargin, Bottom: bottomEdge,
		RatioLeft: ratioLeft, RatioRight: chartWidth - ratioRight,
	}
	for _, verdict := range p.Verdicts {
		if verdict.Met != MetUnknown {
			p.Judged++
		}
		if verdict.Met == MetYes {
			p.Met++
		}
	}
	p.Cases = r.caseCharts(&p.Legend)
	for _, part := range r.parts() {
		title := partTitles[part]
		if title == "" {
			title = "Medians"
		}
		p.Tables = append(p.Tables, table{title, r.rows(part, r.figures(part, true))})
	}
	for _, run := range r.Runs {
		for _, example := range run.Errors {
			p.Failures = append(p.Failures, fmt.Sprintf("%s, %s, round %d: %s",
				caseTitle(run.Case), run.Server, run.Round, example))
		}
	}
	if err := pageTemplate.Execute(w, p); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// ratioCharts compares the first server with each other one but the floor, which is no server.
func (r *Report) ratioCharts() []chart {
	var charts []chart
	var pairs [][2]string
	for _, ratio := range r.Ratios {
		pair := [2]string{ratio.Of, ratio.To}
		if !slices.Contains(pairs, pair) && r.server(ratio.To).Role != RoleFloor {
			pairs = append(pairs, pair)
		}
	}
	for _, pair := range pairs {
		for _, figure := range Figures {
			rate := figure.Key == "requests_per_second"
			if !rate && figure.Key != "p50_ms" && figure.Key != "server_cpu_ms_per_request" {
				continue
			}
			if c, ok := r.ratioChart(figure, pair[0], pair[1], rate); ok {
				charts = append(charts, c)
			}
		}
	}
	return charts
}

// caseCharts draws the latencies of each case, those of all rounds together, and adds the servers
// it draws to the legend.
func (r *Report) caseCharts(legend *[]line) []caseCharts {
	var drawn []caseCharts
	for i, s := range r.Summaries {
		if i > 0 && r.Summaries[i-1].Case == s.Case {
			continue
		}
		var all []series
		for at, server := range r.Servers {
			distribution := r.latency(s.Case, server.Name)
			if distribution.Total() == 0 {
				continue
			}
			color := colors[at%len(colors)]
			all = append(all, series{server.Name, color, distribution})
			entry := line{Name: server.Name, Color: color}
			if !slices.Contains(*legend, entry) {
				*legend = append(*legend, entry)
			}
		}
		if len(all) > 0 {
			drawn = append(drawn, caseCharts{
				caseTitle(s.Case), []chart{percentileChart(all), densityChart(all)},
			})
		}
	}
	return drawn
}

// latency returns the latencies of all rounds.
func (r *Report) latency(c Case, server string) load.Distribution {
	var all load.Distribution
	for _, run := range r.Runs {
		if run.Case == c && run.Server == server && run.Latency != nil {
			all.Merge(*run.Latency)
		}
	}
	return all
}
