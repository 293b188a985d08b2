package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// Describe prints the row changes of tx since its batch held from changes, one a line and in order,
// as "put table key value" or "del table key". count is how many the batch holds now. The row of
// vars is left out: it is written by Commit.
func (tx *Tx) Describe(from uint32) (lines []string, count uint32, err error) {
	count = tx.batch.Count()
	reader := tx.batch.Reader()
	for i := uint32(0); ; i++ {
		kind, key, value, ok, err := reader.Next()
		if err != nil || !ok {
			return lines, count, err
		}
		if i < from {
			continue
		}
		line, err := describeChange(kind == pebble.InternalKeyKindSet, key, value)
		if err != nil {
			return lines, count, err
		}
		lines = append(lines, line)
	}
}

func describeChange(put bool, key, value []byte) (string, error) {
	name, err := describeKey(key)
	if err != nil || !put {
		return "del " + name, err
	}
	content, err := describeValue(key, value)
	if content == "" {
		return "put " + name, err
	}
	return "put " + name + " " + content, err
}

// describeKey prints the table and what the key names in it.
func describeKey(key []byte) (string, error) {
	kind, rest, err := keyKind(key)
	if err != nil {
		return "", err
	}
	name := kind.String() + " "
	switch kind {
	case KindStatus, KindJournal, KindNotification, KindEvent:
		id, rest, err := invocationOf(key)
		if err != nil {
			return "", err
		}
		name += id.String()
		if kind == KindNotification {
			n, ok := notificationOf(rest)
			if !ok {
				return "", corrupt(key, "the key does not name a notification")
			}
			return name + " " + n.String(), nil
		}
		if len(rest) == 4 {
			name += fmt.Sprintf("[%d]", binary.BigEndian.Uint32(rest))
		}
		return name, nil
	case KindState, KindPromise, KindLock, KindInbox:
		o, rest, err := objectOf(key)
		if err != nil {
			return "", err
		}
		name += o.String()
		switch kind {
		case KindInbox:
			sequence, err := sequenceOf(key, rest)
			return fmt.Sprintf("%s %d", name, sequence), err
		case KindState, KindPromise:
			name += " " + strconv.Quote(string(rest))
		}
		return name, nil
	case KindTimer:
		t, err := timerOf(key)
		name += fmt.Sprintf("at=%d %s", t.Due, timerNames[t.Kind])
		if !t.Invocation.IsZero() {
			name += " " + t.Invocation.String()
		}
		if t.CompletionID != 0 {
			name += fmt.Sprintf(" completion %d", t.CompletionID)
		}
		return name, err
	case KindOutbox:
		sequence, err := sequenceOf(key, rest)
		return name + strconv.FormatUint(sequence, 10), err
	case KindDedup:
		return name + describeProducer(rest), nil
	case KindAnswer:
		k, err := answerKeyOf(key)
		return fmt.Sprintf("%speriod %d, request %s", name, k.Period, describeRequest(k.Request)), err
	}
	return strings.TrimSpace(name), nil
}

var timerNames = map[command.TimerKind]string{
	command.TimerSleep: "sleep", command.TimerScheduled: "scheduled",
	command.TimerRetention: "retention", command.TimerJournal: "journal",
	command.TimerAnswers: "answers",
}

func describeProducer(rest []byte) string {
	if len(rest) == 3 && rest[0] == 2 {
		return fmt.Sprintf("partition %d", binary.BigEndian.Uint16(rest[1:]))
	}
	if len(rest) == 0 {
		return "nobody"
	}
	return strconv.Quote(string(rest[1:]))
}

// describeRequest prints the text that a test's request ID is, or else the bytes.
func describeRequest(id command.RequestID) string {
	return describeBytes(bytes.TrimRight(id[:], "\x00"))
}

func describeValue(key, value []byte) (string, error) {
	kind, _, err := keyKind(key)
	if err != nil {
		return "", err
	}
	switch kind {
	case KindStatus:
		s, err := decodeStatus(key, value)
		return s.describe(), err
	case KindJournal:
		e, err := decodeEntry(key, value)
		return describeEntry(&e), err
	case KindNotification:
		n, err := decodeNotification(key, value)
		if n.Outcome == OutcomeFailure {
			return fmt.Sprintf("at [%d] failure", n.Index), err
		}
		return fmt.Sprintf("at [%d]", n.Index), err
	case KindEvent:
		v, err := decodeEvent(key, value)
		if v.Error == nil {
			return v.Kind.String(), err
		}
		return fmt.Sprintf("%s %s", v.Kind, v.Error.Failure.Error()), err
	case KindState:
		p, err := decodePayloadRow(key, value)
		return describePayload(p), err
	case KindPromise:
		p, err := decodePromise(key, value)
		return p.describe(), err
	case KindLock:
		l, err := decodeLock(key, value)
		return fmt.Sprintf("held by %s, %d queued", l.Holder, l.Queued), err
	case KindInbox:
		q, err := decodeQueued(key, value)
		if q.Mutation != nil {
			return fmt.Sprintf("state of %d keys", len(q.Mutation.State)), err
		}
		return q.Invocation.String(), err
	case KindOutbox:
		m, err := decodeMessage(key, value)
		return describeCommand(m.Command), err
	case KindAnswer:
		r, err := decodeAnswer(key, value)
		if r.Result != nil {
			return r.Status.String() + " " + describeResult(*r.Result), err
		}
		return r.Status.String(), err
	case KindDedup:
		sequence, err := decodeSequence(key, value)
		return strconv.FormatUint(sequence, 10), err
	}
	return "", nil
}

func (s *Status) describe() string {
	b := fmt.Sprintf("%s %s attempt=%d entries=%d", s.State, s.Target, s.Attempt, s.EntryCount)
	if !s.Deployment.IsZero() {
		b += fmt.Sprintf(" version=%d", s.ProtocolVersion)
	}
	if len(s.Waiters) > 0 {
		b += fmt.Sprintf(" waiters=%d", len(s.Waiters))
	}
	if s.State == Suspended {
		b += " awaiting=" + describeFuture(&s.Awaiting)
	}
	if s.Result != nil {
		b += " result=" + describeResult(*s.Result)
	}
	return b
}

func describeFuture(f *journal.Future) string {
	var parts []string
	for _, id := range f.Completions {
		parts = append(parts, fmt.Sprintf("c%d", id))
	}
	for _, id := range f.Signals {
		parts = append(parts, fmt.Sprintf("s%d", id))
	}
	for _, name := range f.NamedSignals {
		parts = append(parts, strconv.Quote(name))
	}
	for i := range f.Nested {
		parts = append(parts, describeFuture(&f.Nested[i]))
	}
	names := [...]string{"any", "any", "all", "first-success", "all-success"}
	return names[min(int(f.Combinator), 4)] + "(" + strings.Join(parts, ",") + ")"
}

func (p *Promise) describe() string {
	if p.Result != nil {
		return describeResult(*p.Result)
	}
	return fmt.Sprintf("pending, %d wait", len(p.Waiters))
}

func describeEntry(e *journal.Entry) string {
	m, err := journal.Decode(e.Type, e.Body.Inline)
	if err != nil {
		return e.Type.String() + " unreadable"
	}
	return describeMessage(m)
}

func describeResult(r protocol.Result) string {
	if r.Failure != nil {
		return r.Failure.Error()
	}
	return describePayload(r.Value)
}

func describePayload(p protocol.Payload) string {
	if p.Ref != nil {
		return fmt.Sprintf("object %x of %d bytes", p.Ref.SHA256[:8], p.Ref.SizeBytes)
	}
	return describeBytes(p.Inline)
}

// maxDescribedBytes bounds how much of a user's bytes is printed.
const maxDescribedBytes = 64

func describeBytes(b []byte) string {
	if len(b) > maxDescribedBytes {
		return fmt.Sprintf("%s... (%d bytes)", strconv.Quote(string(b[:maxDescribedBytes])), len(b))
	}
	return strconv.Quote(string(b))
}
