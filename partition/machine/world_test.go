package machine

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// world invents commands for one partition: mostly what a leader, its invoker and its callers would
// say next, sometimes what comes late, twice or broken.
type world struct {
	t     testing.TB
	rng   *rand.Rand
	store *store.Store
	log   [][]byte // every command, encoded
	now   protocol.Millis
	ids   []protocol.InvocationID
	made  int
}

func newWorld(t testing.TB, seed uint64) *world {
	return &world{
		t: t, rng: rand.New(rand.NewPCG(seed, 1)), now: 1000,
		store: newStore(t, store.Config{CachedStatuses: 16}),
	}
}

func lsnOf(i int) protocol.LSN { return protocol.LSN(i*3 + 1) }

// apply appends c to the log and applies it in a batch of its own.
func (w *world) apply(h command.Header, c command.Command) []Action {
	w.now += protocol.Millis(w.rng.IntN(3))
	h.Time = protocol.HybridFromMillis(w.now)
	encoded := command.Encode(nil, &h, c)
	w.log = append(w.log, encoded)
	return applyRecords(w.t, w.store, len(w.log)-1, encoded)
}

func (w *world) command(c command.Command) []Action { return w.apply(command.Header{}, c) }

// applyRecords applies records, of which the first has index first in the log, in one batch.
func applyRecords(t testing.TB, s *store.Store, first int, records ...[]byte) (acts []Action) {
	tx := s.Begin()
	for i, record := range records {
		h, c, err := command.Decode(record)
		if err != nil {
			t.Fatalf("decode record %d: %v", first+i, err)
		}
		if acts, err = Apply(tx, lsnOf(first+i), &h, c, acts); err != nil {
			t.Fatalf("record %d: %v", first+i, err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return acts
}

func (w *world) pick() protocol.InvocationID {
	if len(w.ids) == 0 {
		return protocol.InvocationID{}
	}
	return w.ids[w.rng.IntN(len(w.ids))]
}

// target is one of few, so that calls meet.
func (w *world) target() protocol.Target {
	key := string(rune('a' + w.rng.IntN(2)))
	switch w.rng.IntN(5) {
	case 0:
		return protocol.Target{Kind: protocol.KindService, Service: "Svc", Handler: "do"}
	case 1, 2:
		return protocol.Target{
			Kind: protocol.KindObject, HandlerKind: protocol.HandlerExclusive,
			Service: "Obj", Key: key, Handler: "do",
		}
	case 3:
		return protocol.Target{
			Kind: protocol.KindObject, HandlerKind: protocol.HandlerShared,
			Service: "Obj", Key: key, Handler: "look",
		}
	}
	return protocol.Target{
		Kind: protocol.KindWorkflow, HandlerKind: protocol.HandlerShared,
		Service: "Wf", Key: key, Handler: "look",
	}
}

func (w *world) newID(t protocol.Target) protocol.InvocationID {
	w.made++
	id := protocol.InvocationID{Key: protocol.PartitionKey(w.rng.Uint64())}
	if key, ok := t.PartitionKey(); ok {
		id.Key = key
	}
	copy(id.UUID[:], fmt.Sprint(w.made))
	if t.HandlerKind == protocol.HandlerWorkflow {
		id = protocol.WorkflowInvocationID("", t.Service, t.Key)
	}
	w.ids = append(w.ids, id)
	return id
}

// step makes one thing happen.
func (w *world) step() {
	switch n := w.rng.IntN(100); {
	case n < 12:
		w.invoke()
	case n < 60:
		w.effect()
	case n < 80:
		w.shuffle()
	case n < 86:
		w.fire(w.now)
	default:
		w.outside()
	}
}

func (w *world) invoke() {
	t := w.target()
	if w.rng.IntN(8) == 0 {
		t = protocol.Target{
			Kind: protocol.KindWorkflow, HandlerKind: protocol.HandlerWorkflow,
			Service: "Wf", Key: string(rune('a' + w.rng.IntN(2))), Handler: "run",
		}
	}
	c := &command.Invoke{ID: w.newID(t), Target: t, Source: command.Source{Kind: command.SourceIngress}}
	if w.rng.IntN(6) == 0 {
		c.ID = w.pick()
	}
	if w.rng.IntN(4) == 0 {
		c.ExecutionTime = w.now + protocol.Millis(w.rng.IntN(20))
	}
	if w.rng.IntN(2) == 0 {
		c.CompletionRetention, c.JournalRetention = 20e6, 10e6
	}
	w.command(c)
}

// effect lets the attempt of some invocation do something.
func (w *world) effect() {
	id := w.pick()
	st, ok, err := w.store.Reader().GetStatus(id)
	if err != nil {
		w.t.Fatal(err)
	}
	c := &command.InvokerEffect{ID: id, Attempt: st.Attempt}
	if w.rng.IntN(20) == 0 {
		c.Attempt++ // somebody else's
	}
	if ok && st.Deployment.IsZero() {
		version := uint32(5 + w.rng.IntN(3))
		c.Effects = append(c.Effects, command.Effect{
			Kind: command.EffectPinDeployment, Deployment: protocol.DeploymentID{1},
			ProtocolVersion: version,
		})
	}
	next := st.CommandCount
	for range w.rng.IntN(4) {
		index := next
		if w.rng.IntN(40) == 0 {
			index++ // a gap
		}
		c.Effects = append(c.Effects, w.journalCommand(&st, index)...)
		next++
	}
	switch w.rng.IntN(8) {
	case 0:
		c.Effects = append(c.Effects, w.output(next), command.Effect{Kind: command.EffectEnd})
	case 1, 2, 3:
		c.Effects = append(c.Effects, command.Effect{
			Kind: command.EffectSuspended, Awaiting: w.future(&st),
		})
	case 4:
		kinds := []command.EffectKind{
			command.EffectTransientError, command.EffectPaused, command.EffectFailed,
			command.EffectEnd,
		}
		c.Effects = append(c.Effects, command.Effect{
			Kind:  kinds[w.rng.IntN(len(kinds))],
			Error: command.AttemptError{Failure: protocol.Failure{Code: 500, Message: "no"}},
		})
	}
	w.command(c)
}

func (w *world) output(index uint32) command.Effect {
	m := journal.Output{Result: protocol.Success([]byte("out"))}
	return command.Effect{
		Kind: command.EffectCommand, CommandIndex: index,
		Entry: journal.Entry{Type: m.Type(), Body: protocol.Inline(m.Append(nil))},
	}
}

// future waits for completions of commands of the journal, and for a signal now and then.
func (w *world) future(st *store.Status) (f journal.Future) {
	f.Combinator = journal.Combinator(w.rng.IntN(5))
	for range 1 + w.rng.IntN(2) {
		f.Completions = append(f.Completions, 2*uint32(w.rng.IntN(int(st.CommandCount)+2)))
	}
	if w.rng.IntN(3) == 0 {
		f.Signals = []uint32{17}
	}
	if w.rng.IntN(4) == 0 {
		f.Nested = []journal.Future{{Completions: []uint32{2}, Combinator: f.Combinator}}
	}
	return f
}

// journalCommand is command index of the journal; its completions are numbered 2*index and
// 2*index+1.
func (w *world) journalCommand(st *store.Status, index uint32) []command.Effect {
	completion := 2 * index
	key := string(rune('p' + w.rng.IntN(3)))
	e := command.Effect{
		Kind: command.EffectCommand, CommandIndex: index, AckRequested: w.rng.IntN(2) == 0,
	}
	var m journal.Message = &journal.Run{CompletionID: completion}
	var more []command.Effect
	switch n := w.rng.IntN(14); {
	case n == 0:
		m = &journal.Sleep{WakeUp: w.now + protocol.Millis(w.rng.IntN(30)), CompletionID: completion}
	case n <= 2:
		m = &journal.Call{InvocationIDIndex: completion + 1, CompletionID: completion}
		e.Callee = w.callee()
	case n == 3:
		m = &journal.OneWayCall{
			InvocationIDIndex: completion, InvokeTime: protocol.Millis(w.rng.IntN(int(w.now) * 2)),
		}
		e.Callee = w.callee()
	case n == 4:
		m = &journal.SendSignal{
			Target: w.pick().String(), Signal: journal.Signal(uint32(1 + 16*w.rng.IntN(2))),
			Result: journal.Void(),
		}
	case n == 5:
		m = &journal.AttachInvocation{
			Target:       journal.InvocationTarget{InvocationID: w.pick().String()},
			CompletionID: completion,
		}
	case n == 6:
		m = &journal.GetInvocationOutput{
			Target:       journal.InvocationTarget{InvocationID: w.pick().String()},
			CompletionID: completion,
		}
	case n <= 8 && st.Target.CanWriteState():
		m = &journal.SetState{Key: []byte(key), Value: []byte{byte(w.rng.IntN(9))}}
	case n == 9 && st.Target.CanWriteState():
		m = &journal.ClearAllState{}
	case n == 10 && st.Target.Keyed():
		m = &journal.GetLazyState{Key: []byte(key), CompletionID: completion}
	case n == 11 && st.Target.Kind == protocol.KindWorkflow:
		m = &journal.GetPromise{Key: key, CompletionID: completion}
	case n == 12 && st.Target.Kind == protocol.KindWorkflow:
		m = &journal.CompletePromise{
			Key: key, Result: protocol.Success([]byte(key)), CompletionID: completion,
		}
	case n == 13 && w.rng.IntN(20) == 0:
		m = &journal.ClearState{Key: []byte(key)} // not always allowed
	default:
		more = append(more, command.Effect{
			Kind: command.EffectRunCompletion, CompletionID: completion,
			Result: protocol.Success([]byte("ran")),
		})
	}
	e.Entry = journal.Entry{Type: m.Type(), Body: protocol.Inline(m.Append(nil))}
	return append([]command.Effect{e}, more...)
}

func (w *world) callee() *command.Callee {
	t := w.target()
	c := &command.Callee{Target: t, JournalRetention: 15e6}
	if c.ID = w.pick(); w.rng.IntN(6) > 0 {
		c.ID = w.newID(t)
	}
	return c
}

// shuffle delivers the first messages of the outbox, some of them again later.
func (w *world) shuffle() (delivered bool) {
	messages, err := w.store.Reader().Outbox(0, 1+w.rng.IntN(4))
	if err != nil {
		w.t.Fatal(err)
	}
	if len(messages) == 0 {
		return false
	}
	truncate := &command.TruncateOutbox{}
	for _, m := range messages {
		truncate.Sequences = append(truncate.Sequences, m.Sequence)
	}
	h := command.Header{
		Producer: command.Producer{Kind: command.ProducerPartition},
		Sequence: messages[len(messages)-1].Sequence,
	}
	w.apply(h, &command.Envelope{Messages: messages})
	if w.rng.IntN(5) > 0 {
		w.command(truncate)
	}
	return true
}

// fire proposes the timers that are due at now, some of them twice.
func (w *world) fire(now protocol.Millis) (fired bool) {
	timers, err := w.store.Reader().Timers(command.Timer{}, 3)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, timer := range timers {
		if timer.Due > now {
			return fired
		}
		fired = true
		for range 1 + w.rng.IntN(2) {
			w.command(&command.TimerFired{Timer: timer})
		}
	}
	return fired
}

// outside is what people and other systems do.
func (w *world) outside() {
	id := w.pick()
	request := command.RequestID{1}
	switch w.rng.IntN(12) {
	case 0:
		w.command(&command.Terminate{ID: id, Mode: command.TerminateCancel, Request: request})
	case 1:
		w.command(&command.Terminate{ID: id, Mode: command.TerminateKill, Request: request})
	case 2:
		w.command(&command.Pause{ID: id, Request: request})
	case 3, 4:
		w.command(&command.Resume{ID: id, Request: request})
	case 5:
		w.command(&command.Purge{ID: id, Request: request})
	case 6:
		w.command(&command.PurgeJournal{ID: id, Request: request})
	case 7, 8:
		w.command(&command.Signal{ID: id, Signal: journal.Signal(17), Result: journal.Value([]byte("s"))})
	case 9:
		restart := &command.Restart{ID: id, NewID: id, From: uint32(w.rng.IntN(4)), Request: request}
		w.made++
		copy(restart.NewID.UUID[:], fmt.Sprint(w.made))
		w.ids = append(w.ids, restart.NewID)
		w.command(restart)
	case 10:
		w.command(&command.PatchState{
			Service: "Obj", Key: "a", Request: request,
			State: []command.StateEntry{{Key: []byte("p"), Value: protocol.Inline([]byte{7})}},
		})
	case 11:
		w.command(&command.AnnounceLeader{})
	}
}
