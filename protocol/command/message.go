package command

import (
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/journal"
)

// TimerKind says what a timer does. The numbers are durable.
type TimerKind uint8

const (
	TimerSleep     TimerKind = 1 // completes the sleep CompletionID
	TimerScheduled TimerKind = 2 // starts a delayed invocation
	TimerRetention TimerKind = 3 // forgets a completed invocation
	TimerJournal   TimerKind = 4 // forgets a completed invocation's journal
	TimerAnswers   TimerKind = 5 // forgets old answers to requests; of no invocation
)

// Timer names a timer row.
type Timer struct {
	Due          protocol.Millis
	Kind         TimerKind
	Invocation   protocol.InvocationID
	CompletionID uint32 // TimerSleep
}

// TimerFired says that a timer fell due. It does nothing if the timer's row is gone.
type TimerFired struct{ Timer Timer }

// Complete appends a completion to an invocation's journal: a call's result, an attached
// invocation's result, an old-style awakeable. The first completion of an ID counts.
type Complete struct {
	ID           protocol.InvocationID
	CompletionID uint32
	Type         journal.Type // notification type; zero for an old-style awakeable
	// Life is the life that waits, zero for any: a completion for a former one does nothing.
	Life   uint64
	Result journal.NotificationResult
	// Void is a result too: GetOutput of an invocation that has not ended.
	Request RequestID
}

// Signal appends a signal to an invocation's journal. Signals with index SignalCancel cancel.
type Signal struct {
	ID      protocol.InvocationID
	Signal  journal.NotificationID
	Result  journal.NotificationResult
	Request RequestID
}

// Attach makes Waiter wait for the result of the invocation; an unknown one answers 404.
type Attach struct {
	ID     protocol.InvocationID
	Waiter Waiter
}

// GetOutput answers Waiter at once: the result, void if there is none yet, or 404.
type GetOutput struct {
	ID     protocol.InvocationID
	Waiter Waiter
}

// TerminateMode says how an invocation is ended from outside. The numbers are durable.
type TerminateMode uint8

const (
	TerminateCancel TerminateMode = 1 // the handler sees the cancellation and may compensate
	TerminateKill   TerminateMode = 2 // ends at once; unfinished child calls are killed too
)

// Terminate cancels or kills an invocation.
type Terminate struct {
	ID      protocol.InvocationID
	Mode    TerminateMode
	Request RequestID
}

// Purge forgets a completed invocation.
type Purge struct {
	ID      protocol.InvocationID
	Request RequestID
}

// PurgeJournal forgets a completed invocation's journal and keeps its result.
type PurgeJournal struct {
	ID      protocol.InvocationID
	Request RequestID
}

// Pause stops a running invocation until it is resumed.
type Pause struct {
	ID      protocol.InvocationID
	Request RequestID
}

// Resume continues a paused or suspended invocation, or retries a failing one now.
type Resume struct {
	ID protocol.InvocationID
	// Deployment, if set, is pinned instead of the old one, with ProtocolVersion.
	Deployment      protocol.DeploymentID
	ProtocolVersion uint32
	Request         RequestID
}

// Restart starts NewID with the first entries of a completed invocation's journal.
type Restart struct {
	ID, NewID protocol.InvocationID // same partition key
	// From is the last journal index to keep; 0 keeps the input only.
	From            uint32
	Deployment      protocol.DeploymentID // zero: keep none pinned
	ProtocolVersion uint32
	RandomSeed      uint64
	Request         RequestID
}

// StateEntry is one key of an object's state.
type StateEntry struct {
	Key   []byte
	Value protocol.Payload
}

// PatchState replaces the whole state of an object or workflow key, after the invocation that holds
// the key's lock has ended.
type PatchState struct {
	Service, Key string
	Scope        string
	// Version, if not nil, must be the version of the state that is replaced; else nothing happens.
	Version *string
	State   []StateEntry
	Request RequestID
}
