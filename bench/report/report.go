package report

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/perdure/perdure/bench/load"
	"github.com/perdure/perdure/bench/probe"
)

// Part says what kind of measurement a Case belongs to. Each part has a table of its own.
type Part string

const (
	PartLoad       Part = "load"
	PartPartitions Part = "partitions" // one server with different numbers of them
	PartMemory     Part = "memory"     // over a whole round of load
	PartStart      Part = "start"      // start-up and idle
	PartRecovery   Part = "recovery"
	PartMachine    Part = "machine" // limits of disk and loopback, no server
	PartFill       Part = "fill"    // making invocations for queries to look at
	PartQueries    Part = "queries"
	PartBeside     Part = "beside" // calls with and without queries beside them
)

// Case is one thing measured. Zero fields do not apply. A report of one kind may leave out Part.
type Case struct {
	Part     Part    `json:"part,omitempty"`
	Scenario string  `json:"scenario"`
	Clients  int     `json:"clients,omitempty"`
	Rate     float64 `json:"rate,omitempty"`       // requests per second, open loop
	Share    float64 `json:"peak_share,omitempty"` // open loop: of the server's own peak
	Payload  int     `json:"payload,omitempty"`    // bytes
}

// KindAll is the Kind of a report that measures all that there are targets for.
const KindAll = "all"

// Role says what a server stands for in the table of targets.
type Role string

const (
	RoleSubject Role = "subject" // the one that has targets
	RolePeer    Role = "peer"
	RoleFloor   Role = "floor"
	RoleVariant Role = "variant" // the subject with other settings; Partitions says which
)

// Server says what was measured.
type Server struct {
	Name       string `json:"name"`
	Role       Role   `json:"role,omitempty"`
	Partitions int    `json:"partitions,omitempty"` // 0 is the server's default
	Version    string `json:"version,omitempty"`
	Command    string `json:"command"`
}

// Run is one server measured once.
type Run struct {
	Case    Case               `json:"case"`
	Server  string             `json:"server"`
	Round   int                `json:"round"` // from 1
	Figures map[string]float64 `json:"figures"`
	Errors  []string           `json:"errors,omitempty"` // examples

	// Latency is that of the answered calls; nil where none were measured.
	Latency *load.Distribution `json:"latency,omitempty"`
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

	// Intervals hold the true ratio with a confidence of 95 %, and P is the probability that
	// servers that do not differ show such a difference (Mann-Whitney). Absent with one round.
	Intervals map[string]Interval `json:"intervals,omitempty"`
	P         map[string]float64  `json:"p,omitempty"`
}

// Report is what is written to a file. Summaries and Ratios are made by Summarize.
type Report struct {
	Kind      string        `json:"kind"` // run, idle, recovery, sql or all
	Date      time.Time     `json:"date"`
	Command   string        `json:"command"`
	Machine   probe.Machine `json:"machine"`
	Servers   []Server      `json:"servers"`
	Notes     []string      `json:"notes,omitempty"`
	Summaries []Summary     `json:"summaries"`
	Ratios    []Ratio       `json:"ratios"`
	Runs      []Run         `json:"runs"`
}

// Append adds the rounds of a later report on the same servers and machine. Summarize has to
// follow.
func (r *Report) Append(later Report) error {
	if later.Kind != r.Kind || later.Machine.CPU != r.Machine.CPU ||
		later.Machine.Cores != r.Machine.Cores {
		return fmt.Errorf("a report of kind %s from %d cores of %s is not the same measurement "+
			"as one of kind %s from %d cores of %s", later.Kind, later.Machine.Cores,
			later.Machine.CPU, r.Kind, r.Machine.Cores, r.Machine.CPU)
	}
	for _, server := range later.Servers {
		if known := r.server(server.Name); known.Name == "" {
			r.Servers = append(r.Servers, server)
		} else if known.Command != server.Command || known.Version != server.Version {
			return fmt.Errorf("%s is %s %q in one report and %s %q in the other", server.Name,
				known.Version, known.Command, server.Version, server.Command)
		}
	}
	last := 0
	for _, run := range r.Runs {
		last = max(last, run.Round)
	}
	for _, run := range later.Runs {
		run.Round += last
		r.Runs = append(r.Runs, run)
	}
	r.Command += "; " + later.Command
	r.Notes = append(r.Notes, later.Notes...)
	return nil
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
			r.Ratios = append(r.Ratios, r.ratio(r.Summaries[first], other))
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
		if key == errorsKey { // a median would hide those of a single round
			s.Figures[key] = sum(values[key])
			continue
		}
		s.Figures[key] = median(values[key])
		if s.Figures[key] != 0 {
			s.Spread[key] = spread(values[key])
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

func (r *Report) ratio(of, to Summary) Ratio {
	x := Ratio{Case: of.Case, Of: of.Server, To: to.Server, Figures: map[string]float64{}}
	for key, value := range of.Figures {
		other := to.Figures[key]
		if other == 0 || key == errorsKey {
			continue
		}
		x.Figures[key] = value / other
		left, right := r.paired(of.Case, of.Server, to.Server, key)
		if interval, ok := ratioInterval(left, right); ok {
			if x.Intervals == nil {
				x.Intervals = map[string]Interval{}
			}
			x.Intervals[key] = interval
		}
		if p, ok := mannWhitney(left, right); ok {
			if x.P == nil {
				x.P = map[string]float64{}
			}
			x.P[key] = p
		}
	}
	return x
}

// paired returns a figure of two servers from the rounds in which both have it.
func (r *Report) paired(c Case, of, to, key string) (left, right []float64) {
	rounds := map[int]float64{}
	for _, run := range r.Runs {
		if value, ok := run.Figures[key]; ok && run.Case == c && run.Server == to {
			rounds[run.Round] = value
		}
	}
	for _, run := range r.Runs {
		value, ok := run.Figures[key]
		other, both := rounds[run.Round]
		if ok && both && run.Case == c && run.Server == of {
			left, right = append(left, value), append(right, other)
		}
	}
	return left, right
}

// Failed counts the failed calls of all runs.
func (r *Report) Failed() int {
	failed := 0.0
	for _, run := range r.Runs {
		failed += run.Figures[errorsKey]
	}
	return int(failed)
}

// figures returns the kinds of figures that occur in a summary of a part, in the order of the
// columns.
func (r *Report) figures(part Part, detail bool) []Figure {
	var found []Figure
	for _, figure := range Figures {
		occurs := slices.ContainsFunc(r.Summaries, func(s Summary) bool {
			_, ok := s.Figures[figure.Key]
			return ok && s.Case.Part == part
		})
		if occurs && (detail || !figure.Detail) {
			found = append(found, figure)
		}
	}
	return found
}

// occurring returns the kinds of figures of all parts.
func (r *Report) occurring() []Figure {
	var found []Figure
	for _, figure := range Figures {
		for _, part := range r.parts() {
			if slices.ContainsFunc(r.figures(part, true), func(f Figure) bool {
				return f.Key == figure.Key
			}) {
				found = append(found, figure)
				break
			}
		}
	}
	return found
}

// parts returns the parts that occur, in order of appearance.
func (r *Report) parts() []Part {
	var found []Part
	for _, s := range r.Summaries {
		if !slices.Contains(found, s.Case.Part) {
			found = append(found, s.Case.Part)
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
	for _, key := range []string{"requests_per_second", "answered_seconds", "p50_ms"} {
		if spread, ok := s.Spread[key]; ok {
			return spread
		}
	}
	return 0
}
