package invoker

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
	"github.com/perdure/perdure/protocol/service"
)

// stage is a world and a fake deployment inside a bubble of virtual time.
type stage struct {
	*world
	client  *fakeClient
	invoker *Invoker
}

type stageOptions struct {
	cfg      Config
	mode     string // BIDI_STREAM
	handler  string // more options of the handlers' manifest
	protocol int    // 6
	http     string // HTTP/2.0
	trace    protocol.TraceContext
	events   Events
}

func inBubble(t *testing.T, o stageOptions, deploy func(*fakeStream) error, f func(*testing.T, *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if o.mode == "" {
			o.mode = "BIDI_STREAM"
		}
		if o.protocol == 0 {
			o.protocol = 6
		}
		if o.http == "" {
			o.http = "HTTP/2.0"
		}
		c := &fakeClient{t: t, version: service.Version(o.protocol), deploy: deploy}
		i, err := New(o.cfg, register(t, "http://fake", o.http, manifest(o.mode, o.protocol, o.handler)), c, o.events)
		if err != nil {
			t.Fatal(err)
		}
		s := &stage{world: newWorld(t), client: c, invoker: i}
		s.trace = o.trace
		t.Cleanup(c.running.Wait) // after the world has stopped
		s.lead(i)
		f(t, s)
	})
}

var plainTarget, cartTarget = testTarget("service"), protocol.Target{
	Kind: protocol.KindObject, HandlerKind: protocol.HandlerExclusive, Service: "Cart", Handler: "h", Key: "a/b ü",
}

// threeSteps is a handler of three runs that replays properly.
func threeSteps(s *fakeStream) error {
	_, types, err := s.replay()
	if err != nil {
		return err
	}
	done := 0
	for _, t := range types {
		if t == journal.TypeRunCompletion {
			done++
		}
	}
	for i := done + 1; i <= 3; i++ {
		s.say(fmt.Sprintf("run id=%d", i))
		s.say(fmt.Sprintf("result id=%d value=x", i))
		if f, err := s.receive(); err != nil || f.Type != journal.TypeRunCompletion {
			return fmt.Errorf("got %v, %w", f.Type, err)
		}
	}
	s.say("output value=ok")
	s.say("end")
	return nil
}

func TestOneRecordPerStep(t *testing.T) {
	inBubble(t, stageOptions{}, threeSteps, func(t *testing.T, s *stage) {
		s.invoke(plainTarget, "x")
		if h := s.await(); h.state != "completed" || string(h.result.Value.Inline) != "ok" {
			t.Fatalf("%s %q", h.state, h.result.Value.Inline)
		}
		want := []string{
			`pin v6; Run#1; result 1 "x"; `, `Run#2; result 2 "x"; `, `Run#3; result 3 "x"; `, `Output#4; end; `,
		}
		if !slices.Equal(s.records, want) {
			t.Errorf("records %q, want %q", s.records, want)
		}
	})
}

func TestRequest(t *testing.T) {
	deploy := func(s *fakeStream) error {
		start, types, err := s.replay()
		if err != nil {
			return err
		}
		s.mu.Lock()
		flushes := s.flushes
		s.mu.Unlock()
		if flushes != 1 || typesOf(types) != "Input" || start.Key != cartTarget.Key {
			s.t.Errorf("replayed %s with key %q in %d flushes", typesOf(types), start.Key, flushes)
		}
		s.say("output value=ok", "end")
		return nil
	}
	inBubble(t, stageOptions{}, deploy, func(t *testing.T, s *stage) {
		id := s.invoke(cartTarget, "x")
		s.await()
		r := s.client.requests[0]
		if r.Address != "http://fake" || r.Path != "/invoke/Cart/h" || r.Subject != cartTarget.Key ||
			r.HTTPVersion != "HTTP/2.0" {
			t.Errorf("request %+v", r)
		}
		want := []protocol.KeyValue{
			{Key: "content-type", Value: "application/vnd.restate.invocation.v6"},
			{Key: "accept", Value: "application/vnd.restate.invocation.v6"},
			{Key: "x-restate-invocation-id", Value: id.String()},
			{Key: "x-restate-service-key", Value: "a%2Fb%20%C3%BC"},
			{Key: "x-more", Value: "1"},
		}
		if !slices.Equal(r.Headers, want) {
			t.Errorf("headers %q", r.Headers)
		}
	})
}

// What is known of a new invocation is not read again: only the state of a key, and everything once
// it had to wait for a slot or failed.
func TestFreshStart(t *testing.T) {
	deploy := func(s *fakeStream) error {
		start, types, err := s.replay()
		if err != nil {
			return err
		}
		if start.Key == "" && start.RetryCount == 0 && !start.PartialState {
			s.t.Error("a service without keys was given state")
		}
		if start.Key == "fails" && start.RetryCount == 0 {
			return errors.New("the first try fails")
		}
		time.Sleep(time.Second)
		s.say("output value="+fmt.Sprint(typesOf(types), len(start.State)), "end")
		return nil
	}
	large := strings.Repeat("x", 2*maxImmediateBytes)
	for _, c := range []struct {
		name   string
		target protocol.Target
		input  string
		slots  int
		loads  int
		want   string
	}{
		{"without keys", plainTarget, "x", 10, 0, "Input0"},
		{"large", plainTarget, large, 10, 0, "Input0"},
		{"with state", cartTarget, "x", 10, 0, "Input1"},
		{"no slot", plainTarget, "x", 1, 1, "Input0"},
		{"second try", keyed("fails"), "x", 10, 1, "Input0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			options := stageOptions{cfg: Config{ConcurrencyLimit: c.slots}}
			inBubble(t, options, deploy, func(t *testing.T, s *stage) {
				s.world.state = []command.StateEntry{{Key: []byte("k"), Value: protocol.Inline([]byte("v"))}}
				first := 0
				if c.slots == 1 {
					s.invoke(plainTarget, "takes the slot")
					first++
				}
				s.fresh = true
				s.invoke(c.target, c.input)
				for range first {
					s.await()
				}
				h := s.await()
				if got := string(h.result.Value.Inline); got != c.want {
					t.Errorf("the handler saw %q, want %q", got, c.want)
				}
				if h.loads != c.loads {
					t.Errorf("read %d times, want %d", h.loads, c.loads)
				}
			})
		})
	}
}

func keyed(key string) protocol.Target {
	target := cartTarget
	target.Key = key
	return target
}

// In request/response mode, over HTTP/1.1 and without inactivity timeout, the request ends after the
// journal; what comes later is found by the next try.
func TestRequestResponse(t *testing.T) {
	deploy := func(s *fakeStream) error {
		_, types, err := s.replay()
		if err != nil {
			return err
		}
		if _, err := s.receive(); !errors.Is(err, errHalfClosed) {
			s.t.Errorf("after the journal: %v, want the request's end", err)
		}
		switch typesOf(types) {
		case "Input":
			s.say("call service=S id=2 idx=1", "suspend completion=2")
		case "Input Call CallInvocationId Call":
			s.say("output value=ok", "end")
		default:
			s.t.Errorf("replayed %s", typesOf(types))
		}
		return nil
	}
	for _, o := range []stageOptions{
		{mode: "REQUEST_RESPONSE"}, {http: "HTTP/1.1"}, {handler: `"inactivityTimeout":0`},
	} {
		inBubble(t, o, deploy, func(t *testing.T, s *stage) {
			s.invoke(cartTarget, "x")
			if h := s.await(); h.state != "completed" {
				t.Fatalf("%s %+v", h.state, h.transient)
			}
		})
	}
}

// A silent handler is asked to suspend; the sleep wakes it again.
func TestInactivity(t *testing.T) {
	deploy := func(s *fakeStream) error {
		_, types, err := s.replay()
		if err != nil {
			return err
		}
		if len(types) == 1 {
			s.say(fmt.Sprintf("wake id=1 at=%d", time.Now().Add(time.Hour).UnixMilli()))
			began := time.Now()
			if _, err := s.receive(); !errors.Is(err, errHalfClosed) || time.Since(began) != time.Minute {
				s.t.Errorf("after %v: %v, want a half close after 1m", time.Since(began), err)
			}
			s.say("suspend completion=1")
			return nil
		}
		s.say("output value=ok", "end")
		return nil
	}
	inBubble(t, stageOptions{}, deploy, func(t *testing.T, s *stage) {
		began := time.Now()
		s.invoke(plainTarget, "x")
		for {
			time.Sleep(time.Second)
			if h, ok := s.state(1); ok && h == "completed" {
				break
			}
		}
		if d := time.Since(began).Round(time.Second); d < time.Hour || d > time.Hour+2*time.Second {
			t.Errorf("completed after %v", d)
		}
		if len(s.client.requests) != 2 {
			t.Errorf("%d tries, want 2", len(s.client.requests))
		}
	})
}

func (s *stage) state(n int) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.all[protocol.InvocationID{Key: protocol.PartitionKey(n)}]
	if h == nil {
		return "", false
	}
	return h.state, true
}

// A handler that does not even suspend is cut off after the abort timeout, and tried again.
func TestAbortTimeout(t *testing.T) {
	var began time.Time
	deploy := func(s *fakeStream) error {
		if s.n == 0 {
			s.replay()
			<-s.aborted
			if d := time.Since(began); d != 11*time.Minute {
				s.t.Errorf("cut off after %v, want 11m", d)
			}
			return nil
		}
		return threeSteps(s)
	}
	inBubble(t, stageOptions{}, deploy, func(t *testing.T, s *stage) {
		began = time.Now()
		id := s.invoke(plainTarget, "x")
		time.Sleep(11*time.Minute + 100*time.Millisecond)
		st, ok := s.p.Status(id)
		if !ok || st.InFlight || st.LastFailure == nil || st.LastFailure.DocCode != docAborted || st.RetryCount != 1 ||
			st.NextRetry.IsZero() || st.Server != "fake/1" || st.Deployment != testDeployment {
			t.Errorf("status %+v", st)
		}
		if h := s.await(); h.state != "completed" {
			t.Fatalf("%s", h.state)
		}
	})
}

// Failures are retried as the policy says; then the invocation pauses. The log is told an error once.
func TestRetriesThenPause(t *testing.T) {
	for _, kill := range []bool{false, true} {
		var times []time.Time
		options := `"retryPolicyMaxAttempts":4`
		if kill {
			options += `,"retryPolicyOnMaxAttempts":"KILL"`
		}
		deploy := func(s *fakeStream) error {
			times = append(times, time.Now())
			start, _, err := s.replay()
			if err != nil {
				return err
			}
			if int(start.RetryCount) != s.n {
				s.t.Errorf("try %d is told of %d retries", s.n, start.RetryCount)
			}
			s.say("error code=500 message=boom")
			return s.gone()
		}
		inBubble(t, stageOptions{handler: options}, deploy, func(t *testing.T, s *stage) {
			s.invoke(plainTarget, "x")
			h := s.await()
			want := "paused"
			if kill {
				want = "failed"
			}
			if h.state != want || h.failure.Failure.Message != "boom" || h.failure.RetryCount != 4 {
				t.Errorf("%s %+v, want %s", h.state, h.failure, want)
			}
			if len(h.transient) != 1 || h.transient[0].NextRetry == 0 {
				t.Errorf("the log was told %d errors, want 1: %+v", len(h.transient), h.transient)
			}
			if len(times) != 4 {
				t.Fatalf("%d tries, want 4", len(times))
			}
			for i, base := range []time.Duration{500, 1000, 2000} {
				base *= time.Millisecond
				if d := times[i+1].Sub(times[i]); d < base || d > base*4/3+jitterMin {
					t.Errorf("pause %d is %v, want %v and up to a third", i+1, d, base)
				}
			}
			synctest.Wait() // the log hears of the end before the run is let go
			if _, ok := s.p.Status(h.snapshot.ID); ok {
				t.Error("the run is still there")
			}
		})
	}
}

// Getting further starts the count of failures anew.
func TestProgressResetsRetries(t *testing.T) {
	inBubble(t, stageOptions{handler: `"retryPolicyMaxAttempts":4`}, func(s *fakeStream) error {
		_, _, err := s.replay()
		if err != nil {
			return err
		}
		switch {
		case s.n == 9:
			s.say("output value=ok", "end")
			return nil
		case s.n%3 == 2:
			s.say(fmt.Sprintf("run id=%d", s.n))
		}
		s.say("error code=500 message=boom")
		return s.gone()
	}, func(t *testing.T, s *stage) {
		s.invoke(plainTarget, "x")
		if h := s.await(); h.state != "completed" {
			t.Fatalf("%s after %d tries", h.state, len(s.client.requests))
		}
	})
}

func TestAskedDelays(t *testing.T) {
	var times []time.Time
	deploy := func(s *fakeStream) error {
		times = append(times, time.Now())
		switch s.n {
		case 0:
			s.headers(429, "text/plain", "Retry-After", "7")
			return nil
		case 1:
			s.replay()
			s.say("error code=500 message=later delay=90000")
			return s.gone()
		}
		return threeSteps(s)
	}
	inBubble(t, stageOptions{handler: `"retryPolicyMaxAttempts":1`}, deploy, func(t *testing.T, s *stage) {
		s.invoke(plainTarget, "x")
		time.Sleep(2 * time.Minute)
		if h := s.await(); h.state != "completed" || len(h.transient) != 2 || h.transient[0].DocCode != docRateLimited {
			t.Fatalf("%s %+v", h.state, h.transient)
		}
		if d := times[1].Sub(times[0]); d != 7*time.Second {
			t.Errorf("first pause %v, want 7s", d)
		}
		if d := times[2].Sub(times[1]); d != 90*time.Second {
			t.Errorf("second pause %v, want 90s", d)
		}
	})
}

func TestRetryNow(t *testing.T) {
	deploy := func(s *fakeStream) error {
		if s.n == 0 {
			s.replay()
			s.say("error code=500 message=later delay=3600000")
			return s.gone()
		}
		return threeSteps(s)
	}
	inBubble(t, stageOptions{}, deploy, func(t *testing.T, s *stage) {
		began := time.Now()
		id := s.invoke(plainTarget, "x")
		time.Sleep(time.Minute)
		s.do(func() { s.p.RetryNow(id) })
		if h := s.await(); h.state != "completed" || time.Since(began) > 2*time.Minute {
			t.Fatalf("%s after %v", h.state, time.Since(began))
		}
	})
}

func TestBehaviorOfVersion7(t *testing.T) {
	for behavior, want := range map[int]string{1: "paused", 2: "failed"} {
		deploy := func(s *fakeStream) error {
			s.replay()
			s.say(fmt.Sprintf("error code=418 message=stop behavior=%d", behavior))
			return s.gone()
		}
		inBubble(t, stageOptions{protocol: 7, cfg: Config{EnableProtocolV7: true}}, deploy,
			func(t *testing.T, s *stage) {
				s.invoke(plainTarget, "x")
				if h := s.await(); h.state != want || h.failure.Failure.Code != 418 || h.loads != 1 {
					t.Errorf("behavior %d: %s %+v", behavior, h.state, h.failure)
				}
			})
	}
}

// What others can see is stored soon although the handler goes on silently.
func TestHeldCommandIsStoredSoon(t *testing.T) {
	deploy := func(s *fakeStream) error {
		s.replay()
		s.say("set key=a value=b")
		time.Sleep(5 * time.Second)
		s.say("output value=ok", "end")
		return nil
	}
	inBubble(t, stageOptions{}, deploy, func(t *testing.T, s *stage) {
		began := time.Now()
		s.invoke(cartTarget, "x")
		for {
			time.Sleep(time.Millisecond)
			s.mu.Lock()
			n := len(s.records)
			s.mu.Unlock()
			if n == 1 {
				break
			}
		}
		if d := time.Since(began); d > 20*time.Millisecond {
			t.Errorf("stored after %v", d)
		}
		s.await()
		if want := []string{"pin v6; SetState#1; ", "Output#2; end; "}; !slices.Equal(s.records, want) {
			t.Errorf("records %q", s.records)
		}
	})
}

// The log may push back; nothing is lost or reordered.
func TestPushBack(t *testing.T) {
	inBubble(t, stageOptions{}, threeSteps, func(t *testing.T, s *stage) {
		s.busy.Store(25)
		s.invoke(plainTarget, "x")
		if h := s.await(); h.state != "completed" {
			t.Fatal(h.state)
		}
		if len(s.records) != 4 {
			t.Errorf("records %q", s.records)
		}
	})
}

// A deployment that floods the log is held back while the log does not apply, and let go afterwards.
func TestBackpressure(t *testing.T) {
	const total = 3 * maxUnapplied
	said := 0
	var blocked chan struct{} // closed when nothing is applied any more
	deploy := func(s *fakeStream) error {
		s.replay()
		<-blocked
		for paused := false; said < total; {
			select {
			case on := <-s.reading:
				paused = !on
				continue
			default:
			}
			if paused {
				paused = !<-s.reading
				continue
			}
			said++
			s.say(fmt.Sprintf("wake id=%d at=9999999999999", said))
		}
		s.say("output value=ok", "end")
		return nil
	}
	inBubble(t, stageOptions{}, deploy, func(t *testing.T, s *stage) {
		release := make(chan struct{})
		blocked = make(chan struct{})
		s.invoke(plainTarget, "x")
		s.todo <- func() { close(blocked); <-release }
		synctest.Wait()
		if said < maxUnapplied || said > maxUnapplied+1 {
			t.Errorf("%d commands were taken without one being applied, want about %d", said, maxUnapplied)
		}
		close(release)
		if h := s.await(); h.state != "completed" || len(h.snapshot.Entries) != total+2 {
			t.Fatalf("%s with %d entries", h.state, len(h.snapshot.Entries))
		}
	})
}

// Tries start no faster than configured.
func TestStartRate(t *testing.T) {
	var starts []time.Time
	var mu sync.Mutex
	deploy := func(s *fakeStream) error {
		mu.Lock()
		starts = append(starts, time.Now())
		mu.Unlock()
		return threeSteps(s)
	}
	inBubble(t, stageOptions{cfg: Config{StartRate: 10, StartBurst: 2}}, deploy, func(t *testing.T, s *stage) {
		for range 12 {
			s.invoke(plainTarget, "x")
		}
		for range 12 {
			s.await()
		}
		if d := starts[1].Sub(starts[0]); d != 0 {
			t.Errorf("the burst took %v", d)
		}
		if d := starts[11].Sub(starts[0]).Round(10 * time.Millisecond); d != time.Second {
			t.Errorf("ten more starts took %v, want 1s", d)
		}
		if sl := s.invoker.slots; sl.running != 0 || sl.waiting != 0 || len(sl.queues) != 0 {
			t.Errorf("slots leak: %+v", sl)
		}
	})
}

// Notifications that come while the stream is being opened are neither lost nor doubled.
func TestNotificationWhileOpening(t *testing.T) {
	deploy := func(s *fakeStream) error {
		_, types, err := s.replay()
		if err != nil {
			return err
		}
		got := typesOf(types)
		for strings.Count(got, "Signal") < 2 {
			f, err := s.receive()
			if err != nil {
				return err
			}
			got += " " + f.Type.Name()
		}
		s.say("output value="+strings.ReplaceAll(got, " ", "+"), "end")
		return nil
	}
	inBubble(t, stageOptions{}, deploy, func(t *testing.T, s *stage) {
		id := s.invoke(plainTarget, "x")
		s.cancel(id)
		s.cancel(id)
		if h := s.await(); string(h.result.Value.Inline) != "Input+Signal+Signal" {
			t.Errorf("the handler saw %q", h.result.Value.Inline)
		}
	})
}

// A lost notification makes the next one reload the journal.
func TestReloadAfterGap(t *testing.T) {
	deploy := func(s *fakeStream) error {
		_, types, err := s.replay()
		if err != nil {
			return err
		}
		if len(types) == 1 {
			return s.gone()
		}
		s.say("output value="+strings.ReplaceAll(typesOf(types), " ", "+"), "end")
		return nil
	}
	inBubble(t, stageOptions{}, deploy, func(t *testing.T, s *stage) {
		id := s.invoke(plainTarget, "x")
		synctest.Wait()
		s.do(func() { // the action of the first is lost
			n := &journal.Notification{
				NotificationType: journal.TypeSignal, ID: journal.Signal(17), Result: journal.Void(),
			}
			h := s.all[id]
			h.snapshot.Entries = append(h.snapshot.Entries,
				journal.Entry{Type: n.NotificationType, Body: protocol.Inline(n.Append(nil))})
		})
		s.cancel(id)
		if h := s.await(); string(h.result.Value.Inline) != "Input+Signal+Signal" || len(h.transient) != 0 {
			t.Errorf("the handler saw %q, errors %+v", h.result.Value.Inline, h.transient)
		}
	})
}

// At most as many tries run as there are slots; partitions take turns.
func TestSlots(t *testing.T) {
	var mu sync.Mutex
	running, most := 0, 0
	var order []string
	deploy := func(s *fakeStream) error {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		start, _, err := s.replay()
		if err != nil {
			return err
		}
		time.Sleep(time.Second)
		mu.Lock()
		running--
		order = append(order, start.ID.String())
		mu.Unlock()
		s.say("output value=ok", "end")
		return nil
	}
	inBubble(t, stageOptions{cfg: Config{ConcurrencyLimit: 1}}, deploy, func(t *testing.T, s *stage) {
		other := newWorld(t)
		other.lead(s.invoker)
		var mine, theirs []string
		for range 5 {
			mine = append(mine, s.invoke(plainTarget, "x").String())
		}
		for range 20 { // so that the IDs differ
			other.all[protocol.InvocationID{Key: protocol.PartitionKey(len(other.all) + 100)}] = &history{}
		}
		for range 3 {
			theirs = append(theirs, other.invoke(plainTarget, "x").String())
		}
		for range 5 {
			s.await()
		}
		for range 3 {
			other.await()
		}
		want := []string{mine[0], mine[1], theirs[0], mine[2], theirs[1], mine[3], theirs[2], mine[4]}
		if most != 1 || !slices.Equal(order, want) {
			t.Errorf("%d at once, order %q, want %q", most, order, want)
		}
		if sl := s.invoker.slots; sl.running != 0 || sl.used != 0 || sl.waiting != 0 || len(sl.queues) != 0 {
			t.Errorf("slots leak: %+v", sl)
		}
	})
}

// An abandoned place in the queue is skipped.
func TestAbortWhileWaiting(t *testing.T) {
	deploy := func(s *fakeStream) error {
		s.replay()
		time.Sleep(time.Second)
		s.say("output value=ok", "end")
		return nil
	}
	inBubble(t, stageOptions{cfg: Config{ConcurrencyLimit: 1}}, deploy, func(t *testing.T, s *stage) {
		var ids []protocol.InvocationID
		for range 10 {
			ids = append(ids, s.invoke(plainTarget, "x"))
		}
		s.do(func() {
			for _, id := range ids[1:9] {
				s.p.Abort(id)
			}
		})
		s.await()
		s.await()
		time.Sleep(time.Minute)
		if n := len(s.client.requests); n != 2 {
			t.Errorf("%d tries, want 2", n)
		}
		if sl := s.invoker.slots; sl.running != 0 || sl.used != 0 || sl.waiting != 0 || len(sl.queues) != 0 {
			t.Errorf("slots leak: %+v", sl)
		}
	})
}

// Abort and another attempt cut the stream; effects of the old try are not proposed any more.
func TestStartReplacesOtherAttempt(t *testing.T) {
	deploy := func(s *fakeStream) error {
		s.replay()
		if s.n == 0 {
			s.say("run id=1")
			err := s.gone()
			s.say("result id=1 value=late")
			return err
		}
		s.say("output value=ok", "end")
		return nil
	}
	inBubble(t, stageOptions{}, deploy, func(t *testing.T, s *stage) {
		id := s.invoke(plainTarget, "x")
		synctest.Wait()
		s.do(func() {
			s.p.Start(id, plainTarget, 1) // again: nothing
			s.all[id].snapshot.Attempt = 2
			s.p.Start(id, plainTarget, 2)
		})
		s.await()
		if want := []string{"pin v6; Output#1; end; "}; !slices.Equal(s.records, want) {
			t.Errorf("records %q", s.records)
		}
	})
}

// After Close nothing is proposed, whatever the deployments still say.
func TestClose(t *testing.T) {
	deploy := func(s *fakeStream) error {
		s.replay()
		s.say("run id=1")
		<-s.aborted
		s.say("result id=1 value=late", "output value=x", "end")
		return nil
	}
	inBubble(t, stageOptions{cfg: Config{ConcurrencyLimit: 5}}, deploy, func(t *testing.T, s *stage) {
		for range 10 {
			s.invoke(plainTarget, "x")
		}
		synctest.Wait()
		count := 0
		s.p.Scan(func(st Status) bool {
			if st.InFlight {
				count++
			}
			return true
		})
		if count != 5 {
			t.Errorf("%d in flight, want 5", count)
		}
		s.invoker.Close()
		s.do(func() { s.p.Start(protocol.InvocationID{Key: 99}, plainTarget, 1) })
		time.Sleep(time.Hour)
		if len(s.records) != 0 || len(s.client.requests) != 5 {
			t.Errorf("records %q, %d tries", s.records, len(s.client.requests))
		}
		if sl := s.invoker.slots; sl.running != 0 || sl.used != 0 || sl.waiting != 0 {
			t.Errorf("slots leak: %+v", sl)
		}
	})
}

// The server's own trouble is retried without end and not told to the log.
func TestLoadFailure(t *testing.T) {
	inBubble(t, stageOptions{handler: `"retryPolicyMaxAttempts":1`}, threeSteps, func(t *testing.T, s *stage) {
		s.loadErr = errors.New("disk on fire")
		s.invoke(plainTarget, "x")
		if h := s.await(); h.state != "completed" || len(h.transient) != 0 {
			t.Fatalf("%s %+v", h.state, h.transient)
		}
	})
}

// An invocation whose deployment was removed pauses and says why.
func TestPinnedDeploymentGone(t *testing.T) {
	for _, c := range []struct {
		deployment protocol.DeploymentID
		version    uint32
		doc        string
	}{
		{protocol.DeploymentID{9}, 6, docNoDeployment}, {testDeployment, 4, docVersion},
	} {
		inBubble(t, stageOptions{}, threeSteps, func(t *testing.T, s *stage) {
			s.do(func() {
				id := protocol.InvocationID{Key: 1}
				s.all[id] = &history{state: "invoked", snapshot: Snapshot{
					ID: id, Target: plainTarget, Attempt: 1, Deployment: c.deployment, ProtocolVersion: c.version,
				}}
				s.p.Start(id, plainTarget, 1)
			})
			if h := s.await(); h.state != "paused" || h.failure.DocCode != c.doc {
				t.Errorf("%s %+v, want paused by %s", h.state, h.failure, c.doc)
			}
		})
	}
}

// A journal larger than the invoker's memory pauses its invocation instead of taking the node down.
func TestJournalTooLarge(t *testing.T) {
	inBubble(t, stageOptions{cfg: Config{MemoryLimitBytes: 1000, InitialMemoryBytes: 10}}, threeSteps,
		func(t *testing.T, s *stage) {
			s.invoke(plainTarget, strings.Repeat("x", 2000))
			if h := s.await(); h.state != "paused" || h.failure.DocCode != docMessageSize {
				t.Errorf("%s %+v", h.state, h.failure)
			}
		})
}

// Half-received messages count: a deployment cannot fill the node's memory with them.
func TestMemoryOfHalfMessages(t *testing.T) {
	deploy := func(s *fakeStream) error {
		if strings.HasPrefix(s.request.Path, "/invoke/S/") {
			time.Sleep(100 * time.Millisecond)
			return threeSteps(s)
		}
		s.replay()
		s.handler.OnData(service.AppendHeader(nil, service.FrameHeader{Type: journal.TypeOutput, Length: 30 << 20}))
		for sent := 0; ; sent += 64 << 10 {
			select {
			case <-s.aborted:
				if sent > 4<<20 {
					s.t.Errorf("%d bytes were kept", sent)
				}
				return nil
			default:
				s.handler.OnData(make([]byte, 64<<10))
			}
		}
	}
	inBubble(t, stageOptions{cfg: Config{MemoryLimitBytes: 4 << 20}}, deploy, func(t *testing.T, s *stage) {
		bad := s.invoke(cartTarget, "x")
		s.invoke(plainTarget, "x")
		if h := s.await(); h.state != "completed" || h.snapshot.ID == bad {
			t.Fatalf("%s %+v", h.state, h.failure)
		}
		if st, ok := s.p.Status(bad); !ok || st.LastFailure == nil || st.LastFailure.DocCode != docMessageSize {
			t.Errorf("the other one: %+v", st.LastFailure)
		}
	})
}

// Whatever a deployment sends fails its own try; the invocation beside it completes.
func TestHostileDeployments(t *testing.T) {
	for seed := range uint64(60) {
		deploy := func(s *fakeStream) error {
			if strings.HasPrefix(s.request.Path, "/invoke/S/") {
				return threeSteps(s)
			}
			rnd := rand.New(rand.NewPCG(seed, uint64(s.n)))
			if rnd.IntN(4) > 0 {
				s.replay()
			} else {
				s.headers(rnd.IntN(600), "x")
			}
			for range rnd.IntN(20) {
				b := make([]byte, rnd.IntN(200))
				for i := range b {
					b[i] = byte(rnd.Uint32())
				}
				switch rnd.IntN(3) {
				case 0:
					s.handler.OnData(b)
				case 1:
					types := []journal.Type{0, 1, 2, 3, 5, 6, 0x400, 0x401, 0x40d, 0x40e, 0x411, 0x8011, 0xfbff}
					s.handler.OnData(service.AppendFrame(nil, types[rnd.IntN(len(types))], uint16(rnd.Uint32()), b))
				case 2:
					s.say([]string{"output value=x", "run id=1", "result id=7 value=x", "set key=a value=b", "sleep id=1"}[rnd.IntN(5)])
				}
				time.Sleep(time.Duration(rnd.IntN(30)) * time.Millisecond)
			}
			return nil
		}
		inBubble(t, stageOptions{handler: `"retryPolicyMaxAttempts":3`}, deploy, func(t *testing.T, s *stage) {
			s.invoke(cartTarget, "x")
			good := s.invoke(plainTarget, "x")
			for range 2 {
				h := s.await()
				if h.snapshot.ID == good && h.state != "completed" {
					t.Fatalf("seed %d: the good one: %s %+v", seed, h.state, h.failure)
				}
			}
			if sl := s.invoker.slots; sl.running != 0 || sl.used != 0 {
				t.Errorf("seed %d: slots leak: %+v", seed, sl)
			}
		})
	}
}

func TestSameError(t *testing.T) {
	e := func(m string, related *command.RelatedCommand) *command.AttemptError {
		return &command.AttemptError{Failure: protocol.Failure{Message: m}, RelatedCommand: related}
	}
	one, same, two := &command.RelatedCommand{Index: 1}, &command.RelatedCommand{Index: 1}, &command.RelatedCommand{}
	if !sameError(nil, nil) || sameError(nil, e("a", nil)) || !sameError(e("a", one), e("a", same)) ||
		sameError(e("a", one), e("a", two)) || sameError(e("a", nil), e("b", nil)) || sameError(e("a", one), e("a", nil)) {
		t.Error("errors are compared wrongly")
	}
}
