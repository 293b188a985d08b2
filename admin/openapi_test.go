package admin

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
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
		"/version": {"get"}, "/deployments": {"get", "post"},
		"/deployments/{deployment}":              {"get", "patch", "delete"},
		"/services/{service}":                    {"get", "patch"},
		"/services/{service}/state":              {"post"},
		"/invocations/{invocation}":              {"delete"},
		"/invocations/{invocation}/cancel":       {"patch"},
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
	cancel := doc.Paths["/invocations/{invocation}/cancel"]["patch"]
	if len(cancel.Parameters) != 1 || cancel.Parameters[0].Name != "invocation" || cancel.RequestBody != nil {
		t.Errorf("cancel is described as %+v", cancel)
	}
	if doc.Paths["/services/{service}"]["patch"].RequestBody == nil {
		t.Error("the options of a service have no body")
	}
}
