package cli

import (
	"slices"

	"github.com/perdure/perdure/bench/floor"
	"github.com/perdure/perdure/bench/report"
	"github.com/perdure/perdure/bench/target"
	"github.com/perdure/perdure/bench/workload"
)

// server is one of the servers to measure.
type server struct {
	target.Spec
	role report.Role
}

// plays reports whether a server can be measured in a case. The floor is measured as fast as it can,
// not at a rate.
func (s server) plays(c report.Case) bool {
	if s.Kind != target.KindFloor {
		return true
	}
	return floor.Plays(c.Scenario) && c.Share == 0
}

// withDefaultPartitions is the server with a number of partitions unless it has one, or takes none.
func (s server) withDefaultPartitions(partitions int) target.Spec {
	if s.Partitions != 0 || s.Kind != target.KindPerdure && s.Kind != target.KindRestate {
		return s.Spec
	}
	spec := s.WithPartitions(partitions)
	spec.Name = s.Name
	return spec
}

// grid returns the cases of run: every scenario with every payload it takes and every number of
// clients, and after these the open loops at shares of the peak that they found.
func (c *config) grid() []report.Case {
	var cases []report.Case
	for _, name := range c.scenarios {
		payloads := c.payloads
		if !workload.TakesPayload(name) {
			payloads = []int{0}
		}
		for _, payload := range payloads {
			for _, clients := range c.clients {
				cases = append(cases, report.Case{
					Scenario: name, Clients: clients, Rate: c.rate, Payload: payload,
				})
			}
			for _, share := range c.shares {
				cases = append(cases, report.Case{
					Scenario: name, Clients: openLoopClients, Share: share, Payload: payload,
				})
			}
		}
	}
	return cases
}

// Parts of the table of targets that are not in the cases themselves.
var (
	partitionCounts  = []int{1, 24, 128}
	partitionClients = 64
	peakShares       = []float64{0.5, 0.8}
)

// fullLoad returns the cases of "all": those that have targets, those the peer's figures are known
// for, and the latency at part of the peak.
func fullLoad() []report.Case {
	const small = workload.DefaultPayload
	cases := []report.Case{
		{Scenario: "three-step", Clients: 1, Payload: small},
		{Scenario: "three-step", Clients: 32, Payload: small},
		{Scenario: "three-step", Clients: 128, Payload: small},
	}
	cases = append(cases, openLoops("three-step")...)
	cases = append(cases,
		report.Case{Scenario: "echo", Clients: 1, Payload: small},
		report.Case{Scenario: "echo", Clients: 32, Payload: small})
	cases = append(cases, openLoops("echo")...)
	cases = append(cases,
		report.Case{Scenario: "counter-hot", Clients: 32},
		report.Case{Scenario: "counter-1000", Clients: 32},
		report.Case{Scenario: "chain3", Clients: 32},
		report.Case{Scenario: "fan-out-100", Clients: 4},
		report.Case{Scenario: "fan-out-1000", Clients: 1},
		report.Case{Scenario: "echo", Clients: 4, Payload: 1 * kib},
		report.Case{Scenario: "echo", Clients: 4, Payload: 16 * kib},
		report.Case{Scenario: "echo", Clients: 4, Payload: 128 * kib},
		report.Case{Scenario: "echo", Clients: 4, Payload: 1 * mib})
	return inPart(report.PartLoad, cases)
}

func openLoops(scenario string) []report.Case {
	var cases []report.Case
	for _, share := range peakShares {
		cases = append(cases, report.Case{
			Scenario: scenario, Clients: openLoopClients, Share: share,
			Payload: workload.DefaultPayload,
		})
	}
	return cases
}

func partitionLoad() []report.Case {
	return inPart(report.PartPartitions, []report.Case{{
		Scenario: "three-step", Clients: partitionClients, Payload: workload.DefaultPayload,
	}})
}

func inPart(part report.Part, cases []report.Case) []report.Case {
	for i := range cases {
		cases[i].Part = part
	}
	return cases
}

// peaks are the highest rates that closed loops of one round have reached.
type peaks map[peak]float64

type peak struct {
	server   int
	scenario string
	payload  int
}

func (p peaks) note(server int, c report.Case, rate float64) {
	if c.Rate == 0 && c.Share == 0 {
		at := peak{server, c.Scenario, c.Payload}
		p[at] = max(p[at], rate)
	}
}

func (p peaks) of(server int, c report.Case) float64 {
	return p[peak{server, c.Scenario, c.Payload}]
}

// order returns the numbers of the servers that are wanted. Every other round takes them in
// reverse, so that none always comes first.
func (s *session) order(round int, wanted func(server) bool) []int {
	var order []int
	for i, candidate := range s.cfg.servers {
		if wanted(candidate) {
			order = append(order, i)
		}
	}
	if round%2 == 0 {
		slices.Reverse(order)
	}
	return order
}
