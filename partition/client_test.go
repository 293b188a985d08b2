package partition

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/bifrost/memlog"
	"github.com/perdure/perdure/partition/leader"
	"github.com/perdure/perdure/protocol"
)

// A call whose leader is lost after it became durable is not started again: its caller waits for the
// end of what runs. Its parameter was let go of by then.
func TestDurableCallIsNotStartedAgain(t *testing.T) {
	var host testHost
	call := serviceCall("work", 9)
	call.Parameter = protocol.Inline([]byte("much"))
	var runs, accepted atomic.Int32
	finish := end("done")
	logs := memlog.NewHost()
	ready := make(chan struct{})
	host = startHost(t, t.TempDir(), logs, handlers{
		"work": func(id protocol.InvocationID, attempt uint32, p *leader.Proposer) {
			<-ready
			if runs.Add(1) == 1 {
				if err := host.LeadAnew(id.Key); err != nil {
					t.Error(err)
				}
				return
			}
			finish(id, attempt, p)
		},
	})
	defer closeAll(t, host, logs)
	close(ready)
	r, existed, err := host.Call(t.Context(), protocol.TraceContext{}, call, false,
		func() { accepted.Add(1) })
	if wantResult(t, r, err, "done"); existed {
		t.Error("the call is said to have existed before")
	}
	if accepted.Load() != 1 || call.Parameter.Len() != 0 || runs.Load() != 2 {
		t.Errorf("accepted %d times, %d bytes kept, %d runs", accepted.Load(),
			call.Parameter.Len(), runs.Load())
	}
}

// What ended while nobody led, and of which nothing is kept, is not run again: its caller gets the
// result all the same.
func TestDurableCallThatLeftNoTrace(t *testing.T) {
	var host testHost
	call := serviceCall("work", 9)
	call.CompletionRetention, call.JournalRetention = 0, 0
	var runs atomic.Int32
	ended := make(chan struct{})
	finish := end("done")
	logs := memlog.NewHost()
	ready := make(chan struct{})
	host = startHost(t, t.TempDir(), logs, handlers{
		"work": func(id protocol.InvocationID, attempt uint32, p *leader.Proposer) {
			<-ready
			switch runs.Add(1) {
			case 1:
				_ = host.LeadAnew(id.Key) // the test waits for what follows from it
			case 2:
				finish(id, attempt, p)
				close(ended)
			default:
				t.Error("it was run once more")
			}
		},
	})
	defer closeAll(t, host, logs)
	close(ready)
	r, _, err := host.Call(t.Context(), protocol.TraceContext{}, call, false, nil)
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("it never ended")
	}
	wantResult(t, r, err, "done")
}
