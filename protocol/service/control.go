package service

import (
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/journal"
)

// Types of control messages.
const (
	TypeStart                   journal.Type = 0x0000
	TypeSuspension              journal.Type = 0x0001
	TypeError                   journal.Type = 0x0002
	TypeEnd                     journal.Type = 0x0003
	TypeCommandAck              journal.Type = 0x0004
	TypeProposeRunCompletion    journal.Type = 0x0005
	TypeAwaitingOn              journal.Type = 0x0006
	TypeProposeRunCompletionAck journal.Type = 0x0007
)

// Control is a control message: one of the structs below, by pointer.
type Control interface {
	// Type is the message's number on the wire.
	Type() journal.Type
	// Append appends the message's encoding in version v to dst.
	Append(dst []byte, v Version) []byte
}

// Start is the first message of a stream, from the server.
type Start struct {
	ID protocol.InvocationID
	// KnownEntries is how many frames with entries follow: commands and notifications.
	KnownEntries uint32
	// State is the state of the key, or a part of it, in which case PartialState is set.
	State        []StateEntry
	PartialState bool
	Key          string
	// RetryCount is how many tries failed since the last entry was stored, and SinceLastEntry how
	// long ago that was, at millisecond resolution.
	RetryCount     uint32
	SinceLastEntry time.Duration
	RandomSeed     uint64 // from version 6
	// From version 7.
	Scope, LimitKey string
	IdempotencyKey  *string
}

// StateEntry is one key of the state.
type StateEntry struct{ Key, Value []byte }

// Suspension is a last message: the handler waits, and need not run meanwhile.
type Suspension struct{ AwaitingOn journal.Future }

// ErrorMessage is a last message: the try failed.
type ErrorMessage struct {
	Code                uint32
	Message, Stacktrace string
	// CommandIndex, CommandName and CommandType say which command failed, if known.
	CommandIndex *uint32
	CommandName  *string
	CommandType  *uint32
	// NextRetryDelay, if set, replaces the delay before the next try; millisecond resolution.
	NextRetryDelay *time.Duration
	Behavior       Behavior // SDKs send it from version 7 on
}

// Behavior says what to do after an ErrorMessage. The numbers are those of the wire.
type Behavior uint8

const (
	BehaviorRetry Behavior = 0 // as the retry policy says
	BehaviorPause Behavior = 1 // pause the invocation now
	BehaviorFail  Behavior = 2 // end the invocation with this error now
)

// End is a last message: the handler is done.
type End struct{}

// CommandAck says that a command is stored.
type CommandAck struct{ CommandIndex uint32 }

// ProposeRunCompletion brings the result of a run.
type ProposeRunCompletion struct {
	CompletionID uint32
	Result       protocol.Result
}

// AwaitingOn says what the handler waits for while it keeps running; from version 7.
type AwaitingOn struct {
	AwaitingOn           journal.Future
	ExecutingSideEffects bool
}

// ProposeRunCompletionAck says that a run's result is stored; from version 7.
type ProposeRunCompletionAck struct{ CompletionID uint32 }

// Type implements Control.
func (*Start) Type() journal.Type { return TypeStart }

// Type implements Control.
func (*Suspension) Type() journal.Type { return TypeSuspension }

// Type implements Control.
func (*ErrorMessage) Type() journal.Type { return TypeError }

// Type implements Control.
func (*End) Type() journal.Type { return TypeEnd }

// Type implements Control.
func (*CommandAck) Type() journal.Type { return TypeCommandAck }

// Type implements Control.
func (*ProposeRunCompletion) Type() journal.Type { return TypeProposeRunCompletion }

// Type implements Control.
func (*AwaitingOn) Type() journal.Type { return TypeAwaitingOn }

// Type implements Control.
func (*ProposeRunCompletionAck) Type() journal.Type { return TypeProposeRunCompletionAck }

// ErrViolation is wrapped by the errors of messages that the protocol does not allow: a deployment
// sent what it must not send, or left out what it must say.
var ErrViolation = errors.New("protocol violation")

// IsControl reports whether t is in the range of control messages.
func IsControl(t journal.Type) bool { return t <= 0x03FF }

// IsAllowedFromDeployment returns nil if a deployment that speaks v may send a message of type t,
// else an error that wraps ErrViolation.
func IsAllowedFromDeployment(t journal.Type, v Version) error {
	switch {
	case t == TypeSuspension, t == TypeError, t == TypeEnd, t == TypeProposeRunCompletion:
		return nil
	case t == TypeAwaitingOn:
		if v >= V7 {
			return nil
		}
		return fmt.Errorf("%w: %s is not part of version %d", ErrViolation, TypeName(t), v)
	case t == TypeStart, t == TypeCommandAck, t == TypeProposeRunCompletionAck,
		t == journal.TypeInput, t.IsNotification():
		return fmt.Errorf("%w: a deployment must not send %s", ErrViolation, TypeName(t))
	case t.IsCommand() && t.Known():
		return nil
	}
	return fmt.Errorf("%w: message type %s is unknown", ErrViolation, TypeName(t))
}

// IsTerminal reports whether nothing follows a message of type t.
func IsTerminal(t journal.Type) bool {
	return t == TypeSuspension || t == TypeError || t == TypeEnd
}

// TypeName prints any type of message, with its number.
func TypeName(t journal.Type) string {
	name := t.String()
	if IsControl(t) || !t.Known() {
		name = "unknown"
		if n, ok := controlNames[t]; ok {
			name = n
		}
	}
	return fmt.Sprintf("%s (0x%04x)", name, uint16(t))
}

var controlNames = map[journal.Type]string{
	TypeStart: "Start", TypeSuspension: "Suspension", TypeError: "Error", TypeEnd: "End",
	TypeCommandAck: "CommandAck", TypeProposeRunCompletion: "ProposeRunCompletion",
	TypeAwaitingOn: "AwaitingOn", TypeProposeRunCompletionAck: "ProposeRunCompletionAck",
}
