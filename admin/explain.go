package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/perdure/perdure/partition/explain"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// Explainer says what invocations wait for. Errors mean that a partition could not be asked.
type Explainer interface {
	// Explain looks at one invocation; ok is false if there is none.
	Explain(context.Context, protocol.InvocationID) (x explain.Explanation, ok bool, err error)
	// Stalls are the invocations that nothing will bring on.
	Stalls() []explain.Finding
	// LeadAnew makes the leader of a key's partition derive what it knows from the rows.
	LeadAnew(protocol.PartitionKey) error
}

// explanation is the answer about one invocation.
type explanation struct {
	ID        string        `json:"id"`
	Target    string        `json:"target"`
	Status    string        `json:"status"`
	Since     time.Time     `json:"modified_at"`
	Stalled   bool          `json:"stalled"`
	FoundAt   *time.Time    `json:"stall_found_at,omitempty"`
	Repair    string        `json:"repair,omitempty"`
	Advice    string        `json:"advice,omitempty"`
	LastError string        `json:"last_failure,omitempty"`
	ErrorCode string        `json:"last_failure_error_code,omitempty"`
	WaitsFor  []explainWait `json:"waits_for"`
}

type explainWait struct {
	Cause      string     `json:"cause"`
	Name       string     `json:"name,omitempty"`
	Proven     bool       `json:"proven"`
	Detail     string     `json:"detail"`
	Invocation string     `json:"invocation_id,omitempty"`
	Awakeable  string     `json:"awakeable_id,omitempty"`
	Until      *time.Time `json:"until,omitempty"`
	Position   int        `json:"queue_position,omitempty"`
}

// advice says what each repair means to an operator.
var advice = map[explain.Repair]string{
	explain.RepairResume: "What it needs is in its journal: repairing resumes it.",
	explain.RepairLead: "The partition's leader has lost track of it: repairing makes the leader " +
		"read its rows again.",
	explain.RepairEnd: "Nothing will produce what it waits for: kill it, or restart it as new. " +
		"Please report this as a bug, with this page.",
}

func describeExplanation(x *explain.Explanation) explanation {
	e := explanation{
		ID: x.ID.String(), Target: x.Target.String(), Status: x.State.String(),
		Since: x.Since.Time().UTC(), Stalled: x.Stalled, Repair: string(x.Repair),
		Advice: advice[x.Repair], WaitsFor: make([]explainWait, 0, len(x.Waits)),
	}
	if x.LastError != nil {
		e.LastError, e.ErrorCode = x.LastError.Failure.Message, x.LastError.DocCode
	}
	for i := range x.Waits {
		w := &x.Waits[i]
		out := explainWait{
			Cause: string(w.Cause), Name: w.Name, Proven: w.Proven, Detail: w.Detail,
			Awakeable: w.Awakeable, Position: w.Position,
		}
		if !w.Invocation.IsZero() {
			out.Invocation = w.Invocation.String()
		}
		if w.Until != 0 {
			until := w.Until.Time().UTC()
			out.Until = &until
		}
		e.WaitsFor = append(e.WaitsFor, out)
	}
	return e
}

// explainOne reads the path and looks at the invocation.
func (h *Handler) explainOne(r *request) (x explain.Explanation, err error) {
	id, err := r.invocationID()
	if err != nil {
		return x, err
	}
	x, ok, err := h.cfg.Explainer.Explain(r.Context(), id)
	if err == nil && !ok {
		err = failed(http.StatusNotFound, refusals[command.ReplyNotFound].text, id)
	}
	return x, err
}

// explain answers what an invocation waits for.
func (h *Handler) explain(r *request) (*response, error) {
	x, err := h.explainOne(r)
	if err != nil {
		return nil, err
	}
	return jsonResponse(http.StatusOK, describeExplanation(&x))
}

// stalls lists the invocations that nothing will bring on.
func (h *Handler) stalls(*request) (*response, error) {
	list := []explanation{}
	for _, f := range h.cfg.Explainer.Stalls() {
		e := describeExplanation(&f.Explanation)
		found := f.Found.UTC()
		e.FoundAt = &found
		list = append(list, e)
	}
	return jsonResponse(http.StatusOK, map[string]any{"stalls": list})
}

// repair ends a stall as far as that is possible without losing anything.
func (h *Handler) repair(r *request) (*response, error) {
	x, err := h.explainOne(r)
	if err != nil {
		return nil, err
	}
	switch {
	case !x.Stalled:
		return nil, failed(http.StatusConflict,
			"The invocation '%s' is not stalled, there is nothing to repair.", x.ID)
	case x.Repair == explain.RepairLead:
		if err := h.cfg.Explainer.LeadAnew(x.ID.Key); err != nil {
			return nil, err
		}
		return &response{status: http.StatusAccepted}, nil
	case x.Repair == explain.RepairResume:
		if _, err := h.perform(r.Context(), operations["resume"], x.ID, options{}); err != nil {
			return nil, err
		}
		return &response{status: http.StatusAccepted}, nil
	}
	return nil, failed(http.StatusUnprocessableEntity,
		"The invocation '%s' cannot be repaired. %s", x.ID, advice[explain.RepairEnd])
}
