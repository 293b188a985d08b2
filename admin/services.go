package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol/duration"
)

func (h *Handler) listServices(*request) (*response, error) {
	s := h.registry.Current()
	return jsonResponse(http.StatusOK, map[string]any{"services": describeServices(s, s.Services())})
}

// service finds the service that the path names.
func (h *Handler) service(r *request) (*schema.Schema, *schema.Service, error) {
	s := h.registry.Current()
	svc, ok := s.Service(r.params["service"])
	if !ok {
		return nil, nil, &schema.NotFoundError{Service: r.params["service"]}
	}
	return s, svc, nil
}

func (h *Handler) getService(r *request) (*response, error) {
	s, svc, err := h.service(r)
	if err != nil {
		return nil, err
	}
	return jsonResponse(http.StatusOK, describeService(s, svc))
}

func (h *Handler) listHandlers(r *request) (*response, error) {
	s, svc, err := h.service(r)
	if err != nil {
		return nil, err
	}
	return jsonResponse(http.StatusOK, map[string]any{"handlers": describeHandlers(s, svc)})
}

func (h *Handler) getHandler(r *request) (*response, error) {
	s, svc, err := h.service(r)
	if err != nil {
		return nil, &schema.NotFoundError{Service: r.params["service"], Handler: r.params["handler"]}
	}
	handler, ok := svc.Handlers[r.params["handler"]]
	if !ok {
		return nil, &schema.NotFoundError{Service: svc.Name, Handler: r.params["handler"]}
	}
	return jsonResponse(http.StatusOK, describeHandler(s, svc, handler))
}

// friendly is a length of time in a request: "1m 30s" or "PT90S".
type friendly time.Duration

// UnmarshalJSON implements json.Unmarshaler.
func (f *friendly) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return errors.New(`a length of time must be a string, such as "1m 30s"`)
	}
	d, err := duration.Parse(text)
	*f = friendly(d)
	return err
}

func (h *Handler) patchService(r *request) (*response, error) {
	var body struct {
		Public                      *bool     `json:"public"`
		IdempotencyRetention        *friendly `json:"idempotency_retention"`
		WorkflowCompletionRetention *friendly `json:"workflow_completion_retention"`
		JournalRetention            *friendly `json:"journal_retention"`
		InactivityTimeout           *friendly `json:"inactivity_timeout"`
		AbortTimeout                *friendly `json:"abort_timeout"`
	}
	if err := readJSON(r, &body); err != nil {
		return nil, err
	}
	patch := schema.ServicePatch{
		Public:                      body.Public,
		IdempotencyRetention:        (*time.Duration)(body.IdempotencyRetention),
		WorkflowCompletionRetention: (*time.Duration)(body.WorkflowCompletionRetention),
		JournalRetention:            (*time.Duration)(body.JournalRetention),
		InactivityTimeout:           (*time.Duration)(body.InactivityTimeout),
		AbortTimeout:                (*time.Duration)(body.AbortTimeout),
	}
	var svc *schema.Service
	s, err := h.registry.Update(r.Context(), func(s *schema.Schema) (next *schema.Schema, err error) {
		next, svc, err = s.PatchService(r.params["service"], patch)
		return next, err
	})
	var missing *schema.NotFoundError
	if errors.As(err, &missing) {
		return nil, failed(http.StatusNotFound,
			"not found in the schema registry: service with name '%s'", missing.Service)
	}
	if err != nil {
		return nil, err
	}
	return jsonResponse(http.StatusOK, describeService(s, svc))
}
