package exec

import (
	"context"
	"runtime"
	"time"
)

// How long queries compute, and rest.
const (
	// sliceTime is about how long a goroutine computes before it lets others have its turn.
	sliceTime = time.Millisecond
	// restFactor is how much longer than it has computed a goroutine rests while the server is busy,
	// and maxRest how long at most.
	restFactor = 15
	maxRest    = 50 * time.Millisecond
	// stepsBetweenLooks is after how many steps a loop looks at the clock.
	stepsBetweenLooks = 64
)

// Pace hands out turns to compute, to all queries of a node. There are so many at a time, and each is
// short. While the server is busy a turn is followed by a rest in which nobody has it, so that queries
// take a fraction of the processors however many they are.
type Pace struct {
	slots chan struct{}
	busy  func() bool
}

// NewPace makes a pace with so many turns at a time. busy reports whether the server has work that
// queries must not slow down; nil: it never has.
func NewPace(parallel int, busy func() bool) *Pace {
	if busy == nil {
		busy = func() bool { return false }
	}
	return &Pace{slots: make(chan struct{}, parallel), busy: busy}
}

// Taken is how many turns are taken now, or rest.
func (p *Pace) Taken() int { return len(p.slots) }

// Turn is the turn of one goroutine. It begins without having it.
type Turn struct {
	pace  *Pace
	ctx   context.Context
	idle  func() // done whenever the turn has been given back; nil: nothing
	held  bool
	began time.Time
	steps int
}

// Turn makes a turn for a goroutine. What waits for it ends with ctx.
func (p *Pace) Turn(ctx context.Context) *Turn { return &Turn{pace: p, ctx: ctx} }

// Take waits for the turn; the error is why the wait ended without it.
func (t *Turn) Take() error {
	if t.held {
		return nil
	}
	if t.ctx.Err() != nil {
		return context.Cause(t.ctx)
	}
	select {
	case t.pace.slots <- struct{}{}:
		t.held, t.began = true, time.Now()
		return nil
	case <-t.ctx.Done():
		return context.Cause(t.ctx)
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
	if p := t.pace; p.busy() {
		time.AfterFunc(min(time.Since(t.began)*restFactor, maxRest), p.free)
	} else {
		p.free()
	}
	if t.idle != nil {
		t.idle()
	}
	return true
}

func (p *Pace) free() { <-p.slots }

// step is called in loops over what is in memory. Now and then it lets others have the turn, and it
// fails when the query has to end.
func (t *Turn) step() {
	if t.steps++; t.steps%stepsBetweenLooks != 0 {
		return
	}
	if t.held && time.Since(t.began) < sliceTime {
		return
	}
	held := t.Give()
	if held {
		runtime.Gosched()
	}
	if err := t.resume(held); err != nil {
		panic(failure{err})
	}
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
