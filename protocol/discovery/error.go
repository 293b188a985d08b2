package discovery

import "fmt"

// Codes that documentation and tools show for failed registrations.
const (
	CodeUnreachable      = "META0003" // no answer, or an answer that is not 2xx
	CodeReservedName     = "META0005" // a service name that the server keeps for itself
	CodeProtocolMismatch = "META0012" // no common service protocol version
	CodeBadResponse      = "META0013" // an answer that is not a manifest
	CodeHTTP1Only        = "META0014" // HTTP/2 was tried, the peer speaks HTTP/1.1
	CodeBidiUnsupported  = "META0015" // bidirectional streaming over a transport without it
)

// Error says why an answer is not an acceptable manifest.
type Error struct {
	Code    string // META0013 and so on; empty when none is documented
	Message string
	// Refused: the manifest was understood, but what it offers is not allowed. Otherwise the
	// answer itself is at fault.
	Refused bool
}

// Error prints the code, if there is one, and the message.
func (e *Error) Error() string {
	if e.Code == "" {
		return e.Message
	}
	return "[" + e.Code + "] " + e.Message
}

func badResponse(format string, args ...any) *Error {
	return &Error{Code: CodeBadResponse, Message: "bad discovery response: " + fmt.Sprintf(format, args...)}
}

func undecodable(format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...)}
}

func refused(format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), Refused: true}
}

// CheckTransport refuses a manifest whose mode the transport cannot carry. overlapping says
// whether answers may arrive while the request is still being sent.
func (m *Manifest) CheckTransport(overlapping bool) error {
	if m.Mode == BidiStream && !overlapping {
		return &Error{Code: CodeBidiUnsupported, Message: "the deployment asks for bidirectional " +
			"streaming, which its transport does not support: serve it over HTTP/2, or let the " +
			"SDK use request/response mode"}
	}
	return nil
}
