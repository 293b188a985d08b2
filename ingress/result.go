package ingress

import (
	"encoding/json"
	"net/http"

	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// result serves attach and output.
func (h *Handler) result(w *response, r *http.Request, req *request) error {
	target, err := h.resultTarget(w, r, req)
	if err != nil || target == nil {
		return err
	}
	id := target.invocationID()
	if req.kind == RequestAttach {
		reply, err := h.partitions.Attach(r.Context(), id)
		switch {
		case err != nil:
			return err
		case reply.Status == command.ReplyNotFound:
			return &invocationError{protocol.FailureNotFound, id}
		}
		return h.writeResult(w, id, reply, reply.Target, true)
	}
	reply, err := h.partitions.Output(r.Context(), id)
	switch {
	case err != nil:
		return err
	case reply.Status == command.ReplyNotFound:
		return errInvocationNotFound
	case reply.Status == command.ReplyNotCompleted:
		return errNotReady
	}
	return h.writeResult(w, id, reply, reply.Target, true)
}

// lookup serves the ID of a target, whether or not it was ever called.
func (h *Handler) lookup(w *response, r *http.Request) error {
	target, err := h.targetFromBody(w, r)
	if err != nil || target == nil {
		return err
	}
	return w.json(http.StatusOK, struct {
		InvocationID string `json:"invocationId"`
	}{target.invocationID().String()})
}

func (h *Handler) resultTarget(w *response, r *http.Request, req *request) (*invocationTarget, error) {
	switch {
	case req.target != nil:
		return req.target, nil
	case req.pathTarget != nil:
		return h.targetFromPath(req)
	}
	return h.targetFromBody(w, r)
}

// targetFromPath reads service[/key]/handler/idempotency-key. The idempotency key is taken as it
// stands, without percent decoding.
func (h *Handler) targetFromPath(req *request) (*invocationTarget, error) {
	segs := req.pathTarget
	n := len(segs)
	service, ok := h.schemas.Current().Service(segs[0])
	if !ok {
		return nil, &schema.NotFoundError{Service: segs[0]}
	}
	keyed := service.Kind != protocol.KindService
	if keyed != (n == 4) {
		return nil, errInvocationPath
	}
	t := &invocationTarget{service: segs[0], handler: segs[n-2], idempotencyKey: segs[n-1], keyed: keyed}
	if keyed {
		var err error
		if t.key, err = decodeKey(segs[1]); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// targetBody is the JSON form of a target.
type targetBody struct {
	Target         string  `json:"target"`
	InvocationID   string  `json:"invocationId"`
	WorkflowName   *string `json:"workflowName"`
	WorkflowKey    *string `json:"workflowKey"`
	Service        *string `json:"service"`
	Key            *string `json:"key"`
	Handler        *string `json:"handler"`
	IdempotencyKey *string `json:"idempotencyKey"`
	Scope          string  `json:"scope"`
}

// targetFromBody reads a target from JSON. A nil target without an error means that the request was
// answered.
func (h *Handler) targetFromBody(w *response, r *http.Request) (*invocationTarget, error) {
	body, err := h.readBody(w, r)
	if err != nil || body == nil {
		return nil, err
	}
	defer body.done()
	var b targetBody
	if err := json.Unmarshal(body.bytes, &b); err != nil {
		return nil, &requestError{http.StatusInternalServerError, "cannot read body: " + err.Error()}
	}
	switch {
	case b.Target == "invocation" && b.InvocationID != "":
		return targetByID(b.InvocationID)
	case b.Target == "workflow" && b.WorkflowName != nil && b.WorkflowKey != nil:
		return &invocationTarget{
			workflow: true, service: *b.WorkflowName, key: *b.WorkflowKey, keyed: true, scope: b.Scope,
		}, nil
	case b.Target == "idempotentInvocation" && b.Service != nil && b.Handler != nil &&
		b.IdempotencyKey != nil:
		t := &invocationTarget{
			service: *b.Service, handler: *b.Handler, idempotencyKey: *b.IdempotencyKey, scope: b.Scope,
		}
		if b.Key != nil {
			t.key, t.keyed = *b.Key, true
		}
		return t, nil
	}
	return nil, &requestError{
		http.StatusInternalServerError,
		"cannot read body: want a target of kind invocation, workflow or idempotentInvocation " +
			"with all its fields",
	}
}
