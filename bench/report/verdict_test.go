package report

import (
	"testing"
)

// measured is a report of all with one run of every case that has a target; factor is how much
// better than the peer the subject is.
func measured(factor float64) *Report {
	r := &Report{Kind: KindAll, Servers: []Server{
		{Name: "ours", Role: RoleSubject}, {Name: "theirs", Role: RolePeer},
		{Name: "stub", Role: RoleFloor}, {Name: "one", Role: RoleVariant, Partitions: 1},
		{Name: "many", Role: RoleVariant, Partitions: 24},
	}}
	add := func(c Case, server string, figures map[string]float64) {
		r.Runs = append(r.Runs, Run{Case: c, Server: server, Round: 1, Figures: figures})
	}
	cost := func(by float64) map[string]float64 {
		return map[string]float64{
			"requests_per_second": 100 / by, "p50_ms": by, "server_cpu_ms_per_request": by,
			"sync_calls_per_request": 1, "written_kib_per_request": 2048,
		}
	}
	for _, at := range []scenario{
		{"three-step", 1, 32}, {"three-step", 32, 32}, {"three-step", 128, 32}, {"echo", 1, 32},
		{"echo", 32, 32}, {"counter-hot", 32, 0}, {"counter-1000", 32, 0}, {"chain3", 32, 0},
		{"fan-out-100", 4, 0}, {"echo", 4, mebibyte},
	} {
		c := Case{Part: PartLoad, Scenario: at.name, Clients: at.clients, Payload: at.payload}
		add(c, "ours", cost(1/factor))
		add(c, "theirs", cost(1))
		add(c, "stub", cost(0.9/factor))
		c.Share = 0.5 // an open loop must not be taken for the closed one
		add(c, "ours", cost(100))
	}
	split := Case{Part: PartPartitions, Scenario: "three-step", Clients: 64}
	add(split, "one", map[string]float64{"requests_per_second": 1000})
	add(split, "many", map[string]float64{"requests_per_second": 900})
	for _, server := range []string{"theirs", "ours"} {
		add(Case{Part: PartStart}, server,
			map[string]float64{"rss_mib": 50, "idle_cpu_percent": 1.5, "data_mib": 5})
		add(Case{Part: PartRecovery}, server, map[string]float64{"answered_seconds": 1})
		add(Case{Part: PartMemory}, server, map[string]float64{"peak_rss_mib": 300})
	}
	r.Summarize()
	return r
}

func TestVerdicts(t *testing.T) {
	for _, v := range measured(5).Verdicts() {
		if v.Met != MetYes {
			t.Errorf("%s %s: %s, met: %s", v.Measure, v.Goal, v.Measured, v.Met)
		}
	}
	missed := 0
	for _, v := range measured(1).Verdicts() {
		if v.Met == MetNo {
			missed++
		}
	}
	if missed != 12 { // all that compare with the peer
		t.Errorf("%d targets missed by a server like the peer, want 12", missed)
	}
}

func TestVerdictsOfNothing(t *testing.T) {
	r := &Report{Kind: KindAll}
	r.Summarize()
	for _, v := range r.Verdicts() {
		if v.Met != MetUnknown || v.Measured != "-" {
			t.Errorf("%s: %s, met: %s", v.Measure, v.Measured, v.Met)
		}
	}
	if got := example().Verdicts(); got != nil {
		t.Errorf("a report of one kind was judged: %v", got)
	}
}

// One bad round must show, and so must the limit itself be good.
func TestLargestMemoryIsThatOfTheWorstRound(t *testing.T) {
	r := measured(5)
	for round, mib := range map[int]float64{2: 700, 3: 10} {
		r.Runs = append(r.Runs, Run{
			Case: Case{Part: PartMemory}, Server: "ours", Round: round,
			Figures: map[string]float64{"peak_rss_mib": mib},
		})
	}
	r.Summarize()
	verdicts := r.Verdicts()
	if v := verdicts[len(verdicts)-1]; v.Measured != "700 MiB" || v.Met != MetYes {
		t.Errorf("%+v, want 700 MiB, which is met", v)
	}
	r.Runs[len(r.Runs)-1].Figures["peak_rss_mib"] = 701
	if v := r.Verdicts()[len(verdicts)-1]; v.Met != MetNo {
		t.Errorf("%+v, want it missed", v)
	}
}
