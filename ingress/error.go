package ingress

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
)

// requestError is a refusal made here, not by a handler.
type requestError struct {
	status  int
	message string
}

func (e *requestError) Error() string { return e.message }

// invocationError is an outcome: what became of the invocation.
type invocationError struct {
	failure protocol.Failure
	id      protocol.InvocationID
}

func (e *invocationError) Error() string { return e.failure.Error() }

var (
	errNotFound   = &requestError{http.StatusNotFound, "not found"}
	errMethod     = &requestError{http.StatusMethodNotAllowed, "method not allowed"}
	errNotPublic  = &requestError{http.StatusBadRequest, "the invoked service is not public"}
	errOverloaded = &requestError{
		http.StatusTooManyRequests,
		"too many requests, the ingress is overloaded. Retry later.",
	}
	errInvocationNotFound = &requestError{http.StatusNotFound, "invocation not found"}
	errNotReady           = &requestError{
		int(protocol.CodeNotReady), "the invocation exists but has not completed yet",
	}
	errDelayOnCall = &requestError{
		http.StatusBadRequest,
		"unsupported delay query parameter on a call: it is allowed on send only",
	}
	errWorkflowIdempotency = &requestError{
		http.StatusBadRequest,
		"idempotency key is not supported on a workflow's run handler: its key makes it run once",
	}
	errScopesOff = &requestError{
		http.StatusBadRequest, "scoped invocations require vqueues to be enabled",
	}
	errBodyMemory = &requestError{
		http.StatusServiceUnavailable, "the memory for large request bodies has been in use for too " +
			"long; retry later, or raise worker.data-service-memory-limit",
	}
	errNotServing = &requestError{
		http.StatusServiceUnavailable, "not every partition can serve yet; retry in a moment",
	}
	errTargetPath = badRequest("bad path, expected either /:service-name/:handler or " +
		"/:object-name/:object-key/:handler")
	errReservedPath = badRequest("bad path, expected /restate/call/:service/:handler, " +
		"/restate/send/:service/:handler, /restate/scope/:scope/call/:service/:handler, " +
		"/restate/attach/:invocation_id, /restate/output/:invocation_id, or /restate/lookup")
	errInvocationPath = badRequest("bad path, expected /restate/invocation/:id/attach, or " +
		"/restate/invocation/:service/:handler/:idempotency-key/attach, or the same with a key " +
		"after the service, or with output instead of attach")
	errAwakeablePath = badRequest("bad path, expected either /restate/awakeables/:id/resolve or " +
		"/restate/awakeables/:id/reject")
	errLimitKeyAlone = &requestError{
		http.StatusBadRequest, "a limit key requires a scope",
	}
)

func badRequest(format string, args ...any) *requestError {
	return &requestError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// asError turns any error into what the client is told.
func asError(err error) error {
	var request *requestError
	var invocation *invocationError
	var missing *schema.NotFoundError
	switch {
	case errors.As(err, &request):
		return request
	case errors.As(err, &invocation):
		return invocation
	case errors.As(err, &missing) && missing.Handler == "":
		return &requestError{http.StatusNotFound, fmt.Sprintf(
			"service '%s' not found, make sure to register the service before calling it.",
			missing.Service)}
	case errors.As(err, &missing):
		return &requestError{http.StatusNotFound, fmt.Sprintf(
			"the service '%s' exists, but the handler '%s' was not found, "+
				"check that the handler exists in the latest registered service version.",
			missing.Service, missing.Handler)}
	case errors.Is(err, context.Canceled):
		return &requestError{499, "the client went away"}
	}
	return &requestError{http.StatusServiceUnavailable, err.Error()}
}
