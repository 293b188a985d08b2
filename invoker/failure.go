package invoker

import (
	"fmt"
	"time"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/service"
)

// Codes of failures, as documentation and tools show them.
const (
	docAborted         = "RT0001" // silent for longer than the abort timeout
	docMessageSize     = "RT0003" // a message exceeds the limit
	docHandlerFailed   = "RT0007" // the handler failed or vanished without a word
	docUnavailable     = "RT0010" // the deployment cannot be reached, or the connection broke
	docNoDeployment    = "RT0011" // the deployment or service is not registered
	docProtocol        = "RT0012" // the deployment broke the protocol
	docVersion         = "RT0014" // the pinned protocol version cannot be spoken
	docUnsupported     = "RT0015" // the deployment refused the protocol version
	docJournalMismatch = "RT0016" // the handler does not follow its journal
	docRights          = "RT0017" // the handler may not do what it asked for
	docUnknownCallee   = "RT0018" // the called handler is not registered
	docTooLarge        = "RT0019" // the deployment refused the request for its size
	docRateLimited     = "RT0023" // the deployment refused the request for now
	docBadLimitKey     = "RT0024" // a limit key without scope
	docFutureDepth     = "RT0025" // awaited futures nest too deeply
)

// failure says why a try failed.
type failure struct {
	code       uint32
	message    string
	stacktrace string
	doc        string
	related    *command.RelatedCommand
	delay      *time.Duration // before the next try, instead of the policy's
	behavior   service.Behavior
	// fault: the server itself could not prepare the try. It is retried without end and not told
	// to the log.
	fault bool
}

func failed(doc, format string, args ...any) *failure {
	return &failure{code: protocol.CodeInternal, doc: doc, message: fmt.Sprintf(format, args...)}
}

// violation is a failure of a deployment that does not keep to the protocol.
func violation(format string, args ...any) *failure {
	f := failed(docProtocol, format, args...)
	f.code = protocol.CodeProtocol
	return f
}

// Error prints code and message.
func (f *failure) Error() string { return fmt.Sprintf("[%d] %s", f.code, f.message) }

// attemptError is the failure as it is proposed and shown.
func (f *failure) attemptError(count uint32, next protocol.Millis) command.AttemptError {
	return command.AttemptError{
		Failure:    protocol.Failure{Code: f.code, Message: f.message},
		Stacktrace: f.stacktrace, DocCode: f.doc, RelatedCommand: f.related,
		RetryCount: count, NextRetry: next,
	}
}

// sameError reports whether b would tell operators nothing new after a.
func sameError(a, b *command.AttemptError) bool {
	if a == nil || b == nil {
		return a == b
	}
	ra, rb := a.RelatedCommand, b.RelatedCommand
	related := ra == rb || ra != nil && rb != nil && *ra == *rb
	return related && a.Failure.Code == b.Failure.Code && a.Failure.Message == b.Failure.Message &&
		a.DocCode == b.DocCode
}
