package exec

import (
	"cmp"
	"context"
	"math/bits"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/perdure/perdure/admin/query/table"
)

// How long queries compute, and rest.
const (
	// sliceTime is about how long a goroutine computes before it lets others have its turn, and
	// busySlice how long while the server is busy: what it is busy with waits that long at most.
	sliceTime = time.Millisecond
	busySlice = 250 * time.Microsecond
	// restFactor is how much longer than it has computed a goroutine rests while the server is busy,
	// and maxRest how long at most.
	restFactor = 15
	maxRest    = 50 * time.Millisecond
	// firstLevel is how long a query computes before others come first; each level is twice as long.
	firstLevel = 2 * time.Millisecond
	// oldestEvery is which of the turns go to the oldest query.
	oldestEvery = 8
	// stepsBetweenLooks is after how many steps a loop looks at the clock.
	stepsBetweenLooks = 16
)

// Pace hands out turns to compute, to all queries of a node. There are so many at a time, and each is
// short. While the server is busy a turn is followed by a rest in which nobody has it, so that queries
// take a fraction of the processors however many they are.
//
// Turns go to the queries that have computed little, so that a look-up does not wait for large ones; of
// those that have computed about as much, to the oldest one. So queries of one size are answered one
// after the other, where they would all be late if they shared, and the others hold little memory
// meanwhile. Some turns go to the oldest query whatever it has computed, so that each comes to an end.
type Pace struct {
	parallel int // turns at a time
	busy     func() bool

	mu      sync.Mutex
	taken   int      // turns, or at rest; guarded by mu, like those below
	waiting []*share // queries with goroutines that wait for a turn
	began   uint64   // queries so far
	granted uint64   // turns that had been waited for
}

// share is what one query has of a pace.
type share struct {
	pace  *Pace
	began uint64        // how many there were before
	used  time.Duration // guarded by pace.mu, like waiters
	// waiters are told by a value that they have a turn, the first one first.
	waiters []chan struct{}
}

// level is how much has been computed, roughly.
func (s *share) level() int { return bits.Len64(uint64(s.used / firstLevel)) }

// NewPace makes a pace with so many turns at a time. busy reports whether the server has work that
// queries must not slow down; nil: it never has.
func NewPace(parallel int, busy func() bool) *Pace {
	if busy == nil {
		busy = func() bool { return false }
	}
	return &Pace{parallel: parallel, busy: busy}
}

// Taken is how many turns are taken now, or rest.
func (p *Pace) Taken() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}

// Turn makes the first turn of a query. What waits for it ends with ctx.
func (p *Pace) Turn(ctx context.Context) *Turn {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.began++
	return newTurn(ctx, &share{pace: p, began: p.began})
}

// next gives a turn that has become free to one who waits for it.
func (p *Pace) next() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 {
		p.taken--
		return
	}
	p.granted++
	best := slices.MinFunc(p.waiting, func(a, b *share) int {
		if p.granted%oldestEvery != 0 {
			if c := cmp.Compare(a.level(), b.level()); c != 0 {
				return c
			}
		}
		return cmp.Compare(a.began, b.began)
	})
	ready := best.waiters[0]
	p.leave(best, ready)
	ready <- struct{}{} // it has room for one
}

// leave takes one who waits off the list, and reports whether it was on it. p.mu must be held.
func (p *Pace) leave(s *share, ready chan struct{}) bool {
	at := slices.Index(s.waiters, ready)
	if at < 0 {
		return false
	}
	if s.waiters = slices.Delete(s.waiters, at, at+1); len(s.waiters) == 0 {
		at = slices.Index(p.waiting, s)
		p.waiting = slices.Delete(p.waiting, at, at+1)
	}
	return true
}

// Turn is the turn of one goroutine. It begins without having it.
type Turn struct {
	share  *share
	ctx    context.Context
	idle   func() // done whenever the turn has been given back; nil: nothing
	ready  chan struct{}
	held   bool
	within bool // see Within
	began  time.Time
	length time.Duration // after which others should have it
	steps  int
}

func newTurn(ctx context.Context, s *share) *Turn {
	return &Turn{share: s, ctx: ctx, ready: make(chan struct{}, 1)}
}

// Beside makes a turn for another goroutine of the same query.
func (t *Turn) Beside(ctx context.Context) *Turn { return newTurn(ctx, t.share) }

// Within makes a turn for what is computed inside an expression, by a goroutine that has its turn
// already. It is never held: instead of giving it back it rests where it is.
func (t *Turn) Within(ctx context.Context) *Turn {
	inner := &Turn{share: t.share, ctx: ctx, within: true}
	inner.start()
	return inner
}

// Take waits for the turn; the error is why the wait ended without it.
func (t *Turn) Take() error {
	if t.held {
		return nil
	}
	if t.ctx.Err() != nil {
		return context.Cause(t.ctx)
	}
	if t.within {
		if time.Since(t.began) < t.length {
			return nil
		}
		return t.pause()
	}
	p := t.share.pace
	p.mu.Lock()
	if p.taken < p.parallel {
		p.taken++
		p.mu.Unlock()
		t.held = true
		t.start()
		return nil
	}
	if t.share.waiters = append(t.share.waiters, t.ready); len(t.share.waiters) == 1 {
		p.waiting = append(p.waiting, t.share)
	}
	p.mu.Unlock()
	select {
	case <-t.ready:
		t.held = true
		t.start()
		return nil
	case <-t.ctx.Done():
	}
	p.mu.Lock()
	waits := p.leave(t.share, t.ready)
	p.mu.Unlock()
	if !waits { // it has been given the turn meanwhile
		<-t.ready
		p.next()
	}
	return context.Cause(t.ctx)
}

func (t *Turn) start() {
	t.began, t.length = time.Now(), sliceTime
	if t.share.pace.busy() {
		t.length = busySlice
	}
}

// Give gives the turn back. If the server is busy nobody gets it before a rest has passed; the goroutine
// that had it goes on, so that a query whose answer is there does not wait. It reports whether the turn
// was held.
func (t *Turn) Give() bool {
	if !t.held {
		return false
	}
	t.held = false
	p, took := t.share.pace, time.Since(t.began)
	p.mu.Lock()
	t.share.used += took
	p.mu.Unlock()
	if p.busy() {
		time.AfterFunc(rest(took), p.next)
	} else {
		p.next()
	}
	if t.idle != nil {
		t.idle()
	}
	return true
}

// rest is how long is to be rested after so much computing.
func rest(took time.Duration) time.Duration { return min(took*restFactor, maxRest) }

// Fit has the next batch take as many rows as there is time for in a turn, judged by the last one, for
// which the turn is still held.
func (t *Turn) Fit(b *table.Batch) {
	switch took := time.Since(t.began); {
	case took < t.length/2:
		b.Grow()
	case took > t.length:
		b.Shrink()
	}
}

// step is called in loops over what is in memory. Now and then it lets others have the turn, and it
// fails when the query has to end.
func (t *Turn) step() {
	if t.steps++; t.steps%stepsBetweenLooks != 0 {
		return
	}
	if (t.held || t.within) && time.Since(t.began) < t.length {
		return
	}
	if err := t.yield(); err != nil {
		panic(failure{err})
	}
}

// yield lets others have the turn before it goes on.
func (t *Turn) yield() error {
	if t.within {
		return t.pause()
	}
	held := t.Give()
	if held {
		runtime.Gosched()
	}
	return t.resume(held)
}

// pause rests without giving the turn back, which is that of what is around the expression.
func (t *Turn) pause() error {
	if took := time.Since(t.began); t.share.pace.busy() {
		select {
		case <-time.After(rest(took)):
		case <-t.ctx.Done():
		}
	}
	t.start()
	if t.ctx.Err() != nil {
		return context.Cause(t.ctx)
	}
	return nil
}

// inOrder does something with the turn, one goroutine after the other. The turn comes after the lock: who
// has the lock may have to wait for a turn, so that nobody may wait for the lock with one.
func (t *Turn) inOrder(mu *sync.Mutex, do func()) error {
	mu.Lock()
	defer mu.Unlock()
	if err := t.Take(); err != nil {
		return err
	}
	defer t.Give()
	do()
	return nil
}

// resume takes the turn again if it was held before.
func (t *Turn) resume(held bool) error {
	if !held {
		if t.ctx.Err() != nil {
			return context.Cause(t.ctx)
		}
		return nil
	}
	return t.Take()
}
