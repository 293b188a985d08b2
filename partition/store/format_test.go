package store

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

var (
	testID     = protocol.InvocationID{Key: 0x0102030405060708, UUID: [16]byte{15: 9}}
	testObject = Object{Scope: "sc", Service: "Cart", Key: "a\x00b"}
	testTimer  = command.Timer{Due: 1 << 20, Kind: command.TimerSleep, Invocation: testID, CompletionID: 3}
)

func fullStatus() Status {
	key := ""
	return Status{
		ID: testID, State: Suspended,
		Target: protocol.Target{
			Kind: protocol.KindObject, HandlerKind: protocol.HandlerExclusive, Service: "Cart",
			Key: "k", Handler: "add", Scope: "sc",
		},
		Source:         command.Source{Kind: command.SourceInvocation, Invocation: testID},
		IdempotencyKey: &key, LimitKey: "l", Request: command.RequestID{1},
		Trace:      protocol.TraceContext{TraceID: [16]byte{1}, SpanID: [8]byte{2}, Flags: 1, State: "s"},
		RandomSeed: 7, CompletionRetention: time.Hour, JournalRetention: time.Minute,
		RestartedFrom: testID, CreatedAt: 1, ModifiedAt: 2, ScheduledAt: 3, InboxedAt: 4,
		RunningAt: 5, CompletedAt: 6, ExecutionTime: 7, InboxSequence: 8,
		Deployment: protocol.DeploymentID{3}, ProtocolVersion: 6, Attempt: 9, KnownEntries: 10,
		EntryCount: 11, CommandCount: 12, OutputIndex: 13, Timers: 14, EventCount: 15,
		Awaiting:    journal.Future{Completions: []uint32{1, 2}, Combinator: journal.CombinatorAllCompleted},
		Waiters:     []command.Waiter{{Invocation: testID, CompletionID: 4, Type: journal.TypeCallCompletion, Life: 18}},
		Life:        19,
		Result:      &protocol.Result{Failure: &protocol.Failure{Code: 409, Message: "killed"}},
		ForgottenAt: 16, JournalForgottenAt: 17,
	}
}

// Keys and rows stay what they were: a change here is a change of the format.
func TestFormatIsPinned(t *testing.T) {
	datadriven.RunTest(t, "testdata/format", func(t *testing.T, d *datadriven.TestData) string {
		var out strings.Builder
		line := func(name string, b []byte) { fmt.Fprintf(&out, "%s %s\n", name, hex.EncodeToString(b)) }
		switch d.Cmd {
		case "keys":
			line("identity", identityKey())
			line("vars", varsKey())
			line("dedup", dedupKey(nil, command.Producer{Kind: command.ProducerPartition, Partition: 5}))
			line("dedup", dedupKey(nil, command.Producer{Kind: command.ProducerExternal, Name: "t/0"}))
			line("status", statusKey(nil, testID))
			line("journal", journalKey(nil, testID, 5))
			line("notification", notificationKey(nil, testID, journal.Completion(3)))
			line("notification", notificationKey(nil, testID, journal.NamedSignal("go")))
			line("event", eventKey(nil, testID, 2))
			line("state", stateKey(nil, testObject, []byte("x")))
			line("promise", promiseKey(nil, testObject, "p"))
			line("lock", lockKey(nil, testObject))
			line("inbox", inboxKey(nil, testObject, 4))
			line("outbox", outboxKey(nil, 6))
			line("timer", timerKey(nil, testTimer))
			line("answer", answerKey(nil, AnswerKey{Period: 7, Request: command.RequestID{1, 2}}))
		case "rows":
			status, vars := fullStatus(), testVars()
			line("status", status.encode())
			line("vars", vars.encode())
			for _, row := range testRows() {
				line(row.kind.String(), row.value)
			}
		}
		return out.String()
	})
}

func testVars() Vars {
	return Vars{
		Applied: 1, Digest: 2, Time: 3, Epoch: 4, LeaderSequence: 5, LastOutbox: 6, LastInbox: 7,
		Features: []command.Feature{8, 9}, LastAttempt: 10, LastLife: 11, Unkept: 12,
		AnswersDue: 15, AnswersFrom: AnswerKey{Period: 13, Request: command.RequestID{14}},
	}
}

type testRow struct {
	kind       Kind
	key, value []byte
	back       func(key, value []byte) (any, error)
	want       any
}

// decoded adapts a decoder.
func decoded[T any](from func(key, value []byte) (T, error)) func(key, value []byte) (any, error) {
	return func(key, value []byte) (any, error) { return from(key, value) }
}

func testRows() []testRow {
	failure := command.AttemptError{Failure: protocol.Failure{Code: 500, Message: "no"}, DocCode: "RT0007"}
	entry := journal.Entry{
		Type: journal.TypeRun, Body: protocol.Inline([]byte{1, 2}), Time: 5, Callee: testID,
	}
	notification := Notification{Index: 4, Outcome: OutcomeFailure}
	event := Event{Kind: EventPaused, After: 3, Time: 9, Error: &failure}
	lock := Lock{Holder: testID, Queued: 2, First: 7}
	version := "v"
	queued := Queued{Object: testObject, Sequence: 4, Mutation: &Mutation{
		Version: &version,
		State:   []command.StateEntry{{Key: []byte("k"), Value: protocol.Inline([]byte("v"))}},
	}}
	waiting := Queued{Object: testObject, Sequence: 5, Invocation: testID}
	promise := Promise{Waiters: []command.Waiter{{
		Invocation: testID, CompletionID: 1, Type: journal.TypeGetPromiseCompletion,
	}}}
	message := command.Message{
		Sequence: 6, Key: 77, Command: &command.Terminate{ID: testID, Mode: command.TerminateKill},
	}
	reference := protocol.Payload{Ref: &protocol.PayloadRef{SHA256: [32]byte{1}, SizeBytes: 9}}
	answer := command.Reply{
		Status: command.ReplyCompleted, ExecutionTime: 3, CompletedAt: 4,
		Result: &protocol.Result{Value: protocol.Inline([]byte("v"))},
		Target: protocol.Target{Kind: protocol.KindService, Service: "S", Handler: "h"},
	}
	state := newRow(0)
	state.payload(1, reference)
	return []testRow{
		{KindJournal, journalKey(nil, testID, 5), encodeEntry(&entry), decoded(decodeEntry), entry},
		{
			KindNotification, notificationKey(nil, testID, journal.Signal(17)),
			notification.encode(), decoded(decodeNotification), notification,
		},
		{KindEvent, eventKey(nil, testID, 2), event.encode(), decoded(decodeEvent), event},
		{
			KindState, stateKey(nil, testObject, []byte("x")), state.b,
			decoded(decodePayloadRow), reference,
		},
		{KindPromise, promiseKey(nil, testObject, "p"), promise.encode(), decoded(decodePromise), promise},
		{KindLock, lockKey(nil, testObject), lock.encode(), decoded(decodeLock), lock},
		{KindInbox, inboxKey(nil, testObject, 4), queued.encode(), decoded(decodeQueued), queued},
		{KindInbox, inboxKey(nil, testObject, 5), waiting.encode(), decoded(decodeQueued), waiting},
		{KindOutbox, outboxKey(nil, 6), encodeMessage(&message), decoded(decodeMessage), message},
		{
			KindAnswer, answerKey(nil, AnswerKey{Period: 7, Request: command.RequestID{1, 2}}),
			encodeAnswer(&answer), decoded(decodeAnswer), answer,
		},
	}
}

func TestRowsRoundTrip(t *testing.T) {
	status := fullStatus()
	got, err := decodeStatus(statusKey(nil, testID), status.encode())
	if err != nil || !reflect.DeepEqual(got, status) {
		t.Errorf("status came back as\n%+v, %v; want\n%+v", got, err, status)
	}
	if vars, err := decodeVars(ptr(testVars()).encode()); err != nil || !reflect.DeepEqual(vars, testVars()) {
		t.Errorf("vars came back as %+v, %v", vars, err)
	}
	for _, row := range testRows() {
		got, err := row.back(row.key, row.value)
		if err != nil || !reflect.DeepEqual(got, row.want) {
			t.Errorf("%s came back as\n%+v, %v; want\n%+v", row.kind, got, err, row.want)
		}
		if _, err := describeChange(true, row.key, row.value); err != nil {
			t.Errorf("describe %s: %v", row.kind, err)
		}
		row.value[0] = 99
		if _, err := row.back(row.key, row.value); err == nil {
			t.Errorf("%s of row version 99 was read", row.kind)
		}
	}
}

// Every field of a status is stored: a forgotten one is lost at a restart.
func TestStatusHasNoForgottenField(t *testing.T) {
	v := reflect.ValueOf(fullStatus())
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("fullStatus leaves %s zero, so nothing tests that it is stored", v.Type().Field(i).Name)
		}
	}
}

func ptr[T any](v T) *T { return &v }

// The order of keys is the order of what they name, and no object's rows lie between another's.
func TestObjectKeysSortAsValues(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	part := func() string {
		b := make([]byte, rng.IntN(4))
		for i := range b {
			b[i] = []byte{0, 1, 0xFF, 'a'}[rng.IntN(4)]
		}
		return string(b)
	}
	for range 20_000 {
		// One scope, so that partition keys agree.
		a, b := Object{"s", part(), part()}, Object{"s", part(), part()}
		order := strings.Compare(a.Service, b.Service)
		if order == 0 {
			order = strings.Compare(a.Key, b.Key)
		}
		keyA, keyB := stateKey(nil, a, []byte(part())), stateKey(nil, b, []byte(part()))
		if got := bytes.Compare(keyA, keyB); order != 0 && got != order {
			t.Fatalf("%q and %q compare %d, their keys %d", a, b, order, got)
		}
		if back, _, err := objectOf(keyA); err != nil || back != a {
			t.Fatalf("%q came back as %q, %v", a, back, err)
		}
		if prefix := objectKey(nil, KindState, a); a != b && bytes.HasPrefix(keyB, prefix) {
			t.Fatalf("a row of %q lies among those of %q", b, a)
		}
	}
}

func TestTimersSortByTime(t *testing.T) {
	var timers []command.Timer
	for _, due := range []protocol.Millis{0, 1, 255, 256, 1 << 40} {
		for _, kind := range []command.TimerKind{command.TimerSleep, command.TimerJournal} {
			timers = append(timers, command.Timer{Due: due, Kind: kind, Invocation: testID})
		}
	}
	if !slices.IsSortedFunc(timers, func(a, b command.Timer) int {
		return bytes.Compare(timerKey(nil, a), timerKey(nil, b))
	}) {
		t.Fatal("timer keys do not sort by time and kind")
	}
}

// FuzzDecodeRow reads any bytes as any row: errors, never panics.
func FuzzDecodeRow(f *testing.F) {
	status := fullStatus()
	f.Add(statusKey(nil, testID), status.encode())
	f.Add(timerKey(nil, testTimer), timerRow)
	for _, row := range testRows() {
		f.Add(row.key, row.value)
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		_, _ = describeChange(true, key, value)
		_, _ = decodeStatus(key, value)
		_, _ = decodeIdentity(value)
		_, _ = decodeVars(value)
	})
}
