package service

import (
	"fmt"
	"math"
	"time"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/journal"
	"github.com/perdure/perdure/protocol/wire"
)

// Decode reads the body of a control message in version v. Byte slices of the message alias body.
// The error wraps ErrViolation if the message lacks what it must say, and journal.ErrTooDeep if it
// waits for a future that is nested too deep.
func Decode(t journal.Type, v Version, body []byte) (Control, error) {
	m := newControl(t)
	if m == nil {
		return nil, fmt.Errorf("decode control message: %w: %s", ErrViolation, TypeName(t))
	}
	if err := m.decode(body, v); err != nil {
		return nil, fmt.Errorf("decode %s, version %d: %w", TypeName(t), v, err)
	}
	return m, nil
}

type decoder interface {
	Control
	decode(b []byte, v Version) error
}

func newControl(t journal.Type) decoder {
	switch t {
	case TypeStart:
		return new(Start)
	case TypeSuspension:
		return new(Suspension)
	case TypeError:
		return new(ErrorMessage)
	case TypeEnd:
		return new(End)
	case TypeCommandAck:
		return new(CommandAck)
	case TypeProposeRunCompletion:
		return new(ProposeRunCompletion)
	case TypeAwaitingOn:
		return new(AwaitingOn)
	case TypeProposeRunCompletionAck:
		return new(ProposeRunCompletionAck)
	}
	return nil
}

// Append implements Control.
func (m *Start) Append(dst []byte, v Version) []byte {
	dst = wire.AppendLength(dst, 1, invocationIDLen)
	dst = m.ID.AppendRaw(dst)
	dst = wire.AppendString(dst, 2, m.ID.String())
	dst = wire.AppendUvarint(dst, 3, m.KnownEntries)
	for i := range m.State {
		var mark wire.Mark
		dst, mark = wire.Begin(dst, 4, len(m.State[i].Key)+len(m.State[i].Value)+4)
		dst = wire.AppendBytes(dst, 1, m.State[i].Key)
		dst = wire.AppendBytes(dst, 2, m.State[i].Value)
		dst = wire.End(dst, mark)
	}
	dst = wire.AppendBool(dst, 5, m.PartialState)
	dst = wire.AppendText(dst, 6, m.Key)
	dst = wire.AppendUvarint(dst, 7, m.RetryCount)
	dst = wire.AppendUvarint(dst, 8, millis(m.SinceLastEntry))
	if v >= V6 {
		dst = wire.AppendUvarint(dst, 9, m.RandomSeed)
	}
	if v >= V7 {
		dst = wire.AppendText(dst, 10, m.Scope)
		dst = wire.AppendText(dst, 11, m.LimitKey)
		if m.IdempotencyKey != nil {
			dst = wire.AppendPresentText(dst, 12, *m.IdempotencyKey)
		}
	}
	return dst
}

const invocationIDLen = 24 // of the raw form

func (m *Start) decode(b []byte, v Version) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			id, err := protocol.InvocationIDFromRaw(d.Bytes())
			m.ID = id
			d.Fail(err)
		case 3:
			m.KnownEntries = d.Uint32()
		case 4:
			m.decodeState(&d)
		case 5:
			m.PartialState = d.Bool()
		case 6:
			m.Key = d.Text()
		case 7:
			m.RetryCount = d.Uint32()
		case 8:
			m.SinceLastEntry = duration(d.Uint64())
		case 9:
			m.RandomSeed = d.Uint64()
		case 10:
			m.Scope = d.Text()
		case 11:
			m.LimitKey = d.Text()
		case 12:
			m.IdempotencyKey = d.OptionalText()
		}
	}
	if err := d.Err(); err != nil || !m.ID.IsZero() {
		return err
	}
	return fmt.Errorf("%w: field 1, the invocation ID, is missing", ErrViolation)
}

func (m *Start) decodeState(d *wire.Decoder) {
	var e StateEntry
	inner := wire.NewDecoder(d.Bytes())
	for inner.Next() {
		switch inner.Field() {
		case 1:
			e.Key = inner.Bytes()
		case 2:
			e.Value = inner.Bytes()
		}
	}
	d.Fail(inner.Err())
	m.State = append(m.State, e)
}

// Append implements Control. Before version 7 the leaves stand in the message itself.
func (m *Suspension) Append(dst []byte, v Version) []byte {
	if v >= V7 {
		return appendFutureField(dst, 4, &m.AwaitingOn)
	}
	flat := journal.Future{}
	for id := range m.AwaitingOn.Leaves {
		switch id.Kind {
		case journal.IDCompletion:
			flat.Completions = append(flat.Completions, id.Index)
		case journal.IDSignal:
			flat.Signals = append(flat.Signals, id.Index)
		case journal.IDNamedSignal:
			flat.NamedSignals = append(flat.NamedSignals, id.Name)
		}
	}
	return journal.AppendFuture(dst, &flat)
}

func appendFutureField(dst []byte, num wire.Number, f *journal.Future) []byte {
	dst, mark := wire.Begin(dst, num, 4*len(f.Completions))
	return wire.End(journal.AppendFuture(dst, f), mark)
}

func (m *Suspension) decode(b []byte, v Version) error {
	if v >= V7 {
		return decodeFutureField(&m.AwaitingOn, b, 4, nil)
	}
	// Fields 1 to 3 are those of a Future; others are not known before version 7.
	f, err := journal.DecodeFuture(b)
	if err != nil {
		return err
	}
	m.AwaitingOn = journal.Future{
		Completions: f.Completions, Signals: f.Signals, NamedSignals: f.NamedSignals,
		Combinator: journal.CombinatorFirstCompleted,
	}
	return awaitsSomething(&m.AwaitingOn)
}

// decodeFutureField reads a message with a future in field num; other gets the other fields.
func decodeFutureField(
	f *journal.Future, b []byte, num wire.Number, other func(*wire.Decoder),
) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		if d.Field() == num {
			awaited, err := journal.DecodeFuture(d.Bytes())
			*f = awaited
			d.Fail(err)
		} else if other != nil {
			other(&d)
		}
	}
	if err := d.Err(); err != nil {
		return err
	}
	return awaitsSomething(f)
}

func awaitsSomething(f *journal.Future) error {
	if f.HasLeaves() {
		return nil
	}
	return fmt.Errorf("%w: it names nothing to wait for", ErrViolation)
}

// Append implements Control.
func (m *ErrorMessage) Append(dst []byte, _ Version) []byte {
	dst = wire.AppendUvarint(dst, 1, m.Code)
	dst = wire.AppendText(dst, 2, m.Message)
	dst = wire.AppendText(dst, 3, m.Stacktrace)
	if m.CommandIndex != nil {
		dst = wire.AppendPresentUvarint(dst, 4, *m.CommandIndex)
	}
	if m.CommandName != nil {
		dst = wire.AppendPresentText(dst, 5, *m.CommandName)
	}
	if m.CommandType != nil {
		dst = wire.AppendPresentUvarint(dst, 6, *m.CommandType)
	}
	if m.NextRetryDelay != nil {
		dst = wire.AppendPresentUvarint(dst, 8, millis(*m.NextRetryDelay))
	}
	return wire.AppendUvarint(dst, 9, m.Behavior)
}

func (m *ErrorMessage) decode(b []byte, _ Version) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			m.Code = d.Uint32()
		case 2:
			m.Message = d.Text()
		case 3:
			m.Stacktrace = d.Text()
		case 4:
			m.CommandIndex = new(d.Uint32())
		case 5:
			m.CommandName = d.OptionalText()
		case 6:
			m.CommandType = new(d.Uint32())
		case 8:
			m.NextRetryDelay = new(duration(d.Uint64()))
		case 9:
			m.Behavior = behaviorOf(d.Uint64())
		}
	}
	return d.Err()
}

// behaviorOf takes what it does not know as a retry. Only version 7 has the field, but a deployment
// that sends it earlier is taken at its word.
func behaviorOf(n uint64) Behavior {
	if n > uint64(BehaviorFail) {
		return BehaviorRetry
	}
	return Behavior(n)
}

// Append implements Control.
func (m *End) Append(dst []byte, _ Version) []byte { return dst }

func (m *End) decode(b []byte, _ Version) error {
	d := wire.NewDecoder(b)
	for d.Next() { // only to see that it is a message
	}
	return d.Err()
}

// Append implements Control.
func (m *CommandAck) Append(dst []byte, _ Version) []byte {
	return wire.AppendUvarint(dst, 1, m.CommandIndex)
}

func (m *CommandAck) decode(b []byte, _ Version) error { return decodeIndex(&m.CommandIndex, b) }

// Append implements Control.
func (m *ProposeRunCompletionAck) Append(dst []byte, _ Version) []byte {
	return wire.AppendUvarint(dst, 1, m.CompletionID)
}

func (m *ProposeRunCompletionAck) decode(b []byte, _ Version) error {
	return decodeIndex(&m.CompletionID, b)
}

func decodeIndex(index *uint32, b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		if d.Field() == 1 {
			*index = d.Uint32()
		}
	}
	return d.Err()
}

// Append implements Control.
func (m *ProposeRunCompletion) Append(dst []byte, _ Version) []byte {
	dst = wire.AppendUvarint(dst, 1, m.CompletionID)
	if m.Result.Failure == nil {
		return wire.AppendPresentBytes(dst, 14, m.Result.Value.Inline)
	}
	dst, mark := wire.Begin(dst, 15, len(m.Result.Failure.Message)+8)
	return wire.End(journal.AppendFailure(dst, m.Result.Failure), mark)
}

func (m *ProposeRunCompletion) decode(b []byte, _ Version) error {
	set := false
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			m.CompletionID = d.Uint32()
		case 14:
			m.Result, set = protocol.Success(d.Bytes()), true
		case 15:
			failure, err := journal.DecodeFailure(d.Bytes())
			m.Result, set = protocol.Result{Failure: &failure}, true
			d.Fail(err)
		}
	}
	if err := d.Err(); err != nil || set {
		return err
	}
	return fmt.Errorf("%w: it has neither a value (field 14) nor a failure (field 15)", ErrViolation)
}

// Append implements Control.
func (m *AwaitingOn) Append(dst []byte, _ Version) []byte {
	dst = appendFutureField(dst, 1, &m.AwaitingOn)
	return wire.AppendBool(dst, 2, m.ExecutingSideEffects)
}

func (m *AwaitingOn) decode(b []byte, _ Version) error {
	return decodeFutureField(&m.AwaitingOn, b, 1, func(d *wire.Decoder) {
		if d.Field() == 2 {
			m.ExecutingSideEffects = d.Bool()
		}
	})
}

// millis is d in whole milliseconds; less than none is none.
func millis(d time.Duration) uint64 { return uint64(max(d.Milliseconds(), 0)) }

// duration is the inverse of millis; it saturates.
func duration(ms uint64) time.Duration {
	const limit = uint64(math.MaxInt64 / time.Millisecond)
	return time.Duration(min(ms, limit)) * time.Millisecond
}
