package journal

import (
	"fmt"

	"github.com/perdure/perdure/protocol"
)

// Entry is one stored journal entry.
type Entry struct {
	Type Type
	// Body is the encoded message, as it is sent on the wire.
	Body protocol.Payload
	// Time is when the entry was appended.
	Time protocol.Millis
	// Callee is the invocation that a Call or OneWayCall started, else zero.
	Callee protocol.InvocationID
}

// Signals with a fixed meaning. Awakeables start at FirstAwakeableSignal.
const (
	SignalCancel         uint32 = 1
	FirstAwakeableSignal uint32 = 17
)

// IDKind says what a NotificationID counts. The numbers are durable.
type IDKind uint8

const (
	IDCompletion  IDKind = 1 // Index is a completion ID
	IDSignal      IDKind = 2 // Index is a signal index
	IDNamedSignal IDKind = 3 // Name is a signal name
)

// NotificationID names a notification within one journal. It is comparable.
type NotificationID struct {
	Kind  IDKind
	Index uint32
	Name  string
}

// Completion names the completion with the given ID.
func Completion(id uint32) NotificationID { return NotificationID{Kind: IDCompletion, Index: id} }

// Signal names the signal with the given index.
func Signal(index uint32) NotificationID { return NotificationID{Kind: IDSignal, Index: index} }

// NamedSignal names the signal with the given name.
func NamedSignal(name string) NotificationID {
	return NotificationID{Kind: IDNamedSignal, Name: name}
}

// String prints completion 3, signal 17 or signal "name".
func (id NotificationID) String() string {
	switch id.Kind {
	case IDCompletion:
		return fmt.Sprintf("completion %d", id.Index)
	case IDSignal:
		return fmt.Sprintf("signal %d", id.Index)
	case IDNamedSignal:
		return fmt.Sprintf("signal %q", id.Name)
	}
	return "no notification"
}

// ResultKind says what a notification brings. The numbers are durable.
type ResultKind uint8

const (
	ResultVoid         ResultKind = 1
	ResultValue        ResultKind = 2
	ResultFailure      ResultKind = 3
	ResultInvocationID ResultKind = 4
	ResultStateKeys    ResultKind = 5
)

// NotificationResult is what a notification brings; Kind says which field counts.
type NotificationResult struct {
	Kind         ResultKind
	Value        []byte
	Failure      protocol.Failure
	InvocationID string
	StateKeys    [][]byte
}

// Void is the result that says nothing.
func Void() NotificationResult { return NotificationResult{Kind: ResultVoid} }

// Value is a result with bytes.
func Value(b []byte) NotificationResult { return NotificationResult{Kind: ResultValue, Value: b} }

// Failure is a result that is a failure.
func Failure(f protocol.Failure) NotificationResult {
	return NotificationResult{Kind: ResultFailure, Failure: f}
}

// OfResult turns an outcome into a notification's result. The outcome's value must be inline.
func OfResult(r protocol.Result) NotificationResult {
	if r.Failure != nil {
		return Failure(*r.Failure)
	}
	return Value(r.Value.Inline)
}
