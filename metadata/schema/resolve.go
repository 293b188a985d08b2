package schema

import (
	"math/rand/v2"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// Resolved is one handler with every option settled.
type Resolved struct {
	Service    *Service
	Handler    *Handler
	Deployment *Deployment

	Public                      bool
	InactivityTimeout           time.Duration
	AbortTimeout                time.Duration
	JournalRetention            time.Duration
	IdempotencyRetention        time.Duration
	WorkflowCompletionRetention time.Duration
	LazyState                   bool
	RetryInitialInterval        time.Duration
	RetryMaxInterval            time.Duration
	RetryFactor                 float64
	RetryMaxAttempts            uint32 // 0 means unlimited
	OnMaxAttempts               OnMaxAttempts
}

// Target is the target of a call to the handler; key and scope may be empty.
func (r *Resolved) Target(key, scope string) protocol.Target {
	return protocol.Target{
		Kind: r.Service.Kind, HandlerKind: r.Handler.Kind,
		Service: r.Service.Name, Key: key, Handler: r.Handler.Name, Scope: scope,
	}
}

// Retentions says how long the result and the journal of a call are kept after its end. The result
// of a workflow's run has a retention of its own, that of any other call the one for idempotency,
// with a key or without: what is kept of a call also tells a request that is repeated after a failure
// that it has run. The journal of what can be asked for by name is not kept for longer than the result.
func (r *Resolved) Retentions(idempotencyKey *string) (completion, journal time.Duration) {
	switch {
	case r.Handler.Kind == protocol.HandlerWorkflow:
		completion = r.WorkflowCompletionRetention
	case idempotencyKey != nil:
		completion = r.IdempotencyRetention
	default:
		return r.IdempotencyRetention, r.JournalRetention
	}
	return completion, min(completion, r.JournalRetention)
}

// Callee makes everything a new call of the handler needs that is not in its arguments: the
// invocation ID (derived for workflow runs and idempotent calls, random otherwise), retentions and
// random seed.
func (r *Resolved) Callee(key, scope string, idempotencyKey *string) command.Callee {
	t := r.Target(key, scope)
	c := command.Callee{ID: NewInvocationID(t, idempotencyKey), Target: t, RandomSeed: rand.Uint64()}
	c.CompletionRetention, c.JournalRetention = r.Retentions(idempotencyKey)
	return c
}

// NewInvocationID makes the ID for a call of t.
func NewInvocationID(t protocol.Target, idempotencyKey *string) protocol.InvocationID {
	switch {
	case t.Kind == protocol.KindWorkflow && t.HandlerKind == protocol.HandlerWorkflow:
		return protocol.WorkflowInvocationID(t.Scope, t.Service, t.Key)
	case idempotencyKey != nil:
		return protocol.IdempotentInvocationID(t.Scope, t.Service, t.Key, t.Keyed(), t.Handler, *idempotencyKey)
	}
	id := protocol.InvocationID{UUID: [16]byte(ulid.Make())}
	if k, ok := t.PartitionKey(); ok {
		id.Key = k
	} else {
		id.Key = protocol.PartitionKey(rand.Uint64())
	}
	return id
}
