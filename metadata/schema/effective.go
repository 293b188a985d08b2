package schema

import (
	"fmt"
	"time"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/duration"
)

// Codes of remarks.
const (
	// CodeNotApplied marks an option that has no meaning for how the deployment is reached.
	CodeNotApplied = "RT0021"
	// CodeClamped marks an option that the server's configuration holds below what the service asks.
	CodeClamped = "RT0022"
)

// Info is a remark on a registration, for people.
type Info struct {
	Code    string // may be empty
	Message string
}

// atMost applies a ceiling; a zero ceiling is none.
func atMost(d, ceiling time.Duration) time.Duration {
	if ceiling > 0 {
		return min(d, ceiling)
	}
	return d
}

// attemptsAtMost applies a ceiling to a number of attempts, where 0 means without end.
func attemptsAtMost(n, ceiling uint32) uint32 {
	if ceiling > 0 && (n == 0 || n > ceiling) {
		return ceiling
	}
	return n
}

// resolve settles every option: the handler's own, else the service's, else the server's default,
// and nothing above a ceiling.
func (d *Defaults) resolve(dep *Deployment, svc *Service, h *Handler) *Resolved {
	r := d.settle(&h.Options, &svc.Options)
	r.Deployment, r.Service, r.Handler = dep, svc, h
	return r
}

// ServiceOptions are the options of a service as a whole, for handlers that set none themselves.
func (s *Schema) ServiceOptions(svc *Service) *Resolved {
	r := s.defaults.settle(&svc.Options)
	r.Deployment, r.Service = s.deployments[svc.Deployment], svc
	for _, h := range svc.Handlers {
		if v := h.Options.WorkflowCompletionRetention; v != nil {
			// A workflow has one run handler, so its own retention is the workflow's.
			r.WorkflowCompletionRetention = atMost(*v, s.defaults.MaxWorkflowCompletionRetention)
		}
	}
	return r
}

// settle picks each option from the first of sets that has it, else the default.
func (d *Defaults) settle(sets ...*Options) *Resolved {
	return &Resolved{
		Public: pick(true, sets, func(o *Options) *bool { return o.Public }),
		InactivityTimeout: pick(d.InactivityTimeout, sets,
			func(o *Options) *time.Duration { return o.InactivityTimeout }),
		AbortTimeout: pick(d.AbortTimeout, sets,
			func(o *Options) *time.Duration { return o.AbortTimeout }),
		JournalRetention: atMost(pick(d.JournalRetention, sets,
			func(o *Options) *time.Duration { return o.JournalRetention }), d.MaxJournalRetention),
		IdempotencyRetention: atMost(pick(d.IdempotencyRetention, sets,
			func(o *Options) *time.Duration { return o.IdempotencyRetention }), d.MaxIdempotencyRetention),
		WorkflowCompletionRetention: atMost(pick(d.WorkflowCompletionRetention, sets,
			func(o *Options) *time.Duration { return o.WorkflowCompletionRetention }),
			d.MaxWorkflowCompletionRetention),
		LazyState: pick(false, sets, func(o *Options) *bool { return o.EnableLazyState }),
		RetryInitialInterval: pick(d.RetryInitialInterval, sets,
			func(o *Options) *time.Duration { return o.RetryInitialInterval }),
		RetryMaxInterval: pick(d.RetryMaxInterval, sets,
			func(o *Options) *time.Duration { return o.RetryMaxInterval }),
		RetryFactor: pick(d.RetryFactor, sets, func(o *Options) *float64 { return o.RetryFactor }),
		RetryMaxAttempts: attemptsAtMost(pick(d.RetryMaxAttempts, sets,
			func(o *Options) *uint32 { return o.RetryMaxAttempts }), d.MaxRetryAttempts),
		OnMaxAttempts: pick(d.OnMaxAttempts, sets,
			func(o *Options) *OnMaxAttempts { return o.OnMaxAttempts }),
	}
}

func pick[T any](fallback T, sets []*Options, field func(*Options) *T) T {
	for _, o := range sets {
		if v := field(o); v != nil {
			return *v
		}
	}
	return fallback
}

// ServiceInfos are remarks on options of a service that do not hold as they were asked for. What the
// run handler of a workflow asks for and what the server's own defaults ask for counts as asked.
func (s *Schema) ServiceInfos(svc *Service) []Info {
	d, o := &s.defaults, svc.Options
	if o.JournalRetention == nil {
		o.JournalRetention = &d.JournalRetention
	}
	if o.IdempotencyRetention == nil {
		o.IdempotencyRetention = &d.IdempotencyRetention
	}
	if svc.Kind == protocol.KindWorkflow {
		if o.WorkflowCompletionRetention == nil {
			o.WorkflowCompletionRetention = &d.WorkflowCompletionRetention
		}
		for _, h := range svc.Handlers {
			if v := h.Options.WorkflowCompletionRetention; v != nil {
				o.WorkflowCompletionRetention = v
			}
		}
	}
	return d.infos(s.deployments[svc.Deployment], &o)
}

// HandlerInfos are remarks on options that a handler of the service sets itself.
func (s *Schema) HandlerInfos(svc *Service, h *Handler) []Info {
	o := h.Options
	o.WorkflowCompletionRetention = nil // it is the service's
	return s.defaults.infos(s.deployments[svc.Deployment], &o)
}

func (d *Defaults) infos(dep *Deployment, o *Options) []Info {
	var infos []Info
	if dep.Mode == ModeRequestResponse && o.InactivityTimeout != nil {
		infos = append(infos, Info{CodeNotApplied, fmt.Sprintf("inactivity_timeout %s is not applied: "+
			"in request-response mode an attempt never waits for the server",
			duration.Format(*o.InactivityTimeout))})
	}
	clamped := func(name string, asked, ceiling string) {
		infos = append(infos, Info{CodeClamped, fmt.Sprintf("%s is clamped from %s to %s, "+
			"the maximum that the server's configuration allows", name, asked, ceiling)})
	}
	for _, c := range []struct {
		name    string
		asked   *time.Duration
		ceiling time.Duration
	}{
		{"journal_retention", o.JournalRetention, d.MaxJournalRetention},
		{"idempotency_retention", o.IdempotencyRetention, d.MaxIdempotencyRetention},
		{"workflow_completion_retention", o.WorkflowCompletionRetention, d.MaxWorkflowCompletionRetention},
	} {
		if c.asked != nil && atMost(*c.asked, c.ceiling) != *c.asked {
			clamped(c.name, duration.Format(*c.asked), duration.Format(c.ceiling))
		}
	}
	if n := o.RetryMaxAttempts; n != nil && attemptsAtMost(*n, d.MaxRetryAttempts) != *n {
		asked := "unlimited"
		if *n != 0 {
			asked = fmt.Sprint(*n)
		}
		clamped("retry_policy.max_attempts", asked, fmt.Sprint(d.MaxRetryAttempts))
	}
	return infos
}
