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
// broken one fails every workflow, and dies of a chain.
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
		if broken {
			os.Exit(1)
		}
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
	stock := &fakeStock{broken: broken}
	ingress.HandleFunc("POST /Restock/run", stock.make)
	admin.HandleFunc("POST /query", stock.answer)
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
