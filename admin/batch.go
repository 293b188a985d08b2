package admin

import (
	"net/http"
	"sync"

	"github.com/perdure/perdure/protocol"
)

// Limits of one batch.
const (
	maxBatch         = 1000 // invocations in one request
	batchConcurrency = 32   // commands of one request that wait at the same time
)

type batchFailure struct {
	InvocationID string `json:"invocation_id"`
	Error        string `json:"error"`
}

type restarted struct {
	Old string `json:"old_invocation_id"`
	New string `json:"new_invocation_id"`
}

// batch serves an operation on many invocations. Each succeeds or fails on its own; the answer is
// in the order of the request.
func (h *Handler) batch(op operation) func(*request) (*response, error) {
	return func(r *request) (*response, error) {
		var body struct {
			IDs        *[]string `json:"invocation_ids"`
			Deployment string    `json:"deployment"`
		}
		if err := readJSON(r, &body); err != nil {
			return nil, err
		}
		if body.IDs == nil {
			return nil, wrongShape("the field invocation_ids is required")
		}
		if len(*body.IDs) > maxBatch {
			return nil, failed(http.StatusBadRequest,
				"The batch has %d invocations, the limit is %d: split it", len(*body.IDs), maxBatch)
		}
		choice, err := parseChoice(body.Deployment)
		if err != nil {
			return nil, wrongShape("deployment: " + err.Error())
		}
		return jsonResponse(http.StatusOK, h.performAll(r, op, *body.IDs, options{deployment: choice}))
	}
}

type batchView struct {
	Succeeded []any          `json:"succeeded"`
	Failed    []batchFailure `json:"failed"`
}

func (h *Handler) performAll(r *request, op operation, ids []string, o options) batchView {
	outcomes, errs := make([]outcome, len(ids)), make([]error, len(ids))
	slots := make(chan struct{}, batchConcurrency)
	var running sync.WaitGroup
	for i, text := range ids {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			id, err := protocol.ParseInvocationID(text)
			if err != nil {
				errs[i] = invalidField("invocation_id", "bad format")
				return
			}
			outcomes[i], errs[i] = h.perform(r.Context(), op, id, o)
		})
	}
	running.Wait()
	v := batchView{Succeeded: []any{}, Failed: []batchFailure{}}
	for i, text := range ids {
		switch {
		case errs[i] != nil:
			v.Failed = append(v.Failed, batchFailure{text, errs[i].Error()})
		case !outcomes[i].newID.IsZero():
			v.Succeeded = append(v.Succeeded, restarted{text, outcomes[i].newID.String()})
		default:
			v.Succeeded = append(v.Succeeded, text)
		}
	}
	return v
}
