package explain

import (
	"fmt"
	"time"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// Cause names what an invocation waits for.
type Cause string

const (
	CauseStartTime Cause = "start-time" // a delayed call's time
	CauseLock      Cause = "lock"       // the object's lock
	CauseAttempt   Cause = "attempt"    // the handler is being run
	CauseSlot      Cause = "slot"       // a try waits for a free slot on the node
	CauseRetry     Cause = "retry"      // the next try, after one that failed
	CauseOperator  Cause = "operator"   // paused: somebody has to resume it
	CauseSleep     Cause = "sleep"
	CauseCall      Cause = "call"   // a callee's result
	CauseAttach    Cause = "attach" // another invocation's result
	CauseOutput    Cause = "output" // whether another invocation has a result
	CausePromise   Cause = "promise"
	CauseAwakeable Cause = "awakeable"
	CauseSignal    Cause = "signal"
	CauseArrived   Cause = "arrived" // what it waited for is there
	CauseUnknown   Cause = "unknown" // no entry of the journal would produce it
)

// Wait is one thing an invocation waits for.
type Wait struct {
	Cause Cause
	// Name of the command or signal, if the handler gave one.
	Name string
	// Proven says that whoever produces it was found; Detail says who, or what is missing.
	Proven bool
	Detail string
	// Invocation is the callee, the lock's holder or the invocation attached to; may be zero.
	Invocation protocol.InvocationID
	// Awakeable is the ID by which it can be completed from outside.
	Awakeable string
	// Until is when it comes at the latest, if that is known; zero: unknown.
	Until protocol.Millis
	// Position is the place in the queue for a lock, from 1; 0: does not apply.
	Position int
}

// Repair says how a stall can be ended.
type Repair string

const (
	RepairNone   Repair = ""
	RepairResume Repair = "resume" // resume the invocation: its journal has what it needs
	RepairLead   Repair = "lead"   // the leader forgot something that is in the rows: lead anew
	RepairEnd    Repair = "end"    // nothing will produce it: kill it, or restart it as new
)

// Explanation is what is known of one invocation.
type Explanation struct {
	ID     protocol.InvocationID
	Target protocol.Target
	State  store.State
	Since  protocol.Millis // when its row changed last
	Waits  []Wait
	// Stalled: nothing that could let the invocation go on was found.
	Stalled bool
	Repair  Repair
	// LastError is the last failure of an attempt, if there is one.
	LastError *command.AttemptError
}

// Attempt is what a leader has in memory about an invocation that is being invoked.
type Attempt struct {
	InFlight   bool      // a try is under way
	Waiting    bool      // a try waits for a slot
	RetryCount uint32    // failed tries in a row
	StartedAt  time.Time // of the last try; zero: none
	// Deployment and Server, as it named itself, of the last try.
	Deployment protocol.DeploymentID
	Server     string
	NextRetry  time.Time // zero: no pause
	LastError  *command.AttemptError
	// Awaiting is what a try that is under way said it waits for; nil: it runs, or has not said.
	Awaiting *journal.Future
}

// Memory is what a partition's leader remembers beside its rows.
type Memory interface {
	Attempt(protocol.InvocationID) (Attempt, bool)
	// HasTimer reports whether the timer will be fired without anybody's help.
	HasTimer(command.Timer) bool
	// Sends reports whether the outbox message will be sent without anybody's help.
	Sends(sequence uint64) bool
}

// Callee is what another invocation's partition says about a waiter.
type Callee struct {
	Exists, Completed bool
	State             store.State
	// Knows: it will send its result to the waiter.
	Knows bool
	// Answering: its result is on its way to the waiter.
	Answering bool
}

// World is one partition and its surroundings.
type World struct {
	Rows   store.Reader
	Memory Memory
	Now    protocol.Millis
	// Quick leaves out what only people want to know: the place in a queue.
	Quick bool
	// Callee asks the partition of an invocation, which may be this one.
	Callee func(callee protocol.InvocationID, waiter command.Waiter) (Callee, error)
}

// Explain looks at one invocation; ok is false if the partition does not know it. An error means
// that something could not be read.
func Explain(w *World, id protocol.InvocationID) (x Explanation, ok bool, err error) {
	st, ok, err := w.Rows.GetStatus(id)
	if err != nil || !ok {
		return x, false, err
	}
	x, err = explain(w, &st)
	return x, err == nil, err
}

func explain(w *World, st *store.Status) (Explanation, error) {
	x := Explanation{ID: st.ID, Target: st.Target, State: st.State, Since: st.ModifiedAt}
	var err error
	switch st.State {
	case store.Scheduled:
		err = x.scheduled(w, st)
	case store.Inboxed:
		err = x.inboxed(w, st)
	case store.Invoked:
		err = x.invoked(w, st)
	case store.Suspended:
		err = x.suspended(w, st)
	case store.Paused:
		err = x.paused(w, st)
	case store.Completed:
	}
	return x, err
}

// only adds the single thing that the invocation waits for; repair is for when it will not come.
func (x *Explanation) only(wait Wait, repair Repair) {
	x.Waits = append(x.Waits, wait)
	if !wait.Proven {
		x.Stalled, x.Repair = true, repair
	}
}

func (x *Explanation) scheduled(w *World, st *store.Status) error {
	wait := Wait{Cause: CauseStartTime, Until: st.ExecutionTime}
	repair, err := timerWait(w, &wait, command.Timer{
		Due: st.ExecutionTime, Kind: command.TimerScheduled, Invocation: st.ID,
	})
	x.only(wait, repair)
	return err
}

// timerWait finds out whether a timer will fire.
func timerWait(w *World, wait *Wait, t command.Timer) (Repair, error) {
	set, err := w.Rows.HasTimer(t)
	switch {
	case err != nil:
		return RepairNone, err
	case !set:
		wait.Detail = "there is no timer for it"
		return RepairEnd, nil
	case !w.Memory.HasTimer(t):
		wait.Detail = "its timer is stored but the leader does not know it"
		return RepairLead, nil
	}
	wait.Proven, wait.Detail = true, "a timer is set"
	return RepairNone, nil
}

func (x *Explanation) inboxed(w *World, st *store.Status) error {
	object := store.ObjectOf(st.Target)
	lock, held, err := w.Rows.GetLock(object)
	if err != nil {
		return err
	}
	wait := Wait{Cause: CauseLock, Invocation: lock.Holder}
	if !held {
		wait.Detail = fmt.Sprintf("%s is not locked, yet it queues for it", object)
		x.only(wait, RepairEnd)
		return nil
	}
	if wait.Position, err = position(w, object, lock, st); err != nil {
		return err
	}
	holder, ok, err := w.Rows.GetStatus(lock.Holder)
	switch {
	case err != nil:
		return err
	case wait.Position == 0:
		wait.Detail = fmt.Sprintf("it is not in the queue for %s", object)
	case !ok || !holder.State.Started():
		wait.Detail = fmt.Sprintf("the lock of %s is held by %s, which does not run",
			object, lock.Holder)
	default:
		wait.Proven = true
		wait.Detail = fmt.Sprintf("%s holds the lock of %s and is %s; %d queue for it",
			lock.Holder, object, holder.State, lock.Queued)
	}
	x.only(wait, RepairEnd)
	return nil
}

// maxPosition bounds how far a queue is walked; beyond it a position is only "after that many".
const maxPosition = 1000

// position is an invocation's place in its object's queue, from 1; 0: it is not there.
func position(w *World, o store.Object, lock store.Lock, st *store.Status) (int, error) {
	q, ok, err := w.Rows.FirstQueued(o, st.InboxSequence)
	if err != nil || !ok || q.Invocation != st.ID {
		return 0, err
	}
	if w.Quick {
		return maxPosition, nil
	}
	from := lock.First
	for n := 1; n < maxPosition; n++ {
		q, ok, err := w.Rows.FirstQueued(o, from)
		if err != nil || !ok {
			return 0, err
		}
		if q.Invocation == st.ID {
			return n, nil
		}
		from = q.Sequence + 1
	}
	return maxPosition, nil
}

// overdueMillis is how late a try may be before it counts as forgotten.
const overdueMillis = 10_000

func (x *Explanation) invoked(w *World, st *store.Status) error {
	a, ok := w.Memory.Attempt(st.ID)
	x.LastError = a.LastError
	wait := Wait{Cause: CauseAttempt, Proven: ok}
	switch {
	case !ok:
		wait.Detail = "it is to be run, but the leader does not know it"
	case a.InFlight:
		wait.Detail = "its handler is being run"
	case !a.NextRetry.IsZero() && !a.Waiting:
		wait.Cause, wait.Until = CauseRetry, protocol.MillisOf(a.NextRetry)
		wait.Detail = fmt.Sprintf("%d tries failed; the next one is planned", a.RetryCount)
		if a.LastError != nil {
			wait.Detail += "; the last one: " + a.LastError.Failure.Message
		}
		if w.Now > wait.Until+overdueMillis {
			wait.Proven, wait.Detail = false, "the next try is long overdue"
		}
	case a.Waiting:
		wait.Cause = CauseSlot
		wait.Detail = "all slots or all memory for running handlers on the node are in use"
	default:
		wait.Detail = "its handler is about to be run"
	}
	x.only(wait, RepairLead)
	if !ok || !a.InFlight || a.Awaiting == nil {
		return nil
	}
	return x.awaiting(w, st, a.Awaiting)
}

func (x *Explanation) paused(w *World, st *store.Status) error {
	events, err := w.Rows.Events(st.ID)
	if err != nil {
		return err
	}
	wait := Wait{Cause: CauseOperator, Proven: true, Detail: "paused by an operator"}
	for i := len(events) - 1; i >= 0; i-- {
		if e := events[i]; e.Kind == store.EventPaused && e.Error != nil {
			x.LastError = e.Error
			wait.Detail = "paused after a failure: " + e.Error.Failure.Message
			break
		}
	}
	wait.Detail += "; resume it to go on"
	x.only(wait, RepairNone)
	return nil
}
