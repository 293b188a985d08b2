package network

import (
	"container/heap"
	"math/rand/v2"
	"sync"
	"time"
)

// Link says how frames fare from one host to another. The zero Link passes them at once.
type Link struct {
	Delay  time.Duration
	Jitter time.Duration // at most this much is added to Delay

	// Chances of a frame, from 0 to 1: to be lost, to arrive twice, to overtake those before it.
	Loss, Duplicate, Reorder float64

	Cut bool // nothing passes
}

// frame is on its way to a host.
type frame struct {
	at    time.Time
	order uint64 // of frames that are due together
	data  []byte
}

// links decides when frames arrive. It has no clock and touches no device.
type links struct {
	mu    sync.Mutex
	rng   *rand.Rand        // guarded by mu
	pairs [][]Link          // from, to; guarded by mu
	last  [][]time.Time     // when the latest frame of a pair arrives; guarded by mu
	order uint64            // guarded by mu
	count map[string]uint64 // guarded by mu; frames by what became of them
}

func newLinks(hosts int, seed uint64) *links {
	l := &links{rng: rand.New(rand.NewPCG(seed, 0x5717c4)), count: map[string]uint64{}}
	for range hosts {
		l.pairs = append(l.pairs, make([]Link, hosts))
		l.last = append(l.last, make([]time.Time, hosts))
	}
	return l
}

func (l *links) set(from, to int, link Link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pairs[from][to] = link
}

func (l *links) get(from, to int) Link {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pairs[from][to]
}

// route says when a frame that is sent now arrives: never, once or twice.
func (l *links) route(now time.Time, from, to int, data []byte) (out []frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	link := l.pairs[from][to]
	switch {
	case link.Cut:
		l.count["cut"]++
		return nil
	case link.Loss > 0 && l.rng.Float64() < link.Loss:
		l.count["lost"]++
		return nil
	}
	at := now.Add(link.Delay)
	if link.Jitter > 0 {
		at = at.Add(time.Duration(l.rng.Int64N(int64(link.Jitter))))
	}
	if link.Reorder > 0 && l.rng.Float64() < link.Reorder {
		l.count["overtook"]++
		at = now
	} else {
		// Jitter alone changes the distance of frames, not their order.
		if at.Before(l.last[from][to]) {
			at = l.last[from][to]
		}
		l.last[from][to] = at
	}
	times := 1
	if link.Duplicate > 0 && l.rng.Float64() < link.Duplicate {
		l.count["repeated"]++
		times = 2
	}
	for range times {
		l.count["passed"]++
		l.order++
		out = append(out, frame{at, l.order, data})
	}
	return out
}

// queue holds the frames on their way to one host, the next one first.
type queue []frame

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	if q[i].at.Equal(q[j].at) {
		return q[i].order < q[j].order
	}
	return q[i].at.Before(q[j].at)
}

func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *queue) Push(x any) { *q = append(*q, x.(frame)) }

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	old := *q
	last := old[len(old)-1]
	old[len(old)-1] = frame{}
	*q = old[:len(old)-1]
	return last
}

// due takes out the frames that arrive by now, and says how long the next one takes from then.
func (q *queue) due(now time.Time) (frames []frame, next time.Duration, more bool) {
	for len(*q) > 0 {
		if wait := (*q)[0].at.Sub(now); wait > 0 {
			return frames, wait, true
		}
		frames = append(frames, heap.Pop(q).(frame))
	}
	return frames, 0, false
}
