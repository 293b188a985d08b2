package partition

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/bifrost/memlog"
	"github.com/perdure/perdure/internal/clock"
	"github.com/perdure/perdure/partition/explain"
	"github.com/perdure/perdure/partition/leader"
	"github.com/perdure/perdure/partition/machine"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
)

// forgetful attempts lose what they are told to start, as long as forget is set, and admit it.
type forgetful struct {
	fakeAttempts
	forget *atomic.Bool
}

func (f *forgetful) Start(a machine.StartInvocation) {
	if !f.forget.Load() {
		f.fakeAttempts.Start(a)
	}
}

func (f *forgetful) Inspect(protocol.InvocationID) (explain.Attempt, bool) {
	return explain.Attempt{}, !f.forget.Load()
}

func (f *forgetful) InspectAll(func(protocol.InvocationID, explain.Attempt) bool) {}

var _ leader.Inspector = (*forgetful)(nil)

// A planted stall: the leader's attempts lose an invocation. It is found, explained, told once, and
// repaired by leading anew.
func TestStallIsFoundAndRepaired(t *testing.T) {
	var forget atomic.Bool
	forget.Store(true)
	told := make(chan explain.Finding, 10)
	logs := memlog.NewHost()
	host, err := NewHost(Config{
		Dir: t.TempDir(), Count: testPartitions, Node: "test", Logs: logs, Clock: clock.Real{},
		NewAttempts: func(_ protocol.PartitionID, _ protocol.Epoch, p *leader.Proposer,
			_ *store.Store,
		) leader.Attempts {
			return &forgetful{
				fakeAttempts{handlers: handlers{"work": end("done")}, proposer: p}, &forget,
			}
		},
		Events: Events{Stalled: func(_ protocol.PartitionID, f explain.Finding) { told <- f }},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	h := testHost{host, NewClient(host), nil}
	defer closeAll(t, h, logs)
	call := serviceCall("work", 9)
	if _, err := h.Invoke(t.Context(), protocol.TraceContext{}, call); err != nil {
		t.Fatal(err)
	}

	select {
	case f := <-told:
		if f.ID != call.ID || f.Repair != explain.RepairLead {
			t.Fatalf("found %+v", f)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("nobody found the stall")
	}
	x, ok, err := host.Explain(t.Context(), call.ID)
	if err != nil || !ok || !x.Stalled || len(host.Stalls()) != 1 {
		t.Fatalf("explained as %+v, %v, %v; stalls %v", x, ok, err, host.Stalls())
	}

	forget.Store(false)
	if err := host.LeadAnew(call.ID.Key); err != nil {
		t.Fatal(err)
	}
	r, err := h.Attach(t.Context(), call.ID)
	wantResult(t, r, err, "done")
	for deadline := time.Now().Add(20 * time.Second); len(host.Stalls()) > 0; {
		if time.Now().After(deadline) {
			t.Fatalf("still stalled: %+v", host.Stalls())
		}
		time.Sleep(10 * time.Millisecond)
	}
	if len(told) != 0 {
		t.Errorf("told again: %+v", <-told)
	}
}
