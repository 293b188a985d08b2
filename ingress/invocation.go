package ingress

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/duration"
	"github.com/perdure/perdure/protocol/journal"
)

// Request headers of the contract.
const (
	headerIdempotencyKey = "Idempotency-Key"
	headerLimitKey       = "X-Restate-Limit-Key"
	headerIngressPath    = "x-restate-ingress-path"
)

// hiddenHeaders do not reach the handler.
var hiddenHeaders = map[string]bool{
	"Connection": true, "Host": true, "Idempotency-Key": true, "Idempotency-Expires": true,
}

// invoke serves a call or a send.
func (h *Handler) invoke(w *response, r *http.Request, req *request) error {
	target, send, err := h.findTarget(req)
	if err != nil {
		return err
	}
	if !target.Public {
		return errNotPublic
	}
	if req.scope != "" && !h.cfg.Scopes {
		return errScopesOff
	}
	inv, done, err := h.newInvoke(w, r, req, target, send)
	if err != nil || inv == nil {
		return err
	}
	defer done()
	trace := h.trace(w, r, inv)
	if send {
		reply, err := h.partitions.Invoke(r.Context(), trace, inv)
		if err != nil {
			return err
		}
		return writeAccepted(w, inv.ID, reply)
	}
	onlyNew := inv.Target.HandlerKind == protocol.HandlerWorkflow
	reply, existed, err := h.partitions.Call(r.Context(), trace, inv, onlyNew, done)
	if err != nil {
		return err
	}
	if existed && onlyNew {
		return &invocationError{protocol.FailureWorkflowInvoked, inv.ID}
	}
	return h.writeResult(w, inv.ID, reply, inv.Target, existed)
}

// target is what a path names: a handler and a key.
type target struct {
	*schema.Resolved
	key string
}

// findTarget reads service, key and handler from the path; the service's kind says whether there is
// a key.
func (h *Handler) findTarget(req *request) (target, bool, error) {
	rest, send := req.rest, req.kind == RequestSend
	service, ok := h.schemas.Current().Service(rest[0])
	if !ok {
		return target{}, false, &schema.NotFoundError{Service: rest[0]}
	}
	want := 2
	if service.Kind != protocol.KindService {
		want = 3
	}
	if req.kind == RequestPlain && len(rest) == want+1 && rest[want] == "send" {
		rest, send = rest[:want], true
	}
	if len(rest) != want {
		if req.kind == RequestPlain {
			return target{}, false, errTargetPath
		}
		return target{}, false, errReservedPath
	}
	var t target
	var err error
	if want == 3 {
		if t.key, err = decodeKey(rest[1]); err != nil {
			return target{}, false, err
		}
	}
	t.Resolved, err = h.schemas.Current().Resolve(rest[0], rest[want-1])
	return t, send, err
}

// newInvoke checks a request and makes its command; done gives back the memory of its parameter. A
// nil command without an error means that the request was answered.
func (h *Handler) newInvoke(w *response, r *http.Request, req *request, t target, send bool) (
	inv *command.Invoke, done func(), err error,
) {
	executionTime, err := readDelay(r, send)
	if err != nil {
		return nil, nil, err
	}
	idempotencyKey, err := readIdempotencyKey(r, t)
	if err != nil {
		return nil, nil, err
	}
	limitKey, err := readLimitKey(r, req.scope)
	if err != nil {
		return nil, nil, err
	}
	headers, err := handlerHeaders(r, req.path)
	if err != nil {
		return nil, nil, err
	}
	body, err := h.readBody(w, r)
	if err != nil || body == nil {
		return nil, nil, err
	}
	contentType, hasContentType := singleHeader(r.Header, "Content-Type")
	err = validateInput(t.Handler.Input, contentType, hasContentType, len(body.bytes))
	if err != nil {
		body.done()
		return nil, nil, err
	}
	callee := t.Callee(t.key, req.scope, idempotencyKey)
	return &command.Invoke{
		ID: callee.ID, Target: callee.Target, Headers: headers, Parameter: protocol.Inline(body.bytes),
		Source:         command.Source{Kind: command.SourceIngress},
		IdempotencyKey: idempotencyKey, LimitKey: limitKey, ExecutionTime: executionTime,
		CompletionRetention: callee.CompletionRetention, JournalRetention: callee.JournalRetention,
		RandomSeed: callee.RandomSeed, Request: newRequestID(),
	}, body.done, nil
}

func newRequestID() (id command.RequestID) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}

// readDelay is when a delayed send may start, or zero if no delay was given. The name is matched
// without regard to case.
func readDelay(r *http.Request, send bool) (protocol.Millis, error) {
	value, ok := queryParameter(r, "delay")
	if !ok {
		return 0, nil
	}
	if !send {
		return 0, errDelayOnCall
	}
	d, err := duration.Parse(value)
	if err != nil || d < 0 {
		return 0, badRequest("bad delay query parameter, must be a ISO8601 duration "+
			"such as PT10S, or 10s or 1h30m: '%s'", value)
	}
	return protocol.MillisOf(time.Now()).Add(d), nil
}

func queryParameter(r *http.Request, name string) (string, bool) {
	if r.URL.RawQuery == "" {
		return "", false
	}
	for k, v := range r.URL.Query() {
		if strings.EqualFold(k, name) && len(v) > 0 {
			return v[0], true
		}
	}
	return "", false
}

func readIdempotencyKey(r *http.Request, t target) (*string, error) {
	key, ok := singleHeader(r.Header, headerIdempotencyKey)
	if !ok {
		return nil, nil
	}
	if t.Handler.Kind == protocol.HandlerWorkflow {
		return nil, errWorkflowIdempotency
	}
	if !isVisibleASCII(key) {
		return nil, badHeader(headerIdempotencyKey)
	}
	return &key, nil
}

// readLimitKey is l1 or l1/l2, from the header or else the query.
func readLimitKey(r *http.Request, scope string) (string, error) {
	key, ok := singleHeader(r.Header, headerLimitKey)
	if !ok {
		key, ok = queryParameter(r, "limit-key")
	}
	if !ok {
		return "", nil
	}
	if scope == "" {
		return "", errLimitKeyAlone
	}
	parts := strings.Split(key, "/")
	if len(parts) > 2 || slices.ContainsFunc(parts, func(p string) bool { return !validScope(p) }) {
		return "", badRequest("bad limit key '%s': use one or two parts of 1 to 36 characters", key)
	}
	return key, nil
}

// handlerHeaders are the headers that the handler sees: the path first, then the request's, one of
// each. net/http does not keep their order, so they are sorted.
func handlerHeaders(r *http.Request, path string) ([]journal.Header, error) {
	if r.URL.ForceQuery || r.URL.RawQuery != "" {
		path += "?" + r.URL.RawQuery
	}
	out := make([]journal.Header, 1, len(r.Header)+1)
	out[0] = journal.Header{Key: headerIngressPath, Value: path}
	for name, values := range r.Header {
		if hiddenHeaders[name] || len(values) == 0 {
			continue
		}
		if !isVisibleASCII(values[0]) {
			return nil, badHeader(name)
		}
		out = append(out, journal.Header{Key: strings.ToLower(name), Value: values[0]})
	}
	slices.SortFunc(out[1:], func(a, b journal.Header) int { return strings.Compare(a.Key, b.Key) })
	return out, nil
}

func badHeader(name string) error {
	return badRequest("bad header '%s': its value is not ASCII", strings.ToLower(name))
}

func isVisibleASCII(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '\t' && (c < 0x20 || c > 0x7e) {
			return false
		}
	}
	return true
}

func singleHeader(h http.Header, name string) (string, bool) {
	if v := h[name]; len(v) > 0 {
		return v[0], true
	}
	return "", false
}

// validateInput applies the handler's input rules. Parameters of the content type are ignored. A body
// must say what it is, even to a handler that takes anything.
func validateInput(rules schema.InputRules, contentType string, given bool, size int) error {
	kind, _, _ := strings.Cut(contentType, ";")
	switch {
	case rules.EmptyOnly:
		if size > 0 || given {
			return badRequest("input validation error: Expected body and content-type to be empty, "+
				"but wasn't: send neither (content-type '%s', %d bytes)", contentType, size)
		}
		return nil
	case size == 0 && !given && !rules.Required:
		return nil
	case !given:
		return badRequest("input validation error: Empty content-type")
	case !matchContentType(rules.ContentType, strings.TrimSpace(kind)):
		return badRequest("input validation error: Content-type '%s' does not match '%s'",
			contentType, rules.ContentType)
	case size == 0 && rules.JSONSchema != nil:
		return badRequest("input validation error: Empty body not allowed")
	}
	return nil
}

// matchContentType compares with a rule, which may be */* or have a star as its subtype.
func matchContentType(rule, contentType string) bool {
	if rule == "*/*" {
		return true
	}
	if prefix, ok := strings.CutSuffix(rule, "/*"); ok {
		kind, _, _ := strings.Cut(contentType, "/")
		return kind == prefix
	}
	return rule == contentType
}
