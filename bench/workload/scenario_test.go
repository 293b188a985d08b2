package workload

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/bench/load"
)

func newScenario(t *testing.T, name string, clients int) Scenario {
	t.Helper()
	s, err := New(name, Config{Run: "r", Payload: 4, Clients: clients})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestScenarioRequestsAndAnswers(t *testing.T) {
	text := string(payload(4))
	if len(text) != 6 || text[0] != '"' || text[5] != '"' {
		t.Fatalf("payload %s, want a JSON string of 4 bytes", text)
	}
	tests := []struct {
		name, path, body string
		right, wrong     string
	}{
		{"echo", "/Echo/echo", text, text, `"abc"`},
		{"three-step", "/ThreeStep/r-1/run", text, "18", "17"}, // 5 + 6 + 7
		{"counter-hot", "/Counter/r-0/add", "1", "1", "2"},
		{"counter-1000", "/Counter/r-0/add", "1", "1", "x"},
		{"chain3", "/Chain/run", "3", "3", "2"},
		{"fan-out-100", "/FanOut/run", "100", "5050", "4950"},
		{"fan-out-1000", "/FanOut/run", "1000", "500500", "500499"},
	}
	for _, test := range tests {
		req := newScenario(t, test.name, 1).Next(0)
		if req.Path != test.path || string(req.Body) != test.body {
			t.Errorf("%s: %s %s, want %s %s", test.name, req.Path, req.Body, test.path, test.body)
		}
		if err := req.Check([]byte(test.wrong)); err == nil {
			t.Errorf("%s: answer %s passed", test.name, test.wrong)
		}
		if err := req.Check([]byte(test.right)); err != nil {
			t.Errorf("%s: answer %s: %v", test.name, test.right, err)
		}
	}
}

func TestThreeStepKeysAreUnique(t *testing.T) {
	s, seen := newScenario(t, "three-step", 2), map[string]bool{}
	for i := range 100 {
		path := s.Next(i % 2).Path
		if seen[path] {
			t.Fatalf("%s twice", path)
		}
		seen[path] = true
	}
}

func TestCounterAnswersMustGrow(t *testing.T) {
	s := newScenario(t, "counter-hot", 2)
	first, second := s.Next(0), s.Next(0)
	if err := first.Check([]byte("1")); err != nil {
		t.Fatal(err)
	}
	if err := second.Check([]byte("1")); err == nil {
		t.Fatal("the same count twice passed")
	}
}

func TestCounter1000SpreadsOverAllKeys(t *testing.T) {
	s, seen := newScenario(t, "counter-1000", 2), map[string]bool{}
	for i := range manyKeys {
		seen[s.Next(i%2).Path] = true
	}
	if len(seen) != manyKeys {
		t.Fatalf("%d keys after %d calls, want as many", len(seen), manyKeys)
	}
}

// A server that loses or repeats an acknowledged addition is found out at the end.
func TestCounterVerify(t *testing.T) {
	var held atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/Counter/r-0/get" || r.ContentLength != 0 {
			w.WriteHeader(http.StatusNotFound)
		}
		fmt.Fprint(w, held.Load())
	}))
	defer server.Close()
	client := load.NewClient(strings.TrimPrefix(server.URL, "http://"), time.Minute)
	defer client.Close()
	s := newScenario(t, "counter-hot", 1)
	s.Next(0)
	s.Next(0)
	for count, want := range map[int64]bool{1: false, 2: true, 3: false} {
		held.Store(count)
		err := s.Verify(t.Context(), client)
		if (err == nil) != want {
			t.Errorf("%d held after 2 additions: %v", count, err)
		}
	}
}

func TestNewRefusesWhatItCannotRun(t *testing.T) {
	for name, cfg := range map[string]Config{
		"none": {}, "echo": {Payload: MaxPayload + 1}, "three-step": {Payload: -1},
	} {
		if _, err := New(name, cfg); err == nil {
			t.Errorf("%s %+v passed", name, cfg)
		}
	}
}

func TestServeTellsItsServicesAndStops(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, listener, t.Output()) }()

	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		"http://"+listener.Addr().String()+"/discover", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/vnd.restate.endpointmanifest.v3+json")
	answer, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	var manifest strings.Builder
	if err := answer.Write(&manifest); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"Echo"`, `"ThreeStep"`, `"Counter"`, `"Chain"`, `"FanOut"`,
		`"WORKFLOW"`} {
		if !strings.Contains(manifest.String(), want) {
			t.Errorf("the manifest lacks %s: %s", want, manifest.String())
		}
	}
	transport.CloseIdleConnections()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
