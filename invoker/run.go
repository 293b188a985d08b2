package invoker

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
	"github.com/perdure/perdure/protocol/service"
)

// phase says what a run is doing.
type phase uint8

const (
	phaseWaiting phase = iota // for a slot
	phaseOpening              // reading the journal and opening the stream
	phaseRunning              // a try is under way
	phaseBackoff              // until retryAt, and until all effects are applied
	phaseEnding               // the last effect is proposed, and is to be applied
	phaseGone                 // stopped or ended; nothing happens any more
)

// run is one invocation under one attempt number. Locks are taken in the order run, partition or
// slots; callbacks of the stream, the log and the timer all take the run's.
type run struct {
	p       *Partition
	id      protocol.InvocationID
	target  protocol.Target
	attempt uint32

	slot    slotState // guarded by slots.mu
	charged int       // guarded by slots.mu

	mu     sync.Mutex
	phase  phase
	fresh  *Snapshot // of a new invocation, until its first try
	try    *try      // set while running
	early  []note    // what came while opening
	trace  protocol.TraceContext
	policy retryPolicy

	proposals proposals
	retries   retries
	retryAt   time.Time
	timer     *time.Timer
	armed     time.Time // when timer fires; zero: it does not

	proposed *command.AttemptError // the error that was last told to the log
	status   Status                // what is shown; see status.go
}

// note is a notification that came while the try was being opened.
type note struct {
	index uint32
	entry journal.Entry
}

// maxImmediateBytes is the largest input with which a try begins on the goroutine that applies the
// log: to hand it over would cost more.
const maxImmediateBytes = 16 << 10

// immediate reports whether begin has nothing to read and little to copy.
func (r *run) immediate() bool {
	return r.fresh != nil && !r.target.Keyed() && r.fresh.Entries[0].Body.Len() <= maxImmediateBytes
}

// forgetFresh lets go of an input that may have to wait.
func (r *run) forgetFresh() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fresh = nil
}

// begin makes one try when the run was given a slot. Unless immediate said otherwise, it runs on a
// goroutine of its own.
func (r *run) begin() {
	r.mu.Lock()
	if r.phase != phaseWaiting || !r.p.loading() {
		r.mu.Unlock()
		r.p.invoker.slots.release(r)
		return
	}
	r.phase, r.early = phaseOpening, nil
	fresh := r.fresh
	r.fresh = nil
	r.mu.Unlock()

	inv := r.p.invoker
	view := inv.schemas.Current()
	policy, lazy := defaultPolicy(&inv.cfg.Defaults), false
	if res, err := view.Resolve(r.target.Service, r.target.Handler); err == nil {
		policy, lazy = policyOf(res), res.LazyState
	}
	lazy = lazy || inv.cfg.EagerStateLimitBytes < 0
	s, ok, err := r.load(fresh, lazy)
	r.p.loads.Done()

	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.phase != phaseOpening: // stopped meanwhile
		inv.slots.release(r)
	case err != nil:
		f := failed("", "read the invocation's journal: %v", err)
		f.fault = true
		r.failBefore(policy, f)
	case !ok: // the machine knows better
		r.goneLocked()
	default:
		r.open(view, policy, &s)
	}
}

// load reads what is not known of a fresh invocation, and everything of another one.
func (r *run) load(fresh *Snapshot, lazyState bool) (s Snapshot, ok bool, err error) {
	maxStateBytes := max(r.p.invoker.cfg.EagerStateLimitBytes, 0)
	if fresh == nil {
		return r.p.store.Load(r.id, r.attempt, maxStateBytes, lazyState)
	}
	s = *fresh
	if !r.target.Keyed() || lazyState {
		s.StatePartial = true
		return s, true, nil
	}
	s.State, s.StatePartial, err = r.p.store.LoadState(r.target, maxStateBytes)
	return s, err == nil, err
}

// open chooses a deployment and opens the stream.
func (r *run) open(view *schema.Schema, policy retryPolicy, s *Snapshot) {
	now := time.Now()
	inv := r.p.invoker
	r.trace, r.policy = s.Trace, policy
	c, bad := choose(&inv.cfg, view, s)
	if bad != nil {
		r.failBefore(policy, bad)
		return
	}
	r.policy = policyOf(c.handler)
	inv.slots.charge(r, snapshotBytes(s))
	core := newAttempt(c.settings, s, r.retries.count, now)
	t := &try{run: r, core: core, started: now}
	r.traceTry(t, c.deployment, s)
	stream, err := inv.client.Open(bgContext, request(c, s), t)
	if err != nil {
		t.traceEnd(err.Error())
		r.failBefore(r.policy, failed(docUnavailable, "reach the deployment: %v", err))
		return
	}
	t.stream = stream
	r.try, r.phase = t, phaseRunning
	r.status.StartedAt, r.status.Deployment, r.status.Server = now, c.deployment, ""
	if f := inv.events.AttemptStarted; f != nil {
		f(AttemptStarted{r.p.id, r.id, r.target, r.attempt, c.deployment, c.version, len(s.Entries)})
	}
	for _, n := range r.early {
		core.notify(n.index, &n.entry, now)
	}
	r.early = nil
	r.settle(now)
}

// failBefore fails a try that got no stream.
func (r *run) failBefore(policy retryPolicy, f *failure) {
	r.policy = policy
	r.failedTry(nil, f, time.Now())
	r.arm()
}

// settle does what the core of the running try wants done, after every event.
func (r *run) settle(now time.Time) {
	t := r.try
	t.send()
	for t.core.ending == endNone {
		effects := t.core.take(now)
		if effects == nil {
			break
		}
		r.propose(effects, false)
	}
	if t.core.progress {
		t.core.progress = false
		r.retries = retries{}
	}
	if t.core.over() {
		r.endTry(now)
	} else {
		t.setReading(!r.proposals.full(r.p.invoker.cfg.InvocationMemoryLimitBytes))
		r.arm()
	}
}

// endTry follows the end of the running try.
func (r *run) endTry(now time.Time) {
	t := r.try
	effects := t.core.take(now)
	r.try = nil
	inv := r.p.invoker
	switch t.core.ending {
	case endFailed:
		t.traceEnd(t.core.failure.Error())
		t.stream.Abort()
		r.failedTry(effects, t.core.failure, now)
	case endReload:
		t.traceEnd("")
		t.stream.Abort()
		inv.slots.release(r)
		r.phase, r.retryAt = phaseBackoff, now
		if len(effects) > 0 {
			r.propose(effects, false)
		}
	default:
		t.traceEnd("")
		t.drain()
		inv.slots.release(r)
		r.phase = phaseEnding
		if f := inv.events.AttemptEnded; f != nil {
			suspended := t.core.ending == endSuspended
			f(AttemptEnded{r.p.id, r.id, r.target, r.attempt, suspended, now.Sub(t.started)})
		}
		r.propose(effects, true)
	}
	r.tryAgain(now)
	r.arm()
}

// failedTry decides what follows a failed try; effects are what it still had to propose.
func (r *run) failedTry(effects []command.Effect, f *failure, now time.Time) {
	inv := r.p.invoker
	inv.slots.release(r)
	asked, pause := f.delay, faultRetry
	if f.fault {
		asked = &pause
	}
	delay, again := r.retries.next(r.policy, asked, rand.Float64())
	again = again && f.behavior == service.BehaviorRetry
	var next protocol.Millis
	r.phase, r.retryAt = phaseEnding, time.Time{}
	if again {
		r.phase, r.retryAt = phaseBackoff, now.Add(delay)
		next = protocol.MillisOf(r.retryAt)
	}
	ae := f.attemptError(r.retries.count, next)
	r.status.LastFailure = &ae
	if ev := inv.events.AttemptFailed; ev != nil {
		ev(AttemptFailed{r.p.id, r.id, r.target, r.attempt, f, f.doc, r.retries.count, r.retryAt})
	}
	if !f.fault && !sameError(r.proposed, &ae) {
		r.proposed = &ae
		effects = append(effects, command.Effect{Kind: command.EffectTransientError, Error: ae})
	}
	switch {
	case again:
	case f.behavior == service.BehaviorFail || f.behavior != service.BehaviorPause && r.policy.kill:
		effects = append(effects, command.Effect{Kind: command.EffectFailed, Error: ae})
	default:
		effects = append(effects, command.Effect{Kind: command.EffectPaused, Error: ae})
	}
	if len(effects) > 0 {
		r.propose(effects, !again)
	}
}

// tryAgain queues the run for another try if the time has come.
func (r *run) tryAgain(now time.Time) {
	if r.phase == phaseBackoff && r.proposals.none() && !now.Before(r.retryAt) {
		r.phase, r.retryAt = phaseWaiting, time.Time{}
		if r.p.invoker.slots.acquire(r) {
			go r.begin()
		}
	}
}

func (r *run) notify(index uint32, e journal.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.phase {
	case phaseOpening:
		r.early = append(r.early, note{index, e})
	case phaseRunning:
		now := time.Now()
		r.try.core.notify(index, &e, now)
		r.settle(now)
	}
}

func (r *run) ack(commandIndex uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase == phaseRunning {
		now := time.Now()
		r.try.core.ack(commandIndex, now)
		r.settle(now)
	}
}

func (r *run) retryNow() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase == phaseBackoff {
		now := time.Now()
		r.retryAt = now
		r.tryAgain(now)
	}
}

// stop ends the run from outside; nothing is proposed afterwards.
func (r *run) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.goneLocked()
}

func (r *run) goneLocked() {
	if r.phase == phaseGone {
		return
	}
	r.phase = phaseGone
	if r.try != nil {
		r.try.traceEnd("it was stopped")
		r.try.stream.Abort()
		r.try = nil
	}
	if r.timer != nil {
		r.timer.Stop()
	}
	r.fresh, r.early, r.proposals.queue = nil, nil, nil
	r.p.invoker.slots.release(r)
	r.p.forget(r)
}

// arm sets the timer for whatever is due first.
func (r *run) arm() {
	at := r.proposals.pushAt
	earlier := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	switch r.phase {
	case phaseRunning:
		earlier(r.try.core.next())
	case phaseBackoff:
		if r.proposals.none() {
			earlier(r.retryAt)
		}
	case phaseWaiting, phaseOpening, phaseEnding:
	case phaseGone:
		return
	}
	// A timer that fires early does no harm: it sets itself again. So moving it to a later time,
	// which every step of a handler would do, is not worth its cost.
	if at.IsZero() || !r.armed.IsZero() && !at.Before(r.armed) {
		return
	}
	r.armed = at
	if r.timer == nil {
		r.timer = time.AfterFunc(time.Until(at), r.onTimer)
		return
	}
	r.timer.Reset(time.Until(at))
}

func (r *run) onTimer() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase == phaseGone {
		return
	}
	now := time.Now()
	r.armed = time.Time{}
	r.offer(now)
	if r.phase == phaseRunning {
		r.try.core.tick(now)
		r.settle(now)
	}
	r.tryAgain(now)
	r.arm()
}
