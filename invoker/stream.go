package invoker

import (
	"context"
	"errors"
	"time"

	"github.com/perdure/perdure/invoker/endpoint"
)

// bgContext is the context of streams: they end by Abort.
var bgContext = context.Background()

// try connects the core of one try to its stream. It is the stream's endpoint.Handler.
type try struct {
	run     *run
	stream  endpoint.Stream
	core    *attempt // guarded by run.mu
	started time.Time
	drained *time.Timer    // guarded by run.mu; ends the answer of a try that is over
	charged int            // guarded by run.mu; bytes kept that were accounted for
	paused  bool           // guarded by run.mu; the deployment is held back
	ended   bool           // guarded by run.mu; the stream has ended
	traced  *AttemptTraced // guarded by run.mu; nil if no span of it is recorded
}

// OnHeaders implements endpoint.Handler.
func (t *try) OnHeaders(status int, h endpoint.Header) {
	t.event(func(now time.Time) {
		t.run.status.Server = h.Get("X-Restate-Server")
		t.core.answered(status, h.Get("Content-Type"), h.Get("Retry-After"), now)
	})
}

// OnData implements endpoint.Handler.
func (t *try) OnData(b []byte) {
	t.event(func(now time.Time) {
		t.core.data(b, now)
		t.charge()
	})
}

// charge accounts for what the deployment made the try keep. It fails the try when the node has no
// memory left: a half-received message cannot be held back, only given up.
func (t *try) charge() {
	partial, _ := t.core.parser.Partial()
	kept := partial + t.core.heldBytes + t.run.proposals.bytes
	if kept < t.charged+chargeBytes || t.core.over() {
		return
	}
	more := (kept - t.charged) / chargeBytes * chargeBytes
	t.charged += more
	if !t.run.p.invoker.slots.charge(t.run, more) {
		f := failed(docMessageSize, "the memory of all attempts on the node is used up (memory-limit)")
		f.fault = true
		t.core.fail(f)
	}
}

// OnEnd implements endpoint.Handler.
func (t *try) OnEnd(err error) {
	t.event(func(time.Time) { t.core.closed(err) })
	t.run.mu.Lock()
	defer t.run.mu.Unlock()
	t.ended = true
	if t.drained != nil {
		t.drained.Stop()
	}
}

// event passes something on to the core, unless the try is over.
func (t *try) event(f func(now time.Time)) {
	r := t.run
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.try != t {
		return
	}
	now := time.Now()
	f(now)
	r.settle(now)
}

// send passes on the frames that the core has gathered.
func (t *try) send() {
	out := t.core.out
	var err error
	if len(out) > 0 {
		// The replay may have been large; what follows is small.
		if cap(out) > keepFrameBytes {
			t.stream.Give(out)
			t.core.out = nil
		} else {
			t.stream.Write(out)
			t.core.out = out[:0]
		}
		if !t.core.closeSend {
			err = t.stream.Flush()
		}
	}
	if t.core.closeSend {
		t.core.closeSend = false
		err = t.stream.CloseSend()
	}
	if err != nil && !t.core.over() && errors.Is(err, endpoint.ErrOverflow) {
		t.core.fail(failed(docUnavailable, "%v", err))
	}
}

// keepFrameBytes is the largest buffer for frames that is kept.
const keepFrameBytes = 4 << 10

// drain lets the answer of a try that ended well come to its end, for a while.
func (t *try) drain() {
	_ = t.stream.CloseSend() // a stream that is already lost needs no end
	if !t.ended {
		t.drained = time.AfterFunc(drainTimeout, t.stream.Abort)
	}
}

// setReading holds the deployment back, or lets it go on.
func (t *try) setReading(on bool) {
	if t.paused == on {
		t.paused = !on
		t.stream.SetReading(on)
	}
}
