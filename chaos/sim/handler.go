package main

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// scriptOf finds what an invocation does from the first entry of its journal.
func (w *World) scriptOf(commands []journal.Entry) (s *script, suffix string) {
	if len(commands) == 0 {
		w.fail("a journal is empty")
		return w.scripts[0], ""
	}
	m, err := journal.Decode(commands[0].Type, commands[0].Body.Inline)
	input, ok := m.(*journal.Input)
	if err != nil || !ok {
		w.fail("a journal does not begin with its input: %v", err)
		return w.scripts[0], ""
	}
	number, suffix, _ := strings.Cut(string(input.Value), " ")
	id, err := strconv.Atoi(number)
	if err != nil || id >= len(w.scripts) {
		w.fail("an input is %q, which nobody has sent", input.Value)
		return w.scripts[0], ""
	}
	return w.scripts[id], suffix
}

// handler executes a script against a journal, from the beginning until it ends or waits for
// something that has not come. What it issues beyond the journal is queued. It is a function of
// the journal: the next execution repeats it.
type handler struct {
	r              *run
	t              *try
	w              *World
	next           int // command
	nextCompletion uint32
	nextSignal     uint32
	open           []call // made and not waited for yet
	cancelled      bool
}

type call struct {
	script            *script
	idIndex, resultID uint32
}

// execute goes on with the handler.
func (r *run) execute() {
	h := &handler{r: r, t: r.try, w: r.a.n.w, next: 1, nextCompletion: 1,
		nextSignal: journal.FirstAwakeableSignal}
	for i := range r.try.script.steps {
		if !h.step(&r.try.script.steps[i]) {
			break
		}
	}
	switch {
	case h.w.err != nil:
	case h.cancelled:
		h.cancel()
	case !r.try.blocked:
		h.end()
	}
	if r.try.blocked && !r.try.ending && h.w.chance(0.5) {
		h.w.trace("%s: %s suspends", r.a.n, name(r.id))
		r.try.ending = true
		r.try.queue = append(r.try.queue,
			command.Effect{Kind: command.EffectSuspended, Awaiting: r.try.awaits})
	}
}

// issue does the next command: it is in the journal, as it must be, or it is new.
func (h *handler) issue(m journal.Message, callee *command.Callee) journal.Message {
	t, index := h.t, h.next
	h.next++
	if index < len(t.commands) {
		return h.replay(m, index)
	}
	e := journal.Entry{Type: m.Type(), Body: protocol.Inline(m.Append(nil))}
	t.commands = append(t.commands, e)
	t.queue = append(t.queue, command.Effect{
		Kind: command.EffectCommand, CommandIndex: uint32(index), Entry: e, Callee: callee,
		AckRequested: h.w.chance(0.2),
	})
	return m
}

func (h *handler) replay(m journal.Message, index int) journal.Message {
	e := h.t.commands[index]
	stored, err := journal.Decode(e.Type, e.Body.Inline)
	if err != nil {
		h.w.fail("command %d of %s cannot be read: %v", index, h.r.id, err)
		return m
	}
	switch m := m.(type) { // what only the first execution knew
	case *journal.Sleep:
		if s, ok := stored.(*journal.Sleep); ok {
			m.WakeUp = s.WakeUp
		}
	case *journal.OneWayCall:
		if s, ok := stored.(*journal.OneWayCall); ok {
			m.InvokeTime = s.InvokeTime
		}
	case *journal.GetEagerState:
		if s, ok := stored.(*journal.GetEagerState); ok {
			m.Value, m.Void = s.Value, s.Void
		}
	case *journal.GetEagerStateKeys:
		if s, ok := stored.(*journal.GetEagerStateKeys); ok {
			m.Keys = s.Keys
		}
	}
	if e.Type != m.Type() || string(m.Append(nil)) != string(stored.Append(nil)) {
		h.w.fail("command %d of %s (%s) is %+v, and was %+v", index, h.r.id, h.t.script.token(),
			stored, m)
	}
	return stored
}

func (h *handler) completion() uint32 {
	h.nextCompletion++
	return h.nextCompletion - 1
}

func (h *handler) find(id noteID) *note {
	i, ok := h.t.indexOf[id]
	if !ok {
		return nil
	}
	return &h.t.notes[i]
}

// await waits for one of the notifications, or for all. A cancellation that came before ends the
// handler.
func (h *handler) await(all bool, ids ...noteID) *note {
	var found *note // the one that decided: the first of any, the last of all
	missing := 0
	for _, id := range ids {
		n := h.find(id)
		switch {
		case n == nil:
			missing++
		case found == nil, all && n.index > found.index, !all && n.index < found.index:
			found = n
		}
	}
	if all && missing > 0 {
		found = nil
	}
	cancel := h.find(journal.Signal(journal.SignalCancel))
	if cancel != nil && (found == nil || cancel.index < found.index) {
		h.cancelled = true
		return nil
	}
	if found == nil {
		h.block(all, ids)
	}
	return found
}

// block notes what the handler waits for.
func (h *handler) block(all bool, ids []noteID) {
	h.t.blocked = true
	f := journal.Future{Combinator: journal.CombinatorFirstCompleted}
	if all && h.t.status.ProtocolVersion >= 7 {
		f.Combinator = journal.CombinatorAllCompleted
	}
	for _, id := range ids {
		if h.find(id) != nil && f.Combinator != journal.CombinatorAllCompleted {
			continue // before trees: those that are missing
		}
		switch id.Kind {
		case journal.IDCompletion:
			f.Completions = append(f.Completions, id.Index)
		case journal.IDSignal:
			f.Signals = append(f.Signals, id.Index)
		case journal.IDNamedSignal:
			f.NamedSignals = append(f.NamedSignals, id.Name)
		}
	}
	if f.Combinator == journal.CombinatorAllCompleted {
		f = journal.Future{Combinator: journal.CombinatorFirstCompleted, Signals: []uint32{1},
			Nested: []journal.Future{f}}
	}
	h.t.awaits = f
}

// end is what a handler that ran through does.
func (h *handler) end() {
	s := h.t.script
	result := protocol.Success([]byte(s.token() + h.seen() + s.padding()))
	if s.fails {
		result = protocol.Failed(protocol.Failure{Code: 500, Message: s.token() + h.seen()})
		if s.id%2 == 0 { // the invoker gives up on it
			h.finish(command.Effect{Kind: command.EffectFailed,
				Error: command.AttemptError{Failure: *result.Failure}})
			return
		}
	}
	h.issue(&journal.Output{Result: result}, nil)
	h.finish(command.Effect{Kind: command.EffectEnd})
}

func (h *handler) finish(e command.Effect) {
	h.t.ending = true
	h.t.queue = append(h.t.queue, e)
}

// cancel passes a cancellation on to the calls that are not waited for, then fails.
func (h *handler) cancel() {
	for _, c := range h.open {
		n := h.find(journal.Completion(c.idIndex))
		if n == nil {
			h.block(false, []noteID{journal.Completion(c.idIndex)})
			return
		}
		h.issue(&journal.SendSignal{Target: n.Result.InvocationID,
			Signal: journal.Signal(journal.SignalCancel), Result: journal.Void()}, nil)
	}
	h.issue(&journal.Output{Result: protocol.Failed(protocol.FailureCanceled)}, nil)
	h.finish(command.Effect{Kind: command.EffectEnd})
}

// seen is what the runs gave, so that the output differs if one was executed again.
func (h *handler) seen() (s string) {
	for i := range h.t.notes {
		if n := &h.t.notes[i]; n.NotificationType == journal.TypeRunCompletion {
			s += fmt.Sprintf(" %d=%s", n.ID.Index, n.Result.Value)
		}
	}
	return s
}

// expect fails the world if a notification brought something else.
func (h *handler) expect(n *note, want journal.NotificationResult) bool {
	if !reflect.DeepEqual(n.Result, want) {
		h.w.fail("%s of %s (%s) brought %+v, want %+v", n.ID, h.r.id, h.t.script.token(), n.Result,
			want)
	}
	return h.w.err == nil
}
