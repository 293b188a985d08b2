package load

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func newServer(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func newGenerator(t *testing.T, cfg Config) *Generator {
	t.Helper()
	g, err := NewGenerator(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

func anyAnswer([]byte) error { return nil }

func fixed(req Request) Source { return func(int) Request { return req } }

func TestClosedLoopSendsExactlyTheRequestsAskedFor(t *testing.T) {
	var seen atomic.Int64
	address := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path != "/A/b" || r.Header.Get("Content-Type") != "application/json" {
			w.WriteHeader(http.StatusTeapot)
		}
		seen.Add(1)
		_, _ = w.Write(body)
	})
	g := newGenerator(t, Config{Address: address, Clients: 4})
	result := g.Run(t.Context(), Phase{Requests: 100}, fixed(Request{
		Path: "/A/b", Body: []byte(`"x"`), Check: func(answer []byte) error {
			if string(answer) != `"x"` {
				return fmt.Errorf("answer %q", answer)
			}
			return nil
		},
	}))
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	if seen.Load() != 100 || result.Requests != 100 || result.latency.TotalCount() != 100 {
		t.Fatalf("server saw %d, result counts %d with %d latencies, want 100 each",
			seen.Load(), result.Requests, result.latency.TotalCount())
	}
}

// One connection and a server that holds the first request: all requests that fall due meanwhile
// must show the wait, though each of them is answered at once when it is sent.
func TestOpenLoopLatencyCountsFromTheMomentDue(t *testing.T) {
	const hold, interval, requests = 300 * time.Millisecond, 10 * time.Millisecond, 20
	var first atomic.Bool
	address := newServer(t, func(http.ResponseWriter, *http.Request) {
		if first.CompareAndSwap(false, true) {
			timer := time.NewTimer(hold) // the server being slow is the input, not a wait
			<-timer.C
		}
	})
	rate := float64(time.Second / interval)
	g := newGenerator(t, Config{Address: address, Clients: 1, Rate: rate})
	source := fixed(Request{Path: "/", Check: anyAnswer})
	result := g.Run(t.Context(), Phase{Requests: requests}, source)
	if result.Requests != requests {
		t.Fatalf("%d requests: %v", result.Requests, result.Err())
	}
	// The last one was due 190 ms after the start and cannot have been sent before 300 ms.
	least := hold - (requests-1)*interval
	if got := result.Latency(0); got < least*999/1000 {
		t.Errorf("smallest latency %s, want at least %s", got, least)
	}
	if got := result.Lag(0.5); got < least {
		t.Errorf("median lag %s, want at least %s", got, least)
	}
}

func TestOpenLoopSchedule(t *testing.T) {
	start := time.Now().Add(-time.Hour) // all moments lie in the past, so nothing waits
	plan := &schedule{start: start, rate: 4, phase: Phase{Duration: time.Second}}
	var offsets []time.Duration
	for {
		due, more := plan.next(t.Context())
		if !more {
			break
		}
		offsets = append(offsets, due.Sub(start))
	}
	want := "[0s 250ms 500ms 750ms]"
	if got := fmt.Sprint(offsets); got != want {
		t.Fatalf("due at %s, want %s", got, want)
	}
}

func TestWrongAnswersAreErrors(t *testing.T) {
	address := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/status":
			http.Error(w, "no such thing", http.StatusNotFound)
		case "/cut":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "short")
		}
	})
	wrong := func([]byte) error { return fmt.Errorf("wrong value") }
	tests := []struct {
		path  string
		check func([]byte) error
		want  string
	}{
		{"/status", anyAnswer, "answered 404, want 200: no such thing"},
		{"/value", wrong, "wrong value"},
		{"/cut", anyAnswer, "unexpected EOF"},
	}
	for _, test := range tests {
		g := newGenerator(t, Config{Address: address, Clients: 2})
		result := g.Run(t.Context(), Phase{Requests: 10}, fixed(Request{
			Path: test.path, Check: test.check,
		}))
		if result.Errors != 10 || result.Requests != 0 || result.latency.TotalCount() != 0 {
			t.Errorf("%s: %d errors, %d requests, %d latencies", test.path,
				result.Errors, result.Requests, result.latency.TotalCount())
		}
		if err := result.Err(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q in it", test.path, err, test.want)
		}
	}
}

func TestSlowAnswersTimeOut(t *testing.T) {
	release := make(chan struct{})
	address := newServer(t, func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) }) // runs before the server is closed, which waits for it
	g := newGenerator(t, Config{Address: address, Clients: 1, Timeout: 20 * time.Millisecond})
	result := g.Run(t.Context(), Phase{Requests: 1}, fixed(Request{Path: "/", Check: anyAnswer}))
	if result.Errors != 1 || !strings.Contains(fmt.Sprint(result.Examples), "timeout") {
		t.Fatalf("%d errors: %q", result.Errors, result.Examples)
	}
}

func TestPhaseEndsWhenTheServerIsGone(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	g := newGenerator(t, Config{Address: address, Clients: 8})
	result := g.Run(t.Context(), Phase{Duration: time.Hour}, fixed(Request{Path: "/"}))
	if result.Errors < maxErrors || result.Errors > maxErrors+8 {
		t.Fatalf("%d errors, want about %d", result.Errors, maxErrors)
	}
}

func TestCancelEndsAPhaseAtOnce(t *testing.T) {
	release, arrived := make(chan struct{}), make(chan struct{})
	address := newServer(t, func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	})
	t.Cleanup(func() { close(release) })
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	g := newGenerator(t, Config{Address: address, Clients: 1})
	result := g.Run(ctx, Phase{Duration: time.Hour}, fixed(Request{Path: "/", Check: anyAnswer}))
	if result.Errors != 1 || !strings.Contains(result.Err().Error(), "context canceled") {
		t.Fatalf("%d errors: %v", result.Errors, result.Err())
	}
}

func TestConnectionsAreKept(t *testing.T) {
	seen := make(chan string, 100)
	address := newServer(t, func(_ http.ResponseWriter, r *http.Request) { seen <- r.RemoteAddr })
	g := newGenerator(t, Config{Address: address, Clients: 3})
	for range 2 {
		result := g.Run(t.Context(), Phase{Requests: 30}, fixed(Request{Path: "/", Check: anyAnswer}))
		if err := result.Err(); err != nil {
			t.Fatal(err)
		}
	}
	close(seen)
	remotes := map[string]bool{}
	for remote := range seen {
		remotes[remote] = true
	}
	if len(remotes) > 3 {
		t.Fatalf("%d connections for 3 clients in 2 phases", len(remotes))
	}
}

func TestConfigReportsEveryProblem(t *testing.T) {
	_, err := NewGenerator(Config{Clients: MaxClients + 1, Rate: -1, Timeout: 2 * MaxLatency})
	for _, want := range []string{"1025 clients", "rate of -1", "timeout of 20m0s"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}

// TestOneRequestAtLeast: a phase that is over before the machine comes to it is no phase without requests.
func TestOneRequestAtLeast(t *testing.T) {
	plan := &schedule{start: time.Now().Add(-time.Hour), phase: Phase{Duration: time.Second}}
	for n, want := range []bool{true, false} {
		if _, more := plan.next(t.Context()); more != want {
			t.Errorf("request %d is due: %t, want %t", n, more, want)
		}
	}
}
