package ingress

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// Response headers of the contract.
const (
	headerInvocationID       = "X-Restate-Id"
	headerErrorSource        = "X-Restate-Error-Source"
	headerIdempotencyExpires = "Idempotency-Expires"
)

// response remembers the status that was sent.
type response struct {
	w      http.ResponseWriter
	status int
	traced *Traced // nil: the request is not recorded
}

func (r *response) header(status int) {
	r.status = status
	r.w.WriteHeader(status)
}

func (r *response) json(status int, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r.send(status, "application/json", b)
	return nil
}

// send writes a whole body; a client that has gone away is no error of ours.
func (r *response) send(status int, contentType string, body []byte) {
	h := r.w.Header()
	if contentType != "" {
		h.Set("Content-Type", contentType)
	} else {
		h["Content-Type"] = nil // do not let net/http guess one
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	r.header(status)
	if len(body) > 0 {
		_, _ = r.w.Write(body)
	}
}

type errorBody struct {
	Code     uint32            `json:"code"`
	Message  string            `json:"message"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Source   string            `json:"source"`
}

// fail answers with the contract's JSON error.
func (r *response) fail(err error) {
	var body errorBody
	status := http.StatusInternalServerError
	switch e := err.(type) {
	case *requestError:
		status = e.status
		body = errorBody{Code: uint32(e.status), Message: e.message, Source: "ingress"}
	case *invocationError:
		status = statusOf(e.failure.Code)
		body = errorBody{Code: e.failure.Code, Message: e.failure.Message, Source: "invocation"}
		for _, kv := range e.failure.Metadata {
			if body.Metadata == nil {
				body.Metadata = make(map[string]string, len(e.failure.Metadata))
			}
			body.Metadata[kv.Key] = kv.Value
		}
		r.w.Header().Set(headerInvocationID, e.id.String())
	default:
		body = errorBody{Code: http.StatusInternalServerError, Message: err.Error(), Source: "ingress"}
	}
	r.w.Header().Set(headerErrorSource, body.Source)
	if err := r.json(status, body); err != nil {
		r.header(http.StatusInternalServerError)
	}
}

// statusOf is the HTTP status of a failure code: itself, if it can be one.
func statusOf(code uint32) int {
	if code >= 200 && code <= 999 {
		return int(code)
	}
	return http.StatusInternalServerError
}

// result answers with an invocation's outcome. read says that it was read after the end, not waited
// for by the call that started it.
func (h *Handler) writeResult(w *response, id protocol.InvocationID, reply command.Reply,
	target protocol.Target, read bool,
) error {
	if reply.Result == nil {
		return &invocationError{protocol.FailureGone, id}
	}
	if f := reply.Result.Failure; f != nil {
		return &invocationError{*f, id}
	}
	header := w.w.Header()
	header.Set(headerInvocationID, id.String())
	if read {
		until := reply.CompletedAt.Add(reply.Retention).Time()
		header.Set(headerIdempotencyExpires, until.Format("2006-01-02T15:04:05.999999999+00:00"))
	}
	body := reply.Result.Value.Inline
	w.send(http.StatusOK, h.outputContentType(target, len(body) == 0), body)
	return nil
}

// outputContentType says how the handler's newest revision labels its results.
func (h *Handler) outputContentType(t protocol.Target, empty bool) string {
	rules := schema.OutputRules{ContentType: "application/json"}
	if r, err := h.schemas.Current().Resolve(t.Service, t.Handler); err == nil {
		rules = r.Handler.Output
	}
	if empty && !rules.SetContentTypeIfEmpty {
		return ""
	}
	return rules.ContentType
}

type sendBody struct {
	InvocationID  string `json:"invocationId"`
	ExecutionTime string `json:"executionTime,omitempty"`
	Status        string `json:"status"`
}

// writeAccepted answers a send.
func writeAccepted(w *response, id protocol.InvocationID, reply command.Reply) error {
	body := sendBody{InvocationID: id.String(), Status: "Accepted"}
	if reply.Status != command.ReplyAccepted {
		body.Status = "PreviouslyAccepted"
	}
	if reply.ExecutionTime != 0 {
		body.ExecutionTime = reply.ExecutionTime.Time().Format("2006-01-02T15:04:05.000000000Z07:00")
	}
	w.w.Header().Set(headerInvocationID, body.InvocationID)
	return w.json(http.StatusAccepted, body)
}
