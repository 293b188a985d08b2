// Package clock is the time that a server sees: the machine's, or one that a test moves by hand.
//
// Invariant: callbacks of one Fake run on the goroutine that advances it, in order of their time;
// equal times in order of registration. Clocks may be used by many goroutines.
package clock

import (
	"container/heap"
	"sync"
	"time"
)

// Clock tells the time and calls back later.
type Clock interface {
	Now() time.Time
	// AfterFunc calls f, on a goroutine of the clock's choice, once d has passed.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is a pending callback.
type Timer interface {
	// Stop prevents the callback; it reports whether it was still pending.
	Stop() bool
}

// Real is the machine's clock.
type Real struct{}

// Now implements Clock.
func (Real) Now() time.Time { return time.Now() }

// AfterFunc implements Clock.
func (Real) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

// Fake stands still until it is advanced.
type Fake struct {
	mu      sync.Mutex
	now     time.Time  // guarded by mu
	seq     uint64     // guarded by mu
	pending timerQueue // guarded by mu
}

// NewFake makes a clock that shows start.
func NewFake(start time.Time) *Fake { return &Fake{now: start} }

// Now implements Clock.
func (c *Fake) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc implements Clock.
func (c *Fake) AfterFunc(d time.Duration, f func()) Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	t := &fakeTimer{clock: c, due: c.now.Add(max(d, 0)), seq: c.seq, f: f}
	heap.Push(&c.pending, t)
	return t
}

// Next reports when the next callback is due; ok is false if there is none.
func (c *Fake) Next() (due time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending) == 0 {
		return time.Time{}, false
	}
	return c.pending[0].due, true
}

// Advance moves the clock by d and runs every callback that falls due on the way.
func (c *Fake) Advance(d time.Duration) {
	c.mu.Lock()
	end := c.now.Add(d)
	for len(c.pending) > 0 && !c.pending[0].due.After(end) {
		t := heap.Pop(&c.pending).(*fakeTimer)
		if t.due.After(c.now) {
			c.now = t.due
		}
		c.mu.Unlock()
		t.f()
		c.mu.Lock()
	}
	c.now = end
	c.mu.Unlock()
}

type fakeTimer struct {
	clock *Fake
	due   time.Time
	seq   uint64
	f     func()
	index int // position in the queue, -1 once it left; guarded by clock.mu
}

// Stop implements Timer.
func (t *fakeTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	if t.index < 0 {
		return false
	}
	heap.Remove(&t.clock.pending, t.index)
	return true
}

type timerQueue []*fakeTimer

func (q timerQueue) Len() int { return len(q) }
func (q timerQueue) Less(i, j int) bool {
	if !q[i].due.Equal(q[j].due) {
		return q[i].due.Before(q[j].due)
	}
	return q[i].seq < q[j].seq
}
func (q timerQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}
func (q *timerQueue) Push(x any) {
	t := x.(*fakeTimer)
	t.index = len(*q)
	*q = append(*q, t)
}
func (q *timerQueue) Pop() any {
	old := *q
	t := old[len(old)-1]
	t.index = -1
	*q = old[:len(old)-1]
	return t
}
