package node

import (
	"fmt"

	"github.com/perdure/perdure/invoker"
	"github.com/perdure/perdure/partition/leader"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// attemptStore lets the invoker read invocations from a partition's rows.
type attemptStore struct{ store *store.Store }

// Load implements invoker.Store: status, journal and state as of one position of the log.
func (a attemptStore) Load(id protocol.InvocationID, attempt uint32, maxStateBytes int, lazyState bool) (
	s invoker.Snapshot, ok bool, err error,
) {
	rows := a.store.Snapshot()
	defer rows.Close()
	status, ok, err := rows.GetStatus(id)
	if err != nil || !ok || status.State != store.Invoked || status.Attempt != attempt {
		return s, false, err
	}
	s = snapshotOf(&status)
	if s.Entries, err = rows.Journal(id); err != nil {
		return s, false, fmt.Errorf("read the journal of %s: %w", id, err)
	}
	if !status.Target.Keyed() || lazyState {
		s.StatePartial = true
		return s, true, nil
	}
	s.State, s.StatePartial, err = readState(rows.Reader, status.Target, maxStateBytes)
	return s, err == nil, err
}

// LoadState implements invoker.Store.
func (a attemptStore) LoadState(target protocol.Target, maxStateBytes int) (
	state []command.StateEntry, partial bool, err error,
) {
	return readState(a.store.Reader(), target, maxStateBytes)
}

func readState(rows store.Reader, target protocol.Target, maxBytes int) (
	state []command.StateEntry, partial bool, err error,
) {
	state, partial, err = rows.State(store.ObjectOf(target), max(maxBytes, 0))
	if err != nil {
		return nil, false, fmt.Errorf("read the state of %s: %w", target, err)
	}
	if partial {
		return nil, true, nil
	}
	return state, false, nil
}

// snapshotOf is what an attempt needs to know of a row.
func snapshotOf(status *store.Status) invoker.Snapshot {
	return invoker.Snapshot{
		ID: status.ID, Target: status.Target, Attempt: status.Attempt,
		Deployment: status.Deployment, ProtocolVersion: status.ProtocolVersion,
		RandomSeed: status.RandomSeed, IdempotencyKey: status.IdempotencyKey,
		Scope: status.Target.Scope, LimitKey: status.LimitKey, Trace: status.Trace,
		LastEntryAt: status.ModifiedAt,
	}
}

// attemptProposer makes an invoker's effects commands of the partition's leader.
type attemptProposer struct{ *leader.Proposer }

// Propose implements invoker.Proposer.
func (p attemptProposer) Propose(e *command.InvokerEffect, trace protocol.TraceContext,
	done func(error),
) error {
	return p.Proposer.Propose(e.ID.Key, e, trace, done)
}
