package admin

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/perdure/perdure/invoker/endpoint"
)

// TestOpenAPI: the document lists every public path with its methods, and describes parameters.
func TestOpenAPI(t *testing.T) {
	w := newWorld(t, Config{}, false)
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v4/openapi", nil))
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			Parameters  []struct{ Name string }
			RequestBody any
			Responses   map[string]any
		}
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &doc); err != nil || rec.Code != http.StatusOK {
		t.Fatalf("%d: %v", rec.Code, err)
	}
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("version %q", doc.OpenAPI)
	}
	for path, methods := range map[string][]string{
		"/version": {"get"}, "/limits/rules": {"put"}, "/deployments": {"get", "post"},
		"/deployments/{deployment}":              {"get", "patch", "delete"},
		"/services/{service}":                    {"get", "patch"},
		"/services/{service}/state":              {"post"},
		"/invocations/{invocation_id}":           {"delete"},
		"/invocations/{invocation_id}/cancel":    {"patch"},
		"/services/{service}/handlers/{handler}": {"get"},
	} {
		if len(doc.Paths[path]) != len(methods) {
			t.Errorf("%s has %d methods, want %v", path, len(doc.Paths[path]), methods)
		}
		for _, m := range methods {
			if len(doc.Paths[path][m].Responses) == 0 {
				t.Errorf("%s %s is not described", m, path)
			}
		}
	}
	cancel := doc.Paths["/invocations/{invocation_id}/cancel"]["patch"]
	if len(cancel.Parameters) != 1 || cancel.Parameters[0].Name != "invocation_id" || cancel.RequestBody != nil {
		t.Errorf("cancel is described as %+v", cancel)
	}
	if doc.Paths["/services/{service}"]["patch"].RequestBody == nil {
		t.Error("the options of a service have no body")
	}
}

// TestServiceOpenAPI: every reference leads somewhere, and operations have names of their own.
func TestServiceOpenAPI(t *testing.T) {
	w := newWorld(t, Config{IngressEndpoint: "http://here/"}, false)
	w.deployments.offers["http://one/"] = endpoint.RawManifest{
		ContentType: "application/vnd.restate.endpointmanifest.v4+json", HTTPVersion: endpoint.HTTP2,
		Body: []byte(`{"protocolMode":"BIDI_STREAM","minProtocolVersion":5,"maxProtocolVersion":6,` +
			`"services":[{"name":"Signup","ty":"WORKFLOW","handlers":[{"name":"run","ty":"WORKFLOW"},` +
			`{"name":"peek","ty":"SHARED"}]},{"name":"Counter","ty":"VIRTUAL_OBJECT","handlers":[` +
			`{"name":"add","input":{"required":true,"contentType":"application/json",` +
			`"jsonSchema":{"type":"integer"}}},{"name":"hidden","ingressPrivate":true}]}]}`),
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/deployments",
		strings.NewReader(`{"uri":"http://one"}`))
	r.Header.Set("Content-Type", "application/json")
	w.ServeHTTP(httptest.NewRecorder(), r)
	for service, want := range map[string][]string{
		"Signup":  {"peek", "peekSend", "run", "runAttach", "runOutput", "runSend"},
		"Counter": {"add", "addAttach", "addOutput", "addSend"},
	} {
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, httptest.NewRequestWithContext(
			t.Context(), http.MethodGet, "/services/"+service+"/openapi", nil))
		var doc map[string]any
		if err := json.Unmarshal(rec.Body.Bytes(), &doc); err != nil {
			t.Fatalf("%d %s: %v", rec.Code, rec.Body, err)
		}
		var names []string
		walk(doc, func(key string, value any) {
			switch key {
			case "operationId":
				names = append(names, value.(string))
			case "$ref":
				at := any(doc)
				for part := range strings.SplitSeq(strings.TrimPrefix(value.(string), "#/"), "/") {
					at = at.(map[string]any)[part]
				}
				if at == nil {
					t.Errorf("%s: %s leads nowhere", service, value)
				}
			}
		})
		if slices.Sort(names); !slices.Equal(names, want) {
			t.Errorf("%s: operations %v, want %v", service, names, want)
		}
	}
}

// walk calls f for every member of every object.
func walk(v any, f func(key string, value any)) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			f(key, value)
			walk(value, f)
		}
	case []any:
		for _, value := range v {
			walk(value, f)
		}
	}
}
