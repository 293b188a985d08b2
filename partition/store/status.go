package store

import (
	"bytes"
	"fmt"
	"iter"
	"time"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
	"github.com/perdure/perdure/protocol/wire"
)

// State says where an invocation is in its life. The numbers are durable.
type State uint8

const (
	Scheduled State = 1 // waits for its time
	Inboxed   State = 2 // waits for its object's lock
	Invoked   State = 3 // an attempt runs or is about to
	Suspended State = 4 // waits for a notification; nothing runs
	Paused    State = 5 // waits for an operator
	Completed State = 6 // has ended and is remembered
)

// String is the name used in SQL.
func (s State) String() string {
	switch s {
	case Scheduled:
		return "scheduled"
	case Inboxed:
		return "inboxed"
	case Invoked:
		return "invoked"
	case Suspended:
		return "suspended"
	case Paused:
		return "paused"
	case Completed:
		return "completed"
	}
	return "unknown"
}

// Started reports whether the invocation was started and has not ended.
func (s State) Started() bool { return s == Invoked || s == Suspended || s == Paused }

// Status is the row of one invocation. Slices and pointers in it are never written through: a
// change replaces them.
type Status struct {
	ID             protocol.InvocationID
	State          State
	Target         protocol.Target
	Source         command.Source
	IdempotencyKey *string
	LimitKey       string
	// Request is that of the Invoke that made the invocation: the same request, repeated, is
	// answered as the first time.
	Request command.RequestID
	// Life is the partition's number for the invocation: one that has the same ID, after the row of
	// the first was forgotten, has another.
	Life                uint64
	Trace               protocol.TraceContext
	RandomSeed          uint64
	CompletionRetention time.Duration
	JournalRetention    time.Duration
	RestartedFrom       protocol.InvocationID

	CreatedAt, ModifiedAt, ScheduledAt, InboxedAt, RunningAt, CompletedAt protocol.Millis
	// ExecutionTime is when a delayed call may start; zero: it was not delayed.
	ExecutionTime protocol.Millis
	// InboxSequence is the place in the inbox while Inboxed.
	InboxSequence uint64

	// Deployment and ProtocolVersion are pinned by the first attempt that got that far.
	Deployment      protocol.DeploymentID
	ProtocolVersion uint32
	// Attempt is the partition's number for the running period. KnownEntries is how many entries the journal had
	// when the current one began: its handler has seen at least those.
	Attempt, KnownEntries uint32
	// EntryCount and CommandCount count the journal's entries and the commands among them.
	EntryCount, CommandCount uint32
	// OutputIndex is the journal index of the last Output; 0: none yet.
	OutputIndex uint32
	// Timers counts sleeps that have a timer row.
	Timers uint32
	// EventCount counts the journal events ever stored; the last few are kept.
	EventCount uint32
	// Awaiting is what a Suspended invocation waits for, and a hint while it is Invoked.
	Awaiting journal.Future
	// Waiters are the invocations that get the result.
	Waiters []command.Waiter

	// Result, and when the row and the journal go, once Completed. A result that is nil then stands
	// in the journal's Output at OutputIndex only: Reader.Result reads it. JournalForgottenAt is
	// zero if the journal goes with the row or is gone already.
	Result             *protocol.Result
	ForgottenAt        protocol.Millis
	JournalForgottenAt protocol.Millis
}

func (s *Status) encode() []byte {
	e := newRow(256 + len(s.Waiters)*40)
	e.uint(1, uint64(s.State))
	value(e, 2, 0, &s.Target, command.AppendTarget)
	value(e, 3, 0, &s.Source, command.AppendSource)
	e.optionalString(4, s.IdempotencyKey)
	e.string(5, s.LimitKey)
	e.array(6, s.Request)
	if !s.Trace.IsZero() {
		value(e, 7, 0, &s.Trace, command.AppendTraceContext)
	}
	e.fixed64(8, s.RandomSeed)
	e.duration(9, s.CompletionRetention)
	e.duration(10, s.JournalRetention)
	e.id(11, s.RestartedFrom)
	s.encodeTimes(e)
	e.array(20, s.Deployment)
	s.encodeCounters(e)
	if !s.Awaiting.IsEmpty() {
		value(e, 28, 0, &s.Awaiting, journal.AppendFuture)
	}
	e.waiters(29, s.Waiters)
	e.result(30, s.Result)
	e.uint(34, s.Life)
	return e.b
}

func (s *Status) encodeTimes(e *encoder) {
	e.millis(12, s.CreatedAt)
	e.millis(13, s.ModifiedAt)
	e.millis(14, s.ScheduledAt)
	e.millis(15, s.InboxedAt)
	e.millis(16, s.RunningAt)
	e.millis(17, s.CompletedAt)
	e.millis(18, s.ExecutionTime)
	e.millis(31, s.ForgottenAt)
	e.millis(32, s.JournalForgottenAt)
}

func (s *Status) encodeCounters(e *encoder) {
	e.uint(19, s.InboxSequence)
	e.uint(21, uint64(s.ProtocolVersion))
	e.uint(22, uint64(s.Attempt))
	e.uint(23, uint64(s.EntryCount))
	e.uint(24, uint64(s.CommandCount))
	e.uint(25, uint64(s.OutputIndex))
	e.uint(26, uint64(s.Timers))
	e.uint(27, uint64(s.EventCount))
	e.uint(33, uint64(s.KnownEntries))
}

func decodeStatus(key, b []byte) (s Status, err error) {
	if s.ID, _, err = invocationOf(key); err == nil {
		err = decodeRow(b, s.decodeField)
	}
	if err != nil {
		return s, corrupt(key, "decode status: %v", err)
	}
	if s.State == Completed && s.Result == nil && s.OutputIndex == 0 {
		return s, corrupt(key, "the invocation is completed but has no result")
	}
	return s, nil
}

func (s *Status) decodeField(d *wire.Decoder) {
	switch d.Field() {
	case 1:
		s.State = State(d.Uint8())
	case 2:
		s.Target = decode(d, command.DecodeTarget)
	case 3:
		s.Source = decode(d, command.DecodeSource)
	case 4:
		s.IdempotencyKey = d.OptionalRawString()
	case 5:
		s.LimitKey = d.RawString()
	case 6:
		d.Array(s.Request[:])
	case 7:
		s.Trace = decode(d, command.DecodeTraceContext)
	case 8:
		s.RandomSeed = d.Fixed64()
	case 9:
		s.CompletionRetention = decodeDuration(d)
	case 10:
		s.JournalRetention = decodeDuration(d)
	case 11:
		s.RestartedFrom = decodeID(d)
	case 19:
		s.InboxSequence = d.Uint64()
	case 20:
		d.Array(s.Deployment[:])
	case 28:
		s.Awaiting = decode(d, journal.DecodeFuture)
	case 29:
		s.Waiters = append(s.Waiters, decode(d, command.DecodeWaiter))
	case 30:
		r := decode(d, command.DecodeResult)
		s.Result = &r
	case 34:
		s.Life = d.Uint64()
	default:
		s.decodeNumber(d)
	}
}

func (s *Status) decodeNumber(d *wire.Decoder) {
	switch d.Field() {
	case 12:
		s.CreatedAt = protocol.Millis(d.Uint64())
	case 13:
		s.ModifiedAt = protocol.Millis(d.Uint64())
	case 14:
		s.ScheduledAt = protocol.Millis(d.Uint64())
	case 15:
		s.InboxedAt = protocol.Millis(d.Uint64())
	case 16:
		s.RunningAt = protocol.Millis(d.Uint64())
	case 17:
		s.CompletedAt = protocol.Millis(d.Uint64())
	case 18:
		s.ExecutionTime = protocol.Millis(d.Uint64())
	case 31:
		s.ForgottenAt = protocol.Millis(d.Uint64())
	case 32:
		s.JournalForgottenAt = protocol.Millis(d.Uint64())
	case 21:
		s.ProtocolVersion = d.Uint32()
	case 22:
		s.Attempt = d.Uint32()
	case 23:
		s.EntryCount = d.Uint32()
	case 24:
		s.CommandCount = d.Uint32()
	case 25:
		s.OutputIndex = d.Uint32()
	case 26:
		s.Timers = d.Uint32()
	case 27:
		s.EventCount = d.Uint32()
	case 33:
		s.KnownEntries = d.Uint32()
	}
}

// GetStatus reads an invocation's row.
func (r Reader) GetStatus(id protocol.InvocationID) (s Status, ok bool, err error) {
	key := statusKey(nil, id)
	b, ok, err := r.get(key)
	if err != nil || !ok {
		return s, false, err
	}
	s, err = decodeStatus(key, b)
	return s, err == nil, err
}

// Result returns how a Completed invocation has ended.
func (r Reader) Result(s *Status) (protocol.Result, error) {
	if s.Result != nil {
		return *s.Result, nil
	}
	result, ok, err := r.Output(s)
	if err == nil && !ok {
		err = fmt.Errorf("%s has no result: %w", s.ID, ErrCorrupt)
	}
	return result, err
}

// Output returns the last output in an invocation's journal; ok is false if there is none.
func (r Reader) Output(s *Status) (result protocol.Result, ok bool, err error) {
	if s.OutputIndex == 0 {
		return result, false, nil
	}
	entry, ok, err := r.GetEntry(s.ID, s.OutputIndex)
	if err != nil {
		return result, false, err
	}
	m, err := journal.Decode(entry.Type, entry.Body.Inline)
	output, isOutput := m.(*journal.Output)
	if !ok || err != nil || !isOutput {
		return result, false, fmt.Errorf("entry %d of %s is not the output it should be: %w",
			s.OutputIndex, s.ID, ErrCorrupt)
	}
	return output.Result, true, nil
}

// ScanStatus walks over the invocations whose partition keys lie in keys.
func (r Reader) ScanStatus(keys protocol.KeyRange) iter.Seq2[Status, error] {
	return scan(r, keyRange(KindStatus, keys), decodeStatus)
}

// statePrefix is how the row of an invocation in the given state begins: the state is its first
// field, so that a scan can pass rows over without decoding them.
func statePrefix(s State) []byte {
	return wire.AppendUvarint([]byte{rowVersion}, 1, s)
}

// ScanInvoked walks over the invocations that are being invoked. It decodes no other rows, of which
// there may be very many.
func (r Reader) ScanInvoked() iter.Seq2[Status, error] {
	prefix := statePrefix(Invoked)
	return scanIf(r, prefixBounds(appendKind(nil, KindStatus)),
		func(value []byte) bool { return bytes.HasPrefix(value, prefix) }, decodeStatus)
}

// GetStatus reads an invocation's row, from the store's cache if it is there.
func (tx *Tx) GetStatus(id protocol.InvocationID) (s Status, ok bool, err error) {
	if cached := tx.store.cache.get(id); cached != nil {
		return cached.status, cached.exists, nil
	}
	key := statusKey(tx.keyBuffer(), id)
	b, ok, err := tx.probe(key)
	if err == nil && ok {
		s, err = decodeStatus(key, b)
	}
	if err != nil {
		return s, false, err
	}
	tx.store.cache.loaded(id, s, ok)
	return s, ok, nil
}

// PutStatus writes an invocation's row.
func (tx *Tx) PutStatus(s Status) error {
	tx.store.cache.put(s)
	return tx.put(statusKey(tx.keyBuffer(), s.ID), s.encode())
}

// DeleteStatus forgets an invocation.
func (tx *Tx) DeleteStatus(id protocol.InvocationID) error {
	tx.store.cache.drop(id)
	return tx.delete(statusKey(tx.keyBuffer(), id))
}
