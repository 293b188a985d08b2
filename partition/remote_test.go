package partition

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/bifrost/memlog"
	"github.com/perdure/perdure/cluster"
	"github.com/perdure/perdure/cluster/link"
	"github.com/perdure/perdure/internal/clock"
	"github.com/perdure/perdure/partition/leader"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
	"github.com/perdure/perdure/protocol/noderpc"
)

// twoNodes are two hosts, the first with partitions 0 and 1, the second with 2 and 3.
type twoNodes struct {
	hosts    [2]testHost
	tables   [2]*cluster.Static
	notified chan protocol.InvocationID
	// fails, if set, is asked before a request is passed on.
	fails atomic.Pointer[func(*noderpc.Request) error]
}

func startTwo(t *testing.T, h handlers) *twoNodes {
	t.Helper()
	n := &twoNodes{notified: make(chan protocol.InvocationID, 100)}
	ctx, cancel := context.WithCancel(context.Background())
	for i := range n.hosts {
		n.tables[i] = cluster.NewStatic(cluster.NodeID(i+1), testPartitions)
		for p := range protocol.PartitionID(testPartitions) {
			n.tables[i].SetLeader(p, cluster.NodeID(p/2+1))
		}
		logs := memlog.NewHost()
		remote := NewRemote(n.tables[i], caller{n, i})
		host, err := NewHost(Config{
			Dir: t.TempDir(), Count: testPartitions, Node: fmt.Sprint("n", i+1), Logs: logs,
			Clock: clock.Real{}, Remote: remote,
			NewAttempts: func(_ protocol.PartitionID, _ protocol.Epoch, p *leader.Proposer, _ *store.Store) leader.Attempts {
				return &forgetful{fakeAttempts{handlers: h, proposer: p, notified: n.notified}, new(atomic.Bool)}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		host.Run()
		n.hosts[i] = testHost{host, NewClient(host), n.notified}
		go remote.Run(ctx)
		t.Cleanup(func() { closeAll(t, n.hosts[i], logs) })
	}
	t.Cleanup(cancel)
	for p := range protocol.PartitionID(testPartitions) {
		if err := n.hosts[p/2].Open(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// caller passes requests of one node to the other.
type caller struct {
	nodes *twoNodes
	self  int
}

func (c caller) Call(ctx context.Context, node uint64, request []byte, progress func([]byte)) ([]byte, error) {
	q, err := noderpc.DecodeRequest(request)
	if err != nil {
		return nil, err
	}
	if f := c.nodes.fails.Load(); f != nil {
		if err := (*f)(&q); err != nil {
			return nil, err
		}
	}
	if int(node) != 2-c.self {
		return nil, fmt.Errorf("node %d was asked by node %d", node, c.self+1)
	}
	answered := make(chan []byte, 1)
	go func() {
		a := c.nodes.hosts[1-c.self].Serve(ctx, &q, func(b []byte) {
			if progress != nil && ctx.Err() == nil {
				progress(b)
			}
		})
		answered <- a.Append(nil)
	}()
	select {
	case b := <-answered:
		return b, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func TestAnyNodeTakesAnyCall(t *testing.T) {
	n := startTwo(t, handlers{"echo": end("hi")})
	for i := range byte(40) {
		call := serviceCall("echo", i*6)
		var accepted atomic.Int32
		r, existed, err := n.hosts[i%2].Call(t.Context(), protocol.TraceContext{}, call, false,
			func() { accepted.Add(1) })
		if wantResult(t, r, err, "hi"); existed {
			t.Fatalf("call %d existed before", i)
		}
		again := serviceCall("echo", i*6)
		again.Request = command.RequestID{i, 9}
		r, existed, err = n.hosts[1-i%2].Call(t.Context(), protocol.TraceContext{}, again, false, nil)
		if wantResult(t, r, err, "hi"); !existed {
			t.Fatalf("the second call %d is said to be the first", i)
		}
		for _, h := range n.hosts {
			r, err = h.Attach(t.Context(), call.ID)
			wantResult(t, r, err, "hi")
			r, err = h.Output(t.Context(), call.ID)
			wantResult(t, r, err, "hi")
			target, _, _, ok, err := h.Pinned(t.Context(), call.ID)
			if err != nil || !ok || target.Handler != "echo" {
				t.Fatalf("pinned to %+v, %v, %v", target, ok, err)
			}
		}
	}
	r, err := n.hosts[0].Submit(t.Context(), &command.Purge{ID: serviceCall("echo", 234).ID})
	if err != nil || r.Status != command.ReplyDone {
		t.Errorf("purge: %+v, %v", r, err)
	}
}

// A message to a partition on another node, and the result back, over a network that loses and
// repeats: each counts once.
func TestMessagesBetweenNodes(t *testing.T) {
	callee := serviceCall("echo", 250).ID
	var runs atomic.Int32
	h := handlers{"echo": func(id protocol.InvocationID, attempt uint32, p *leader.Proposer) {
		runs.Add(1)
		end("from afar")(id, attempt, p)
	}}
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
	n := startTwo(t, h)
	var tries atomic.Int32
	lose := func(q *noderpc.Request) error {
		if q.Method != noderpc.MethodMessages {
			return nil
		}
		switch tries.Add(1) % 3 {
		case 1: // it never arrives
			return fmt.Errorf("%w: lost", link.ErrUnreachable)
		case 2: // it arrives, and the answer does not
			again := *q
			n.hosts[q.Partition/2].Serve(t.Context(), &again, nil)
			return fmt.Errorf("%w: lost", link.ErrBroken)
		}
		return nil
	}
	n.fails.Store(&lose)
	caller := serviceCall("call", 1)
	if _, err := n.hosts[1].Invoke(t.Context(), protocol.TraceContext{}, caller); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		select {
		case <-n.notified:
		case <-time.After(time.Until(deadline)):
			t.Fatal("the result never came back")
		}
		l, err := n.hosts[0].Leader(0)
		if err != nil {
			t.Fatal(err)
		}
		if st, _, err := l.Status(caller.ID); err != nil || st.EntryCount >= 4 {
			break // input, call, the callee's ID, its result
		}
	}
	if runs.Load() != 1 || tries.Load() < 3 {
		t.Errorf("the callee ran %d times, after %d messages", runs.Load(), tries.Load())
	}
}

// Whoever waits at a leader that another node replaces asks that one, although the first never
// answers.
func TestCallersLeaveALeaderThatWasReplaced(t *testing.T) {
	n := startTwo(t, handlers{"echo": end("hi")})
	asked := make(chan struct{})
	hang := make(chan struct{})
	first := true
	stuck := func(q *noderpc.Request) error {
		if first && q.Method == noderpc.MethodCall {
			first = false
			close(asked)
			<-hang
			return errors.New("too late")
		}
		return nil
	}
	n.fails.Store(&stuck)
	// The caller is a Links that hangs, as one to a paused node does: it ends with its context.
	n.hosts[0].cfg.Remote.caller = patient{n.hosts[0].cfg.Remote.caller}
	done := make(chan error, 1)
	go func() {
		_, _, err := n.hosts[0].Call(t.Context(), protocol.TraceContext{}, serviceCall("echo", 250), false, nil)
		done <- err
	}()
	<-asked
	n.tables[0].SetLeader(3, 1) // this node leads by now
	if err := n.hosts[0].Open(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it waits for the first leader")
	}
	close(hang)
}

// patient ends calls with their context.
type patient struct{ inner Caller }

func (p patient) Call(ctx context.Context, node uint64, request []byte, progress func([]byte)) ([]byte, error) {
	type outcome struct {
		b   []byte
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		b, err := p.inner.Call(ctx, node, request, progress)
		done <- outcome{b, err}
	}()
	select {
	case o := <-done:
		return o.b, o.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Explaining works through any node, with callees on another one.
func TestExplainOnAnotherNode(t *testing.T) {
	n := startTwo(t, handlers{})
	call := serviceCall("work", 250)
	if _, err := n.hosts[0].Invoke(t.Context(), protocol.TraceContext{}, call); err != nil {
		t.Fatal(err)
	}
	x, ok, err := n.hosts[0].Explain(t.Context(), call.ID)
	want, _, wantErr := n.hosts[1].Explain(t.Context(), call.ID)
	if err != nil || wantErr != nil || !ok || fmt.Sprintf("%+v", x) != fmt.Sprintf("%+v", want) {
		t.Errorf("explained as\n%+v, %v, %v; there as\n%+v, %v", x, ok, err, want, wantErr)
	}
	if _, ok, err := n.hosts[0].Explain(t.Context(), serviceCall("none", 249).ID); ok || err != nil {
		t.Errorf("nothing is explained: %v, %v", ok, err)
	}
	c, err := n.hosts[0].callee(call.ID, command.Waiter{Invocation: serviceCall("x", 1).ID, CompletionID: 1})
	if err != nil || !c.Exists || c.Knows {
		t.Errorf("the callee says %+v, %v", c, err)
	}
	if err := n.hosts[0].LeadAnew(call.ID.Key); err != nil {
		t.Error(err)
	}
}

// A replica here is looked at although another node leads; a partition without one is not.
func TestViewOfAFollower(t *testing.T) {
	n := startTwo(t, handlers{"echo": end("hi")})
	v, err := n.hosts[0].View(0)
	if err != nil || v.Attempts == nil {
		t.Fatalf("led here: %+v, %v", v, err)
	}
	_ = v.Rows.Close() // it has only been read
	if _, err := n.hosts[0].View(3); !errors.Is(err, leader.ErrNotLeader) {
		t.Errorf("not here: %v", err)
	}
	n.hosts[0].LeaderEvent(bifrost.PartitionLog(0), false)
	if _, err := n.hosts[0].View(0); !errors.Is(err, leader.ErrNotLeader) {
		t.Errorf("without a leader: %v", err)
	}
	n.tables[0].SetLeader(0, 2)
	v, err = n.hosts[0].View(0)
	if err != nil || v.Attempts != nil {
		t.Fatalf("led elsewhere: %+v, %v", v, err)
	}
	_ = v.Rows.Close() // as above
}
