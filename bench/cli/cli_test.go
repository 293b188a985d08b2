package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestRunTakesServersInTurn(t *testing.T) {
	data, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	code, stdout, stderr := bench(t, "run", "--server", fake(t, "a"), "--server", fake(t, "b"),
		"--scenarios", "echo,counter-hot", "--clients", "1,2", "--rounds", "2", "--warmup", "5ms",
		"--duration", "200ms", "--data-dir", data, "--out", out)
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

func TestRunGoesOnAfterACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	code, stdout, stderr := bench(t, "--server", brokenFake(t, "a"), "--scenarios", "chain3,echo",
		"--clients", "1", "--rounds", "1", "--warmup", "0s", "--duration", "50ms",
		"--data-dir", t.TempDir(), "--json", path)
	if code != exitFailed || !strings.Contains(stderr, "a ended by itself before echo") {
		t.Fatalf("status %d\n%s\n%s", code, stdout, stderr)
	}
	runs := readReport(t, path).Runs
	if runs[0].Figures["errors"] == 0 || runs[1].Figures["errors"] > 0 {
		t.Errorf("%g errors before the crash and %g after it, want some and none",
			runs[0].Figures["errors"], runs[1].Figures["errors"])
	}
}

// The second server cannot start; what was measured of the first must not be lost.
func TestAnAbandonedRunIsReported(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	code, stdout, stderr := bench(t, "--server", fake(t, "a"), "--server", "name=b,cmd=false",
		"--scenarios", "echo", "--clients", "1", "--rounds", "1", "--warmup", "0s",
		"--duration", "5ms", "--data-dir", t.TempDir(), "--json", path)
	if code != exitFailed || !strings.Contains(stderr, "start server b") {
		t.Fatalf("status %d\n%s\n%s", code, stdout, stderr)
	}
	r := readReport(t, path)
	notes := strings.Join(r.Notes, "; ")
	if len(r.Runs) != 1 || !strings.Contains(notes, "this report is not complete") {
		t.Errorf("%d runs and notes %q, want one and that it is not complete", len(r.Runs), notes)
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
	if got := strings.Join(played, " "); got != "three-step three-step 1KiB echo echo 1KiB" {
		t.Errorf("the floor played %s, want three-step and echo with every input", got)
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
	address := []string{"--ingress", "http://h:1", "--admin", "http://h:2"}
	for want, args := range map[string][]string{
		`unknown command "walk"`:                   {"walk"},
		"no server to measure":                     {"run"},
		"two servers are called perdure":           append(server, "--server", "perdure=x"),
		"--clients 0: give numbers":                append(server, "--clients", "0"),
		"--clients 1,x: give numbers":              append(server, "--clients", "1,x"),
		"--rounds 0: give a number":                append(server, "--rounds", "0"),
		"--duration 0s: give a time":               append(server, "--duration", "0s"),
		"--process old: use kept or fresh":         append(server, "--process", "old"),
		"--rate -1: give a number":                 append(server, "--rate", "-1"),
		`unknown scenario "no"`:                    append(server, "--scenarios", "echo,no"),
		"--payload -1: give numbers":               append(server, "--payload", "-1"),
		"--payload 32,1GiB: give numbers":          append(server, "--payload", "32,1GiB"),
		"--payload 9999MiB: give numbers":          append(server, "--payload", "9999MiB"),
		"--peak-shares 0.5,3: give numbers":        append(server, "--peak-shares", "0.5,3"),
		"--nodes 2: give a number from 3 to 9":     append(server, "--nodes", "2"),
		"and no --rate":                            append(server, "--peak-shares", "1", "--rate", "1"),
		"two servers are called machine":           {"all", "--server", "name=machine,perdure"},
		"all cannot be measured on the floor":      {"all", "--server", "floor"},
		"all needs servers that it may start":      append([]string{"all"}, address...),
		"--idle-duration 0s: give a time":          {"all", "--idle-duration", "0s"},
		`unexpected argument "x"`:                  append(server, "x"),
		"flag provided but not defined: -colour":   {"--colour"},
		"want http://HOST:PORT":                    {"--ingress", "http://127.0.0.1:1"},
		"--invocations 0: give":                    append(fill, "--invocations", "0"),
		"idle needs servers that it may start":     append(running, "--admin", "http://h:2"),
		"--clients 0: give a number from 1":        append(fill, "--clients", "0"),
		"--queries -1: give a number from 0":       {"sql", "--peer", "restate", "--queries", "-1"},
		"--rate 0: give a number above 0":          {"sql", "--peer", "restate", "--rate", "0"},
		"--fill-time and --warmup must not be":     {"sql", "--peer", "restate", "--fill-time", "-1s"},
		"--beside-clients 0: give a number from 1": {"sql", "--peer", "restate", "--beside-clients", "0"},
		"sql cannot be measured on the floor":      {"sql", "--server", "floor"},
		"invalid value":                            {"recovery", "--invocations", "many"},
		`bench: read server "x": unknown key "x"`:  {"--server", "x"},
		"--warmup must not be negative":            append(server, "--warmup", "-1s"),
		"--timeout 0s: give a time above 0":        append(server, "--timeout", "0s"),
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
