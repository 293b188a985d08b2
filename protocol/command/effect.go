package command

import (
	"time"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/journal"
)

// InvokerEffect reports what an attempt did, in order. All effects of one record apply together.
// It applies only if the invocation is being invoked and Attempt is its current attempt.
type InvokerEffect struct {
	ID      protocol.InvocationID
	Attempt uint32
	Effects []Effect
}

// EffectKind is the durable number of an effect.
type EffectKind uint8

const (
	EffectPinDeployment  EffectKind = 1
	EffectCommand        EffectKind = 2
	EffectRunCompletion  EffectKind = 3
	EffectSuspended      EffectKind = 4
	EffectAwaitingOn     EffectKind = 5
	EffectEnd            EffectKind = 6
	EffectFailed         EffectKind = 7
	EffectPaused         EffectKind = 8
	EffectTransientError EffectKind = 9
)

// Effect is one thing an attempt did; Kind says which fields count.
type Effect struct {
	Kind EffectKind

	// EffectPinDeployment: the invocation stays on this deployment and protocol version.
	Deployment      protocol.DeploymentID
	ProtocolVersion uint32

	// EffectCommand: the handler sent journal command number CommandIndex (Input is 0). The machine
	// refuses it unless it is the next one. AckRequested asks for an AckEntry action once stored.
	CommandIndex uint32
	Entry        journal.Entry
	AckRequested bool
	// Callee is set for Call and OneWayCall: everything about the callee that needs the schema or
	// chance.
	Callee *Callee

	// EffectRunCompletion: the result of run CompletionID (a value or a failure).
	CompletionID uint32
	Result       protocol.Result

	// EffectSuspended, EffectAwaitingOn: what the handler waits for.
	Awaiting journal.Future

	// EffectFailed: the invocation ends with this failure. EffectPaused: it stops until resumed;
	// EffectTransientError: an attempt failed and will be retried.
	Error AttemptError
}

// Callee is what the invoker resolved for a call made by a handler.
type Callee struct {
	ID                  protocol.InvocationID
	Target              protocol.Target
	CompletionRetention time.Duration
	JournalRetention    time.Duration
	RandomSeed          uint64
}

// AttemptError says why an attempt failed.
type AttemptError struct {
	Failure    protocol.Failure
	Stacktrace string
	// DocCode is the code that documentation and tools show: RT0007, RT0010; may be empty.
	DocCode string
	// RelatedCommand says which command failed, if known.
	RelatedCommand *RelatedCommand
	RetryCount     uint32
	NextRetry      protocol.Millis
}

// RelatedCommand names the command an error belongs to.
type RelatedCommand struct {
	Index uint32
	Name  string
	Type  journal.Type
}
