package cli

import (
	"bytes"
	"context"
	"encoding/json"
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
)

// TestMain lets the test program stand for the two programs that a benchmark starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case serviceCommand:
			os.Exit(Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
		case "fake-server":
			fakeServer(os.Args[2], os.Args[3])
		}
	}
	os.Exit(m.Run())
}

// fakeServer answers like a server with the services behind it. Its counters are not durable.
func fakeServer(ingressPort, adminPort string) {
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
		_, _ = io.Copy(w, r.Body)
	})
	ingress.HandleFunc("POST /ThreeStep/{key}/run", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "this one is broken", http.StatusInternalServerError)
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
	failed := make(chan error, 2)
	for port, handler := range map[string]http.Handler{ingressPort: ingress, adminPort: admin} {
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
	return "name=" + name + ",cmd='" + self + " fake-server {ingress} {admin}'"
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
	code, stdout, stderr := bench(t, "--server", fake(t, "a"), "--scenarios", "three-step",
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
		"a payload of -1 bytes":                   append(server, "--payload", "-1"),
		`unexpected argument "x"`:                 append(server, "x"),
		"flag provided but not defined: -colour":  {"--colour"},
		"want http://HOST:PORT":                   {"--ingress", "http://127.0.0.1:1"},
		"--invocations 0: give":                   append(fill, "--invocations", "0"),
		"idle needs servers that it may start":    append(running, "--admin", "http://h:2"),
		"--clients: give one number":              append(fill, "--clients", "1,2"),
		"invalid value":                           {"recovery", "--invocations", "many"},
		`bench: read server "x": unknown key "x"`: {"--server", "x"},
		"--warmup and --strace-duration must not": append(server, "--warmup", "-1s"),
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
