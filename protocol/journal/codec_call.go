package journal

import (
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/wire"
)

// Type implements Message.
func (m *Call) Type() Type { return TypeCall }

// Append implements Message.
func (m *Call) Append(dst []byte) []byte {
	dst = wire.AppendText(dst, 1, m.Service)
	dst = wire.AppendText(dst, 2, m.Handler)
	dst = wire.AppendBytes(dst, 3, m.Parameter)
	dst = appendPairs(dst, 4, m.Headers)
	dst = wire.AppendText(dst, 5, m.Key)
	dst = appendOptionalText(dst, 6, m.IdempotencyKey)
	dst = wire.AppendText(dst, 7, m.Scope)
	dst = wire.AppendText(dst, 8, m.LimitKey)
	dst = wire.AppendUvarint(dst, 10, m.InvocationIDIndex)
	dst = wire.AppendUvarint(dst, 11, m.CompletionID)
	return wire.AppendText(dst, nameField, m.Name)
}

func (m *Call) decode(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			m.Service = d.Text()
		case 2:
			m.Handler = d.Text()
		case 3:
			m.Parameter = d.Bytes()
		case 4:
			m.Headers = decodePair(&d, m.Headers)
		case 5:
			m.Key = d.Text()
		case 6:
			m.IdempotencyKey = d.OptionalText()
		case 7:
			m.Scope = d.Text()
		case 8:
			m.LimitKey = d.Text()
		case 10:
			m.InvocationIDIndex = d.Uint32()
		case 11:
			m.CompletionID = d.Uint32()
		case nameField:
			m.Name = d.Text()
		}
	}
	return d.Err()
}

// Type implements Message.
func (m *OneWayCall) Type() Type { return TypeOneWayCall }

// Append implements Message.
func (m *OneWayCall) Append(dst []byte) []byte {
	dst = wire.AppendText(dst, 1, m.Service)
	dst = wire.AppendText(dst, 2, m.Handler)
	dst = wire.AppendBytes(dst, 3, m.Parameter)
	dst = wire.AppendUvarint(dst, 4, m.InvokeTime)
	dst = appendPairs(dst, 5, m.Headers)
	dst = wire.AppendText(dst, 6, m.Key)
	dst = appendOptionalText(dst, 7, m.IdempotencyKey)
	dst = wire.AppendText(dst, 8, m.Scope)
	dst = wire.AppendText(dst, 9, m.LimitKey)
	dst = wire.AppendUvarint(dst, 10, m.InvocationIDIndex)
	return wire.AppendText(dst, nameField, m.Name)
}

func (m *OneWayCall) decode(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			m.Service = d.Text()
		case 2:
			m.Handler = d.Text()
		case 3:
			m.Parameter = d.Bytes()
		case 4:
			m.InvokeTime = protocol.Millis(d.Uint64())
		case 5:
			m.Headers = decodePair(&d, m.Headers)
		case 6:
			m.Key = d.Text()
		case 7:
			m.IdempotencyKey = d.OptionalText()
		case 8:
			m.Scope = d.Text()
		case 9:
			m.LimitKey = d.Text()
		case 10:
			m.InvocationIDIndex = d.Uint32()
		case nameField:
			m.Name = d.Text()
		}
	}
	return d.Err()
}

func appendOptionalText(dst []byte, num wire.Number, s *string) []byte {
	if s == nil {
		return dst
	}
	return wire.AppendPresentText(dst, num, *s)
}

// Type implements Message.
func (m *SendSignal) Type() Type { return TypeSendSignal }

// Append implements Message.
func (m *SendSignal) Append(dst []byte) []byte {
	dst = wire.AppendText(dst, 1, m.Target)
	switch m.Signal.Kind {
	case IDNamedSignal:
		dst = wire.AppendPresentText(dst, 3, m.Signal.Name)
	default:
		dst = wire.AppendPresentUvarint(dst, 2, m.Signal.Index)
	}
	switch m.Result.Kind {
	case ResultValue:
		dst = appendValue(dst, 5, m.Result.Value)
	case ResultFailure:
		dst = appendFailureField(dst, 6, &m.Result.Failure)
	default:
		dst = appendVoid(dst, 4)
	}
	return wire.AppendText(dst, nameField, m.EntryName)
}

func (m *SendSignal) decode(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			m.Target = d.Text()
		case 2:
			m.Signal = Signal(d.Uint32())
		case 3:
			m.Signal = NamedSignal(d.Text())
		case 4:
			m.Result = Void()
			d.Bytes()
		case 5:
			m.Result = NotificationResult{Kind: ResultValue}
			d.Fail(decodeValue(&m.Result.Value, d.Bytes()))
		case 6:
			m.Result = NotificationResult{Kind: ResultFailure}
			d.Fail(decodeFailure(&m.Result.Failure, d.Bytes()))
		case nameField:
			m.EntryName = d.Text()
		}
	}
	switch {
	case d.Err() != nil:
		return d.Err()
	case m.Signal.Kind == 0:
		return missing("signal", 2, 3)
	case m.Result.Kind == 0:
		return missing("result", 4, 5, 6)
	}
	return nil
}

// Type implements Message.
func (m *AttachInvocation) Type() Type { return TypeAttachInvocation }

// Append implements Message.
func (m *AttachInvocation) Append(dst []byte) []byte {
	return appendTargeted(dst, &m.Target, m.CompletionID, m.Name)
}

func (m *AttachInvocation) decode(b []byte) error {
	return decodeTargeted(b, &m.Target, &m.CompletionID, &m.Name)
}

// Type implements Message.
func (m *GetInvocationOutput) Type() Type { return TypeGetInvocationOutput }

// Append implements Message.
func (m *GetInvocationOutput) Append(dst []byte) []byte {
	return appendTargeted(dst, &m.Target, m.CompletionID, m.Name)
}

func (m *GetInvocationOutput) decode(b []byte) error {
	return decodeTargeted(b, &m.Target, &m.CompletionID, &m.Name)
}

// appendTargeted appends what AttachInvocation and GetInvocationOutput have in common.
func appendTargeted(dst []byte, t *InvocationTarget, completion uint32, name string) []byte {
	var mark wire.Mark
	switch {
	case t.Idempotent != nil:
		dst, mark = wire.Begin(dst, 3, 0)
		dst = wire.AppendText(dst, 1, t.Idempotent.Service)
		dst = appendOptionalText(dst, 2, t.Idempotent.Key)
		dst = wire.AppendText(dst, 3, t.Idempotent.Handler)
		dst = wire.AppendText(dst, 4, t.Idempotent.IdempotencyKey)
		dst = wire.AppendText(dst, 5, t.Idempotent.Scope)
		dst = wire.End(dst, mark)
	case t.Workflow != nil:
		dst, mark = wire.Begin(dst, 4, 0)
		dst = wire.AppendText(dst, 1, t.Workflow.Name)
		dst = wire.AppendText(dst, 2, t.Workflow.Key)
		dst = wire.AppendText(dst, 3, t.Workflow.Scope)
		dst = wire.End(dst, mark)
	default:
		dst = wire.AppendPresentText(dst, 1, t.InvocationID)
	}
	dst = wire.AppendUvarint(dst, 11, completion)
	return wire.AppendText(dst, nameField, name)
}

func decodeTargeted(b []byte, t *InvocationTarget, completion *uint32, name *string) error {
	set := false
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			*t, set = InvocationTarget{InvocationID: d.Text()}, true
		case 3:
			*t, set = InvocationTarget{Idempotent: new(IdempotentTarget)}, true
			d.Fail(t.Idempotent.decode(d.Bytes()))
		case 4:
			*t, set = InvocationTarget{Workflow: new(WorkflowTarget)}, true
			d.Fail(t.Workflow.decode(d.Bytes()))
		case 11:
			*completion = d.Uint32()
		case nameField:
			*name = d.Text()
		}
	}
	if err := d.Err(); err != nil || set {
		return err
	}
	return missing("target", 1, 3, 4)
}

func (t *IdempotentTarget) decode(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			t.Service = d.Text()
		case 2:
			t.Key = d.OptionalText()
		case 3:
			t.Handler = d.Text()
		case 4:
			t.IdempotencyKey = d.Text()
		case 5:
			t.Scope = d.Text()
		}
	}
	return d.Err()
}

func (t *WorkflowTarget) decode(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			t.Name = d.Text()
		case 2:
			t.Key = d.Text()
		case 3:
			t.Scope = d.Text()
		}
	}
	return d.Err()
}
