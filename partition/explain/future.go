package explain

import (
	"fmt"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// firstTreeVersion is the first protocol version in which all leaves of a future count, not any.
const firstTreeVersion = 7

// leaf is one notification that a suspended invocation waits for.
type leaf struct {
	wait    Wait
	arrived bool
	repair  Repair
}

// suspended looks at every leaf of the future, then at whether they can resolve it.
func (x *Explanation) suspended(w *World, st *store.Status) error {
	s := newSuspension(w, st)
	hope, arrived, err := s.future(&st.Awaiting, x)
	if err != nil {
		return err
	}
	switch {
	case arrived:
		x.Stalled, x.Repair = true, RepairResume
	case !hope:
		x.Stalled, x.Repair = true, s.repair
	}
	return nil
}

// awaiting is suspended for a handler that waits while its attempt goes on. What has arrived is on its
// way to it.
func (x *Explanation) awaiting(w *World, st *store.Status, f *journal.Future) error {
	s := newSuspension(w, st)
	hope, _, err := s.future(f, x)
	if err == nil && !hope {
		x.Stalled, x.Repair = true, s.repair
	}
	return err
}

type suspension struct {
	world   *World
	st      *store.Status
	entries []journal.Entry // read when first needed
	seen    map[journal.NotificationID]leaf
	repair  Repair // of the leaves without a producer: the mildest
}

func newSuspension(w *World, st *store.Status) *suspension {
	return &suspension{world: w, st: st, seen: make(map[journal.NotificationID]leaf)}
}

// future reports whether f may still resolve and whether it has, judged by its leaves alone: what a
// leaf's result will be is not known, so that there is hope as long as any result would do.
func (s *suspension) future(f *journal.Future, x *Explanation) (hope, arrived bool, err error) {
	parts, hopes, arrivals := 0, 0, 0
	count := func(h, a bool) {
		parts++
		if h || a {
			hopes++
		}
		if a {
			arrivals++
		}
	}
	for _, id := range leafIDs(f) {
		l, err := s.leaf(id, x)
		if err != nil {
			return false, false, err
		}
		count(l.wait.Proven, l.arrived)
	}
	for i := range f.Nested {
		h, a, err := s.future(&f.Nested[i], x)
		if err != nil {
			return false, false, err
		}
		count(h, a)
	}
	if s.st.ProtocolVersion < firstTreeVersion {
		return hopes > 0, arrivals > 0, nil
	}
	switch f.Combinator {
	case journal.CombinatorAllCompleted:
		return hopes == parts, arrivals == parts, nil
	case journal.CombinatorFirstSucceededOrAllFailed, journal.CombinatorAllSucceededOrFirstFailed:
		return hopes > 0, arrivals == parts, nil // whether one alone decides depends on its result
	}
	return hopes > 0, arrivals > 0, nil
}

func leafIDs(f *journal.Future) []journal.NotificationID {
	ids := make([]journal.NotificationID, 0, len(f.Completions)+len(f.Signals)+len(f.NamedSignals))
	for _, i := range f.Completions {
		ids = append(ids, journal.Completion(i))
	}
	for _, i := range f.Signals {
		ids = append(ids, journal.Signal(i))
	}
	for _, name := range f.NamedSignals {
		ids = append(ids, journal.NamedSignal(name))
	}
	return ids
}

// leaf looks at one notification, once, and adds it to what the invocation waits for.
func (s *suspension) leaf(id journal.NotificationID, x *Explanation) (leaf, error) {
	if l, ok := s.seen[id]; ok {
		return l, nil
	}
	l, err := s.look(id)
	if err != nil {
		return l, err
	}
	s.seen[id] = l
	if cancels := id == journal.Signal(journal.SignalCancel); cancels && !l.arrived {
		return l, nil // every future has it; it tells nobody anything
	}
	x.Waits = append(x.Waits, l.wait)
	if !l.wait.Proven && !l.arrived && (s.repair == RepairNone || l.repair == RepairLead) {
		s.repair = l.repair
	}
	return l, nil
}

func (s *suspension) look(id journal.NotificationID) (l leaf, err error) {
	n, ok, err := s.world.Rows.GetNotification(s.st.ID, id)
	if err != nil {
		return l, err
	}
	cancels := id == journal.Signal(journal.SignalCancel)
	if ok && (!cancels || n.Index >= s.st.KnownEntries) {
		l.arrived, l.wait = true, Wait{
			Cause: CauseArrived, Proven: true,
			Detail: fmt.Sprintf("it stands in the journal at index %d", n.Index),
		}
		return l, nil
	}
	switch id.Kind {
	case journal.IDSignal:
		return s.signal(id.Index, cancels), nil
	case journal.IDNamedSignal:
		l.wait = Wait{
			Cause: CauseSignal, Name: id.Name, Proven: true,
			Detail: "somebody sends the signal: another handler, or a request from outside",
		}
		return l, nil
	}
	return s.completion(id.Index)
}

func (s *suspension) signal(index uint32, cancels bool) (l leaf) {
	if cancels {
		l.wait = Wait{Cause: CauseSignal, Name: "cancel"} // no hope: nobody has to cancel
		return l
	}
	id := protocol.AwakeableID{Invocation: s.st.ID, Index: index}.String()
	l.wait = Wait{
		Cause: CauseAwakeable, Awakeable: id, Proven: true,
		Detail: "somebody resolves or rejects " + id,
	}
	return l
}

// completion finds the command whose result is waited for, and who produces that.
func (s *suspension) completion(id uint32) (l leaf, err error) {
	if s.entries == nil {
		if s.entries, err = s.world.Rows.Journal(s.st.ID); err != nil {
			return l, err
		}
	}
	for i := range s.entries {
		e := &s.entries[i]
		if !e.Type.IsCommand() {
			continue
		}
		m, err := journal.Decode(e.Type, e.Body.Inline)
		if err != nil {
			continue
		}
		if l, ok, err := s.produced(e, m, id); ok || err != nil {
			return l, err
		}
	}
	l.wait = Wait{
		Cause:  CauseUnknown,
		Detail: fmt.Sprintf("no command in the journal has the completion %d", id),
	}
	l.repair = RepairResume
	return l, nil
}

// produced looks at a command whose result may be completion id; ok is false if it is not.
func (s *suspension) produced(e *journal.Entry, m journal.Message, id uint32) (
	l leaf, ok bool, err error,
) {
	switch m := m.(type) {
	case *journal.Sleep:
		if m.CompletionID != id {
			return l, false, nil
		}
		l.wait = Wait{Cause: CauseSleep, Name: m.Name, Until: m.WakeUp}
		l.repair, err = timerWait(s.world, &l.wait, command.Timer{
			Due: m.WakeUp, Kind: command.TimerSleep, Invocation: s.st.ID, CompletionID: id,
		})
	case *journal.Call:
		if m.CompletionID != id {
			return l, false, nil
		}
		what := m.Service + "/" + m.Handler
		if m.Key != "" {
			what = m.Service + "/" + m.Key + "/" + m.Handler
		}
		l, err = s.other(CauseCall, m.Name, e.Callee, what, journal.TypeCallCompletion, id)
	case *journal.AttachInvocation:
		if m.CompletionID != id {
			return l, false, nil
		}
		l, err = s.target(CauseAttach, m.Name, &m.Target, journal.TypeAttachInvocationCompletion, id)
	case *journal.GetInvocationOutput:
		if m.CompletionID != id {
			return l, false, nil
		}
		l, err = s.target(CauseOutput, m.Name, &m.Target,
			journal.TypeGetInvocationOutputCompletion, id)
	case *journal.GetPromise:
		if m.CompletionID != id {
			return l, false, nil
		}
		l, err = s.promise(m)
	case *journal.Run:
		if m.CompletionID != id {
			return l, false, nil
		}
		l = s.run(m)
	default:
		return l, false, nil
	}
	return l, true, err
}

// run is a step whose result only the handler itself can record.
func (s *suspension) run(m *journal.Run) (l leaf) {
	l.wait = Wait{Cause: CauseAttempt, Name: m.Name, Proven: s.st.State == store.Invoked}
	if l.wait.Proven {
		l.wait.Detail = "the handler is at this step"
		return l
	}
	l.wait.Detail = "the handler suspended before it had recorded the result of this step"
	l.repair = RepairResume
	return l
}

func (s *suspension) promise(m *journal.GetPromise) (l leaf, err error) {
	p, err := s.world.Rows.GetPromise(store.ObjectOf(s.st.Target), m.Key)
	if err != nil {
		return l, err
	}
	l.wait = Wait{Cause: CausePromise, Name: m.Key}
	for _, w := range p.Waiters {
		if w.Invocation == s.st.ID && w.Life == s.st.Life && w.CompletionID == m.CompletionID {
			l.wait.Proven = true
			l.wait.Detail = "a handler of the workflow resolves or rejects the promise"
			return l, nil
		}
	}
	l.wait.Detail, l.repair = "the promise does not know that it is waited for", RepairEnd
	return l, nil
}

func (s *suspension) target(cause Cause, name string, t *journal.InvocationTarget, typ journal.Type,
	completion uint32,
) (l leaf, err error) {
	id, err := t.ID()
	if err != nil {
		l.wait = Wait{Cause: cause, Name: name, Detail: "its target cannot be read: " + err.Error()}
		l.repair = RepairEnd
		return l, nil
	}
	return s.other(cause, name, id, id.String(), typ, completion)
}

// other looks at another invocation whose result is waited for.
func (s *suspension) other(cause Cause, name string, id protocol.InvocationID, what string,
	typ journal.Type, completion uint32,
) (l leaf, err error) {
	l.wait = Wait{Cause: cause, Name: name, Invocation: id}
	waiter := command.Waiter{
		Invocation: s.st.ID, Life: s.st.Life, CompletionID: completion, Type: typ,
	}
	c, err := s.world.Callee(id, waiter)
	if err != nil {
		return l, fmt.Errorf("ask for %s: %w", id, err)
	}
	switch {
	case c.Knows:
		l.wait.Proven = true
		l.wait.Detail = fmt.Sprintf("%s (%s) is %s and will answer", what, id, c.State)
		return l, nil
	case c.Answering:
		l.wait.Proven, l.wait.Detail = true, "the answer of "+what+" is on its way"
		return l, nil
	}
	going, stuck, err := s.onTheWay(waiter)
	switch {
	case err != nil:
		return l, err
	case going:
		l.wait.Proven, l.wait.Detail = true, "the request to "+what+" is on its way"
	case stuck:
		l.wait.Detail = "the request to " + what + " is stored but the leader does not send it"
		l.repair = RepairLead
	case !c.Exists:
		l.wait.Detail = fmt.Sprintf("%s (%s) is not known to its partition", what, id)
		l.repair = RepairEnd
	default:
		l.wait.Detail = fmt.Sprintf("%s (%s) does not know that it is waited for", what, id)
		l.repair = RepairEnd
	}
	return l, nil
}

// maxOutboxWalk bounds how many messages are looked through for one that is on its way.
const maxOutboxWalk = 10_000

// onTheWay looks for the message that asks for a result in the outbox. stuck says that it is there
// but will not be sent.
func (s *suspension) onTheWay(w command.Waiter) (going, stuck bool, err error) {
	messages, err := s.world.Rows.Outbox(0, maxOutboxWalk)
	if err != nil {
		return false, false, err
	}
	for i := range messages {
		var asks *command.Waiter
		switch c := messages[i].Command.(type) {
		case *command.Invoke:
			asks = c.Waiter
		case *command.Attach:
			asks = &c.Waiter
		case *command.GetOutput:
			asks = &c.Waiter
		}
		if asks != nil && *asks == w {
			going = s.world.Memory.Sends(messages[i].Sequence)
			return going, !going, nil
		}
	}
	return false, false, nil
}

// LookAtCallee answers for an invocation of this partition what World.Callee asks.
func LookAtCallee(rows store.Reader, m Memory, id protocol.InvocationID, w command.Waiter) (
	c Callee, err error,
) {
	st, ok, err := rows.GetStatus(id)
	if err != nil {
		return c, err
	}
	if ok {
		c.Exists, c.State, c.Completed = true, st.State, st.State == store.Completed
		for i := range st.Waiters {
			if st.Waiters[i] == w && !c.Completed {
				c.Knows = true
				return c, nil
			}
		}
	}
	messages, err := rows.Outbox(0, maxOutboxWalk)
	if err != nil {
		return c, err
	}
	for i := range messages {
		answer, ok := messages[i].Command.(*command.Complete)
		if ok && answer.ID == w.Invocation && answer.CompletionID == w.CompletionID &&
			answer.Life == w.Life &&
			m.Sends(messages[i].Sequence) {
			c.Answering = true
			return c, nil
		}
	}
	return c, nil
}
