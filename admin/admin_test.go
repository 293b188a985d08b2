package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/perdure/perdure/bifrost/memlog"
	"github.com/perdure/perdure/internal/clock"
	"github.com/perdure/perdure/invoker/endpoint"
	"github.com/perdure/perdure/metadata"
	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// deployments answers discovery from a table.
type deployments struct {
	offers map[string]endpoint.RawManifest // by address
	fails  map[string]error
	log    []string // what was asked
}

func (d *deployments) Discover(
	_ context.Context, address string, headers []protocol.KeyValue, http11 bool,
) (endpoint.RawManifest, error) {
	line := fmt.Sprintf("discover %s", address)
	for _, h := range headers {
		line += fmt.Sprintf(" %s=%s", h.Key, h.Value)
	}
	d.log = append(d.log, fmt.Sprintf("%s http11=%t", line, http11))
	if err := d.fails[address]; err != nil {
		return endpoint.RawManifest{}, err
	}
	m, ok := d.offers[address]
	if !ok {
		return m, &endpoint.DiscoverError{Code: "META0003", Err: errors.New("nobody there")}
	}
	if http11 {
		m.HTTPVersion = endpoint.HTTP11
	}
	return m, nil
}

// withLambda reaches Lambda functions too.
type withLambda struct{ *deployments }

func (d withLambda) DiscoverLambda(
	ctx context.Context, arn, role string, headers []protocol.KeyValue,
) (endpoint.RawManifest, error) {
	d.log = append(d.log, "assume "+role)
	return d.Discover(ctx, arn, headers, false)
}

// partitions answers commands from a table and keeps them.
type partitions struct {
	mu        sync.Mutex
	replies   map[protocol.InvocationID]command.Reply
	pinned    map[protocol.InvocationID]pinned
	err       error
	submitted []command.Command
}

func (p *partitions) Submit(_ context.Context, cmd command.Command) (command.Reply, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return command.Reply{}, p.err
	}
	p.submitted = append(p.submitted, cmd)
	var id protocol.InvocationID
	switch c := cmd.(type) {
	case *command.Terminate:
		id = c.ID
	case *command.Purge:
		id = c.ID
	case *command.PurgeJournal:
		id = c.ID
	case *command.Pause:
		id = c.ID
	case *command.Resume:
		id = c.ID
	case *command.Restart:
		id = c.ID
	case *command.PatchState:
		return command.Reply{Status: command.ReplyDone}, nil
	}
	if reply, ok := p.replies[id]; ok {
		return reply, nil
	}
	return command.Reply{Status: command.ReplyNotFound}, nil
}

func (p *partitions) Pinned(_ context.Context, id protocol.InvocationID) (
	protocol.Target, protocol.DeploymentID, uint32, bool, error,
) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok := p.pinned[id]
	return at.target, at.deployment, at.version, ok, p.err
}

// world is a Handler with everything around it.
type world struct {
	*Handler
	deployments *deployments
	partitions  *partitions
	clock       *clock.Fake
}

func newWorld(t *testing.T, cfg Config, lambda bool) *world {
	t.Helper()
	store, err := metadata.Open(t.Context(), metadata.Config{Host: memlog.NewHost(), Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defaults := schema.StandardDefaults()
	defaults.MaxJournalRetention = 48 * time.Hour
	registry, err := schema.NewRegistry(store, defaults, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		registry.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{
		deployments: &deployments{offers: map[string]endpoint.RawManifest{}, fails: map[string]error{}},
		partitions: &partitions{replies: map[protocol.InvocationID]command.Reply{},
			pinned: map[protocol.InvocationID]pinned{}},
		clock: clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 427000000, time.UTC)),
	}
	var d Discoverer = w.deployments
	if lambda {
		d = withLambda{w.deployments}
	}
	w.Handler = New(cfg, registry, d, w.partitions, w.clock)
	ids := byte(0)
	w.newULID = func() [16]byte { ids++; return [16]byte{15: ids} }
	w.newSeed = func() uint64 { return 7 }
	return w
}

// TestScripts runs testdata. Commands:
//
//	offer uri=... [server=..]        the deployment at uri offers the services in the input
//	fail uri=... code=META....       discovery of uri fails with the text in the input
//	reply id=... status=N            partitions reply to commands for the invocation
//	pinned id=... service=.. handler=.. [deployment=..] [version=N]
//	unavailable                      partitions cannot be asked, until "available"
//	http                             a request: line, headers, empty line, body
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if strings.Contains(path, "/fuzz/") {
			return // inputs of fuzz targets
		}
		w := newWorld(t, Config{
			IngressEndpoint: "http://127.0.0.1:8080/", RoutingHeaders: []string{"x-route"},
			Features: map[string]bool{"protocol_v7": true},
			Mounts: map[string]http.Handler{"query": http.HandlerFunc(
				func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "mounted %s", r.URL.Path) })},
		}, strings.Contains(path, "lambda"))
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			return w.step(t, d)
		})
	})
}

func (w *world) step(t *testing.T, d *datadriven.TestData) string {
	arg := func(name string) (v string) { d.MaybeScanArgs(t, name, &v); return v }
	switch d.Cmd {
	case "offer":
		w.deployments.offers[arg("uri")] = endpoint.RawManifest{
			ContentType:  "application/vnd.restate.endpointmanifest.v4+json",
			ServerHeader: arg("server"), HTTPVersion: endpoint.HTTP2,
			Body: []byte(`{"protocolMode":"` + or(arg("mode"), "BIDI_STREAM") + `","minProtocolVersion":5,` +
				`"maxProtocolVersion":` + or(arg("max"), "6") + `,"services":[` + d.Input + `]}`),
		}
		return ""
	case "fail":
		w.deployments.fails[arg("uri")] = &endpoint.DiscoverError{
			Code: arg("code"), Err: errors.New(d.Input)}
		return ""
	case "unavailable":
		w.partitions.err = errors.New("the partition has no leader: retry later")
		return ""
	case "available":
		w.partitions.err = nil
		return ""
	case "http":
		return w.request(t, d.Input)
	}
	id, err := protocol.ParseInvocationID(arg("id"))
	if err != nil {
		t.Fatal(err)
	}
	switch d.Cmd {
	case "reply":
		var status int
		d.ScanArgs(t, "status", &status)
		w.partitions.replies[id] = command.Reply{
			Status: command.ReplyStatus(status), Message: d.Input}
	case "pinned":
		p := pinned{target: protocol.Target{Service: arg("service"), Handler: arg("handler")}}
		d.MaybeScanArgs(t, "version", &p.version)
		if text := arg("deployment"); text != "" {
			if p.deployment, err = protocol.ParseDeploymentID(text); err != nil {
				t.Fatal(err)
			}
		}
		w.partitions.pinned[id] = p
	default:
		d.Fatalf(t, "unknown command %s", d.Cmd)
	}
	return ""
}

func or(v, fallback string) string {
	if v == "" {
		return fallback
	}
	return v
}

// request sends one request and prints what came back and what was asked of others.
func (w *world) request(t *testing.T, text string) string {
	line, rest, _ := strings.Cut(text, "\n")
	method, target, ok := strings.Cut(line, " ")
	if !ok {
		t.Fatalf("request line %q", line)
	}
	head, body, _ := strings.Cut("\n"+rest, "\n\n")
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	lines := bufio.NewScanner(strings.NewReader(head))
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), ": "); ok {
			r.Header.Set(name, value)
		} else if name, ok := strings.CutPrefix(lines.Text(), "-"); ok {
			r.Header.Del(name)
		}
	}
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	var out strings.Builder
	fmt.Fprintf(&out, "%d", rec.Code)
	for _, name := range []string{"Content-Type", "Location", "Allow"} {
		if v := rec.Header().Get(name); v != "" {
			fmt.Fprintf(&out, " %s=%s", strings.ToLower(name), v)
		}
	}
	out.WriteString("\n")
	out.WriteString(indent(rec))
	for _, line := range w.deployments.log {
		fmt.Fprintf(&out, "-> %s\n", line)
	}
	var commands []string
	for _, cmd := range w.partitions.submitted {
		commands = append(commands, "-> "+printCommand(cmd)+"\n")
	}
	slices.Sort(commands) // those of a batch come in any order
	out.WriteString(strings.Join(commands, ""))
	w.deployments.log, w.partitions.submitted = nil, nil
	return out.String()
}

func indent(rec *httptest.ResponseRecorder) string {
	var b bytes.Buffer
	if rec.Body.Len() == 0 {
		return ""
	}
	if rec.Header().Get("Content-Type") != "application/json" ||
		json.Indent(&b, rec.Body.Bytes(), "", " ") != nil {
		return rec.Body.String() + "\n"
	}
	return b.String() + "\n"
}

func printCommand(cmd command.Command) string {
	if s, ok := cmd.(*command.PatchState); ok {
		line := fmt.Sprintf("patch state %s/%q scope=%q", s.Service, s.Key, s.Scope)
		if s.Version != nil {
			line += " version=" + *s.Version
		}
		for _, e := range s.State {
			line += fmt.Sprintf(" %s=%x", e.Key, e.Value.Inline)
		}
		return line
	}
	line := strings.TrimPrefix(fmt.Sprintf("%T%+v", cmd, cmd), "*command.")
	for _, unset := range []any{command.RequestID{}, protocol.DeploymentID{}} {
		line = strings.ReplaceAll(line, fmt.Sprint(unset), "-")
	}
	return line
}

func TestCompression(t *testing.T) {
	w := newWorld(t, Config{}, false)
	for accept, want := range map[string]string{
		"": "", "identity": "", "br": "br", "deflate": "", "gzip": "gzip",
		"gzip, deflate, br, zstd": "zstd", "gzip, br": "br", "br;q=0.5, gzip": "gzip", "gzip, zstd": "zstd", "zstd;q=0, gzip;q=0.5": "gzip",
		"gzip;q=0.9, zstd;q=0.1": "gzip", "GZIP": "gzip", "gzip;q=x": "",
	} {
		server := httptest.NewServer(w)
		r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/version", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", accept)
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := resp.Header.Get("Content-Encoding"); got != want || resp.Header.Get("Vary") != "accept-encoding" {
			t.Errorf("accept-encoding %q: %q, vary %q; want %q", accept, got, resp.Header.Get("Vary"), want)
		}
		body := unpack(t, want, resp)
		if !json.Valid(body) {
			t.Errorf("accept-encoding %q: the body is %q", accept, body)
		}
		resp.Body.Close()
		server.Close()
	}
}

// waiting is a Partitions whose commands wait.
type waiting struct {
	*partitions
	entered chan struct{}
	leave   chan struct{}
}

func (p *waiting) Submit(ctx context.Context, cmd command.Command) (command.Reply, error) {
	p.entered <- struct{}{}
	<-p.leave
	return p.partitions.Submit(ctx, cmd)
}

func TestConcurrencyLimit(t *testing.T) {
	w := newWorld(t, Config{ConcurrentRequestsLimit: 2}, false)
	p := &waiting{w.partitions, make(chan struct{}), make(chan struct{})}
	w.Handler.partitions = p
	const path = "/invocations/inv_1000000000000000000000000000000001/purge"
	id, err := protocol.ParseInvocationID(strings.Split(path, "/")[2])
	if err != nil {
		t.Fatal(err)
	}
	w.partitions.replies[id] = command.Reply{Status: command.ReplyDone}
	call := func() *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "PATCH", path, nil))
		return rec
	}
	var running sync.WaitGroup
	for range 2 {
		running.Go(func() {
			if rec := call(); rec.Code != http.StatusOK {
				t.Errorf("within the limit: %d %s", rec.Code, rec.Body)
			}
		})
		<-p.entered
	}
	if rec := call(); rec.Code != http.StatusTooManyRequests || rec.Body.Len() != 0 {
		t.Errorf("beyond the limit: %d %q", rec.Code, rec.Body)
	}
	close(p.leave)
	running.Wait()
	go func() { <-p.entered }()
	if rec := call(); rec.Code != http.StatusOK {
		t.Errorf("the slots were not given back: %d", rec.Code)
	}
}

// TestBatchOfMany: more commands than may wait at once, each answered for itself and in order.
func TestBatchOfMany(t *testing.T) {
	w := newWorld(t, Config{}, false)
	var ids []string
	for i := range maxBatch {
		id := protocol.InvocationID{Key: protocol.PartitionKey(i), UUID: [16]byte{1}}
		ids = append(ids, id.String())
		w.partitions.replies[id] = command.Reply{Status: command.ReplyDone}
	}
	send := func(ids []string) *httptest.ResponseRecorder {
		body, err := json.Marshal(map[string]any{"invocation_ids": ids})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(t.Context(), "POST",
			"/internal/invocations_batch_operations/kill", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, r)
		return rec
	}
	rec := send(ids)
	var got struct {
		Succeeded []string
		Failed    []any
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got.Succeeded) != fmt.Sprint(ids) || len(got.Failed) != 0 {
		t.Fatalf("%d succeeded, %d failed", len(got.Succeeded), len(got.Failed))
	}
	if rec := send(append(ids, ids[0])); rec.Code != http.StatusBadRequest {
		t.Fatalf("%d invocations: %d", len(ids)+1, rec.Code)
	}
}
