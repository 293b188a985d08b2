package admin

import (
	"fmt"
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
			Deployment any       `json:"deployment"`
		}
		if err := readJSON(r, &body); err != nil {
			return nil, err
		}
		if body.IDs == nil {
			return nil, wrongShape("the field invocation_ids is required")
		}
		if len(*body.IDs) > maxBatch {
			return nil, failed(http.StatusBadRequest,
				"Batch size %d exceeds maximum allowed size of %d", len(*body.IDs), maxBatch)
		}
		ids, err := parseIDs(*body.IDs)
		if err != nil {
			return nil, err
		}
		var o options
		if body.Deployment != nil && op.fallback != (deploymentChoice{}) {
			text, ok := body.Deployment.(string)
			if !ok {
				return nil, wrongShape("deployment: expected a string")
			}
			if o.deployment, err = parseChoice(text); err != nil {
				return nil, invalidField("deployment", err.Error())
			}
		}
		return jsonResponse(http.StatusOK, h.performAll(r, op, ids, o))
	}
}

// parseIDs reads all IDs or none: what is no ID at all is a mistake of the caller.
func parseIDs(texts []string) ([]protocol.InvocationID, error) {
	ids := make([]protocol.InvocationID, len(texts))
	for i, text := range texts {
		var err error
		if ids[i], err = protocol.ParseInvocationID(text); err != nil {
			return nil, wrongShape(fmt.Sprintf("invocation_ids[%d]: bad format", i))
		}
	}
	return ids, nil
}

type batchView struct {
	Succeeded []any          `json:"succeeded"`
	Failed    []batchFailure `json:"failed"`
}

func (h *Handler) performAll(
	r *request, op operation, ids []protocol.InvocationID, o options,
) batchView {
	outcomes, errs := make([]outcome, len(ids)), make([]error, len(ids))
	slots := make(chan struct{}, batchConcurrency)
	var running sync.WaitGroup
	for i, id := range ids {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			outcomes[i], errs[i] = h.perform(r.Context(), op, id, o)
		})
	}
	running.Wait()
	v := batchView{Succeeded: []any{}, Failed: []batchFailure{}}
	for i, id := range ids {
		text := id.String()
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
