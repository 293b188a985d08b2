package node

import (
	"github.com/perdure/perdure/invoker"
	"github.com/perdure/perdure/partition/explain"
	"github.com/perdure/perdure/partition/leader"
	"github.com/perdure/perdure/partition/machine"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/journal"
)

// inspectable is an invoker's partition that tells a leader what it does.
type inspectable struct{ *invoker.Partition }

var _ leader.Inspector = inspectable{}

// Start implements leader.Attempts.
func (a inspectable) Start(s machine.StartInvocation) {
	if s.Fresh == nil {
		a.Partition.Start(s.ID, s.Target, s.Attempt)
		return
	}
	known := snapshotOf(&s.Fresh.Status)
	known.Entries = []journal.Entry{s.Fresh.Input}
	a.Partition.StartFresh(known)
}

// Inspect implements leader.Inspector.
func (a inspectable) Inspect(id protocol.InvocationID) (explain.Attempt, bool) {
	s, ok := a.Status(id)
	return attempt(&s), ok
}

// InspectAll implements leader.Inspector.
func (a inspectable) InspectAll(yield func(protocol.InvocationID, explain.Attempt) bool) {
	a.Scan(func(s invoker.Status) bool { return yield(s.ID, attempt(&s)) })
}

func attempt(s *invoker.Status) explain.Attempt {
	return explain.Attempt{
		InFlight: s.InFlight, Waiting: s.Waiting, RetryCount: s.RetryCount,
		StartedAt: s.StartedAt, Deployment: s.Deployment, Server: s.Server,
		NextRetry: s.NextRetry, LastError: s.LastFailure, Awaiting: s.Awaiting,
	}
}
