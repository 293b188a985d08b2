package ingress

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// Traced tells of a call or send that is part of a trace.
type Traced struct {
	// Context is the request's own, Parent the one that came with it, or none.
	Context, Parent protocol.TraceContext
	Invocation      protocol.InvocationID
	Target          protocol.Target
	Method          string
	Status          int
	Start, End      time.Time
}

// trace is the context that an invocation goes on with: below that of its request, if the request is
// recorded.
func (h *Handler) trace(w *response, r *http.Request, inv *command.Invoke) protocol.TraceContext {
	parent := traceFromHeaders(r.Header)
	if h.events.Traced == nil || !parent.IsZero() && !parent.Sampled() {
		return parent
	}
	var span [8]byte
	var trace [16]byte
	_, _ = rand.Read(span[:]) // never fails
	_, _ = rand.Read(trace[:])
	w.traced = &Traced{
		Context: parent.Child(span, trace), Parent: parent, Invocation: inv.ID, Target: inv.Target,
		Method: r.Method,
	}
	return w.traced.Context
}

// traceFromHeaders reads the W3C trace context; a malformed one counts as none.
func traceFromHeaders(h http.Header) (t protocol.TraceContext) {
	v, ok := singleHeader(h, "Traceparent")
	// version-traceid-spanid-flags, all in hexadecimal
	if !ok || len(v) < 55 || v[2] != '-' || v[35] != '-' || v[52] != '-' {
		return t
	}
	var flags [1]byte
	if _, err := hex.Decode(t.TraceID[:], []byte(v[3:35])); err != nil {
		return protocol.TraceContext{}
	}
	if _, err := hex.Decode(t.SpanID[:], []byte(v[36:52])); err != nil {
		return protocol.TraceContext{}
	}
	if _, err := hex.Decode(flags[:], []byte(v[53:55])); err != nil {
		return protocol.TraceContext{}
	}
	t.Flags = flags[0]
	t.State, _ = singleHeader(h, "Tracestate")
	return t
}
