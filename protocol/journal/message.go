package journal

import (
	"fmt"

	"github.com/perdure/perdure/protocol"
)

// Message is the decoded form of an entry: one of the command structs below, or *Notification.
type Message interface {
	// Type is the message's number on the wire.
	Type() Type
	// Append appends the message's encoding to dst.
	Append(dst []byte) []byte
}

// Header is one header of a call.
type Header = protocol.KeyValue

// Input is always entry 0, written by the server.
type Input struct {
	Headers []Header
	Value   []byte
	Name    string
}

// Output is the handler's result.
type Output struct {
	Result protocol.Result
	Name   string
}

// GetLazyState asks for one state value.
type GetLazyState struct {
	Key          []byte
	CompletionID uint32
	Name         string
}

// SetState sets one state value.
type SetState struct {
	Key, Value []byte
	Name       string
}

// ClearState removes one state value.
type ClearState struct {
	Key  []byte
	Name string
}

// ClearAllState removes all state of the key.
type ClearAllState struct{ Name string }

// GetLazyStateKeys asks for the names of all state values.
type GetLazyStateKeys struct {
	CompletionID uint32
	Name         string
}

// GetEagerState records a read that the SDK answered from the state it was given; Value is nil for
// "no such key" (Void).
type GetEagerState struct {
	Key   []byte
	Void  bool
	Value []byte
	Name  string
}

// GetEagerStateKeys records a listing that the SDK answered itself.
type GetEagerStateKeys struct {
	Keys [][]byte
	Name string
}

// GetPromise waits for a promise of the workflow.
type GetPromise struct {
	Key          string
	CompletionID uint32
	Name         string
}

// PeekPromise reads a promise of the workflow without waiting.
type PeekPromise struct {
	Key          string
	CompletionID uint32
	Name         string
}

// CompletePromise resolves or rejects a promise of the workflow.
type CompletePromise struct {
	Key          string
	Result       protocol.Result
	CompletionID uint32
	Name         string
}

// Sleep waits until an absolute time.
type Sleep struct {
	WakeUp       protocol.Millis
	CompletionID uint32
	Name         string
}

// Call calls another handler and waits for its result.
type Call struct {
	Service, Handler, Key string
	Parameter             []byte
	Headers               []Header
	IdempotencyKey        *string
	Scope, LimitKey       string
	InvocationIDIndex     uint32 // completion ID of the notification that brings the callee's ID
	CompletionID          uint32
	Name                  string
}

// OneWayCall calls another handler, now or later, and does not wait.
type OneWayCall struct {
	Service, Handler, Key string
	Parameter             []byte
	Headers               []Header
	IdempotencyKey        *string
	Scope, LimitKey       string
	InvokeTime            protocol.Millis // zero: now
	InvocationIDIndex     uint32
	Name                  string
}

// SendSignal sends a signal to an invocation.
type SendSignal struct {
	Target    string // invocation ID
	Signal    NotificationID
	Result    NotificationResult // void, value or failure
	EntryName string
}

// Run is a side effect run by the handler; its result is proposed separately.
type Run struct {
	CompletionID uint32
	Name         string
}

// InvocationTarget names an invocation by ID, idempotency key or workflow; exactly one is set.
type InvocationTarget struct {
	InvocationID string
	Idempotent   *IdempotentTarget
	Workflow     *WorkflowTarget
}

// ID is the invocation that is named. An error says that it is named by an ID that is none.
func (t *InvocationTarget) ID() (protocol.InvocationID, error) {
	switch {
	case t.Idempotent != nil:
		i, key := t.Idempotent, ""
		if i.Key != nil {
			key = *i.Key
		}
		return protocol.IdempotentInvocationID(
			i.Scope, i.Service, key, i.Key != nil, i.Handler, i.IdempotencyKey), nil
	case t.Workflow != nil:
		return protocol.WorkflowInvocationID(t.Workflow.Scope, t.Workflow.Name, t.Workflow.Key), nil
	}
	id, err := protocol.ParseInvocationID(t.InvocationID)
	if err != nil {
		return id, fmt.Errorf("find the invocation that is meant: %w", err)
	}
	return id, nil
}

// IdempotentTarget names a call by its idempotency key.
type IdempotentTarget struct {
	Service        string
	Key            *string
	Handler        string
	IdempotencyKey string
	Scope          string
}

// WorkflowTarget names a workflow's run.
type WorkflowTarget struct{ Name, Key, Scope string }

// AttachInvocation waits for another invocation's result.
type AttachInvocation struct {
	Target       InvocationTarget
	CompletionID uint32
	Name         string
}

// GetInvocationOutput reads another invocation's result without waiting.
type GetInvocationOutput struct {
	Target       InvocationTarget
	CompletionID uint32
	Name         string
}

// CompleteAwakeable resolves or rejects an awakeable.
type CompleteAwakeable struct {
	AwakeableID string
	Result      protocol.Result
	Name        string
}

// Notification brings a completion or a signal to a handler. NotificationType is one of the
// notification types.
type Notification struct {
	NotificationType Type
	ID               NotificationID
	Result           NotificationResult
}

// Type implements Message.
func (n *Notification) Type() Type { return n.NotificationType }
