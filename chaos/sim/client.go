package main

import (
	"errors"
	"slices"
	"strconv"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/partition/leader"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// ask is a request of somebody outside. It is repeated, with the same identity, until there is an
// answer.
type ask struct {
	what  string
	key   protocol.PartitionKey
	after int // not before this step
	start func(l *leader.Leader) (leader.Waiting, error)
	then  func(r command.Reply)

	waiting *leader.Waiting
}

func (w *World) ask(a *ask) { w.asks = append(w.asks, a) }

// submit asks for a command with a request ID to be applied.
func (w *World) submit(what string, key protocol.PartitionKey,
	c func(command.RequestID) command.Command, then func(command.Reply),
) {
	var id command.RequestID
	w.random(id[:])
	w.ask(&ask{what: what, key: key, then: then,
		start: func(l *leader.Leader) (leader.Waiting, error) {
			return l.StartRequest(key, c(id), id, protocol.TraceContext{})
		}})
}

func (w *World) leaderOf(key protocol.PartitionKey) *node {
	return pick(w, w.partitions[w.route(key)].nodes, (*node).leading)
}

func (w *World) askReady(a *ask) bool {
	if a.waiting != nil {
		_, _, _, ok := a.waiting.Answer()
		return ok
	}
	return (w.calm || w.steps >= a.after) &&
		slices.ContainsFunc(w.partitions[w.route(a.key)].nodes, (*node).leading)
}

// outside moves one request.
func (w *World) outside() bool {
	if !w.calm && w.chance(0.02) { // somebody loses patience and asks again
		a := pick(w, w.asks, func(a *ask) bool { return a.waiting != nil })
		if a != nil {
			a.waiting.Forget()
		}
	}
	a := pick(w, w.asks, func(a *ask) bool { return w.askReady(a) })
	if a == nil {
		return false
	}
	if a.waiting != nil {
		w.answered(a)
		return true
	}
	n := w.leaderOf(a.key)
	waiting, err := a.start(n.leader)
	w.trace("outside: %s to %s: %v", a.what, n, err)
	switch {
	case err == nil:
		a.waiting = &waiting
	case errors.Is(err, leader.ErrNotLeader), errors.Is(err, bifrost.ErrNotLeader),
		errors.Is(err, bifrost.ErrBusy), errors.Is(err, bifrost.ErrClosed):
	default:
		w.fail("%s: %v", a.what, err)
	}
	return true
}

func (w *World) answered(a *ask) {
	reply, _, err, _ := a.waiting.Answer()
	a.waiting = nil
	w.trace("outside: %s is answered %d, %v", a.what, reply.Status, err)
	if err != nil {
		return
	}
	w.asks = slices.DeleteFunc(w.asks, func(x *ask) bool { return x == a })
	if a.then != nil {
		a.then(reply)
	}
}

const (
	minCalls   = 5
	maxCalls   = 14
	maxPatches = 4
)

// addClients makes up what the outside will want.
func (w *World) addClients() {
	for range minCalls + w.rng.IntN(maxCalls-minCalls) {
		s := w.newScript(nil, w.chance(0.25), shapeAny)
		if w.chance(0.5) && s.target.HandlerKind != protocol.HandlerWorkflow {
			key := "once-" + s.token()
			s.idempotencyKey, s.retention = &key, keptFor
		}
		w.callFromOutside(s, w.rng.IntN(faultySteps*2/3))
	}
	for i := range w.rng.IntN(maxPatches) {
		w.patch(i, w.rng.IntN(faultySteps*2/3))
	}
}

func (w *World) invokeOf(s *script) *command.Invoke {
	inv := &command.Invoke{
		ID: w.calleeID(s), Target: s.target, Parameter: protocol.Inline(s.parameter("")),
		Source: command.Source{Kind: command.SourceIngress}, IdempotencyKey: s.idempotencyKey,
		CompletionRetention: s.retention, JournalRetention: s.retention / 2,
	}
	w.random(inv.Request[:])
	return inv
}

// callFromOutside calls or sends, and then does what people do with invocations.
func (w *World) callFromOutside(s *script, after int) {
	inv := w.invokeOf(s)
	a := &ask{key: inv.ID.Key, after: after}
	if !s.loose && w.chance(0.5) {
		a.what = "call " + s.token() + " " + name(inv.ID)
		a.start = func(l *leader.Leader) (leader.Waiting, error) {
			return l.StartCall(inv, protocol.TraceContext{}, false, nil)
		}
		a.then = func(r command.Reply) {
			w.ended(inv.ID, s, r)
			w.afterwards(inv.ID, s)
		}
	} else {
		a.what = "send " + s.token() + " " + name(inv.ID)
		if w.chance(0.3) {
			inv.ExecutionTime = w.now() + protocol.Millis(w.rng.IntN(2000))
		}
		a.start = func(l *leader.Leader) (leader.Waiting, error) {
			return l.StartRequest(inv.ID.Key, inv, inv.Request, protocol.TraceContext{})
		}
		a.then = func(command.Reply) { w.afterwards(inv.ID, s) }
	}
	w.ask(a)
}

// afterwards cancels, kills, pauses, attaches, in a random order of asking.
func (w *World) afterwards(id protocol.InvocationID, s *script) {
	if s.loose && w.chance(0.6) {
		mode := command.TerminateCancel
		if w.chance(0.5) {
			mode = command.TerminateKill
		}
		w.submit(short("terminate %d %s", mode, name(id)), id.Key,
			func(r command.RequestID) command.Command {
				return &command.Terminate{ID: id, Mode: mode, Request: r}
			}, nil)
	}
	if w.chance(0.3) {
		w.submit("pause "+name(id), id.Key, func(r command.RequestID) command.Command {
			return &command.Pause{ID: id, Request: r}
		}, func(command.Reply) { w.resume(id) })
	}
	w.ask(&ask{what: "attach " + name(id), key: id.Key,
		start: func(l *leader.Leader) (leader.Waiting, error) { return l.StartAttach(id, command.RequestID{}) },
		then: func(r command.Reply) {
			w.ended(id, s, r)
			if r.Status == command.ReplyCompleted && w.chance(0.2) {
				w.purge(id)
			}
		}})
}

func (w *World) resume(id protocol.InvocationID) {
	w.submit("resume "+name(id), id.Key, func(r command.RequestID) command.Command {
		return &command.Resume{ID: id, Request: r}
	}, nil)
}

func (w *World) purge(id protocol.InvocationID) {
	w.submit("purge "+name(id), id.Key, func(r command.RequestID) command.Command {
		if id.UUID[0]%2 == 0 {
			return &command.PurgeJournal{ID: id, Request: r}
		}
		return &command.Purge{ID: id, Request: r}
	}, nil)
}

// ended looks at what a caller is told about the end.
func (w *World) ended(id protocol.InvocationID, s *script, r command.Reply) {
	switch {
	case r.Status == command.ReplyNotFound && (s.retention == 0 || s.loose):
	case r.Status == command.ReplyCompleted && r.Result != nil:
		w.check.result(id.String(), s, journal.OfResult(*r.Result))
	default:
		w.fail("a caller of %s (%s) was told %+v", id, s.token(), r)
	}
}

// resolveSoon lets somebody resolve an awakeable.
func (w *World) resolveSoon(id protocol.AwakeableID, createdAt protocol.Millis) {
	key := short("%s %d", id, createdAt)
	if w.resolving[key] {
		return
	}
	w.resolving[key] = true
	w.submit("resolve "+name(id.Invocation), id.Invocation.Key,
		func(r command.RequestID) command.Command {
			return &command.Signal{ID: id.Invocation, Signal: journal.Signal(id.Index),
				Result: journal.Value([]byte(id.String())), Request: r}
		}, nil)
}

// keepPromiseSoon lets somebody call the workflow's handler that completes its promise.
func (w *World) keepPromiseSoon(t protocol.Target) {
	if w.promised[t.Key] {
		return
	}
	w.promised[t.Key] = true
	t.HandlerKind, t.Handler = protocol.HandlerShared, "keep"
	s := &script{id: len(w.scripts), target: t, steps: []step{{kind: stepKeepPromise}}}
	w.scripts = append(w.scripts, s)
	w.callFromOutside(s, w.steps)
}

const patchedService = "Patched"

// patch replaces the state of an object that nobody else uses.
func (w *World) patch(i, after int) {
	value := "patch-" + strconv.Itoa(i)
	w.check.patches[value] = true
	key := protocol.HashKey("a")
	w.submit(value, key, func(r command.RequestID) command.Command {
		return &command.PatchState{Service: patchedService, Key: "a", Request: r,
			State: []command.StateEntry{{Key: []byte("patch"), Value: protocol.Inline([]byte(value))}}}
	}, nil)
	w.asks[len(w.asks)-1].after = after
}
