package invoker

import (
	"time"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// Status is what is known in memory about an invocation that is being invoked.
type Status struct {
	ID      protocol.InvocationID
	Target  protocol.Target
	Attempt uint32
	// InFlight: a try is under way.
	InFlight bool
	// Waiting: a try waits for a slot.
	Waiting bool
	// RetryCount is how many tries failed since the handler last got further.
	RetryCount uint32
	StartedAt  time.Time // of the last try; zero: none
	NextRetry  time.Time // zero: no pause
	// Deployment and Server (x-restate-server) of the last try.
	Deployment  protocol.DeploymentID
	Server      string
	LastFailure *command.AttemptError // of the last failed try
	Awaiting    *journal.Future       // what the handler said it waits for (from protocol version 7)
}

// Status looks at one invocation; ok is false if it is not being invoked here.
func (p *Partition) Status(id protocol.InvocationID) (s Status, ok bool) {
	r := p.find(id)
	if r == nil {
		return s, false
	}
	return r.snapshot(), true
}

// Scan calls yield for every invocation that is being invoked, in no order, until it returns false.
func (p *Partition) Scan(yield func(Status) bool) {
	p.mu.Lock()
	runs := make([]*run, 0, len(p.runs))
	for _, r := range p.runs {
		runs = append(runs, r)
	}
	p.mu.Unlock()
	for _, r := range runs {
		if !yield(r.snapshot()) {
			return
		}
	}
}

func (r *run) snapshot() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.status
	s.ID, s.Target, s.Attempt = r.id, r.target, r.attempt
	s.RetryCount, s.NextRetry = r.retries.count, r.retryAt
	s.InFlight = r.phase == phaseOpening || r.phase == phaseRunning
	s.Waiting = r.phase == phaseWaiting
	if r.try != nil {
		s.Awaiting = r.try.core.awaiting
	}
	return s
}
