package report

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/bench/load"
	"github.com/perdure/perdure/bench/probe"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

func example() *Report {
	hot := Case{Scenario: "counter-hot", Clients: 32}
	open := Case{Scenario: "echo", Clients: 256, Rate: 100, Payload: 32}
	run := func(c Case, server string, round int, rate, p50, cpu float64) Run {
		return Run{Case: c, Server: server, Round: round, Figures: map[string]float64{
			"requests_per_second": rate, "p50_ms": p50, "server_cpu_ms_per_request": cpu,
			"server_cpu_cores": cpu * rate / 1000, "errors": 0,
		}}
	}
	r := &Report{
		Kind: "run", Date: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Command: "bench --server perdure --peer restate",
		Machine: probe.Machine{
			CPU: "Some CPU", Cores: 2, MemoryMiB: 8000, OS: "linux/amd64", Kernel: "6.1",
			Mount:     probe.Mount{FileSystem: "ext4", Device: "vda", Options: "rw,relatime"},
			SyncP50Ms: 0.25, SyncP99Ms: 1, LoadAverage: "0.10 0.20 0.30", GoVersion: "go1.26",
			Commit: "0123456789ab",
		},
		Servers: []Server{
			{Name: "perdure", Version: "1.7.12", Command: "perdure serve"},
			{Name: "restate", Command: "restate-server"},
		},
		Runs: []Run{
			run(hot, "perdure", 1, 1000, 30, 0.25),
			run(hot, "restate", 1, 250, 120, 2.5),
			run(hot, "restate", 2, 275, 110, 2.25),
			run(hot, "perdure", 2, 1200, 20, 0.5),
			run(hot, "perdure", 3, 1100, 25, 0.375),
			run(hot, "restate", 3, 200, 130, 2.75),
			run(open, "perdure", 1, 100, 1.5, 0.25),
			run(open, "restate", 1, 100, 4.5, 1.75),
		},
		Notes: []string{"something to know."},
	}
	r.Runs[0].Latency = &load.Distribution{First: 200, Counts: []uint64{10, 80, 9, 0, 1}}
	r.Runs[1].Latency = &load.Distribution{First: 230, Counts: []uint64{5, 20, 25}}
	r.Runs[2].Latency = &load.Distribution{First: 231, Counts: []uint64{50}}
	r.Runs[7].Figures["rss_mib"] = 300
	r.Runs[7].Figures["errors"] = 2
	r.Runs[7].Errors = []string{"/Echo/echo answered 500"}
	r.Runs[2].Figures["errors"] = 1 // of three rounds: the median is 0, and it must show all the same
	r.Summarize()
	return r
}

func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run with -rewrite and review.\ngot:\n%s\nwant:\n%s", name, got, want)
	}
}

func TestTable(t *testing.T) {
	var text strings.Builder
	if err := example().WriteTable(&text); err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "run.txt", text.String())
}

func TestFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "run")
	want := example()
	if err := want.WriteFiles(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path + ".md")
	if err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "run.md", string(text))
	if text, err = os.ReadFile(path + ".bench"); err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "run.bench", string(text))
	if text, err = os.ReadFile(path + ".html"); err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "run.html", string(text))
	if text, err = os.ReadFile(path + ".json"); err != nil {
		t.Fatal(err)
	}
	var got Report
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&got, want) {
		t.Errorf("read back %+v, want %+v", got, want)
	}
}

func TestMedianOfAnEvenNumberIsTheMiddle(t *testing.T) {
	c := Case{Scenario: "echo"}
	r := Report{Servers: []Server{{Name: "a"}}}
	for _, value := range []float64{4, 1, 2, 100} {
		r.Runs = append(r.Runs, Run{Case: c, Server: "a", Figures: map[string]float64{"p50_ms": value}})
	}
	r.Summarize()
	got := r.Summaries[0]
	if got.Figures["p50_ms"] != 3 || got.Spread["p50_ms"] != 33 || got.Rounds != 4 {
		t.Errorf("got %+v, want a median of 3 and a spread of 33 over 4 rounds", got)
	}
}

func TestFailedCountsAllRuns(t *testing.T) {
	if got := example().Failed(); got != 3 {
		t.Errorf("%d failed calls, want 3", got)
	}
}

func TestAppendJoinsRounds(t *testing.T) {
	r, later := example(), *example()
	if err := r.Append(later); err != nil {
		t.Fatal(err)
	}
	r.Summarize()
	if got := r.Summaries[0]; got.Rounds != 6 || len(r.Servers) != 2 {
		t.Errorf("%d rounds on %d servers, want 6 on 2", got.Rounds, len(r.Servers))
	}
	if got := r.Ratios[0].P["p50_ms"]; got >= 0.01 {
		t.Errorf("p is %g with six rounds apart", got)
	}
	later.Servers[0].Version = "2"
	if err := r.Append(later); err == nil {
		t.Error("another version of a server passed")
	}
	if err := r.Append(Report{Kind: "idle"}); err == nil {
		t.Error("a report of another kind passed")
	}
}
