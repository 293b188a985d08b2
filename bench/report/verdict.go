package report

import (
	"math"
	"slices"
)

// Verdict says whether a target was reached.
type Verdict struct {
	Measure  string
	Goal     string
	Measured string // "-" if it was not
	Met      Met
}

// Met is how a Verdict came out.
type Met string

const (
	MetYes     Met = "yes"
	MetNo      Met = "no"
	MetUnknown Met = "not measured"
)

// bound is the side of a limit on which a value must lie; the limit itself is good.
type bound bool

const (
	atMost  bound = true
	atLeast bound = false
)

// goal is one target of the server with RoleSubject.
type goal struct {
	measure  string
	bound    bound
	limit    float64
	unit     string // of the limit and what is measured; empty for a ratio
	decimals int

	// value is false if the report lacks what it takes.
	value func(*Report) (float64, bool)
}

// scenario picks the cases of a load by name, clients and payload, closed loop only.
type scenario struct {
	name    string
	clients int
	payload int // 0 is any below a KiB
}

func (s scenario) holds(c Case) bool {
	return c.Scenario == s.name && c.Clients == s.clients && c.Rate == 0 && c.Share == 0 &&
		(c.Payload == s.payload || s.payload == 0 && c.Payload < kib)
}

const mebibyte = 1 << 20

var goals = []goal{
	latencyGoal("three-step, 1 client", RoleFloor, 1.4, scenario{"three-step", 1, 0}),
	latencyGoal("three-step, 1 client", RolePeer, 0.45, scenario{"three-step", 1, 0}),
	cpuGoal("three-step, 32 clients", 0.25, scenario{"three-step", 32, 0}),
	rateGoal("three-step, 32 clients", 2.3, scenario{"three-step", 32, 0}),
	rateGoal("three-step, 128 clients", 2, scenario{"three-step", 128, 0}),
	cpuGoal("echo, 32 clients", 0.25, scenario{"echo", 32, 0}),
	latencyGoal("echo, 1 client", RolePeer, 0.45, scenario{"echo", 1, 0}),
	rateGoal("counter, hot key, 32 clients", 2, scenario{"counter-hot", 32, 0}),
	cpuGoal("counter, 1000 keys, 32 clients", 0.3, scenario{"counter-1000", 32, 0}),
	cpuGoal("chain3, 32 clients", 0.3, scenario{"chain3", 32, 0}),
	cpuGoal("fan-out 100, 4 clients", 0.3, scenario{"fan-out-100", 4, 0}),
	cpuGoal("echo of 1 MiB, 4 clients", 0.25, scenario{"echo", 4, mebibyte}),
	rateGoal("echo of 1 MiB, 4 clients", 2.5, scenario{"echo", 4, mebibyte}),
	{"echo of 1 MiB, 4 clients: written per call", atMost, 4.5, "MiB", 2,
		scaled(1.0/1024, own("written_kib_per_request", scenario{"echo", 4, mebibyte}))},
	// One decimal: what a store syncs in the background now and then belongs to no call.
	{"three-step, 1 client: syncs per call", atMost, 5, "", 1,
		own("sync_calls_per_request", scenario{"three-step", 1, 0})},
	{"three-step, 32 clients: syncs per call", atMost, 1.2, "", 1,
		own("sync_calls_per_request", scenario{"three-step", 32, 0})},
	{"24 partitions / 1, 64 clients: req/s", atLeast, 0.85, "", 2, partitionRatio},
	{"kill -9: first answered call", atMost, 2, "s", 2, inPart(PartRecovery, "answered_seconds")},
	{"idle: RSS", atMost, 90, "MiB", 0, inPart(PartStart, "rss_mib")},
	{"idle: CPU", atMost, 1.5, "% of a core", 2, inPart(PartStart, "idle_cpu_percent")},
	{"idle: data directory", atMost, 100, "MiB", 0, inPart(PartStart, "data_mib")},
	{"largest RSS of the whole bench", atMost, 700, "MiB", 0, largestMemory},
}

func latencyGoal(name string, to Role, limit float64, s scenario) goal {
	return ratioGoal(name+": p50", "p50_ms", to, atMost, limit, s)
}

func cpuGoal(name string, limit float64, s scenario) goal {
	return ratioGoal(name+": CPU per call", "server_cpu_ms_per_request", RolePeer, atMost, limit, s)
}

func rateGoal(name string, limit float64, s scenario) goal {
	return ratioGoal(name+": req/s", "requests_per_second", RolePeer, atLeast, limit, s)
}

func ratioGoal(name, key string, to Role, b bound, limit float64, s scenario) goal {
	return goal{name + " / " + string(to), b, limit, "", 2, func(r *Report) (float64, bool) {
		of, ok := r.figure(RoleSubject, key, s.holds)
		against, known := r.figure(to, key, s.holds)
		if !ok || !known || against == 0 {
			return 0, false
		}
		return of / against, true
	}}
}

func own(key string, s scenario) func(*Report) (float64, bool) {
	return func(r *Report) (float64, bool) { return r.figure(RoleSubject, key, s.holds) }
}

func inPart(part Part, key string) func(*Report) (float64, bool) {
	return func(r *Report) (float64, bool) {
		return r.figure(RoleSubject, key, func(c Case) bool { return c.Part == part })
	}
}

func scaled(
	factor float64, value func(*Report) (float64, bool),
) func(*Report) (float64, bool) {
	return func(r *Report) (float64, bool) {
		unscaled, ok := value(r)
		return unscaled * factor, ok
	}
}

// partitionRatio is the rate with 24 partitions divided by that with one.
func partitionRatio(r *Report) (float64, bool) {
	rate := map[int]float64{}
	for _, s := range r.Summaries {
		if s.Case.Part == PartPartitions && s.Case.Clients == 64 {
			rate[r.server(s.Server).Partitions] = s.Figures["requests_per_second"]
		}
	}
	if rate[1] == 0 || rate[24] == 0 {
		return 0, false
	}
	return rate[24] / rate[1], true
}

// largestMemory looks at every round, because a limit must always hold.
func largestMemory(r *Report) (largest float64, ok bool) {
	for _, run := range r.Runs {
		if run.Case.Part != PartMemory || r.server(run.Server).Role != RoleSubject {
			continue
		}
		value, known := run.Figures["peak_rss_mib"]
		largest, ok = max(largest, value), ok || known
	}
	return largest, ok
}

// figure returns the median of the first server with a role, in the first case that is wanted.
func (r *Report) figure(role Role, key string, wanted func(Case) bool) (float64, bool) {
	for _, s := range r.Summaries {
		if r.server(s.Server).Role == role && wanted(s.Case) {
			if value, ok := s.Figures[key]; ok {
				return value, true
			}
		}
	}
	return 0, false
}

func (r *Report) server(name string) Server {
	at := slices.IndexFunc(r.Servers, func(s Server) bool { return s.Name == name })
	if at < 0 {
		return Server{}
	}
	return r.Servers[at]
}

// Verdicts holds the medians against the targets, nil if the report is not of the kind that
// measures them all.
func (r *Report) Verdicts() []Verdict {
	if r.Kind != KindAll {
		return nil
	}
	verdicts := make([]Verdict, len(goals))
	for i, g := range goals {
		verdicts[i] = g.judge(r)
	}
	return verdicts
}

func (g goal) judge(r *Report) Verdict {
	word := "at least "
	if g.bound == atMost {
		word = "at most "
	}
	unit := ""
	if g.unit != "" {
		unit = " " + g.unit
	}
	v := Verdict{Measure: g.measure, Goal: word + trimmed(g.limit) + unit, Measured: "-",
		Met: MetUnknown}
	value, ok := g.value(r)
	if !ok {
		return v
	}
	v.Measured, v.Met = decimal(value, g.decimals)+unit, MetNo
	grain := math.Pow10(g.decimals)
	value = math.Round(value*grain) / grain // what is shown is what is judged
	if value == g.limit || (value < g.limit) == bool(g.bound) {
		v.Met = MetYes
	}
	return v
}

func verdictRows(verdicts []Verdict) [][]string {
	rows := [][]string{{"measure", "to reach", "measured", "met"}}
	for _, v := range verdicts {
		rows = append(rows, []string{v.Measure, v.Goal, v.Measured, string(v.Met)})
	}
	return rows
}
