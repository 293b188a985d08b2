package journal

// Type is the number of a message in the service protocol; it is also the stored type of an entry.
type Type uint16

// Commands: what a handler asks for.
const (
	TypeInput               Type = 0x0400
	TypeOutput              Type = 0x0401
	TypeGetLazyState        Type = 0x0402
	TypeSetState            Type = 0x0403
	TypeClearState          Type = 0x0404
	TypeClearAllState       Type = 0x0405
	TypeGetLazyStateKeys    Type = 0x0406
	TypeGetEagerState       Type = 0x0407
	TypeGetEagerStateKeys   Type = 0x0408
	TypeGetPromise          Type = 0x0409
	TypePeekPromise         Type = 0x040A
	TypeCompletePromise     Type = 0x040B
	TypeSleep               Type = 0x040C
	TypeCall                Type = 0x040D
	TypeOneWayCall          Type = 0x040E
	TypeSendSignal          Type = 0x0410
	TypeRun                 Type = 0x0411
	TypeAttachInvocation    Type = 0x0412
	TypeGetInvocationOutput Type = 0x0413
	TypeCompleteAwakeable   Type = 0x0414
)

// Notifications: what became of a command. CallInvocationID completes a Call and a OneWayCall with
// the callee's ID; CallCompletion brings a Call's result.
const (
	TypeGetLazyStateCompletion        Type = 0x8002
	TypeGetLazyStateKeysCompletion    Type = 0x8006
	TypeGetPromiseCompletion          Type = 0x8009
	TypePeekPromiseCompletion         Type = 0x800A
	TypeCompletePromiseCompletion     Type = 0x800B
	TypeSleepCompletion               Type = 0x800C
	TypeCallCompletion                Type = 0x800D
	TypeCallInvocationID              Type = 0x800E
	TypeRunCompletion                 Type = 0x8011
	TypeAttachInvocationCompletion    Type = 0x8012
	TypeGetInvocationOutputCompletion Type = 0x8013
	TypeSignal                        Type = 0xFBFF
)

// IsCommand reports whether t is in the range of commands.
func (t Type) IsCommand() bool { return 0x0400 <= t && t <= 0x7FFF }

// IsNotification reports whether t is in the range of notifications, signals included.
func (t Type) IsNotification() bool { return 0x8000 <= t && t <= 0xFBFF }

// CompletionOf is the notification that brings the result of a command of type t, or 0 if it has
// none. For a Call it is the call's result, not the callee's ID.
func (t Type) CompletionOf() Type {
	switch t {
	case TypeGetLazyState, TypeGetLazyStateKeys, TypeGetPromise, TypePeekPromise,
		TypeCompletePromise, TypeSleep, TypeCall, TypeRun, TypeAttachInvocation,
		TypeGetInvocationOutput:
		return t - 0x0400 + 0x8000
	case TypeOneWayCall:
		return TypeCallInvocationID
	}
	return 0
}

var typeNames = map[Type]string{
	TypeInput: "Input", TypeOutput: "Output", TypeGetLazyState: "GetLazyState",
	TypeSetState: "SetState", TypeClearState: "ClearState", TypeClearAllState: "ClearAllState",
	TypeGetLazyStateKeys: "GetLazyStateKeys", TypeGetEagerState: "GetEagerState",
	TypeGetEagerStateKeys: "GetEagerStateKeys", TypeGetPromise: "GetPromise",
	TypePeekPromise: "PeekPromise", TypeCompletePromise: "CompletePromise", TypeSleep: "Sleep",
	TypeCall: "Call", TypeOneWayCall: "OneWayCall", TypeSendSignal: "SendSignal", TypeRun: "Run",
	TypeAttachInvocation: "AttachInvocation", TypeGetInvocationOutput: "GetInvocationOutput",
	TypeCompleteAwakeable:             "CompleteAwakeable",
	TypeGetLazyStateCompletion:        "GetLazyState",
	TypeGetLazyStateKeysCompletion:    "GetLazyStateKeys",
	TypeGetPromiseCompletion:          "GetPromise",
	TypePeekPromiseCompletion:         "PeekPromise",
	TypeCompletePromiseCompletion:     "CompletePromise",
	TypeSleepCompletion:               "Sleep",
	TypeCallCompletion:                "Call",
	TypeCallInvocationID:              "CallInvocationId",
	TypeRunCompletion:                 "Run",
	TypeAttachInvocationCompletion:    "AttachInvocation",
	TypeGetInvocationOutputCompletion: "GetInvocationOutput",
	TypeSignal:                        "Signal",
}

// Name is the message's bare name, or "Unknown".
func (t Type) Name() string {
	if n, ok := typeNames[t]; ok {
		return n
	}
	return "Unknown"
}

// String prints the form tools show: "Command: Run", "Notification: Sleep".
func (t Type) String() string {
	if t.IsNotification() {
		return "Notification: " + t.Name()
	}
	return "Command: " + t.Name()
}

// Known reports whether there is a message of this type.
func (t Type) Known() bool {
	_, ok := typeNames[t]
	return ok
}
