package admin

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// request is one request with the variable parts of its path.
type request struct {
	*http.Request
	params     map[string]string
	apiVersion int // 0 without a prefix
}

// route is one method on one path. A segment in braces matches anything that is not empty.
type route struct {
	method   string
	segments []string
	serve    func(*request) (*response, error)
}

func (h *Handler) table() []route {
	var routes []route
	add := func(method, path string, serve func(*request) (*response, error)) {
		routes = append(routes, route{method, strings.Split(path, "/")[1:], serve})
	}
	add("GET", "/version", h.version)
	add("GET", "/health", h.health)
	add("GET", "/cluster-health", h.clusterHealth)
	add("GET", "/openapi", h.openAPI)

	add("GET", "/deployments", h.listDeployments)
	add("POST", "/deployments", h.registerDeployment)
	add("GET", "/deployments/{deployment}", h.getDeployment)
	add("PATCH", "/deployments/{deployment}", h.patchDeployment)
	add("PUT", "/deployments/{deployment}", h.putDeployment)
	add("DELETE", "/deployments/{deployment}", h.deleteDeployment)

	add("GET", "/services", h.listServices)
	add("GET", "/services/{service}", h.getService)
	add("PATCH", "/services/{service}", h.patchService)
	add("GET", "/services/{service}/openapi", h.serviceOpenAPI)
	add("GET", "/services/{service}/handlers", h.listHandlers)
	add("GET", "/services/{service}/handlers/{handler}", h.getHandler)
	add("POST", "/services/{service}/state", h.modifyState)

	add("DELETE", "/invocations/{invocation_id}", h.deleteInvocation)
	for name, op := range operations {
		add("PATCH", "/invocations/{invocation_id}/"+name, h.one(op))
		add("POST", "/internal/invocations_batch_operations/"+name, h.batch(op))
	}
	h.addAbsent(add)
	if h.cfg.Explainer != nil {
		add("GET", "/invocations/{invocation_id}/explain", h.explain)
		add("GET", "/internal/stalls", h.stalls)
		add("POST", "/internal/stalls/{invocation_id}/repair", h.repair)
	}
	return routes
}

// dispatch finds the route. Unknown paths and methods are answered without a body.
func (h *Handler) dispatch(w http.ResponseWriter, r *http.Request) {
	segments, version := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/"), 0
	switch prefix := segments[0]; {
	case prefix == "v1":
		send(w, r, textResponse(http.StatusBadRequest, "Unsupported Admin API version V1. This server "+
			"supports versions between V%d and V%d.", minAPIVersion, maxAPIVersion))
		return
	case len(prefix) == 2 && prefix[0] == 'v' && prefix[1] >= '0'+minAPIVersion &&
		prefix[1] <= '0'+maxAPIVersion && len(segments) > 1:
		version, segments = int(prefix[1]-'0'), segments[1:]
	}
	if mounted := h.cfg.Mounts[segments[0]]; mounted != nil {
		if version != 0 {
			r = withoutPrefix(r)
		}
		mounted.ServeHTTP(w, r)
		return
	}
	var allowed []string
	for i := range h.routes {
		params, ok := h.routes[i].match(segments)
		if !ok {
			continue
		}
		if m := h.routes[i].method; m != r.Method && (m != http.MethodGet || r.Method != http.MethodHead) {
			allowed = append(allowed, m)
			continue
		}
		resp, err := serve(&h.routes[i], &request{r, params, version})
		if err != nil {
			resp = errorResponse(err)
		}
		send(w, r, resp)
		return
	}
	if allowed == nil {
		send(w, r, &response{status: http.StatusNotFound})
		return
	}
	if slices.Contains(allowed, http.MethodGet) {
		allowed = append(allowed, http.MethodHead)
	}
	slices.Sort(allowed)
	send(w, r, &response{
		status: http.StatusMethodNotAllowed, header: [2]string{"Allow", strings.Join(allowed, ",")}})
}

// serve refuses parameters that are no text, for all routes.
func serve(rt *route, r *request) (*response, error) {
	for name, value := range r.params {
		if !utf8.ValidString(value) {
			return nil, &plainError{http.StatusBadRequest,
				fmt.Sprintf("Invalid URL: Invalid UTF-8 in `%s`", name)}
		}
	}
	return rt.serve(r)
}

// match compares escaped segments and decodes the variable ones.
func (rt *route) match(segments []string) (map[string]string, bool) {
	if len(segments) != len(rt.segments) {
		return nil, false
	}
	var params map[string]string
	for i, want := range rt.segments {
		if !strings.HasPrefix(want, "{") {
			if segments[i] != want {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(segments[i])
		if err != nil || value == "" {
			return nil, false
		}
		if params == nil {
			params = map[string]string{}
		}
		params[strings.Trim(want, "{}")] = value
	}
	return params, true
}

// withoutPrefix removes the first segment of the path.
func withoutPrefix(r *http.Request) *http.Request {
	cut := func(p string) string {
		if i := strings.IndexByte(strings.TrimPrefix(p, "/"), '/'); i >= 0 {
			return p[i+1:]
		}
		return "/"
	}
	c := r.Clone(r.Context())
	c.URL.Path = cut(r.URL.Path)
	if r.URL.RawPath != "" {
		c.URL.RawPath = cut(r.URL.RawPath)
	}
	return c
}

// badQuery is the answer to a query parameter that cannot be read. Parameters that are read as
// text first and understood later have invalidParameter instead.
func badQuery(name, reason string) error {
	return &plainError{http.StatusBadRequest,
		fmt.Sprintf("Failed to deserialize query string: %s: %s", name, reason)}
}

func invalidParameter(name, reason string) error {
	return failed(http.StatusBadRequest, "The query parameter '%s' is invalid. Reason: %s", name, reason)
}
