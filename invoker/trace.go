package invoker

import (
	"crypto/rand"
	"time"

	"github.com/perdure/perdure/protocol"
)

// traceTry gives a try a span of its own if its trace is recorded: the deployment, and what the try
// asks of others, go on below it.
func (r *run) traceTry(t *try, deployment protocol.DeploymentID, s *Snapshot) {
	if r.p.invoker.events.AttemptTraced == nil || s.Trace.IsZero() || !s.Trace.Sampled() {
		return
	}
	var span [8]byte
	_, _ = rand.Read(span[:]) // never fails
	t.traced = &AttemptTraced{
		Context: s.Trace.Child(span, s.Trace.TraceID), Parent: s.Trace, Invocation: r.id,
		Target: r.target, Deployment: deployment, Start: t.started,
	}
	s.Trace = t.traced.Context
	r.trace = s.Trace
}

// traceEnd tells of the try's span, once.
func (t *try) traceEnd(failure string) {
	if t.traced == nil {
		return
	}
	t.traced.End, t.traced.Failure = time.Now(), failure
	t.run.p.invoker.events.AttemptTraced(*t.traced)
	t.traced = nil
}
