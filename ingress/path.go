package ingress

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/perdure/perdure/protocol"
)

// RequestKind says what a request asks for.
type RequestKind string

// Kinds of requests. RequestPlain is /service/handler, a call or (with /send) a send; which of its
// segments is the key depends on the service.
const (
	RequestUnknown   RequestKind = "unknown"
	RequestPreflight RequestKind = "preflight"
	RequestHealth    RequestKind = "health"
	RequestPlain     RequestKind = "plain"
	RequestCall      RequestKind = "call"
	RequestSend      RequestKind = "send"
	RequestAttach    RequestKind = "attach"
	RequestOutput    RequestKind = "output"
	RequestLookup    RequestKind = "lookup"
	RequestAwakeable RequestKind = "awakeable"
)

// request is a parsed path.
type request struct {
	kind RequestKind
	path string // without slashes at its end, and one at its start
	// rest are the segments of a call or send after the verb, still percent-encoded.
	rest  []string
	scope string
	// target names the invocation of an attach or output by its path, else nil: it is in the body.
	target *invocationTarget
	// pathTarget holds the segments of /restate/invocation/..., which need the schema.
	pathTarget []string
	// awakeable and how it ends.
	awakeable string
	reject    bool
}

// Bounds on the number of slashes in a path, those at its end not counted.
const minSlashes, maxSlashes = 2, 7

// parsePath reads a raw, still percent-encoded path.
func parsePath(raw string) (request, error) {
	path := "/" + strings.Trim(raw, "/")
	req := request{kind: RequestUnknown, path: path}
	if n := strings.Count(path, "/"); n < minSlashes || n > maxSlashes {
		return req, badRequest("bad path: %s", path)
	}
	segs := strings.Split(path[1:], "/")
	switch segs[0] {
	case "restate":
		return parseReserved(req, segs[1:])
	case "openapi":
		return req, errNotFound
	}
	req.kind, req.rest = RequestPlain, segs
	return req, nil
}

// parseReserved reads what follows /restate.
func parseReserved(req request, segs []string) (request, error) {
	verb, rest := segs[0], segs[1:]
	switch verb {
	case "health":
		req.kind = RequestHealth
		return req, nil
	case "call", "send":
		return parseCall(req, verb, rest)
	case "scope":
		if len(rest) < 2 || rest[1] != "call" && rest[1] != "send" {
			return req, errReservedPath
		}
		scope, err := url.PathUnescape(rest[0])
		if err != nil || !validScope(scope) {
			return req, badRequest("bad scope %q: 1 to 36 characters of a-z A-Z 0-9 _ . -", rest[0])
		}
		req.scope = scope
		return parseCall(req, rest[1], rest[2:])
	case "attach", "output":
		return parseResult(req, RequestKind(verb), rest)
	case "lookup":
		if len(rest) == 0 {
			req.kind = RequestLookup
			return req, nil
		}
	case "invocation":
		return parseInvocation(req, rest)
	case "workflow":
		return parseWorkflow(req, rest)
	case "awakeables", "a":
		return parseAwakeable(req, rest)
	}
	return req, errNotFound
}

func parseCall(req request, verb string, rest []string) (request, error) {
	if len(rest) < 2 || len(rest) > 3 {
		return req, errReservedPath
	}
	req.kind, req.rest = RequestKind(verb), rest
	return req, nil
}

func parseResult(req request, kind RequestKind, rest []string) (request, error) {
	req.kind = kind
	switch len(rest) {
	case 0:
		return req, nil
	case 1:
		target, err := targetByID(rest[0])
		req.target = target
		return req, err
	}
	return req, errReservedPath
}

// parseInvocation reads the old forms, by ID or by idempotency key.
func parseInvocation(req request, rest []string) (request, error) {
	if len(rest) == 0 {
		return req, errNotFound
	}
	verb := RequestKind(rest[len(rest)-1])
	if verb != RequestAttach && verb != RequestOutput {
		return req, errNotFound
	}
	req.kind = verb
	switch len(rest) {
	case 2:
		target, err := targetByID(rest[0])
		req.target = target
		return req, err
	case 4, 5:
		req.pathTarget = rest[:len(rest)-1]
		return req, nil
	}
	return req, errInvocationPath
}

func parseWorkflow(req request, rest []string) (request, error) {
	if len(rest) != 3 || rest[2] != "attach" && rest[2] != "output" {
		return req, errNotFound
	}
	req.kind = RequestKind(rest[2])
	key, err := decodeKey(rest[1])
	if err != nil {
		return req, err
	}
	req.target = &invocationTarget{workflow: true, service: rest[0], key: key, keyed: true}
	return req, nil
}

func parseAwakeable(req request, rest []string) (request, error) {
	if len(rest) != 2 {
		return req, errAwakeablePath
	}
	if rest[1] != "resolve" && rest[1] != "reject" {
		return req, errNotFound
	}
	req.kind, req.awakeable, req.reject = RequestAwakeable, rest[0], rest[1] == "reject"
	return req, nil
}

// decodeKey reads the key of an object or workflow, which is text like all keys.
func decodeKey(segment string) (string, error) {
	key, err := url.PathUnescape(segment)
	if err != nil {
		return "", badRequest("bad path, cannot decode key %q: %v", segment, err)
	}
	if !utf8.ValidString(key) {
		return "", badRequest("bad path, cannot decode key %q: it is not UTF-8", segment)
	}
	return key, nil
}

// checkMethod refuses what the contract does not list.
func (req *request) checkMethod(method string) error {
	get, post := method == http.MethodGet, method == http.MethodPost
	var ok bool
	switch req.kind {
	case RequestCall, RequestSend, RequestPlain:
		ok = get || post
	case RequestHealth:
		ok = get || method == http.MethodHead
	case RequestAwakeable, RequestLookup:
		ok = post
	case RequestAttach, RequestOutput:
		// By path it is read, by body it is posted.
		byPath := req.target != nil || req.pathTarget != nil
		ok = byPath && get || !byPath && post
	}
	if !ok {
		return errMethod
	}
	return nil
}

// invocationTarget names an invocation: by ID, by workflow, or by idempotency key.
type invocationTarget struct {
	id             protocol.InvocationID
	workflow       bool
	service        string
	key            string
	keyed          bool
	handler        string
	idempotencyKey string
	scope          string
}

func targetByID(s string) (*invocationTarget, error) {
	id, err := protocol.ParseInvocationID(s)
	if err != nil {
		return nil, badRequest("bad invocation id '%s': %v", s, err)
	}
	return &invocationTarget{id: id}, nil
}

// invocationID derives the ID that a call of the target has or would have.
func (t *invocationTarget) invocationID() protocol.InvocationID {
	switch {
	case !t.id.IsZero():
		return t.id
	case t.workflow:
		return protocol.WorkflowInvocationID(t.scope, t.service, t.key)
	}
	return protocol.IdempotentInvocationID(
		t.scope, t.service, t.key, t.keyed, t.handler, t.idempotencyKey)
}

// validScope checks a scope, or one part of a limit key.
func validScope(s string) bool {
	if len(s) < 1 || len(s) > 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '_', c == '.', c == '-':
		default:
			return false
		}
	}
	return true
}
