package main

import (
	"strings"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

const (
	logKey     = "log"
	countKey   = "count"
	scratchKey = "scratch"
	goSignal   = "go"
	promise    = "p"
)

// step does one step; false: the handler waits, or was cancelled.
func (h *handler) step(st *step) bool {
	switch st.kind {
	case stepRun:
		return h.run()
	case stepSleep:
		return h.await(true, journal.Completion(h.sleep(st))) != nil
	case stepCall:
		return h.call(st, true) && h.join()
	case stepFork:
		return h.call(st, false)
	case stepJoin:
		return h.join()
	case stepSelect:
		return h.selectFirst(st)
	case stepSend:
		h.send(st, "")
		return true
	case stepSendAttach, stepSendOutput, stepSendSignal:
		return h.sendAnd(st)
	case stepAdd:
		return h.add(st)
	case stepScratch:
		h.issue(&journal.SetState{Key: []byte(scratchKey), Value: []byte("x")}, nil)
		h.issue(&journal.ClearState{Key: []byte(scratchKey)}, nil)
		return true
	case stepKeys:
		id := h.completion()
		h.issue(&journal.GetLazyStateKeys{CompletionID: id}, nil)
		return h.await(true, journal.Completion(id)) != nil
	case stepAwakeable, stepAwakeByChild, stepResolve, stepAwaitNamed:
		return h.signals(st)
	case stepPromise, stepKeepPromise:
		return h.promises(st)
	}
	return true
}

// run executes a side effect whose result is a new one each time.
func (h *handler) run() bool {
	id := h.completion()
	h.issue(&journal.Run{CompletionID: id}, nil)
	if h.find(journal.Completion(id)) == nil && h.t.ran[id] == nil {
		result := []byte(short("r%d", h.w.rng.Uint32()))
		h.t.ran[id] = result
		h.t.queue = append(h.t.queue, command.Effect{
			Kind: command.EffectRunCompletion, CompletionID: id, Result: protocol.Success(result),
		})
	}
	return h.await(true, journal.Completion(id)) != nil
}

func (h *handler) sleep(st *step) (id uint32) {
	id = h.completion()
	h.issue(&journal.Sleep{WakeUp: h.w.now().Add(st.wait), CompletionID: id}, nil)
	return id
}

func (h *handler) callee(s *script) *command.Callee {
	return &command.Callee{ID: h.w.calleeID(s), Target: s.target,
		CompletionRetention: s.retention, JournalRetention: s.retention / 2}
}

func (h *handler) call(st *step, alone bool) bool {
	if alone && !h.join() {
		return false
	}
	c := call{script: st.child, idIndex: h.completion(), resultID: h.completion()}
	t := st.child.target
	h.issue(&journal.Call{Service: t.Service, Handler: t.Handler, Key: t.Key,
		Parameter: st.child.parameter(""), IdempotencyKey: st.child.idempotencyKey,
		InvocationIDIndex: c.idIndex, CompletionID: c.resultID}, h.callee(st.child))
	h.open = append(h.open, c)
	return true
}

// join waits for all open calls and looks at what they brought.
func (h *handler) join() bool {
	if len(h.open) == 0 {
		return true
	}
	var ids []noteID
	for _, c := range h.open {
		ids = append(ids, journal.Completion(c.resultID))
	}
	if h.await(true, ids...) == nil {
		return false
	}
	for _, c := range h.open {
		h.checkResult(c)
	}
	h.open = nil
	return h.w.err == nil
}

func (h *handler) checkResult(c call) {
	id, result := h.find(journal.Completion(c.idIndex)), h.find(journal.Completion(c.resultID))
	if id == nil {
		h.w.fail("a call of %s has a result but no invocation ID", h.r.id)
		return
	}
	h.w.check.result(id.Result.InvocationID, c.script, result.Result)
}

// selectFirst calls and sleeps and goes on with what ends first; the call stays open.
func (h *handler) selectFirst(st *step) bool {
	h.call(st, false)
	c := h.open[len(h.open)-1]
	return h.await(false, journal.Completion(c.resultID), journal.Completion(h.sleep(st))) != nil
}

// send makes a one-way call and returns the completion that brings the callee's ID.
func (h *handler) send(st *step, suffix string) (idIndex uint32) {
	idIndex = h.completion()
	t := st.child.target
	var at protocol.Millis
	if st.wait > 0 && !st.child.ordered && suffix == "" {
		at = h.w.now().Add(st.wait)
	}
	h.issue(&journal.OneWayCall{Service: t.Service, Handler: t.Handler, Key: t.Key,
		Parameter: st.child.parameter(suffix), InvokeTime: at, InvocationIDIndex: idIndex},
		h.callee(st.child))
	return idIndex
}

// sendAnd sends and then does something with the invocation that it made.
func (h *handler) sendAnd(st *step) bool {
	n := h.await(true, journal.Completion(h.send(st, "")))
	if n == nil {
		return false
	}
	callee := n.Result.InvocationID
	if st.kind == stepSendSignal {
		h.issue(&journal.SendSignal{Target: callee, Signal: journal.NamedSignal(goSignal),
			Result: journal.Value([]byte(goSignal))}, nil)
		return true
	}
	id := h.completion()
	target := journal.InvocationTarget{InvocationID: callee}
	if st.kind == stepSendAttach {
		h.issue(&journal.AttachInvocation{Target: target, CompletionID: id}, nil)
	} else {
		h.issue(&journal.GetInvocationOutput{Target: target, CompletionID: id}, nil)
	}
	n = h.await(true, journal.Completion(id))
	if n == nil {
		return false
	}
	gone := n.Result.Kind == journal.ResultFailure && n.Result.Failure.Code == protocol.CodeNotFound
	void := n.Result.Kind == journal.ResultVoid && st.kind == stepSendOutput
	if gone && st.child.retention == 0 || void {
		return true
	}
	h.w.check.result(callee, st.child, n.Result)
	return h.w.err == nil
}

// add appends the token to the object's log and counts.
func (h *handler) add(st *step) bool {
	before, ok := h.read(st, logKey)
	if !ok {
		return false
	}
	log := strings.TrimSpace(before + " " + h.t.script.token())
	h.set(logKey, log)
	h.set(countKey, short("%d", len(strings.Fields(log))))
	return true
}

func (h *handler) set(key, value string) {
	h.issue(&journal.SetState{Key: []byte(key), Value: []byte(value)}, nil)
	h.t.state[key] = value
}

// read reads state, from what came with the journal or through the log.
func (h *handler) read(st *step, key string) (value string, ok bool) {
	if st.eager {
		local, found := h.t.state[key]
		m := h.issue(&journal.GetEagerState{Key: []byte(key), Void: !found, Value: []byte(local)}, nil)
		if got, ok := m.(*journal.GetEagerState); ok {
			return string(got.Value), true
		}
		return "", false
	}
	id := h.completion()
	h.issue(&journal.GetLazyState{Key: []byte(key), CompletionID: id}, nil)
	n := h.await(true, journal.Completion(id))
	if n == nil {
		return "", false
	}
	return string(n.Result.Value), true
}

// signals waits for a signal, or sends one.
func (h *handler) signals(st *step) bool {
	switch st.kind {
	case stepResolve:
		if id, err := protocol.ParseAwakeableID(h.t.suffix); err == nil {
			h.issue(&journal.CompleteAwakeable{AwakeableID: id.String(),
				Result: protocol.Success([]byte(id.String()))}, nil)
		}
		return true
	case stepAwaitNamed:
		n := h.await(true, journal.NamedSignal(goSignal))
		return n != nil && h.expect(n, journal.Value([]byte(goSignal)))
	}
	id := protocol.AwakeableID{Invocation: h.r.id, Index: h.nextSignal}
	h.nextSignal++
	if st.kind == stepAwakeByChild {
		h.send(st, id.String())
	} else {
		h.w.resolveSoon(id, h.t.status.CreatedAt)
	}
	n := h.await(true, journal.Signal(id.Index))
	if n == nil {
		return false
	}
	if st.kind == stepAwakeByChild {
		h.w.check.once(h, n.ID)
	}
	return h.expect(n, journal.Value([]byte(id.String())))
}

func (h *handler) promises(st *step) bool {
	id := h.completion()
	if st.kind == stepKeepPromise {
		h.issue(&journal.CompletePromise{Key: promise, CompletionID: id,
			Result: protocol.Success([]byte(promise))}, nil)
		return h.await(true, journal.Completion(id)) != nil
	}
	h.issue(&journal.GetPromise{Key: promise, CompletionID: id}, nil)
	h.w.keepPromiseSoon(h.t.status.Target)
	n := h.await(true, journal.Completion(id))
	return n != nil && h.expect(n, journal.Value([]byte(promise)))
}
