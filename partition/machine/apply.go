package machine

import (
	"errors"
	"fmt"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

var (
	// ErrDiverged means that this replica holds other rows than the leader did at the same
	// position: it must be rebuilt from a snapshot.
	ErrDiverged = errors.New("this replica differs from its leader: rebuild it from a snapshot")
	// ErrUnknownFeature means that the log switches on a behaviour that this code does not have.
	ErrUnknownFeature = errors.New("the log needs a newer server: upgrade this node")
)

// Apply changes rows in tx and appends the actions that follow from c. lsn is above that of every
// command applied before. After an error, tx must be discarded and the replica stopped.
func Apply(
	tx *store.Tx, lsn protocol.LSN, h *command.Header, c command.Command, acts []Action,
) ([]Action, error) {
	tx.Vars.Time = max(tx.Vars.Time, h.Time)
	s := step{tx: tx, header: h, now: tx.Vars.Time.Millis(), acts: acts}
	err := s.run(c)
	if err == nil {
		err = tx.SetApplied(lsn)
	}
	if err != nil {
		return acts, fmt.Errorf("apply command of kind %d at %s: %w", c.Kind(), lsn, err)
	}
	return s.acts, nil
}

// step is the application of one command.
type step struct {
	tx     *store.Tx
	header *command.Header
	now    protocol.Millis
	acts   []Action
	// lastReply is the newest answer to a request.
	lastReply command.Reply
}

func (s *step) act(a Action) { s.acts = append(s.acts, a) }

// reply answers the caller of a request, if there is one.
func (s *step) reply(to command.RequestID, id protocol.InvocationID, r command.Reply) {
	if !to.IsZero() {
		s.lastReply = r
		s.act(Reply{Request: to, ID: id, Reply: r})
	}
}

func (s *step) replyStatus(to command.RequestID, id protocol.InvocationID, r command.ReplyStatus) {
	s.reply(to, id, command.Reply{Status: r})
}

// run drops what is stale or came before, and applies the rest.
func (s *step) run(c command.Command) error {
	if envelope, ok := c.(*command.Envelope); ok {
		return s.envelope(envelope)
	}
	fresh, err := s.fresh()
	if err != nil || !fresh {
		return err
	}
	return s.dispatch(c)
}

func (s *step) dispatch(c command.Command) error {
	switch c := c.(type) {
	case *command.AnnounceLeader:
		s.announceLeader(c)
		return nil
	case *command.VersionBarrier:
		return s.versionBarrier(c)
	case *command.CompareDigest:
		return s.compareDigest(c)
	case *command.InvokerEffect:
		return s.invokerEffect(c)
	case *command.TimerFired:
		return s.timerFired(c.Timer)
	case *command.TruncateOutbox:
		return s.truncateOutbox(c)
	case *command.Purge:
		return s.once(c.Request, c.ID, func() error { return s.purge(c) })
	case *command.PurgeJournal:
		return s.once(c.Request, c.ID, func() error { return s.purgeJournal(c) })
	case *command.Pause:
		return s.once(c.Request, c.ID, func() error { return s.pause(c) })
	case *command.Resume:
		return s.once(c.Request, c.ID, func() error { return s.resume(c) })
	case *command.Restart:
		return s.once(c.Request, c.NewID, func() error { return s.restart(c) })
	case *command.PatchState:
		return s.once(c.Request, protocol.InvocationID{}, func() error { return s.patchState(c) })
	}
	return s.deliver(c)
}

// deliver applies the commands that may also come from another partition's outbox; any other kind
// does nothing.
func (s *step) deliver(c command.Command) error {
	switch c := c.(type) {
	case *command.Invoke:
		return s.invoke(c)
	case *command.Complete:
		return s.once(c.Request, c.ID, func() error { return s.complete(c) })
	case *command.Signal:
		return s.once(c.Request, c.ID, func() error { return s.signal(c) })
	case *command.Attach:
		return s.attach(c)
	case *command.GetOutput:
		return s.getOutput(c)
	case *command.Terminate:
		return s.once(c.Request, c.ID, func() error { return s.terminate(c) })
	}
	return nil
}
