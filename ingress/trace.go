package ingress

import (
	"encoding/hex"
	"net/http"

	"github.com/perdure/perdure/protocol"
)

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
