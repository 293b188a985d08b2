package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/perdure/perdure/bench/report"
	"github.com/perdure/perdure/bench/target"
)

// TestMain lets the test program stand for the two programs that a benchmark starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case serviceCommand:
			os.Exit(Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
		case "fake-server":
			fakeServer(os.Args[2], os.Args[3], os.Args[4], len(os.Args) > 5)
		case target.FloorCommand:
			os.Exit(Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
		}
	}
	code, err := withoutPerf(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// withoutPerf hides perf from run: it takes longer to start than these measurements last, and
// elsewhere it may not count at all.
func withoutPerf(run func() int) (code int, err error) {
	dir, err := os.MkdirTemp("", "path-*")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	script := []byte("#!/bin/sh\nexit 1\n")
	if err := os.WriteFile(filepath.Join(dir, "perf"), script, 0o755); err != nil {
		return 1, err
	}
	path := dir + string(os.PathListSeparator) + os.Getenv("PATH")
	if err := os.Setenv("PATH", path); err != nil {
		return 1, err
	}
	return run(), nil
}

// fakeServer answers like a server with the services behind it. Its counters are not durable. A
// broken one fails every workflow.
func fakeServer(ingressPort, adminPort, nodePort string, broken bool) {
	admin := http.NewServeMux()
	admin.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	admin.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"version":"9.9.9"}`)
	})
	admin.HandleFunc("POST /deployments", func(w http.ResponseWriter, r *http.Request) {
		var request struct{ URI string }
		if json.NewDecoder(r.Body).Decode(&request) != nil || request.URI == "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusCreated)
	})
	var mu sync.Mutex
	counters := map[string]int{}
	ingress := http.NewServeMux()
	ingress.HandleFunc("GET /restate/health", func(http.ResponseWriter, *http.Request) {})
	ingress.HandleFunc("POST /Echo/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	})
	ingress.HandleFunc("POST /ThreeStep/{key}/run", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if broken {
			http.Error(w, "this one is broken", http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, 3*(len(body)-len(`""`))+6)
	})
	ingress.HandleFunc("POST /Chain/run", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	})
	ingress.HandleFunc("POST /FanOut/run", func(w http.ResponseWriter, r *http.Request) {
		var width int
		_ = json.NewDecoder(r.Body).Decode(&width) // a width of 0 is answered wrong
		fmt.Fprint(w, width*(width+1)/2)
	})
	ingress.HandleFunc("POST /Counter/{key}/add", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		counters[r.PathValue("key")]++
		fmt.Fprint(w, counters[r.PathValue("key")])
	})
	ingress.HandleFunc("POST /Counter/{key}/get", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprint(w, counters[r.PathValue("key")])
	})
	node := http.NewServeMux()
	node.HandleFunc("GET /debug/pprof/profile", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "a profile of %s s", r.FormValue("seconds"))
	})
	failed := make(chan error, 3)
	for port, handler := range map[string]http.Handler{
		ingressPort: ingress, adminPort: admin, nodePort: node,
	} {
		go func() { failed <- http.ListenAndServe(net.JoinHostPort("127.0.0.1", port), handler) }()
	}
	fmt.Fprintln(os.Stderr, <-failed)
	os.Exit(1)
}

// fake is the --server value of a fake server.
func fake(t *testing.T, name string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return "name=" + name + ",cmd='" + self + " fake-server {ingress} {admin} {node}'"
}

func brokenFake(t *testing.T, name string) string {
	t.Helper()
	return strings.TrimSuffix(fake(t, name), "'") + " broken'"
}

// bench runs a command line and returns its status and output.
func bench(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, log bytes.Buffer
	code = Main(t.Context(), args, &out, &log)
	return code, out.String(), log.String()
}

func readReport(t *testing.T, path string) report.Report {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r report.Report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRunTakesServersInTurn(t *testing.T) {
	data, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	code, stdout, stderr := bench(t, "run", "--server", fake(t, "a"), "--server", fake(t, "b"),
		"--scenarios", "echo,counter-hot", "--clients", "1,2", "--rounds", "2", "--warmup", "5ms",
		"--duration", "20ms", "--data-dir", data, "--out", out)
	if code != exitOK {
		t.Fatalf("status %d: %s", code, stderr)
	}
	r := readReport(t, out+".json")
	var order []string
	for _, run := range r.Runs {
		order = append(order, run.Server)
		if run.Figures["requests_per_second"] <= 0 || run.Figures["rss_mib"] <= 0 {
			t.Errorf("figures are missing: %+v", run)
		}
	}
	if got, want := strings.Join(order, ""), "abababab"+"babababa"; got != want {
		t.Errorf("servers were measured in the order %s, want %s", got, want)
	}
	if r.Servers[0].Version != "9.9.9" || len(r.Summaries) != 8 || len(r.Ratios) != 4 {
		t.Errorf("version %q, %d summaries, %d ratios",
			r.Servers[0].Version, len(r.Summaries), len(r.Ratios))
	}
	if !regexp.MustCompile(`(?m)^\s+a/b .*x`).MatchString(stdout) {
		t.Errorf("no ratio in:\n%s", stdout)
	}
	if left, _ := os.ReadDir(data); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestRunFailsWhenCallsFail(t *testing.T) {
	code, stdout, stderr := bench(t, "--server", brokenFake(t, "a"), "--scenarios", "three-step",
		"--clients", "1", "--rounds", "1", "--warmup", "0s", "--duration", "5ms",
		"--process", "fresh", "--data-dir", t.TempDir())
	if code != exitFailed || !strings.Contains(stderr, errFailedCalls.Error()) ||
		!strings.Contains(stdout, "answered 500, want 200: this one is broken") {
		t.Errorf("status %d\n%s\n%s", code, stdout, stderr)
	}
}

func TestRunOpenLoop(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	code, stdout, stderr := bench(t, "--server", fake(t, "a"), "--scenarios", "counter-1000",
		"--clients", "4", "--rate", "1000", "--rounds", "1", "--warmup", "0s", "--duration", "50ms",
		"--data-dir", t.TempDir(), "--json", path)
	if code != exitOK || !strings.Contains(stdout, "counter-1000@1000/s") {
		t.Fatalf("status %d\n%s\n%s", code, stdout, stderr)
	}
	if _, ok := readReport(t, path).Runs[0].Figures["lag_p99_ms"]; !ok {
		t.Error("the lag of the driver is missing")
	}
}

func TestRunAtSharesOfThePeak(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	code, stdout, stderr := bench(t, "--server", fake(t, "a"), "--scenarios", "echo",
		"--clients", "1,4", "--peak-shares", "0.01", "--payload", "2KiB", "--rounds", "1",
		"--warmup", "0s", "--duration", "200ms", "--data-dir", t.TempDir(), "--json", path)
	if code != exitOK || !strings.Contains(stdout, "echo 2KiB@1%") {
		t.Fatalf("status %d\n%s\n%s", code, stdout, stderr)
	}
	runs := readReport(t, path).Runs
	peak := max(runs[0].Figures["requests_per_second"], runs[1].Figures["requests_per_second"])
	if got := runs[2].Figures["offered_per_second"]; got != peak*0.01 {
		t.Errorf("offered %g/s, want 1 %% of %g", got, peak)
	}
	if runs[2].Latency == nil || runs[2].Latency.Total() == 0 {
		t.Error("the distribution of the latency is missing")
	}
}

// The floor is measured in a process of its own, beside the real service.
func TestRunOnTheFloor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	code, _, stderr := bench(t, "--server", "floor", "--scenarios", "three-step,chain3,echo",
		"--clients", "1", "--payload", "32,1KiB", "--rounds", "1", "--warmup", "0s",
		"--duration", "20ms", "--data-dir", t.TempDir(), "--json", path)
	if code != exitOK {
		t.Fatalf("status %d: %s", code, stderr)
	}
	var played []string
	for _, run := range readReport(t, path).Runs {
		played = append(played, run.Case.Name())
	}
	if got := strings.Join(played, " "); got != "three-step echo" {
		t.Errorf("the floor played %s, want three-step and echo with small inputs", got)
	}
}

func TestAll(t *testing.T) {
	out := filepath.Join(t.TempDir(), "all")
	code, stdout, stderr := bench(t, "all", "--server", fake(t, "a"), "--peer", fake(t, "b"),
		"--quick", "--duration", "50ms", "--warmup", "0s", "--idle-duration", "5ms", "--settle", "1ms",
		"--invocations", "1", "--data-dir", t.TempDir(), "--out", out)
	// The fakes lose their counters when they are killed, which is found out at the end.
	if code != exitFailed || !strings.Contains(stdout, "after 1 calls were acknowledged") {
		t.Fatalf("status %d\n%s\n%s", code, stdout, stderr)
	}
	r := readReport(t, out+".json")
	seen := map[report.Part]bool{}
	for _, run := range r.Runs {
		seen[run.Case.Part] = true
		if run.Figures["errors"] > 0 && run.Case.Part != report.PartRecovery {
			t.Errorf("%s on %s failed: %q", run.Case.Name(), run.Server, run.Errors)
		}
	}
	for _, part := range []report.Part{
		report.PartMachine, report.PartLoad, report.PartMemory, report.PartStart,
		report.PartRecovery,
	} {
		if !seen[part] {
			t.Errorf("nothing was measured of %s", part)
		}
	}
	met := map[string]report.Met{}
	for _, verdict := range r.Verdicts() {
		met[verdict.Measure] = verdict.Met
	}
	// What takes a load may be unknown after so short a one; the rest may not.
	for _, measure := range []string{
		"kill -9: first answered call", "idle: RSS", "idle: data directory",
		"largest RSS of the whole bench",
	} {
		if got := met[measure]; got != report.MetYes && got != report.MetNo {
			t.Errorf("%s: met %q, want a verdict", measure, got)
		}
	}
}

func TestAllMeasuresPartitionsOfTheFirstServer(t *testing.T) {
	cfg, err := parse(report.KindAll, []string{"--quick", "--rounds", "2"}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, server := range cfg.servers {
		names = append(names, server.Name+"="+string(server.role))
	}
	want := "perdure=subject restate=peer floor=floor " +
		"perdure-1p=variant perdure-24p=variant perdure-128p=variant"
	if got := strings.Join(names, " "); got != want || cfg.rounds != 2 {
		t.Errorf("%d rounds of %s, want 2 of %s", cfg.rounds, got, want)
	}
}

func TestProfiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "profiles")
	code, stdout, stderr := bench(t, "--server", fake(t, "a"), "--server", "floor",
		"--scenarios", "echo", "--clients", "2", "--rounds", "1", "--warmup", "0s",
		"--duration", "5ms", "--trace-duration", "5ms", "--profile", dir, "--data-dir", t.TempDir())
	if code != exitOK || !strings.Contains(stderr, "note: profile floor: ") {
		t.Fatalf("status %d\n%s\n%s", code, stdout, stderr)
	}
	text, err := os.ReadFile(filepath.Join(dir, "echo-2-a.pprof"))
	if err != nil || string(text) != "a profile of 1 s" {
		t.Errorf("%q, %v", text, err)
	}
	if kept, _ := os.ReadDir(dir); len(kept) != 1 {
		t.Errorf("%v were kept, want one of the server that offers it", kept)
	}
}

func TestReportJoinsFiles(t *testing.T) {
	dir := t.TempDir()
	var files []string
	for _, name := range []string{"x", "y"} {
		files = append(files, filepath.Join(dir, name+".json"))
		code, _, stderr := bench(t, "--server", fake(t, "a"), "--scenarios", "echo", "--clients", "1",
			"--rounds", "1", "--warmup", "0s", "--duration", "5ms", "--data-dir", t.TempDir(),
			"--json", files[len(files)-1])
		if code != exitOK {
			t.Fatalf("status %d: %s", code, stderr)
		}
	}
	both := filepath.Join(dir, "both")
	code, stdout, stderr := bench(t, "report", "--out", both, files[0], files[1])
	if code != exitOK || !strings.Contains(stdout, "echo") {
		t.Fatalf("status %d\n%s\n%s", code, stdout, stderr)
	}
	if got := readReport(t, both+".json").Summaries[0].Rounds; got != 2 {
		t.Errorf("%d rounds, want 2", got)
	}
	for _, suffix := range []string{".md", ".html", ".bench"} {
		if text, err := os.ReadFile(both + suffix); err != nil || len(text) == 0 {
			t.Errorf("%s: %d bytes, %v", suffix, len(text), err)
		}
	}
	bad := filepath.Join(dir, "bad.json")
	if err := os.WriteFile(bad, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{bad}, {filepath.Join(dir, "none.json")}, {files[0], bad}} {
		if code, _, _ := bench(t, append([]string{"report"}, args...)...); code != exitFailed {
			t.Errorf("%v: status %d, want %d", args, code, exitFailed)
		}
	}
	if code, _, _ := bench(t, "report"); code != exitUsage {
		t.Errorf("no file: status %d, want %d", code, exitUsage)
	}
}

func TestNodesOfEveryCluster(t *testing.T) {
	args := []string{"--server", "perdure-cluster", "--peer", "restate", "--nodes", "5"}
	cfg, err := parse("run", args, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if cfg.servers[0].Nodes != 5 || cfg.servers[1].Nodes != 0 {
		t.Errorf("%d and %d nodes, want 5 and a server alone", cfg.servers[0].Nodes,
			cfg.servers[1].Nodes)
	}
}

func TestIdle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	code, _, stderr := bench(t, "idle", "--server", fake(t, "a"), "--rounds", "1",
		"--settle", "1ms", "--duration", "20ms", "--data-dir", t.TempDir(), "--json", path)
	if code != exitOK {
		t.Fatalf("status %d: %s", code, stderr)
	}
	figures := readReport(t, path).Runs[0].Figures
	for _, key := range []string{"health_seconds", "restart_answered_seconds", "rss_mib"} {
		if figures[key] <= 0 {
			t.Errorf("%s is missing: %v", key, figures)
		}
	}
}

// The fake keeps its counters in memory: the kill loses what it acknowledged.
func TestRecoveryFindsLostState(t *testing.T) {
	code, stdout, stderr := bench(t, "recovery", "--server", fake(t, "a"), "--rounds", "1",
		"--invocations", "200", "--clients", "4", "--data-dir", t.TempDir())
	if code != exitFailed || !strings.Contains(stdout, "answered 200 \"0\" after") {
		t.Errorf("status %d\n%s\n%s", code, stdout, stderr)
	}
}

func TestUsageErrors(t *testing.T) {
	server := []string{"--server", "perdure"}
	fill := []string{"recovery", "--peer", "restate"}
	running := []string{"idle", "--ingress", "http://h:1"}
	for want, args := range map[string][]string{
		`unknown command "walk"`:                  {"walk"},
		"no server to measure":                    {"run"},
		"two servers are called perdure":          append(server, "--server", "perdure=x"),
		"--clients 0: give numbers":               append(server, "--clients", "0"),
		"--clients 1,x: give numbers":             append(server, "--clients", "1,x"),
		"--rounds 0: give a number":               append(server, "--rounds", "0"),
		"--duration 0s: give a time":              append(server, "--duration", "0s"),
		"--process old: use kept or fresh":        append(server, "--process", "old"),
		"--rate -1: give a number":                append(server, "--rate", "-1"),
		`unknown scenario "no"`:                   append(server, "--scenarios", "echo,no"),
		"--payload -1: give numbers":              append(server, "--payload", "-1"),
		"--payload 32,1GiB: give numbers":         append(server, "--payload", "32,1GiB"),
		"--payload 9999MiB: give numbers":         append(server, "--payload", "9999MiB"),
		"--peak-shares 0.5,3: give numbers":       append(server, "--peak-shares", "0.5,3"),
		"--nodes 2: give a number from 3 to 9":    append(server, "--nodes", "2"),
		"and no --rate":                           append(server, "--peak-shares", "1", "--rate", "1"),
		"two servers are called machine":          {"all", "--server", "name=machine,perdure"},
		"all cannot be measured on the floor":     {"all", "--server", "floor"},
		"all needs servers that it may start":     {"all", "--ingress", "http://h:1", "--admin", "http://h:2"},
		"--idle-duration 0s: give a time":         {"all", "--idle-duration", "0s"},
		`unexpected argument "x"`:                 append(server, "x"),
		"flag provided but not defined: -colour":  {"--colour"},
		"want http://HOST:PORT":                   {"--ingress", "http://127.0.0.1:1"},
		"--invocations 0: give":                   append(fill, "--invocations", "0"),
		"idle needs servers that it may start":    append(running, "--admin", "http://h:2"),
		"--clients 0: give a number from 1":       append(fill, "--clients", "0"),
		"invalid value":                           {"recovery", "--invocations", "many"},
		`bench: read server "x": unknown key "x"`: {"--server", "x"},
		"--warmup must not be negative":           append(server, "--warmup", "-1s"),
		"--timeout 0s: give a time above 0":       append(server, "--timeout", "0s"),
	} {
		code, stdout, stderr := bench(t, args...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%q: status %d, want %q in %s%s", args, code, want, stdout, stderr)
		}
	}
}

func TestEveryMistakeIsReportedAtOnce(t *testing.T) {
	_, _, stderr := bench(t, "--rounds", "0", "--scenarios", "no")
	for _, want := range []string{"no server", "--rounds 0", `scenario "no"`} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is missing in %s", want, stderr)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"run", "--help"}, {"idle", "-h"}} {
		code, stdout, stderr := bench(t, args...)
		if code != exitOK || stdout+stderr == "" {
			t.Errorf("%q: status %d, output %q", args, code, stdout+stderr)
		}
	}
}

func TestInterruptLeavesNothingBehind(t *testing.T) {
	data := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // interrupts once the server has its data directory
		for ctx.Err() == nil {
			found, _ := filepath.Glob(filepath.Join(data, "bench-*", "server-*", "data"))
			if len(found) > 0 {
				cancel()
			}
		}
	}()
	var out, log bytes.Buffer
	args := []string{"--server", fake(t, "a"), "--scenarios", "echo", "--duration", "1h",
		"--data-dir", data}
	if code := Main(ctx, args, &out, &log); code != exitFailed ||
		!strings.Contains(log.String(), "context canceled") {
		t.Errorf("status %d: %s", code, log.String())
	}
	if left, _ := os.ReadDir(data); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
