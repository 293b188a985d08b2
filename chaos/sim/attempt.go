package main

import (
	"errors"
	"slices"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/partition/leader"
	"github.com/perdure/perdure/partition/machine"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// attempts is the model of the invoker for one leadership of one replica.
type attempts struct {
	n        *node
	proposer *leader.Proposer
	byID     map[protocol.InvocationID]*run
	closed   bool
}

func (n *node) newAttempts(_ protocol.Epoch, p *leader.Proposer) leader.Attempts {
	return &attempts{n: n, proposer: p, byID: map[protocol.InvocationID]*run{}}
}

// run is one invocation under one attempt number; it may take several tries.
type run struct {
	a         *attempts
	id        protocol.InvocationID
	attempt   uint32
	createdAt protocol.Millis // of the invocation that was loaded
	try       *try            // nil: it must be loaded
	unsettled int             // effects proposed and not applied
	again     uint32          // attempt to start once this one is over; 0: none
	stuck     bool            // its proposals are refused for good
	gone      bool
}

// try is one execution of the handler, from the journal on.
type try struct {
	status   store.Status
	script   *script
	suffix   string            // of the parameter
	loaded   int               // journal entries that were loaded
	commands []journal.Entry   // stored or issued, in order
	notes    []note            // in journal order
	state    map[string]string // as it came with the journal, and what was set since
	queue    []command.Effect  // issued and not proposed
	ran      map[uint32][]byte // results of runs that this try executed
	blocked  bool              // waits for a notification
	ending   bool              // the last effect was issued
	awaits   journal.Future    // while blocked
	indexOf  map[noteID]int    // in notes, the first one of each ID
	callees  []protocol.InvocationID
}

type noteID = journal.NotificationID

type note struct {
	index uint32
	*journal.Notification
}

// Start implements leader.Attempts.
func (a *attempts) Start(act machine.StartInvocation) {
	id, attempt := act.ID, act.Attempt
	if r := a.byID[id]; r != nil {
		if r.attempt >= attempt {
			if r.try != nil && r.try.ending { // a new invocation with the old one's ID, perhaps
				r.again = attempt
			}
			return
		}
		a.drop(r)
	}
	r := &run{a: a, id: id, attempt: attempt}
	a.byID[id] = r
	a.n.w.runs = append(a.n.w.runs, r)
	a.n.w.trace("%s starts %s attempt %d", a.n, name(id), attempt)
}

// Abort implements leader.Attempts.
func (a *attempts) Abort(id protocol.InvocationID) {
	if r := a.byID[id]; r != nil {
		a.n.w.trace("%s aborts %s", a.n, name(id))
		a.drop(r)
	}
}

func (a *attempts) drop(r *run) {
	r.gone = true
	delete(a.byID, r.id)
	a.n.w.runs = slices.DeleteFunc(a.n.w.runs, func(x *run) bool { return x == r })
}

// RetryNow implements leader.Attempts; tries wait for nothing here.
func (a *attempts) RetryNow(protocol.InvocationID) {}

// Notify implements leader.Attempts.
func (a *attempts) Notify(id protocol.InvocationID, attempt, index uint32, e journal.Entry) {
	r := a.byID[id]
	if r == nil || r.attempt != attempt || r.try == nil || int(index) < r.try.loaded {
		return
	}
	r.addNote(index, &e)
	r.try.blocked = false
}

// Ack implements leader.Attempts.
func (a *attempts) Ack(protocol.InvocationID, uint32, uint32) {}

// Close implements leader.Attempts.
func (a *attempts) Close() {
	if a.closed {
		return
	}
	a.closed = true
	a.n.w.runs = slices.DeleteFunc(a.n.w.runs, func(r *run) bool { return r.a == a })
	clear(a.byID)
}

// ready reports whether there is something to do.
func (r *run) ready() bool {
	switch {
	case r.stuck || r.gone:
		return false
	case r.try == nil:
		return r.unsettled == 0
	}
	return len(r.try.queue) > 0 || !r.try.blocked && !r.try.ending
}

// attempt lets one run do one thing.
func (w *World) attempt() bool {
	if !w.calm && w.chance(0.02) {
		if r := pick(w, w.runs, func(r *run) bool { return r.try != nil }); r != nil {
			r.die()
			return true
		}
	}
	r := pick(w, w.runs, (*run).ready)
	if r == nil {
		return false
	}
	switch {
	case r.try == nil:
		r.load()
	case len(r.try.queue) > 0 && (r.try.ending || r.try.blocked || w.chance(0.5)):
		r.propose()
	case !r.try.blocked && !r.try.ending:
		r.execute()
	default:
		r.propose()
	}
	return true
}

// die ends a try half way; the next one begins once everything proposed is settled.
func (r *run) die() {
	r.a.n.w.trace("%s: try of %s dies", r.a.n, name(r.id))
	tell := r.a.n.w.chance(0.3) && !r.try.ending
	r.try = nil
	if tell {
		failure := protocol.Failure{Code: protocol.CodeInternal, Message: "the try died"}
		r.offer([]command.Effect{{Kind: command.EffectTransientError,
			Error: command.AttemptError{Failure: failure}}})
	}
}

// load reads the journal as the replica has it now.
func (r *run) load() {
	n := r.a.n
	rows := n.Store().Reader()
	st, ok, err := rows.GetStatus(r.id)
	if err != nil {
		n.w.fail("load %s: %v", r.id, err)
		return
	}
	if !ok || st.State != store.Invoked || st.Attempt != r.attempt {
		n.w.trace("%s: %s is not to be run any more", n, name(r.id))
		r.a.drop(r)
		return
	}
	entries, err := rows.Journal(r.id)
	if err == nil {
		err = n.w.check.journal(&st, entries)
	}
	if err != nil {
		n.w.fail("load the journal of %s: %v", r.id, err)
		return
	}
	t := &try{status: st, loaded: len(entries), ran: map[uint32][]byte{},
		indexOf: map[noteID]int{}, state: map[string]string{}}
	r.try, r.createdAt = t, st.CreatedAt
	if st.Target.Keyed() {
		state, _, err := rows.State(store.ObjectOf(st.Target), 0)
		if err != nil {
			n.w.fail("load the state of %s: %v", r.id, err)
			return
		}
		for _, e := range state {
			t.state[string(e.Key)] = string(e.Value.Inline)
		}
	}
	for i := range entries {
		if entries[i].Type.IsCommand() {
			t.commands = append(t.commands, entries[i])
		} else {
			r.addNote(uint32(i), &entries[i])
		}
	}
	t.script, t.suffix = n.w.scriptOf(t.commands)
	n.w.trace("%s: %s loads %d entries of %s (%s)", n, name(r.id), len(entries), t.script.token(),
		st.Target)
	if st.Deployment.IsZero() {
		t.queue = append(t.queue, command.Effect{Kind: command.EffectPinDeployment,
			Deployment: protocol.DeploymentID{1}, ProtocolVersion: 5 + uint32(n.w.rng.IntN(3))})
	}
}

func (r *run) addNote(index uint32, e *journal.Entry) {
	t, w := r.try, r.a.n.w
	m, err := journal.Decode(e.Type, e.Body.Inline)
	n, ok := m.(*journal.Notification)
	if err != nil || !ok {
		w.fail("entry %d of %s cannot be read: %v", index, r.id, err)
		return
	}
	if own, ran := t.ran[n.ID.Index]; ran && n.NotificationType == journal.TypeRunCompletion &&
		string(own) != string(n.Result.Value) {
		w.fail("run %d of %s was %q, and was acknowledged as %q", n.ID.Index, r.id, own,
			n.Result.Value)
	}
	if _, seen := t.indexOf[n.ID]; !seen {
		t.indexOf[n.ID] = len(t.notes)
	}
	t.notes = append(t.notes, note{index, n})
}

// propose hands some of the effects that were issued to the log, in order.
func (r *run) propose() {
	t, w := r.try, r.a.n.w
	count := 1 + w.rng.IntN(len(t.queue))
	if r.offer(t.queue[:count]) {
		t.queue = slices.Clone(t.queue[count:])
	}
}

// offer proposes effects; false: not now, or not ever.
func (r *run) offer(effects []command.Effect) bool {
	n := r.a.n
	c := &command.InvokerEffect{ID: r.id, Attempt: r.attempt, Effects: slices.Clone(effects)}
	err := r.a.proposer.Propose(r.id.Key, c, protocol.TraceContext{}, func(err error) {
		r.unsettled--
		if err != nil {
			r.stuck = true // the leadership is over
			return
		}
		n.w.check.stored(r, c.Effects)
		r.over()
	})
	n.w.trace("%s: %s proposes %s: %v", n, name(r.id), kinds(effects), err)
	if err != nil {
		r.stuck = errors.Is(err, leader.ErrNotLeader) && !errors.Is(err, bifrost.ErrNotLeader)
		return false
	}
	r.unsettled++
	return true
}

// over lets go of a run whose last effect was applied.
func (r *run) over() {
	if r.gone || r.unsettled > 0 || r.try == nil || !r.try.ending || len(r.try.queue) > 0 {
		return
	}
	r.a.drop(r)
	if r.again > 0 && !r.a.closed {
		r.a.Start(machine.StartInvocation{ID: r.id, Attempt: r.again})
	}
}

func kinds(effects []command.Effect) (s string) {
	for i := range effects {
		e := &effects[i]
		if s != "" {
			s += ", "
		}
		switch e.Kind {
		case command.EffectCommand:
			s += short("%d %s", e.CommandIndex, e.Entry.Type.Name())
		case command.EffectRunCompletion:
			s += short("ran %d", e.CompletionID)
		default:
			s += [...]string{1: "pin", 4: "suspend", 5: "await", 6: "end", 7: "fail", 8: "pause",
				9: "error"}[e.Kind]
		}
	}
	return s
}
