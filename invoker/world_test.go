package invoker

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/discovery"
	"github.com/perdure/perdure/protocol/journal"
)

// world is a partition in miniature: one goroutine applies proposals to journals in memory and
// calls the invoker back as a leader would.
type world struct {
	t     *testing.T
	p     *Partition
	todo  chan func()
	done  chan struct{}
	ended chan *history // invocations that ended, paused or failed

	busy atomic.Int32 // how many proposals to push back; Propose takes no lock that is held elsewhere

	mu      sync.Mutex
	loadErr error
	all     map[protocol.InvocationID]*history
	records []string // what was proposed, in order

	fresh bool // invocations are started as new ones
	trace protocol.TraceContext

	// What LoadState gives.
	state        []command.StateEntry
	statePartial bool
}

// history is one invocation's rows.
type history struct {
	snapshot  Snapshot
	state     string // invoked, suspended, paused, failed, completed
	awaiting  journal.Future
	result    protocol.Result
	failure   *command.AttemptError
	transient []command.AttemptError
	loads     int
}

func newWorld(t *testing.T) *world {
	w := &world{
		t: t, todo: make(chan func(), 1024), done: make(chan struct{}),
		ended: make(chan *history, 1024), all: make(map[protocol.InvocationID]*history),
	}
	go func() {
		defer close(w.done)
		for f := range w.todo {
			f()
		}
	}()
	return w
}

// lead attaches an invoker; the world stops with the test.
func (w *world) lead(i *Invoker) {
	w.p = i.Lead(3, 1, w, w)
	w.t.Cleanup(func() {
		w.p.Close()
		close(w.todo)
		<-w.done
	})
}

// do runs f on the applying goroutine and waits for it.
func (w *world) do(f func()) {
	finished := make(chan struct{})
	w.todo <- func() { defer close(finished); w.mu.Lock(); defer w.mu.Unlock(); f() }
	<-finished
}

func (w *world) invoke(target protocol.Target, input string) protocol.InvocationID {
	var id protocol.InvocationID
	w.do(func() {
		id = protocol.InvocationID{Key: protocol.PartitionKey(len(w.all) + 1)}
		in := &journal.Input{Value: []byte(input)}
		w.all[id] = &history{state: "invoked", snapshot: Snapshot{
			ID: id, Target: target, Attempt: 1, RandomSeed: 1, Trace: w.trace,
			Entries: []journal.Entry{{Type: in.Type(), Body: protocol.Inline(in.Append(nil))}},
		}}
		if w.fresh {
			w.p.StartFresh(w.all[id].snapshot)
		} else {
			w.p.Start(id, target, 1)
		}
	})
	return id
}

func (w *world) Load(id protocol.InvocationID, attempt uint32, _ int, _ bool) (Snapshot, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.all[id]
	if w.loadErr != nil {
		err := w.loadErr
		w.loadErr = nil
		return Snapshot{}, false, err
	}
	if h == nil || h.state != "invoked" || h.snapshot.Attempt != attempt {
		return Snapshot{}, false, nil
	}
	h.loads++
	s := h.snapshot
	s.Entries = slices.Clone(s.Entries)
	return s, true, nil
}

func (w *world) LoadState(protocol.Target, int) ([]command.StateEntry, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state, w.statePartial, nil
}

func (w *world) Propose(e *command.InvokerEffect, _ protocol.TraceContext, done func(error)) error {
	if w.busy.Add(-1) >= 0 {
		return errors.New("busy")
	}
	w.todo <- func() {
		w.mu.Lock()
		w.apply(e)
		w.mu.Unlock()
		done(nil)
	}
	return nil
}

func (w *world) apply(e *command.InvokerEffect) {
	h := w.all[e.ID]
	if h == nil || h.state != "invoked" || h.snapshot.Attempt != e.Attempt {
		return
	}
	text := ""
	for i := range e.Effects {
		text += describeEffect(&e.Effects[i]) + "; "
	}
	w.records = append(w.records, text)
	for i := range e.Effects {
		w.effect(h, &e.Effects[i])
	}
}

func (w *world) effect(h *history, e *command.Effect) {
	switch e.Kind {
	case command.EffectPinDeployment:
		h.snapshot.Deployment, h.snapshot.ProtocolVersion = e.Deployment, e.ProtocolVersion
	case command.EffectCommand:
		w.command(h, e)
	case command.EffectRunCompletion:
		w.complete(h, journal.TypeRunCompletion, e.CompletionID, journal.OfResult(e.Result))
	case command.EffectSuspended:
		h.awaiting, h.state = e.Awaiting, "suspended"
		w.wake(h)
	case command.EffectEnd:
		w.end(h, "completed")
	case command.EffectFailed:
		h.failure = &e.Error
		w.end(h, "failed")
	case command.EffectPaused:
		h.failure = &e.Error
		w.end(h, "paused")
	case command.EffectTransientError:
		h.transient = append(h.transient, e.Error)
	}
}

func (w *world) end(h *history, state string) {
	h.state = state
	w.ended <- h
}

func (w *world) command(h *history, e *command.Effect) {
	n := 0
	for _, entry := range h.snapshot.Entries {
		if entry.Type.IsCommand() {
			n++
		}
	}
	if int(e.CommandIndex) != n {
		w.t.Errorf("command %d of %v proposed, want number %d", e.CommandIndex, h.snapshot.ID, n)
	}
	h.snapshot.Entries = append(h.snapshot.Entries, e.Entry)
	if e.AckRequested {
		w.p.Ack(h.snapshot.ID, h.snapshot.Attempt, e.CommandIndex)
	}
	m, err := journal.Decode(e.Entry.Type, e.Entry.Body.Inline)
	if err != nil {
		w.t.Errorf("stored a bad command: %v", err)
	}
	switch m := m.(type) {
	case *journal.Output:
		h.result = m.Result
	case *journal.Sleep:
		time.AfterFunc(time.Until(m.WakeUp.Time()), func() {
			w.do(func() { w.complete(h, journal.TypeSleepCompletion, m.CompletionID, journal.Void()) })
		})
	case *journal.Call:
		w.complete(h, journal.TypeCallInvocationID, m.InvocationIDIndex, journal.NotificationResult{
			Kind: journal.ResultInvocationID, InvocationID: e.Callee.ID.String()})
		w.complete(h, journal.TypeCallCompletion, m.CompletionID, journal.Value(m.Parameter))
	}
}

// complete appends a notification and tells the invoker; the caller holds mu.
func (w *world) complete(h *history, t journal.Type, id uint32, r journal.NotificationResult) {
	n := &journal.Notification{NotificationType: t, ID: journal.Completion(id), Result: r}
	w.notify(h, n)
}

func (w *world) notify(h *history, n *journal.Notification) {
	e := journal.Entry{Type: n.NotificationType, Body: protocol.Inline(n.Append(nil))}
	h.snapshot.Entries = append(h.snapshot.Entries, e)
	switch h.state {
	case "invoked":
		w.p.Notify(h.snapshot.ID, h.snapshot.Attempt, uint32(len(h.snapshot.Entries)-1), e)
	case "suspended":
		w.wake(h)
	}
}

// wake starts a suspended invocation again if what it waits for is there.
func (w *world) wake(h *history) {
	for _, e := range h.snapshot.Entries {
		if !e.Type.IsNotification() {
			continue
		}
		m, err := journal.Decode(e.Type, e.Body.Inline)
		if err != nil {
			w.t.Error(err)
			return
		}
		id := m.(*journal.Notification).ID
		if id.Kind == journal.IDCompletion && slices.Contains(h.awaiting.Completions, id.Index) ||
			id.Kind == journal.IDSignal && slices.Contains(h.awaiting.Signals, id.Index) {
			h.state = "invoked"
			h.snapshot.Attempt++
			w.p.Start(h.snapshot.ID, h.snapshot.Target, h.snapshot.Attempt)
			return
		}
	}
}

func (w *world) cancel(id protocol.InvocationID) {
	w.do(func() {
		w.notify(w.all[id], &journal.Notification{
			NotificationType: journal.TypeSignal, ID: journal.Signal(journal.SignalCancel), Result: journal.Void(),
		})
	})
}

func (w *world) await() *history {
	w.t.Helper()
	select {
	case h := <-w.ended:
		w.mu.Lock()
		defer w.mu.Unlock()
		c := *h
		return &c
	case <-time.After(30 * time.Second):
		w.t.Fatal("the invocation does not end")
		return nil
	}
}

// fixedSchema is a schema.Source.
type fixedSchema struct{ *schema.Schema }

func (s fixedSchema) Current() *schema.Schema { return s.Schema }

// register makes a schema with one deployment.
func register(t testing.TB, address, httpVersion, manifest string) fixedSchema {
	t.Helper()
	m, err := discovery.Decode(discovery.Response{
		ContentType: "application/vnd.restate.endpointmanifest.v4+json", Body: []byte(manifest),
	})
	if err != nil {
		t.Fatal(err)
	}
	s, _, _, err := schema.Empty(schema.StandardDefaults()).Register(schema.Registration{
		Address: schema.Address{
			Kind: schema.DeploymentHTTP, URI: address, HTTPVersion: httpVersion,
			AdditionalHeaders: []protocol.KeyValue{{Key: "x-more", Value: "1"}},
		},
		Manifest: m, ID: testDeployment,
	})
	if err != nil {
		t.Fatal(err)
	}
	return fixedSchema{s}
}

func manifest(mode string, maxVersion int, options string) string {
	if options != "" {
		options = "," + options
	}
	return fmt.Sprintf(`{"protocolMode":%q,"minProtocolVersion":5,"maxProtocolVersion":%d,"services":[
		{"name":"S","ty":"SERVICE","handlers":[{"name":"h"%s},{"name":"greet"}]},
		{"name":"Cart","ty":"VIRTUAL_OBJECT","handlers":[{"name":"h"%s}]}]}`, mode, maxVersion, options, options)
}
