package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/bench/load"
)

func TestScale(t *testing.T) {
	s := scale{low: 10, high: 20, first: 100, last: 0}
	for value, want := range map[float64]float64{10: 100, 15: 50, 20: 0, 5: 100, 99: 0} {
		near(t, "position", s.at(value), want, 0)
	}
	near(t, "an empty scale", scale{1, 1, 7, 9}.at(1), 7, 0)
}

func labels(ticks []tick) string {
	var all []string
	for _, tick := range ticks {
		all = append(all, tick.Label)
	}
	return strings.Join(all, " ")
}

func TestLatencyTicks(t *testing.T) {
	for want, s := range map[string]scale{
		"2 5 10 20":           {low: logMillis(1500 * time.Microsecond), high: 1.4},
		"0.1 1 10 100 1000":   {low: -1, high: 3.5},
		"0.5 1":               {low: -0.5, high: 0.1},
		"0.0001 0.001 0.01 1": {low: 9, high: 1}, // upside down: no ticks
	} {
		got := labels(latencyTicks(s))
		if s.low > s.high {
			want = ""
		}
		if got != want {
			t.Errorf("from %g to %g: %q, want %q", s.low, s.high, got, want)
		}
	}
}

// With 100 calls the axis ends at 99 %, where one call is left.
func TestPercentileChart(t *testing.T) {
	fast := series{"a", "red", load.Distribution{First: 160, Counts: []uint64{90, 9, 0, 1}}}
	c := percentileChart([]series{fast})
	if got := labels(c.X); got != "0 50 % 90 % 99 %" {
		t.Errorf("marks %q", got)
	}
	points := strings.Fields(c.Lines[0].Points)
	if len(points) != 6 {
		t.Fatalf("points %q, want two for each bucket that holds calls", points)
	}
	var lastX float64
	lastY := chartHeight
	for _, point := range points {
		var x, y float64
		if _, err := fmt.Sscanf(point, "%f,%f", &x, &y); err != nil {
			t.Fatal(err)
		}
		if x < lastX || y > lastY || x > rightEdge || y < topMargin {
			t.Errorf("%q goes back or leaves the chart", points)
		}
		lastX, lastY = x, y
	}
	// 90 % of the calls are in the first bucket: its line ends half way to 99 %.
	if want := fmt.Sprintf("%.1f,", (leftMargin+rightEdge)/2); !strings.HasPrefix(points[1], want) {
		t.Errorf("the first bucket ends at %s, want %s", points[1], want)
	}
}

func TestDensityChart(t *testing.T) {
	one := series{"a", "red", load.Distribution{First: 160, Counts: []uint64{1, 3}}}
	c := densityChart([]series{one})
	if got := labels(c.Y); got != "0 % 37.5 % 75 %" {
		t.Errorf("marks %q", got)
	}
	points := strings.Fields(c.Lines[0].Points)
	if len(points) != 6 || !c.Lines[0].Fill {
		t.Errorf("%q: want a filled shape with two points for each bucket and one at each end", points)
	}
}

func TestChartsOfASingleCall(t *testing.T) {
	one := []series{{"a", "red", load.Distribution{First: 3, Counts: []uint64{1}}}}
	for _, c := range []chart{percentileChart(one), densityChart(one)} {
		if strings.Contains(c.Lines[0].Points, "NaN") || strings.Contains(c.Lines[0].Points, "Inf") {
			t.Errorf("%s: %s", c.Title, c.Lines[0].Points)
		}
	}
}

func TestRatioChart(t *testing.T) {
	r := example()
	figure := Figure{Key: "requests_per_second", Title: "req/s"}
	c, ok := r.ratioChart(figure, "perdure", "restate", true)
	if !ok || len(c.Bars) != 2 {
		t.Fatalf("%d bars, want one for each case", len(c.Bars))
	}
	hot, open := c.Bars[0], c.Bars[1]
	if !hot.HasInterval || hot.Low >= hot.At || hot.High <= hot.At || hot.Tone != "good" {
		t.Errorf("the interval does not enclose the ratio: %+v", hot)
	}
	if open.HasInterval || open.Name != "echo@100/s, 256 clients" {
		t.Errorf("one round has no interval: %+v", open)
	}
	if _, ok := r.ratioChart(figure, "perdure", "nobody", true); ok {
		t.Error("a chart against nobody")
	}
}

func TestTone(t *testing.T) {
	tests := []struct {
		ratio    float64
		interval Interval
		larger   bool
		want     string
	}{
		{2, Interval{1.5, 2.5}, true, "good"},
		{2, Interval{1.5, 2.5}, false, "bad"},
		{0.5, Interval{}, false, "good"},
		{0.5, Interval{}, true, "bad"},
		{2, Interval{0.9, 4}, true, "soft"},
		{1.001, Interval{}, true, "soft"},
	}
	for _, test := range tests {
		if got := tone(test.ratio, test.interval, test.larger); got != test.want {
			t.Errorf("%+v: got %s", test, got)
		}
	}
}
