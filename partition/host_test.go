package partition

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/bifrost/memlog"
	"github.com/perdure/perdure/internal/clock"
	"github.com/perdure/perdure/partition/leader"
	"github.com/perdure/perdure/partition/machine"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

const testPartitions = 4

// handlers are what the fake attempts run: each is given an invocation and reports its effects.
type handlers map[string]func(id protocol.InvocationID, attempt uint32, p *leader.Proposer)

// fakeAttempts run a handler, on a goroutine of its own, for each start.
type fakeAttempts struct {
	handlers handlers
	proposer *leader.Proposer
	notified chan<- protocol.InvocationID
	running  sync.WaitGroup
}

func (f *fakeAttempts) Start(a machine.StartInvocation) {
	if handler := f.handlers[a.Target.Handler]; handler != nil {
		f.running.Go(func() { handler(a.ID, a.Attempt, f.proposer) })
	}
}
func (f *fakeAttempts) Abort(protocol.InvocationID)               {}
func (f *fakeAttempts) RetryNow(protocol.InvocationID)            {}
func (f *fakeAttempts) Ack(protocol.InvocationID, uint32, uint32) {}
func (f *fakeAttempts) Close()                                    { f.running.Wait() }
func (f *fakeAttempts) Notify(id protocol.InvocationID, _, _ uint32, _ journal.Entry) {
	select {
	case f.notified <- id:
	default:
	}
}

// testHost is a node's partitions on a log in memory.
type testHost struct {
	*Host
	*Client
	notified chan protocol.InvocationID
}

func startHost(t *testing.T, dir string, logs *memlog.Host, h handlers) testHost {
	t.Helper()
	notified := make(chan protocol.InvocationID, 100)
	host, err := NewHost(Config{
		Dir: dir, Count: testPartitions, Node: "test", Logs: logs, Clock: clock.Real{},
		NewAttempts: func(_ protocol.PartitionID, _ protocol.Epoch, p *leader.Proposer, _ *store.Store) leader.Attempts {
			return &fakeAttempts{handlers: h, proposer: p, notified: notified}
		},
		Events: Events{Failed: func(p protocol.PartitionID, err error) {
			t.Logf("partition %d: %v", p, err)
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return testHost{host, NewClient(host), notified}
}

func serviceCall(handler string, n byte) *command.Invoke {
	key := protocol.PartitionKey(uint64(n) << 56)
	return &command.Invoke{
		ID: protocol.InvocationID{Key: key, UUID: [16]byte{n, 1}},
		Target: protocol.Target{
			Kind: protocol.KindService, Service: "S", Handler: handler,
		},
		CompletionRetention: time.Hour, JournalRetention: time.Hour, Request: command.RequestID{n, 1},
		Source: command.Source{Kind: command.SourceIngress},
	}
}

func commandEffect(index uint32, m journal.Message) command.Effect {
	return command.Effect{
		Kind: command.EffectCommand, CommandIndex: index,
		Entry: journal.Entry{Type: m.Type(), Body: protocol.Inline(m.Append(nil))},
	}
}

// end is a handler that gives back value.
func end(value string) func(protocol.InvocationID, uint32, *leader.Proposer) {
	return func(id protocol.InvocationID, attempt uint32, p *leader.Proposer) {
		_ = p.Propose(id.Key, &command.InvokerEffect{ID: id, Attempt: attempt, Effects: []command.Effect{
			commandEffect(1, &journal.Output{Result: protocol.Success([]byte(value))}),
			{Kind: command.EffectEnd},
		}}, protocol.TraceContext{}, nil) // the test waits for the result
	}
}

func wantResult(t *testing.T, r command.Reply, err error, value string) {
	t.Helper()
	if err != nil || r.Result == nil || string(r.Result.Value.Inline) != value {
		t.Fatalf("got %+v, %v; want the result %q", r, err, value)
	}
}

func TestCallsOnEveryPartition(t *testing.T) {
	logs := memlog.NewHost()
	h := startHost(t, t.TempDir(), logs, handlers{"echo": end("hi")})
	defer closeAll(t, h, logs)
	for n := range byte(255) {
		r, existed, err := h.Call(t.Context(), protocol.TraceContext{}, serviceCall("echo", n), false, nil)
		if wantResult(t, r, err, "hi"); existed {
			t.Fatalf("call %d existed before", n)
		}
	}
	again := serviceCall("echo", 7)
	again.Request = command.RequestID{7, 7}
	r, existed, err := h.Call(t.Context(), protocol.TraceContext{}, again, false, nil)
	if wantResult(t, r, err, "hi"); !existed {
		t.Fatal("the second call of an invocation is said to be the first")
	}
	r, err = h.Attach(t.Context(), again.ID)
	wantResult(t, r, err, "hi")
	r, err = h.Output(t.Context(), again.ID)
	wantResult(t, r, err, "hi")
	if r, err = h.Output(t.Context(), protocol.InvocationID{Key: 1}); r.Status != command.ReplyNotFound {
		t.Fatalf("output of nothing: %+v, %v", r, err)
	}
}

// A caller on one partition calls a handler on another: the message goes there and the result back.
func TestMessagesBetweenPartitions(t *testing.T) {
	callee := serviceCall("echo", 200).ID
	h := handlers{"echo": end("from afar")}
	h["call"] = func(id protocol.InvocationID, attempt uint32, p *leader.Proposer) {
		e := commandEffect(1, &journal.Call{
			Service: "S", Handler: "echo", InvocationIDIndex: 1, CompletionID: 2,
		})
		e.Callee = &command.Callee{
			ID: callee, Target: protocol.Target{Kind: protocol.KindService, Service: "S", Handler: "echo"},
		}
		_ = p.Propose(id.Key, &command.InvokerEffect{ID: id, Attempt: attempt, Effects: []command.Effect{e}},
			protocol.TraceContext{}, nil) // the test waits for the notification
	}
	logs := memlog.NewHost()
	host := startHost(t, t.TempDir(), logs, h)
	defer closeAll(t, host, logs)
	caller := serviceCall("call", 1)
	if _, err := host.Invoke(t.Context(), protocol.TraceContext{}, caller); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		select {
		case <-host.notified:
		case <-ctx.Done():
			t.Fatal("the result never came back")
		}
		l, err := host.Leader(host.PartitionOf(caller.ID.Key))
		if err != nil {
			t.Fatal(err)
		}
		if st, _, err := l.Status(caller.ID); err != nil || st.EntryCount >= 4 {
			return // input, call, the callee's ID, its result
		}
	}
}

func TestRestartGoesOn(t *testing.T) {
	dir, logs := t.TempDir(), memlog.NewHost()
	started := make(chan protocol.InvocationID, 100)
	stuck := handlers{"work": func(id protocol.InvocationID, _ uint32, _ *leader.Proposer) { started <- id }}
	h := startHost(t, dir, logs, stuck)
	for n := range byte(20) {
		if _, err := h.Invoke(t.Context(), protocol.TraceContext{}, serviceCall("work", n*10)); err != nil {
			t.Fatal(err)
		}
		<-started
	}
	if err := h.Host.Close(); err != nil {
		t.Fatal(err)
	}
	logs = logs.Reopen()
	h = startHost(t, dir, logs, handlers{"work": end("done")})
	defer closeAll(t, h, logs)
	for n := range byte(20) {
		r, err := h.Attach(t.Context(), serviceCall("work", n*10).ID)
		wantResult(t, r, err, "done")
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		serving, ready := h.Ready()
		if ready && serving == testPartitions {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d partitions serve, ready %v", serving, ready)
		}
	}
}

func TestWithoutLeaderRequestsWaitAndGiveUp(t *testing.T) {
	host, err := NewHost(Config{Dir: t.TempDir(), Count: 1, Logs: memlog.NewHost(), Clock: clock.Real{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = NewClient(host).Invoke(ctx, protocol.TraceContext{}, serviceCall("echo", 1))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v, want the deadline", err)
	}
	if err := host.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOnlyRequestsAreSubmitted(t *testing.T) {
	c := NewClient(nil)
	for _, cmd := range []command.Command{&command.TimerFired{}, &command.AnnounceLeader{}, &command.Invoke{}} {
		if _, err := c.Submit(t.Context(), cmd); err == nil {
			t.Errorf("a command of kind %d was submitted", cmd.Kind())
		}
	}
}

func closeAll(t *testing.T, h testHost, logs *memlog.Host) {
	t.Helper()
	if err := errors.Join(h.Host.Close(), logs.Close()); err != nil {
		t.Error(fmt.Errorf("close: %w", err))
	}
}
