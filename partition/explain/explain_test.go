package explain

import (
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

const now = protocol.Millis(1_000_000)

var (
	caller = protocol.InvocationID{Key: 7, UUID: [16]byte{1}}
	callee = protocol.InvocationID{Key: 9, UUID: [16]byte{2}}
	target = protocol.Target{
		Kind: protocol.KindObject, HandlerKind: protocol.HandlerExclusive,
		Service: "Counter", Key: "k", Handler: "add",
	}
)

// memory is what a made-up leader remembers.
type memory struct {
	attempts map[protocol.InvocationID]Attempt
	timers   map[command.Timer]bool
	sends    map[uint64]bool
}

func (m *memory) Attempt(id protocol.InvocationID) (Attempt, bool) {
	a, ok := m.attempts[id]
	return a, ok
}
func (m *memory) HasTimer(t command.Timer) bool { return m.timers[t] }
func (m *memory) Sends(sequence uint64) bool    { return m.sends[sequence] }

type fixture struct {
	t     *testing.T
	store *store.Store
	tx    *store.Tx
	mem   *memory
	st    store.Status
	index uint32
}

func newFixture(t *testing.T, state store.State) *fixture {
	s, err := store.Open(store.Config{
		FS: vfs.NewMem(), Dir: "p", Keys: protocol.PartitionRange(0, 1),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &fixture{
		t: t, store: s, tx: s.Begin(),
		mem: &memory{
			attempts: make(map[protocol.InvocationID]Attempt), sends: make(map[uint64]bool),
			timers: make(map[command.Timer]bool),
		},
		st: store.Status{
			ID: caller, State: state, Target: target, ModifiedAt: 5, ProtocolVersion: 7,
		},
	}
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// entry appends a command to the caller's journal.
func (f *fixture) entry(m journal.Message, to protocol.InvocationID) {
	f.t.Helper()
	e := journal.Entry{Type: m.Type(), Body: protocol.Inline(m.Append(nil)), Callee: to}
	f.must(f.tx.PutEntry(caller, f.index, &e))
	f.index++
}

func (f *fixture) world() *World {
	f.t.Helper()
	f.must(f.tx.PutStatus(f.st))
	f.must(f.tx.Commit())
	f.tx = f.store.Begin()
	rows := f.store.Reader()
	return &World{
		Rows: rows, Memory: f.mem, Now: now,
		Callee: func(id protocol.InvocationID, w command.Waiter) (Callee, error) {
			return LookAtCallee(rows, f.mem, id, w)
		},
	}
}

// awaits makes the invocation wait for completions.
func (f *fixture) awaits(c journal.Combinator, ids ...uint32) {
	f.st.Awaiting = journal.Future{Completions: ids, Combinator: c}
}

func (f *fixture) timer(kind command.TimerKind, due protocol.Millis, completion uint32, rows, mem bool) {
	x := command.Timer{Due: due, Kind: kind, Invocation: caller, CompletionID: completion}
	if rows {
		f.must(f.tx.PutTimer(x))
	}
	f.mem.timers[x] = mem
}

func callWaiter(completion uint32) command.Waiter {
	return command.Waiter{
		Invocation: caller, CompletionID: completion, Type: journal.TypeCallCompletion,
	}
}

// TestExplain has, for every kind of waiting, one story with a producer and those without one.
func TestExplain(t *testing.T) {
	object := store.ObjectOf(target)
	for _, test := range []struct {
		name    string
		state   store.State
		given   func(f *fixture)
		cause   Cause
		stalled bool
		repair  Repair
		says    string
	}{
		{"delayed", store.Scheduled, func(f *fixture) {
			f.st.ExecutionTime = 2 * now
			f.timer(command.TimerScheduled, 2*now, 0, true, true)
		}, CauseStartTime, false, RepairNone, "a timer is set"},
		{"delayed, forgotten", store.Scheduled, func(f *fixture) {
			f.st.ExecutionTime = 2 * now
			f.timer(command.TimerScheduled, 2*now, 0, true, false)
		}, CauseStartTime, true, RepairLead, "the leader does not know it"},
		{"delayed, no timer", store.Scheduled, func(f *fixture) {
			f.st.ExecutionTime = 2 * now
		}, CauseStartTime, true, RepairEnd, "no timer"},

		{"queued", store.Inboxed, func(f *fixture) {
			f.st.InboxSequence = 4
			f.must(f.tx.PutLock(object, store.Lock{Holder: callee, Queued: 2, First: 3}))
			other := protocol.InvocationID{Key: 1, UUID: [16]byte{9}}
			f.must(f.tx.PutQueued(store.Queued{Object: object, Sequence: 3, Invocation: other}))
			f.must(f.tx.PutQueued(store.Queued{Object: object, Sequence: 4, Invocation: caller}))
			f.must(f.tx.PutStatus(store.Status{ID: callee, State: store.Suspended, Target: target}))
		}, CauseLock, false, RepairNone, "2 queue for it"},
		{"queued for a free object", store.Inboxed, func(f *fixture) {}, CauseLock, true, RepairEnd,
			"is not locked"},
		{"queued behind one that has ended", store.Inboxed, func(f *fixture) {
			f.st.InboxSequence = 3
			f.must(f.tx.PutLock(object, store.Lock{Holder: callee, Queued: 1, First: 3}))
			f.must(f.tx.PutQueued(store.Queued{Object: object, Sequence: 3, Invocation: caller}))
		}, CauseLock, true, RepairEnd, "does not run"},
		{"not in the queue", store.Inboxed, func(f *fixture) {
			f.st.InboxSequence = 3
			f.must(f.tx.PutLock(object, store.Lock{Holder: callee, Queued: 1, First: 3}))
			f.must(f.tx.PutStatus(store.Status{ID: callee, State: store.Invoked, Target: target}))
		}, CauseLock, true, RepairEnd, "not in the queue"},

		{"running", store.Invoked, func(f *fixture) {
			f.mem.attempts[caller] = Attempt{InFlight: true}
		}, CauseAttempt, false, RepairNone, "being run"},
		{"waits for a slot", store.Invoked, func(f *fixture) {
			f.mem.attempts[caller] = Attempt{Waiting: true}
		}, CauseSlot, false, RepairNone, "slots"},
		{"backs off", store.Invoked, func(f *fixture) {
			f.mem.attempts[caller] = Attempt{
				RetryCount: 3, NextRetry: now.Time().Add(time.Minute),
				LastError: &command.AttemptError{Failure: protocol.Failure{Message: "refused"}},
			}
		}, CauseRetry, false, RepairNone, "the last one: refused"},
		{"retry overdue", store.Invoked, func(f *fixture) {
			f.mem.attempts[caller] = Attempt{RetryCount: 3, NextRetry: now.Time().Add(-time.Minute)}
		}, CauseRetry, true, RepairLead, "overdue"},
		{"to be run, forgotten", store.Invoked, func(f *fixture) {}, CauseAttempt, true, RepairLead,
			"does not know it"},

		{"running, awaits what is forgotten", store.Invoked, func(f *fixture) {
			f.entry(&journal.Sleep{WakeUp: 2 * now, CompletionID: 1}, protocol.InvocationID{})
			f.timer(command.TimerSleep, 2*now, 1, true, false)
			f.mem.attempts[caller] = Attempt{
				InFlight: true, Awaiting: &journal.Future{Completions: []uint32{1}},
			}
		}, CauseAttempt, true, RepairLead, "being run"},
		{"running, awaits its own step", store.Invoked, func(f *fixture) {
			f.entry(&journal.Run{CompletionID: 5, Name: "charge"}, protocol.InvocationID{})
			f.mem.attempts[caller] = Attempt{
				InFlight: true, Awaiting: &journal.Future{Completions: []uint32{5}},
			}
		}, CauseAttempt, false, RepairNone, "being run"},

		{"sleeps", store.Suspended, func(f *fixture) {
			f.entry(&journal.Sleep{WakeUp: 2 * now, CompletionID: 1}, protocol.InvocationID{})
			f.timer(command.TimerSleep, 2*now, 1, true, true)
			f.awaits(journal.CombinatorFirstCompleted, 1)
		}, CauseSleep, false, RepairNone, "a timer is set"},
		{"sleeps, forgotten", store.Suspended, func(f *fixture) {
			f.entry(&journal.Sleep{WakeUp: 2 * now, CompletionID: 1}, protocol.InvocationID{})
			f.timer(command.TimerSleep, 2*now, 1, true, false)
			f.awaits(journal.CombinatorFirstCompleted, 1)
		}, CauseSleep, true, RepairLead, "does not know it"},

		{"calls", store.Suspended, func(f *fixture) {
			f.entry(&journal.Call{Service: "S", Handler: "h", CompletionID: 2}, callee)
			f.must(f.tx.PutStatus(store.Status{
				ID: callee, State: store.Paused, Target: target,
				Waiters: []command.Waiter{callWaiter(2)},
			}))
			f.awaits(journal.CombinatorFirstCompleted, 2)
		}, CauseCall, false, RepairNone, "is paused and will answer"},
		{"calls, request on its way", store.Suspended, func(f *fixture) {
			f.entry(&journal.Call{Service: "S", Handler: "h", CompletionID: 2}, callee)
			w := callWaiter(2)
			f.must(f.tx.PutMessage(&command.Message{
				Sequence: 1, Key: callee.Key, Command: &command.Invoke{ID: callee, Waiter: &w},
			}))
			f.mem.sends[1] = true
			f.awaits(journal.CombinatorFirstCompleted, 2)
		}, CauseCall, false, RepairNone, "the request to S/h is on its way"},
		{"calls, request forgotten", store.Suspended, func(f *fixture) {
			f.entry(&journal.Call{Service: "S", Handler: "h", CompletionID: 2}, callee)
			w := callWaiter(2)
			f.must(f.tx.PutMessage(&command.Message{
				Sequence: 1, Key: callee.Key, Command: &command.Invoke{ID: callee, Waiter: &w},
			}))
			f.awaits(journal.CombinatorFirstCompleted, 2)
		}, CauseCall, true, RepairLead, "does not send it"},
		{"calls, answer on its way", store.Suspended, func(f *fixture) {
			f.entry(&journal.Call{Service: "S", Handler: "h", CompletionID: 2}, callee)
			f.must(f.tx.PutMessage(&command.Message{
				Sequence: 1, Key: caller.Key, Command: &command.Complete{
					ID: caller, CompletionID: 2, Type: journal.TypeCallCompletion,
					Result: journal.Void(),
				},
			}))
			f.mem.sends[1] = true
			f.awaits(journal.CombinatorFirstCompleted, 2)
		}, CauseCall, false, RepairNone, "the answer of S/h is on its way"},
		{"calls one that is gone", store.Suspended, func(f *fixture) {
			f.entry(&journal.Call{Service: "S", Handler: "h", CompletionID: 2}, callee)
			f.awaits(journal.CombinatorFirstCompleted, 2)
		}, CauseCall, true, RepairEnd, "is not known"},
		{"calls one that does not know it", store.Suspended, func(f *fixture) {
			f.entry(&journal.Call{Service: "S", Handler: "h", CompletionID: 2}, callee)
			f.must(f.tx.PutStatus(store.Status{ID: callee, State: store.Invoked, Target: target}))
			f.awaits(journal.CombinatorFirstCompleted, 2)
		}, CauseCall, true, RepairEnd, "does not know that it is waited for"},
		{"attached", store.Suspended, func(f *fixture) {
			f.entry(&journal.AttachInvocation{
				Target:       journal.InvocationTarget{InvocationID: callee.String()},
				CompletionID: 3,
			}, protocol.InvocationID{})
			w := callWaiter(3)
			w.Type = journal.TypeAttachInvocationCompletion
			f.must(f.tx.PutStatus(store.Status{
				ID: callee, State: store.Invoked, Target: target, Waiters: []command.Waiter{w},
			}))
			f.awaits(journal.CombinatorFirstCompleted, 3)
		}, CauseAttach, false, RepairNone, "will answer"},

		{"promise", store.Suspended, func(f *fixture) {
			f.entry(&journal.GetPromise{Key: "p", CompletionID: 4}, protocol.InvocationID{})
			w := callWaiter(4)
			w.Type = journal.TypeGetPromiseCompletion
			f.must(f.tx.PutPromise(object, "p", store.Promise{Waiters: []command.Waiter{w}}))
			f.awaits(journal.CombinatorFirstCompleted, 4)
		}, CausePromise, false, RepairNone, "resolves or rejects the promise"},
		{"promise that forgot", store.Suspended, func(f *fixture) {
			f.entry(&journal.GetPromise{Key: "p", CompletionID: 4}, protocol.InvocationID{})
			f.awaits(journal.CombinatorFirstCompleted, 4)
		}, CausePromise, true, RepairEnd, "does not know that it is waited for"},

		{"awakeable", store.Suspended, func(f *fixture) {
			f.st.Awaiting = journal.Future{Signals: []uint32{journal.SignalCancel, 17}}
		}, CauseAwakeable, false, RepairNone, "resolves or rejects sign_1"},
		{"signal", store.Suspended, func(f *fixture) {
			f.st.Awaiting = journal.Future{NamedSignals: []string{"go"}}
		}, CauseSignal, false, RepairNone, "sends the signal"},
		{"unknown completion", store.Suspended, func(f *fixture) {
			f.awaits(journal.CombinatorFirstCompleted, 99)
		}, CauseUnknown, true, RepairResume, "no command in the journal"},
		{"run without a result", store.Suspended, func(f *fixture) {
			f.entry(&journal.Run{CompletionID: 5, Name: "charge"}, protocol.InvocationID{})
			f.awaits(journal.CombinatorFirstCompleted, 5)
		}, CauseAttempt, true, RepairResume, "recorded the result"},
		{"arrived, not woken", store.Suspended, func(f *fixture) {
			f.entry(&journal.Sleep{WakeUp: 1, CompletionID: 1}, protocol.InvocationID{})
			f.must(f.tx.PutNotification(caller, journal.Completion(1),
				store.Notification{Index: 2, Outcome: store.OutcomeSuccess}))
			f.awaits(journal.CombinatorFirstCompleted, 1)
		}, CauseArrived, true, RepairResume, "stands in the journal"},
		{"one of two will do", store.Suspended, func(f *fixture) {
			f.entry(&journal.Sleep{WakeUp: 2 * now, CompletionID: 1}, protocol.InvocationID{})
			f.timer(command.TimerSleep, 2*now, 1, true, true)
			f.awaits(journal.CombinatorFirstCompleted, 1, 99)
		}, CauseSleep, false, RepairNone, "a timer is set"},
		{"all are needed", store.Suspended, func(f *fixture) {
			f.entry(&journal.Sleep{WakeUp: 2 * now, CompletionID: 1}, protocol.InvocationID{})
			f.timer(command.TimerSleep, 2*now, 1, true, true)
			f.awaits(journal.CombinatorAllCompleted, 1, 99)
		}, CauseSleep, true, RepairResume, "a timer is set"},

		{"paused", store.Paused, func(f *fixture) {
			f.must(f.tx.PutEvent(caller, 0, &store.Event{
				Kind:  store.EventPaused,
				Error: &command.AttemptError{Failure: protocol.Failure{Message: "no such host"}},
			}))
		}, CauseOperator, false, RepairNone, "no such host"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t, test.state)
			test.given(f)
			x, ok, err := Explain(f.world(), caller)
			if err != nil || !ok {
				t.Fatalf("explain: %v, %v", ok, err)
			}
			if len(x.Waits) == 0 || x.Waits[0].Cause != test.cause ||
				!strings.Contains(x.Waits[0].Detail, test.says) {
				t.Errorf("waits for %+v, want cause %s saying %q", x.Waits, test.cause, test.says)
			}
			if x.Stalled != test.stalled || x.Repair != test.repair {
				t.Errorf("stalled %v, repair %q; want %v, %q",
					x.Stalled, x.Repair, test.stalled, test.repair)
			}
		})
	}
}

// TestQueuePosition counts those before it.
func TestQueuePosition(t *testing.T) {
	f := newFixture(t, store.Inboxed)
	object := store.ObjectOf(target)
	f.st.InboxSequence = 13
	f.must(f.tx.PutLock(object, store.Lock{Holder: callee, Queued: 4, First: 10}))
	for i := range uint64(4) {
		id := protocol.InvocationID{Key: 1, UUID: [16]byte{byte(i + 20)}}
		if i == 3 {
			id = caller
		}
		f.must(f.tx.PutQueued(store.Queued{Object: object, Sequence: 10 + i, Invocation: id}))
	}
	f.must(f.tx.PutStatus(store.Status{ID: callee, State: store.Invoked, Target: target}))
	x, _, err := Explain(f.world(), caller)
	if err != nil || x.Waits[0].Position != 4 || x.Waits[0].Invocation != callee {
		t.Errorf("got %+v, %v; want position 4 behind the holder", x.Waits, err)
	}
}

// TestCheckerConfirms: a stall counts once it has stood for a while, and no longer than it stands.
func TestCheckerConfirms(t *testing.T) {
	f := newFixture(t, store.Invoked)
	w, c, at := f.world(), NewChecker(), time.Unix(1000, 0)
	step := func(want int) {
		t.Helper()
		if n, err := c.Step(w, at); err != nil || n != want {
			t.Fatalf("at %v: %d stalls, %v; want %d", at, n, err, want)
		}
	}
	step(0)
	at = at.Add(confirmAfter - time.Second)
	step(0)
	at = at.Add(time.Second)
	step(1)
	if all := c.Findings(); len(all) != 1 || all[0].ID != caller || all[0].Repair != RepairLead {
		t.Fatalf("findings: %+v", all)
	}
	f.mem.attempts[caller] = Attempt{InFlight: true}
	step(1) // as of the same time
	at = at.Add(time.Second)
	step(0)

	// One that moves between two looks is not stalled.
	delete(f.mem.attempts, caller)
	at = at.Add(time.Minute)
	step(0)
	f.st.EntryCount++
	w = f.world()
	at = at.Add(confirmAfter)
	step(0)
}

// TestCheckerGoesRound: the rows of completed invocations are passed over, and all others are seen,
// however many there are.
func TestCheckerGoesRound(t *testing.T) {
	f := newFixture(t, store.Invoked)
	result := protocol.Result{}
	for i := range 3 * rowsPerStep {
		st := store.Status{
			ID:    protocol.InvocationID{Key: protocol.PartitionKey(i), UUID: [16]byte{1}},
			State: store.Completed, Target: target, Result: &result,
		}
		if i%rowsPerStep == 17 {
			st.State, st.Result = store.Invoked, nil
		}
		f.must(f.tx.PutStatus(st))
	}
	f.st.ID.Key = 1 << 40
	w, c, at := f.world(), NewChecker(), time.Unix(1000, 0)
	for range 4 {
		if _, err := c.Step(w, at); err != nil {
			t.Fatal(err)
		}
		at = at.Add(time.Second)
	}
	at = at.Add(confirmAfter)
	if n, err := c.Step(w, at); err != nil || n != 4 {
		t.Errorf("%d stalls, %v; want 4", n, err)
	}
}
