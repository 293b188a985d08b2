package machine

import (
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// Action is what the machine asks the leader to do. Any action may be lost: it is derived from rows,
// and a new leader derives it again from them (see Recover).
type Action interface{ action() }

// Actions. Each says where a new leader finds it again.
type (
	// LeaderAnnounced says that an AnnounceLeader was applied: whoever made Token leads Epoch.
	LeaderAnnounced struct {
		Token [16]byte
		Epoch protocol.Epoch
	}
	// StartInvocation runs an attempt; found in status rows, then without Fresh.
	StartInvocation struct {
		ID      protocol.InvocationID
		Target  protocol.Target
		Attempt uint32
		Fresh   *Fresh // nil: its rows must be read
	}
	// AbortInvocation stops the attempt, if it runs; a new leader has none running.
	AbortInvocation struct{ ID protocol.InvocationID }
	// RetryInvocation retries an attempt that waits for its next try now.
	RetryInvocation struct{ ID protocol.InvocationID }
	// Notify tells the running attempt of a notification that was appended to its journal; found
	// in the journal when the attempt starts again. Index is its journal index.
	Notify struct {
		ID      protocol.InvocationID
		Attempt uint32
		Index   uint32
		Entry   journal.Entry
	}
	// AckEntry tells the running attempt that its command is stored.
	AckEntry struct {
		ID           protocol.InvocationID
		Attempt      uint32
		CommandIndex uint32
	}
	// RegisterTimer fires a TimerFired when due; found in timer rows.
	RegisterTimer struct{ Timer command.Timer }
	// DeleteTimer makes a timer not fire; the row is gone, so firing it does nothing.
	DeleteTimer struct{ Timer command.Timer }
	// SendMessage carries an outbox row to its partition; found in outbox rows.
	SendMessage struct{ Message command.Message }
	// Reply answers the caller that made the request; the caller asks again if it is lost.
	Reply struct {
		Request command.RequestID
		ID      protocol.InvocationID
		Reply   command.Reply
	}
	// Completed tells callers attached to the invocation on this leader how it ended; they ask
	// again by ID if it is lost.
	Completed struct {
		ID    protocol.InvocationID
		Reply command.Reply // ReplyCompleted
	}
)

// Fresh is what the first attempt of a new invocation would read: its row, and the input as the only
// entry of its journal.
type Fresh struct {
	Status store.Status
	Input  journal.Entry
}

func (LeaderAnnounced) action() {}
func (StartInvocation) action() {}
func (AbortInvocation) action() {}
func (RetryInvocation) action() {}
func (Notify) action()          {}
func (AckEntry) action()        {}
func (RegisterTimer) action()   {}
func (DeleteTimer) action()     {}
func (SendMessage) action()     {}
func (Reply) action()           {}
func (Completed) action()       {}
