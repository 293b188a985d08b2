package command

import (
	"time"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/journal"
)

// RequestID names one request of a caller that waits on the leader for a Reply action. Zero means
// nobody waits.
type RequestID [16]byte

// IsZero reports whether nobody waits.
func (r RequestID) IsZero() bool { return r == RequestID{} }

// SourceKind says who called. The numbers are durable.
type SourceKind uint8

const (
	SourceIngress      SourceKind = 1
	SourceInvocation   SourceKind = 2
	SourceSubscription SourceKind = 3
	SourceRestart      SourceKind = 4
)

// Source says who called, for tools.
type Source struct {
	Kind         SourceKind
	Invocation   protocol.InvocationID // SourceInvocation, SourceRestart
	Target       protocol.Target       // SourceInvocation: the caller's target
	Subscription string                // SourceSubscription
}

// Waiter is an invocation that waits, durably, for another's result: the result becomes the
// completion CompletionID of type Type in the waiter's journal.
type Waiter struct {
	Invocation   protocol.InvocationID
	CompletionID uint32
	Type         journal.Type // the notification type
	// Life is the life of the waiter that waits: an ID may be used again once its row was forgotten,
	// and what was meant for its former life must not reach the next. Zero fits any.
	Life uint64
}

// Invoke starts an invocation. It is idempotent by ID: if the invocation exists already, nothing
// starts, the waiter joins it and the reply says so. By Request it is idempotent even when nothing was
// kept of the invocation: for a while, a request that is repeated gets the first time's result.
type Invoke struct {
	ID     protocol.InvocationID
	Target protocol.Target
	// Headers and Parameter become the Input entry.
	Headers   []journal.Header
	Parameter protocol.Payload
	Source    Source
	// IdempotencyKey is nil if there is none; the empty key is a key.
	IdempotencyKey *string
	LimitKey       string
	// ExecutionTime is when a delayed call may start; zero is now.
	ExecutionTime protocol.Millis
	// CompletionRetention is how long the result is kept after the end, JournalRetention how long
	// the journal. Both zero: nothing stays.
	CompletionRetention time.Duration
	JournalRetention    time.Duration
	RandomSeed          uint64
	// Request, if set, is answered with a Reply.
	Request RequestID
	// Waiter, if set, gets the result.
	Waiter *Waiter
}

// ReplyStatus says how a request ended. The numbers are durable.
type ReplyStatus uint8

const (
	ReplyAccepted           ReplyStatus = 1  // Invoke: started or scheduled by this request
	ReplyPreviouslyAccepted ReplyStatus = 2  // Invoke: existed, has no result yet
	ReplyCompleted          ReplyStatus = 3  // Invoke: existed, has ended; Result is set
	ReplyDone               ReplyStatus = 4  // done at once
	ReplyAppended           ReplyStatus = 5  // cancel or pause was passed to the running attempt
	ReplyNotFound           ReplyStatus = 6  // no such invocation
	ReplyConflictCompleted  ReplyStatus = 7  // it has ended already
	ReplyNotCompleted       ReplyStatus = 8  // it has not ended yet
	ReplyTooEarly           ReplyStatus = 9  // it is scheduled or queued, has not started
	ReplyNotRunning         ReplyStatus = 10 // pause: not running
	ReplyRunning            ReplyStatus = 11 // the deployment cannot be changed while it runs
	ReplyUnsupported        ReplyStatus = 12 // restart of a workflow or of an old journal
	ReplyInputGone          ReplyStatus = 13 // restart: the journal was dropped
	ReplyBadPrefix          ReplyStatus = 14 // restart: index out of range, or an unfinished command
)

var replyStatusNames = [...]string{
	ReplyAccepted: "accepted", ReplyPreviouslyAccepted: "previously accepted",
	ReplyCompleted: "completed", ReplyDone: "done", ReplyAppended: "appended",
	ReplyNotFound: "not found", ReplyConflictCompleted: "has ended",
	ReplyNotCompleted: "has not ended", ReplyTooEarly: "too early",
	ReplyNotRunning: "not running", ReplyRunning: "is running", ReplyUnsupported: "unsupported",
	ReplyInputGone: "input gone", ReplyBadPrefix: "bad prefix",
}

// String is the status in words.
func (s ReplyStatus) String() string {
	if int(s) < len(replyStatusNames) {
		return replyStatusNames[s]
	}
	return "unknown"
}

// Reply answers a request.
type Reply struct {
	Status ReplyStatus
	// Own says of an Invoke that this very request, perhaps an earlier copy of it, made the invocation.
	Own bool
	// ExecutionTime of a delayed Invoke, as first accepted.
	ExecutionTime protocol.Millis
	// Result of a completed invocation, its target, when it ended, and how long the result is kept
	// after that.
	Result      *protocol.Result
	Target      protocol.Target
	CompletedAt protocol.Millis
	Retention   time.Duration
	// Message explains refusals of Restart.
	Message string
}
