package ingress

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// logPartitions let every command go through the form that it has in the log.
type logPartitions struct {
	fakePartitions
	t *testing.T
}

func (p *logPartitions) check(c command.Command) {
	if _, _, err := command.Decode(command.Encode(nil, &command.Header{}, c)); err != nil {
		p.t.Errorf("the command %+v cannot be read back: %v", c, err)
	}
}

func (p *logPartitions) Invoke(
	_ context.Context, _ protocol.TraceContext, inv *command.Invoke,
) (command.Reply, error) {
	p.check(inv)
	return p.reply, nil
}

func (p *logPartitions) Call(
	_ context.Context, _ protocol.TraceContext, inv *command.Invoke, _ bool, _ func(),
) (command.Reply, bool, error) {
	p.check(inv)
	return p.reply, false, nil
}

func (p *logPartitions) Submit(_ context.Context, c command.Command) (command.Reply, error) {
	p.check(c)
	return p.reply, nil
}

// FuzzRequests sends any path, query, header and body. The answer is a status of the contract, its
// JSON is valid, and what reaches a partition can be read back from the log.
func FuzzRequests(f *testing.F) {
	const id = "inv_151ekK9xzEcb6ZLmGwxcyOyuD4coBjF0e0"
	for _, s := range [][4]string{
		{"/Greeter/greet", "", "application/json", `"x"`},
		{"/Greeter/any/send", "delay=10s", "", "\xff"},
		{"/Counter/a%2F%00b/add", "limit-key=a", "k", ""},
		{"/restate/send/Counter/k/add", "Delay=PT0.2S", "\xff", ""},
		{"/restate/lookup", "", "", `{"target":"invocation","invocationId":"` + id + `"}`},
		{"/restate/lookup", "", "", `{"target":"workflow","workflowName":"Order","workflowKey":"\ud800"}`},
		{"/restate/output", "", "",
			`{"target":"idempotentInvocation","service":"a","handler":"b","idempotencyKey":"c","key":""}`},
		{"/restate/a/sign_163EpMZcTKzTnb_-5_VZWgrIG7ZrTNCJzAAAAEQ/reject", "", "", "\xff\x00"},
		{"/restate/awakeables/prom_163EpMZcTKzTnb_-5_VZWgrIG7ZrTNCJzAAAAAQ/resolve", "", "", "x"},
		{"/restate/attach/" + id, "", "", ""}, {"/restate/invocation/Greeter/greet/k/output", "", "", ""},
	} {
		f.Add(s[0], s[1], s[2], s[3])
	}
	schemas := newSchema(f)
	allowed := []int{200, 202, 400, 404, 405, 409, 410, 470, 500, 503}
	f.Fuzz(func(t *testing.T, path, query, header, body string) {
		p := &logPartitions{t: t}
		p.reply.Status = command.ReplyNotFound
		h := New(Config{}, schemas, p, nil, Events{})
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := httptest.NewRequest(method, "/", strings.NewReader(body))
			r.URL.Path, r.URL.RawPath, r.URL.RawQuery = path, path, query
			for _, name := range []string{"Content-Type", "Idempotency-Key", "X-Other", "Traceparent", "Origin"} {
				if header != "" {
					r.Header.Set(name, header)
				}
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if !slices.Contains(allowed, w.Code) {
				t.Fatalf("%s %q?%q gives %d", method, path, query, w.Code)
			}
			if w.Header().Get("Content-Type") == "application/json" && !json.Valid(w.Body.Bytes()) {
				t.Fatalf("%s %q?%q gives JSON that is none: %q", method, path, query, w.Body)
			}
		}
	})
}
