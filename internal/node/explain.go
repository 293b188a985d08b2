package node

import (
	"github.com/perdure/perdure/invoker"
	"github.com/perdure/perdure/partition/explain"
	"github.com/perdure/perdure/partition/leader"
	"github.com/perdure/perdure/protocol"
)

// inspectable is an invoker's partition that tells a leader what it does.
type inspectable struct{ *invoker.Partition }

var _ leader.Inspector = inspectable{}

// Inspect implements leader.Inspector.
func (a inspectable) Inspect(id protocol.InvocationID) (explain.Attempt, bool) {
	s, ok := a.Status(id)
	return explain.Attempt{
		InFlight: s.InFlight, Waiting: s.Waiting, RetryCount: s.RetryCount,
		NextRetry: s.NextRetry, LastError: s.LastFailure, Awaiting: s.Awaiting,
	}, ok
}
