package ingress

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/discovery"
	"github.com/perdure/perdure/protocol/journal"
)

const manifest = `{"protocolMode":"BIDI_STREAM","minProtocolVersion":5,"maxProtocolVersion":7,"services":[
{"name":"Greeter","ty":"SERVICE","handlers":[
  {"name":"greet","input":{"required":true,"contentType":"application/json"},"output":{"contentType":"application/json"}},
  {"name":"any"},
  {"name":"nothing","input":{},"output":{"contentType":"text/plain","setContentTypeIfEmpty":true}},
  {"name":"hidden","ingressPrivate":true}]},
{"name":"Counter","ty":"VIRTUAL_OBJECT","handlers":[{"name":"add","ty":"EXCLUSIVE"},{"name":"get","ty":"SHARED"}]},
{"name":"Order","ty":"WORKFLOW","handlers":[{"name":"run","ty":"WORKFLOW"},{"name":"status","ty":"SHARED"}]}]}`

type fixedSchema struct{ *schema.Schema }

func (f fixedSchema) Current() *schema.Schema { return f.Schema }

func newSchema(t testing.TB) fixedSchema {
	t.Helper()
	m, err := discovery.Decode(discovery.Response{
		ContentType: "application/vnd.restate.endpointmanifest.v4+json", Body: []byte(manifest),
	})
	if err != nil {
		t.Fatal(err)
	}
	s, _, _, err := schema.Empty(schema.StandardDefaults()).Register(schema.Registration{
		Address:  schema.Address{Kind: schema.DeploymentHTTP, URI: "http://svc:1/", HTTPVersion: "HTTP/2.0"},
		Manifest: m, ID: protocol.DeploymentID{1}, Now: time.Unix(0, 0),
	})
	if err != nil {
		t.Fatal(err)
	}
	return fixedSchema{s}
}

// fakePartitions note what reaches them and answer as the script says.
type fakePartitions struct {
	seen    []string
	reply   command.Reply
	existed bool
	err     error
}

func (f *fakePartitions) note(format string, args ...any) {
	f.seen = append(f.seen, fmt.Sprintf(format, args...))
}

func (f *fakePartitions) noteInvoke(how string, t protocol.TraceContext, inv *command.Invoke) {
	f.note("%s %s %q", how, inv.Target, inv.Parameter.Inline)
	if inv.IdempotencyKey != nil {
		f.note("  idempotency key %q", *inv.IdempotencyKey)
	}
	if inv.ExecutionTime != 0 {
		f.note("  in %v", time.Until(inv.ExecutionTime.Time()).Round(time.Second))
	}
	if !t.IsZero() {
		f.note("  trace %x", t.TraceID)
	}
	for _, h := range inv.Headers {
		f.note("  %s: %s", h.Key, h.Value)
	}
	if inv.Request.IsZero() {
		f.note("  without a request ID")
	}
}

func (f *fakePartitions) Invoke(_ context.Context, t protocol.TraceContext, inv *command.Invoke) (
	command.Reply, error,
) {
	f.noteInvoke("send", t, inv)
	reply := f.reply
	if inv.ExecutionTime != 0 {
		reply.ExecutionTime = protocol.Millis(1_700_000_000_123)
	}
	return reply, f.err
}

func (f *fakePartitions) Call(_ context.Context, t protocol.TraceContext, inv *command.Invoke,
	onlyNew bool, accepted func(),
) (command.Reply, bool, error) {
	defer accepted()
	how := "call"
	if onlyNew {
		how = "call once"
	}
	f.noteInvoke(how, t, inv)
	return f.reply, f.existed, f.err
}

func (f *fakePartitions) Attach(_ context.Context, id protocol.InvocationID) (command.Reply, error) {
	f.note("attach %s", id)
	return f.reply, f.err
}

func (f *fakePartitions) Output(_ context.Context, id protocol.InvocationID) (command.Reply, error) {
	f.note("output %s", id)
	return f.reply, f.err
}

func (f *fakePartitions) Submit(_ context.Context, c command.Command) (command.Reply, error) {
	switch c := c.(type) {
	case *command.Signal:
		f.note("signal %s %s: %s", c.ID, c.Signal, show(c.Result))
	case *command.Complete:
		f.note("complete %s completion %d: %s", c.ID, c.CompletionID, show(c.Result))
	}
	return f.reply, f.err
}

func show(r journal.NotificationResult) string {
	if r.Kind == journal.ResultFailure {
		return r.Failure.Error()
	}
	return fmt.Sprintf("%q", r.Value)
}

// TestScripts plays requests as they come over the wire. A script's "partitions" command says what
// the partitions answer from then on.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if strings.Contains(path, "/fuzz/") {
			return // inputs of fuzz targets
		}
		partitions := &fakePartitions{}
		ready := true
		cfg := Config{RequestSizeLimit: 128}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "partitions":
				configure(t, d, partitions)
				return ""
			case "starting":
				ready = false
				return ""
			case "request":
				partitions.seen = nil
				h := New(cfg, newSchema(t), partitions, func() bool { return ready }, Events{})
				answer := play(t, h, d.Input)
				return strings.Join(append(partitions.seen, answer), "\n")
			}
			t.Fatalf("unknown command %s", d.Cmd)
			return ""
		})
	})
}

func configure(t *testing.T, d *datadriven.TestData, f *fakePartitions) {
	*f = fakePartitions{}
	status := map[string]command.ReplyStatus{
		"accepted": command.ReplyAccepted, "previously": command.ReplyPreviouslyAccepted,
		"completed": command.ReplyCompleted, "not-found": command.ReplyNotFound,
		"not-completed": command.ReplyNotCompleted, "done": command.ReplyDone,
	}
	for _, arg := range d.CmdArgs {
		switch value := strings.Join(arg.Vals, ","); arg.Key {
		case "value":
			r := protocol.Success([]byte(value))
			f.reply.Result = &r
		case "failure":
			r := protocol.Failed(protocol.Failure{
				Code: 418, Message: value, Metadata: []protocol.KeyValue{{Key: "pot", Value: "tea"}},
			})
			f.reply.Result = &r
		case "target":
			kind, handler, _ := strings.Cut(value, "/")
			f.reply.Target = protocol.Target{Kind: protocol.KindService, Service: kind, Handler: handler}
		case "existed":
			f.existed = true
		case "unreachable":
			f.err = errors.New("partition 3 has no leader")
		default:
			s, ok := status[arg.Key]
			if !ok {
				t.Fatalf("unknown argument %s", arg.Key)
			}
			f.reply.Status = s
			f.reply.CompletedAt, f.reply.Retention = protocol.Millis(1_700_000_000_000), 24*time.Hour
		}
	}
}

// play parses a request as a server would and prints the response.
func play(t *testing.T, h http.Handler, text string) string {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	if !strings.Contains(head, "Content-Length") && body != "" && !strings.Contains(head, "chunked") {
		head += fmt.Sprintf("\nContent-Length: %d", len(body))
	}
	raw := strings.ReplaceAll(head, "\n", "\r\n") + "\r\nHost: h\r\n\r\n" + body
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader([]byte(raw))))
	if err != nil {
		t.Fatalf("the script's request cannot be read: %v", err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var out []string
	out = append(out, fmt.Sprint(w.Code))
	for name, values := range w.Header() {
		if name != "Vary" && name != "Content-Length" && len(values) > 0 {
			v := strings.Join(values, " ")
			if name == headerInvocationID {
				v = v[:5] + "…"
			}
			out = append(out, strings.ToLower(name)+": "+v)
		}
	}
	slices.Sort(out[1:])
	answer := w.Body.String()
	if i := strings.Index(answer, `"invocationId":"inv_1`); i >= 0 && !strings.Contains(text, "lookup") {
		answer = answer[:i+21] + "…" + answer[i+54:]
	}
	return strings.Join(append(out, answer), "\n")
}

func TestConcurrencyIsLimited(t *testing.T) {
	block, entered := make(chan struct{}), make(chan struct{})
	p := &blockingPartitions{block: block, entered: entered}
	h := New(Config{ConcurrentRequests: 1}, newSchema(t), p, nil, Events{})
	first := make(chan int)
	go func() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/Greeter/any", nil))
		first <- w.Code
	}()
	<-entered
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/Greeter/any", nil))
	if w.Code != http.StatusTooManyRequests || !strings.Contains(w.Body.String(), "Retry later") {
		t.Fatalf("the second request got %d %s", w.Code, w.Body)
	}
	close(block)
	if code := <-first; code != http.StatusOK {
		t.Fatalf("the first request got %d", code)
	}
}

type blockingPartitions struct {
	fakePartitions
	block, entered chan struct{}
}

func (b *blockingPartitions) Call(context.Context, protocol.TraceContext, *command.Invoke, bool,
	func(),
) (command.Reply, bool, error) {
	close(b.entered)
	<-b.block
	r := protocol.Success(nil)
	return command.Reply{Status: command.ReplyCompleted, Result: &r}, false, nil
}

// Whatever the path, the answer is a status of the contract.
func FuzzPaths(f *testing.F) {
	for _, p := range []string{
		"/Greeter/greet", "/Counter/a%2Fb/add", "/restate/call/Greeter/greet", "/restate/invocation",
		"/restate/scope/a/send/Greeter/greet", "/restate/awakeables/sign_1AAAA/resolve",
		"/restate/workflow/Order/k/attach", "//", "/%zz/%", "/restate/attach/inv_1x",
	} {
		f.Add(p)
	}
	h := New(Config{}, newSchema(f), &fakePartitions{reply: command.Reply{Status: command.ReplyNotFound}},
		nil, Events{})
	allowed := []int{200, 202, 400, 404, 405, 409, 410, 470, 500, 503}
	f.Fuzz(func(t *testing.T, path string) {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			r := httptest.NewRequest(method, "/", nil)
			r.URL.Path, r.URL.RawPath = path, path
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if !slices.Contains(allowed, w.Code) {
				t.Fatalf("%s %q gives %d", method, path, w.Code)
			}
		}
	})
}
