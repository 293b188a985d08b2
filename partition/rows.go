package partition

import (
	"github.com/perdure/perdure/partition/leader"
	"github.com/perdure/perdure/partition/machine"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// rows is what a leader reads from a store.
type rows struct{ store *store.Store }

// Rows lets a leader read a store.
func Rows(s *store.Store) leader.Rows { return rows{s} }

type frozenRows struct{ *store.Snapshot }

func (f frozenRows) Recover(emit func(machine.Action) error) error {
	return machine.Recover(f.Snapshot.Reader, emit)
}

func (f frozenRows) Close() { _ = f.Snapshot.Close() } // nothing was written through it

func (r rows) Snapshot() (leader.Snapshot, error) { return frozenRows{r.store.Snapshot()}, nil }

func (r rows) Timers(after *command.Timer, limit int) ([]command.Timer, error) {
	var from command.Timer
	if after != nil {
		from = *after
	}
	return r.store.Reader().Timers(from, limit)
}

func (r rows) Outbox(after uint64, limit int) ([]command.Message, error) {
	return r.store.Reader().Outbox(after+1, limit)
}

func (r rows) LastTime() (protocol.HybridTime, error) {
	vars, err := r.store.Reader().Vars()
	return vars.Time, err
}

func (r rows) Status(id protocol.InvocationID) (store.Status, bool, error) {
	return r.store.Reader().GetStatus(id)
}

// Outcome looks twice: between its two reads, of a status and of the journal that has the result, the
// journal may be forgotten, which moves the result.
func (r rows) Outcome(id protocol.InvocationID, request command.RequestID) (
	reply command.Reply, err error,
) {
	for range 2 {
		var status store.Status
		var ok bool
		status, ok, err = r.Status(id)
		switch {
		case err != nil:
			return command.Reply{}, err
		case !ok:
			return r.answered(request)
		case status.State != store.Completed:
			return command.Reply{Status: command.ReplyNotCompleted, Target: status.Target}, nil
		}
		if reply, err = machine.CompletedReply(r.store.Reader(), &status); err == nil {
			return reply, nil
		}
	}
	return command.Reply{}, err
}

// answered is what is known of an invocation that is not kept.
func (r rows) answered(request command.RequestID) (command.Reply, error) {
	unknown := command.Reply{Status: command.ReplyNotFound}
	if request.IsZero() {
		return unknown, nil
	}
	reader := r.store.Reader()
	vars, err := reader.Vars()
	if err != nil {
		return command.Reply{}, err
	}
	reply, ok, err := machine.Answered(reader, vars.Time.Millis(), request)
	if err != nil || !ok || reply.Status != command.ReplyCompleted {
		return unknown, err
	}
	return reply, nil
}
