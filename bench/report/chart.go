package report

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/perdure/perdure/bench/load"
)

// Size of a chart and of its drawing area, in units of the SVG.
const (
	chartWidth, chartHeight         = 460.0, 270.0
	leftMargin, rightMargin         = 52.0, 12.0
	topMargin, bottomMargin         = 10.0, 36.0
	rightEdge, bottomEdge   float64 = chartWidth - rightMargin, chartHeight - bottomMargin
)

// chart is an SVG drawing before it is written.
type chart struct {
	Title  string
	X, Y   []tick
	XLabel string
	YLabel string
	Lines  []line
	Height float64
	Bars   []bar
}

// tick is a mark on an axis.
type tick struct {
	At    float64
	Label string
}

type line struct {
	Name, Color string
	Points      string
	Fill        bool
}

// bar is a ratio with its interval, in a row of its own.
type bar struct {
	Name               string
	Row, At, Low, High float64
	Label              string
	Tone               string // a colour of the page: good, bad, or soft
	HasInterval        bool
}

// series is what one server contributes to a chart.
type series struct {
	name, color  string
	distribution load.Distribution
}

// scale maps values to positions along an axis.
type scale struct {
	low, high   float64 // values at both ends
	first, last float64 // positions
}

func (s scale) at(value float64) float64 {
	if s.high <= s.low {
		return s.first
	}
	share := min(max((value-s.low)/(s.high-s.low), 0), 1)
	return math.Round((s.first+share*(s.last-s.first))*10) / 10
}

// percentiles are the marks of the axis of shares. Each is as far from the next as nines are.
var percentiles = []struct {
	share float64
	label string
}{{0, "0"}, {0.5, "50 %"}, {0.9, "90 %"}, {0.99, "99 %"}, {0.999, "99.9 %"}, {0.9999, "99.99 %"}}

// stretch spreads shares near 1: 0.9, 0.99 and 0.999 become 1, 2 and 3.
func stretch(share float64) float64 { return -math.Log10(1 - share) }

// percentileChart draws the latency over the share of calls that did not exceed it. Slow calls,
// which averages hide, take most of its room. It ends where fewer than one call is left.
func percentileChart(all []series) chart {
	x := scale{0, 0, leftMargin, rightEdge}
	for _, s := range all {
		x.high = max(x.high, math.Log10(max(float64(s.distribution.Total()), 2)))
	}
	x.high = min(x.high, stretch(percentiles[len(percentiles)-1].share)+0.3)
	y := latencyScale(all, bottomEdge, topMargin)
	c := chart{
		Title: "Latency by percentile", XLabel: "share of calls", YLabel: "ms",
		Y: latencyTicks(y), Height: chartHeight,
	}
	for _, p := range percentiles {
		if at := stretch(p.share); at <= x.high {
			c.X = append(c.X, tick{x.at(at), p.label})
		}
	}
	for _, s := range all {
		c.Lines = append(c.Lines, s.percentileLine(x, y))
	}
	return c
}

func (s series) percentileLine(x, y scale) line {
	var points strings.Builder
	total, below := float64(s.distribution.Total()), 0.0
	for i, count := range s.distribution.Counts {
		if count == 0 {
			continue
		}
		height := y.at(logMillis(load.Limit(s.distribution.First + i)))
		from := x.at(stretch(below / total))
		below += float64(count)
		to := x.at(stretch(min(below, total-1) / total)) // the slowest call itself is infinitely far
		fmt.Fprintf(&points, "%.1f,%.1f %.1f,%.1f ", from, height, max(to, from), height)
	}
	return line{Name: s.name, Color: s.color, Points: strings.TrimSpace(points.String())}
}

// densityChart draws how many calls took how long.
func densityChart(all []series) chart {
	x := latencyScale(all, leftMargin, rightEdge)
	y := scale{0, 0, bottomEdge, topMargin}
	for _, s := range all {
		for _, count := range s.distribution.Counts {
			y.high = max(y.high, float64(count)/float64(s.distribution.Total()))
		}
	}
	c := chart{
		Title: "Distribution of the latency", XLabel: "ms", YLabel: "share",
		X: latencyTicks(x), Height: chartHeight,
	}
	for _, share := range []float64{0, 0.5, 1} {
		label := trimmed(math.Round(share*y.high*1000)/10) + " %"
		c.Y = append(c.Y, tick{y.at(share * y.high), label})
	}
	for _, s := range all {
		c.Lines = append(c.Lines, s.densityLine(x, y))
	}
	return c
}

func (s series) densityLine(x, y scale) line {
	var points strings.Builder
	total := float64(s.distribution.Total())
	from := x.at(logMillis(load.Limit(s.distribution.First - 1)))
	fmt.Fprintf(&points, "%.1f,%.1f ", from, y.at(0))
	for i, count := range s.distribution.Counts {
		to := x.at(logMillis(load.Limit(s.distribution.First + i)))
		height := y.at(float64(count) / total)
		fmt.Fprintf(&points, "%.1f,%.1f %.1f,%.1f ", from, height, to, height)
		from = to
	}
	fmt.Fprintf(&points, "%.1f,%.1f", from, y.at(0))
	return line{Name: s.name, Color: s.color, Points: points.String(), Fill: true}
}

func logMillis(d time.Duration) float64 { return math.Log10(max(d.Seconds()*1000, 1e-6)) }

// latencyScale covers all latencies of all servers, logarithmically.
func latencyScale(all []series, first, last float64) scale {
	s := scale{math.Inf(1), math.Inf(-1), first, last}
	for _, x := range all {
		d := x.distribution
		s.low = min(s.low, logMillis(load.Limit(d.First-1)))
		s.high = max(s.high, logMillis(load.Limit(d.First+len(d.Counts)-1)))
	}
	return s
}

// latencyTicks marks 1, 2 and 5 of every power of ten, or only 1 if that were too many.
func latencyTicks(s scale) []tick {
	const manyDecades = 3
	digits := []float64{1, 2, 5}
	if s.high-s.low > manyDecades {
		digits = digits[:1]
	}
	var ticks []tick
	for power := math.Floor(s.low); power <= s.high; power++ {
		for _, digit := range digits {
			at := power + math.Log10(digit)
			if at >= s.low && at <= s.high {
				ticks = append(ticks, tick{s.at(at), trimmed(roundTo(digit * math.Pow(10, power)))})
			}
		}
	}
	return ticks
}

// roundTo removes what floating point adds to powers of ten.
func roundTo(value float64) float64 { return math.Round(value*1e6) / 1e6 }

// Shape of a chart of ratios.
const (
	ratioLeft, ratioRight, ratioRow = 200.0, 70.0, 20.0
	ratioBottom                     = 24.0
)

// ratioChart draws how two servers compare in one figure, case by case; false if in none.
func (r *Report) ratioChart(figure Figure, of, to string, largerIsBetter bool) (chart, bool) {
	c := chart{Title: figure.Title + ": " + of + " / " + to}
	x := scale{-0.1, 0.1, ratioLeft, chartWidth - ratioRight}
	var ratios []Ratio
	for _, ratio := range r.Ratios {
		value, ok := ratio.Figures[figure.Key]
		if !ok || value <= 0 || ratio.Of != of || ratio.To != to ||
			ratio.Case.Part != "" && ratio.Case.Part != PartLoad {
			continue
		}
		ratios = append(ratios, ratio)
		low, high := value, value
		if interval, ok := ratio.Intervals[figure.Key]; ok {
			low, high = min(low, interval.Low), max(high, interval.High)
		}
		x.low, x.high = min(x.low, math.Log10(low)), max(x.high, math.Log10(high))
	}
	x.low, x.high = max(x.low-0.05, -2), min(x.high+0.05, 2) // what lies outside is cut off
	for i, ratio := range ratios {
		value := ratio.Figures[figure.Key]
		interval, known := ratio.Intervals[figure.Key]
		b := bar{
			Name: caseTitle(ratio.Case), Row: topMargin + ratioRow*(float64(i)+0.5),
			At: x.at(math.Log10(value)), Label: decimal(value, 2) + "x", HasInterval: known,
			Tone: tone(value, interval, largerIsBetter),
		}
		if known {
			b.Low, b.High = x.at(math.Log10(interval.Low)), x.at(math.Log10(interval.High))
		}
		c.Bars = append(c.Bars, b)
	}
	c.Height = topMargin + ratioRow*float64(len(ratios)) + ratioBottom
	for _, mark := range []float64{0.01, 0.1, 0.25, 0.5, 1, 2, 4, 10, 100} {
		if at := math.Log10(mark); at >= x.low && at <= x.high {
			c.X = append(c.X, tick{x.at(at), trimmed(mark) + "x"})
		}
	}
	return c, len(ratios) > 0
}

// tone says whether a ratio is good, bad, or perhaps no difference at all. An interval that was not
// measured is empty and holds nothing.
func tone(ratio float64, interval Interval, largerIsBetter bool) string {
	const tiny = 0.01
	switch {
	case math.Abs(ratio-1) < tiny, interval.Low <= 1 && interval.High >= 1:
		return "soft"
	case (ratio > 1) == largerIsBetter:
		return "good"
	}
	return "bad"
}

func caseTitle(c Case) string {
	switch c.Clients {
	case 0:
		return c.Name()
	case 1:
		return c.Name() + ", 1 client"
	}
	return fmt.Sprintf("%s, %d clients", c.Name(), c.Clients)
}
