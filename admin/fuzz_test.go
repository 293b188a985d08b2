package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/clock"
	"github.com/perdure/perdure/invoker/endpoint"
	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// fuzzedRegistry holds a schema in memory.
type fuzzedRegistry struct {
	mu sync.Mutex
	s  *schema.Schema // guarded by mu
}

func (r *fuzzedRegistry) Current() *schema.Schema {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.s
}

func (r *fuzzedRegistry) Update(
	_ context.Context, f func(*schema.Schema) (*schema.Schema, error),
) (*schema.Schema, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next, err := f(r.s)
	if err == nil {
		r.s = next
	}
	return next, err
}

// fuzzedDeployment offers the same wherever it is asked.
type fuzzedDeployment struct{}

func (fuzzedDeployment) Discover(
	context.Context, string, []protocol.KeyValue, bool,
) (endpoint.RawManifest, error) {
	return endpoint.RawManifest{
		ContentType: endpoint.ManifestTypes[3], HTTPVersion: endpoint.HTTP2,
		Body: []byte(`{"protocolMode":"BIDI_STREAM","minProtocolVersion":5,"maxProtocolVersion":7,` +
			`"services":[{"name":"Cart","ty":"VIRTUAL_OBJECT","handlers":[{"name":"add"}]},` +
			`{"name":"Greeter","ty":"SERVICE","handlers":[{"name":"greet"}]}]}`),
	}, nil
}

// fuzzPaths are the paths that read a body, and others.
var fuzzPaths = []string{
	"POST /deployments", "POST /v2/deployments", "PATCH /deployments/DEPLOYMENT",
	"PUT /v2/deployments/DEPLOYMENT", "DELETE /deployments/DEPLOYMENT", "GET /deployments",
	"PATCH /services/Cart", "PATCH /services/Greeter", "GET /services", "GET /services/Cart/openapi",
	"POST /services/Cart/state", "POST /services/Greeter/state", "GET /services/Cart/handlers/",
	"POST /internal/invocations_batch_operations/kill",
	"POST /internal/invocations_batch_operations/resume",
	"POST /internal/invocations_batch_operations/restart-as-new",
	"PATCH /invocations/", "DELETE /invocations/",
}

// FuzzRequests sends any body to any path, one after the other to one handler. The answer is a
// status of the contract, JSON where it says so, and a command that is submitted can be read back
// from the log.
func FuzzRequests(f *testing.F) {
	for i, body := range []string{
		`{"uri":"http://h:1/p","additional_headers":{"a":"b"},"force":true,"dry_run":false}`,
		`{"arn":"arn:aws:lambda:eu-central-1:1:function:f:1"}`, `{"uri":"http://other"}`, `{}`, `[]`,
		`{"use_http_11":true,"overwrite":true}`, `{"public":false,"inactivity_timeout":"1m 30s"}`,
		`{"journal_retention":"PT0S","abort_timeout":"300000000years"}`,
		`{"object_key":"k","new_state":{"a":[0,255]},"version":"x","scope":"s"}`,
		`{"invocation_ids":["inv_151ekK9xzEcb6ZLmGwxcyOyuD4coBjF0e0","x"],"deployment":"latest"}`,
		`null`, `{"uri":null}`, "{\"uri\":\"\xff\"}",
	} {
		f.Add(byte(i), "", body)
		f.Add(byte(i+5), "inv_151ekK9xzEcb6ZLmGwxcyOyuD4coBjF0e0/resume?deployment=latest", body)
	}
	allowed := []int{200, 201, 202, 400, 404, 405, 409, 413, 415, 422, 425, 500, 501, 503}
	f.Fuzz(func(t *testing.T, which byte, rest, body string) {
		p := &partitions{}
		h := New(Config{}, &fuzzedRegistry{s: schema.Empty(schema.StandardDefaults())},
			fuzzedDeployment{}, p, clock.NewFake(time.Unix(1_700_000_000, 0)))
		ask := func(method, target, body string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, "/", strings.NewReader(body))
			path, query, _ := strings.Cut(target, "?")
			r.URL.Path, r.URL.RawPath, r.URL.RawQuery = path, path, query
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		first := ask(http.MethodPost, "/deployments", `{"uri":"http://127.0.0.1:1"}`)
		if first.Code != http.StatusCreated {
			t.Fatalf("register: %d %s", first.Code, first.Body)
		}
		id := h.registry.Current().Deployments()[0].ID.String()
		method, path, _ := strings.Cut(fuzzPaths[int(which)%len(fuzzPaths)], " ")
		w := ask(method, strings.Replace(path, "DEPLOYMENT", id, 1)+rest, body)
		if !slices.Contains(allowed, w.Code) {
			t.Fatalf("%s %s%s with %q gives %d %s", method, path, rest, body, w.Code, w.Body)
		}
		if w.Header().Get("Content-Type") == "application/json" && !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%s %s%s with %q gives JSON that is none: %s", method, path, rest, body, w.Body)
		}
		for _, c := range p.submitted {
			if _, _, err := command.Decode(command.Encode(nil, &command.Header{}, c)); err != nil {
				t.Fatalf("%s %s%s with %q makes the command %+v: %v", method, path, rest, body, c, err)
			}
		}
		for _, path := range []string{"/deployments", "/services", "/services/Cart/openapi"} {
			if w := ask(http.MethodGet, path, ""); w.Code >= 500 {
				t.Fatalf("afterwards, %s gives %d %s", path, w.Code, w.Body)
			}
		}
	})
}
