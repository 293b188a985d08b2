package schema

import (
	"time"

	"github.com/perdure/perdure/protocol/discovery"
)

// newService copies a service out of a manifest; deployment and revision are not set yet.
func newService(m *discovery.Service) *Service {
	s := &Service{
		Name: m.Name, Kind: m.Kind, Documentation: m.Documentation, Metadata: m.Metadata,
		Options: newOptions(&m.Options), Handlers: make(map[string]*Handler, len(m.Handlers)),
	}
	for i := range m.Handlers {
		h := &m.Handlers[i]
		s.Handlers[h.Name] = &Handler{
			Name: h.Name, Kind: h.Kind, Documentation: h.Documentation, Metadata: h.Metadata,
			Options: newOptions(&h.Options),
			Input: InputRules{
				Required: h.Input.Required, ContentType: h.Input.ContentType,
				EmptyOnly: h.Input.ContentType == "", JSONSchema: h.Input.JSONSchema,
			},
			Output: OutputRules{
				ContentType:           h.Output.ContentType,
				SetContentTypeIfEmpty: h.Output.SetContentTypeIfEmpty,
				JSONSchema:            h.Output.JSONSchema,
			},
		}
	}
	return s
}

func newOptions(m *discovery.Options) Options {
	o := Options{
		InactivityTimeout:           (*time.Duration)(m.InactivityTimeout),
		AbortTimeout:                (*time.Duration)(m.AbortTimeout),
		JournalRetention:            (*time.Duration)(m.JournalRetention),
		IdempotencyRetention:        (*time.Duration)(m.IdempotencyRetention),
		WorkflowCompletionRetention: (*time.Duration)(m.WorkflowCompletionRetention),
		EnableLazyState:             m.EnableLazyState,
		RetryInitialInterval:        (*time.Duration)(m.RetryInitialInterval),
		RetryMaxInterval:            (*time.Duration)(m.RetryMaxInterval),
		RetryMaxAttempts:            m.RetryMaxAttempts,
		RetryFactor:                 m.RetryFactor,
	}
	if m.IngressPrivate != nil {
		public := !*m.IngressPrivate
		o.Public = &public
	}
	if m.OnMaxAttempts != nil {
		then := OnMaxAttemptsPause
		if *m.OnMaxAttempts == discovery.Kill {
			then = OnMaxAttemptsKill
		}
		o.OnMaxAttempts = &then
	}
	return o
}
