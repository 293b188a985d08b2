package report

import (
	"maps"
	"slices"
	"time"

	"github.com/perdure/perdure/bench/probe"
)

// Case is one thing measured. Zero fields do not apply.
type Case struct {
	Scenario string  `json:"scenario"`
	Clients  int     `json:"clients,omitempty"`
	Rate     float64 `json:"rate,omitempty"` // requests per second, open loop
	Payload  int     `json:"payload,omitempty"`
}

// Server says what was measured.
type Server struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	Command string `json:"command"`
}

// Run is one server measured once.
type Run struct {
	Case    Case               `json:"case"`
	Server  string             `json:"server"`
	Round   int                `json:"round"` // from 1
	Figures map[string]float64 `json:"figures"`
	Errors  []string           `json:"errors,omitempty"` // examples
}

// Summary is one server's median over all rounds of a case; errors are added up instead.
type Summary struct {
	Case    Case               `json:"case"`
	Server  string             `json:"server"`
	Rounds  int                `json:"rounds"`
	Figures map[string]float64 `json:"figures"`

	// Spread is (largest - smallest) / median per figure. Medians that differ by less than that
	// are not different.
	Spread map[string]float64 `json:"spread"`
}

// Ratio is the medians of one server divided by those of another.
type Ratio struct {
	Case    Case               `json:"case"`
	Of      string             `json:"of"`
	To      string             `json:"to"`
	Figures map[string]float64 `json:"figures"`
}

// Report is what is written to a file. Summaries and Ratios are made by Summarize.
type Report struct {
	Kind      string        `json:"kind"` // run, idle or recovery
	Date      time.Time     `json:"date"`
	Command   string        `json:"command"`
	Machine   probe.Machine `json:"machine"`
	Servers   []Server      `json:"servers"`
	Notes     []string      `json:"notes,omitempty"`
	Summaries []Summary     `json:"summaries"`
	Ratios    []Ratio       `json:"ratios"`
	Runs      []Run         `json:"runs"`
}

// Summarize fills Summaries and Ratios from Runs. Cases and servers keep the order in which they
// first appear; ratios are those of the first server to each other one.
func (r *Report) Summarize() {
	r.Summaries, r.Ratios = nil, nil
	var cases []Case
	for _, run := range r.Runs {
		if !slices.Contains(cases, run.Case) {
			cases = append(cases, run.Case)
		}
	}
	for _, c := range cases {
		first := len(r.Summaries)
		for _, server := range r.Servers {
			if summary, ok := r.summarize(c, server.Name); ok {
				r.Summaries = append(r.Summaries, summary)
			}
		}
		for _, other := range r.Summaries[min(first+1, len(r.Summaries)):] {
			r.Ratios = append(r.Ratios, ratio(r.Summaries[first], other))
		}
	}
}

func (r *Report) summarize(c Case, server string) (Summary, bool) {
	s := Summary{
		Case: c, Server: server,
		Figures: map[string]float64{}, Spread: map[string]float64{},
	}
	values := map[string][]float64{}
	for _, run := range r.Runs {
		if run.Case != c || run.Server != server {
			continue
		}
		s.Rounds++
		for key, value := range run.Figures {
			values[key] = append(values[key], value)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		sorted := slices.Sorted(slices.Values(values[key]))
		median := (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
		if key == errorsKey { // a median would hide those of a single round
			s.Figures[key] = sum(sorted)
			continue
		}
		s.Figures[key] = median
		if median != 0 {
			s.Spread[key] = (sorted[len(sorted)-1] - sorted[0]) / median
		}
	}
	return s, s.Rounds > 0
}

func sum(values []float64) (total float64) {
	for _, value := range values {
		total += value
	}
	return total
}

func ratio(of, to Summary) Ratio {
	r := Ratio{Case: of.Case, Of: of.Server, To: to.Server, Figures: map[string]float64{}}
	for key, value := range of.Figures {
		if other := to.Figures[key]; other != 0 && key != errorsKey {
			r.Figures[key] = value / other
		}
	}
	return r
}

// Failed counts the failed calls of all runs.
func (r *Report) Failed() int {
	failed := 0.0
	for _, run := range r.Runs {
		failed += run.Figures[errorsKey]
	}
	return int(failed)
}

// figures returns the kinds of figures that occur in a summary, in the order of the columns.
func (r *Report) figures(detail bool) []Figure {
	var found []Figure
	for _, figure := range Figures {
		occurs := slices.ContainsFunc(r.Summaries, func(s Summary) bool {
			_, ok := s.Figures[figure.Key]
			return ok
		})
		if occurs && (detail || !figure.Detail) {
			found = append(found, figure)
		}
	}
	return found
}

// ratiosOf returns the ratios of a case.
func (r *Report) ratiosOf(c Case) []Ratio {
	return slices.DeleteFunc(slices.Clone(r.Ratios), func(x Ratio) bool { return x.Case != c })
}

// noise is the spread of a summary's main figure.
func (s Summary) noise() float64 {
	for _, key := range []string{"requests_per_second", "answered_seconds"} {
		if spread, ok := s.Spread[key]; ok {
			return spread
		}
	}
	return 0
}
