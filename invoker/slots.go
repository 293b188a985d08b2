package invoker

import (
	"sync"
	"time"
)

// slotState says where a run stands with the slots.
type slotState uint8

const (
	slotNone slotState = iota
	slotWaiting
	slotHeld
)

// slots bounds how many tries run at once on the node and how much memory they take. Waiting runs
// get a slot in the order they came within a partition, and partitions take turns.
type slots struct {
	capacity int
	memory   int
	initial  int // memory of a try before its journal is known
	changed  func(SlotsChanged)

	mu      sync.Mutex
	bucket  bucket                    // guarded by mu
	timer   *time.Timer               // guarded by mu; set while a token is waited for
	running int                       // guarded by mu
	waiting int                       // guarded by mu
	used    int                       // guarded by mu; bytes
	queues  map[*Partition]*slotQueue // guarded by mu; none is empty
	turns   []*slotQueue              // guarded by mu; the first is served next
}

// slotQueue is the waiting runs of one partition; runs that gave up stay in it until their turn.
type slotQueue struct {
	partition *Partition
	runs      []*run
	head      int
}

func newSlots(cfg *Config, changed func(SlotsChanged)) *slots {
	return &slots{
		capacity: cfg.ConcurrencyLimit, memory: cfg.MemoryLimitBytes,
		initial: cfg.InitialMemoryBytes, changed: changed,
		bucket: newBucket(cfg.StartRate, cfg.StartBurst, time.Now()),
		queues: make(map[*Partition]*slotQueue),
	}
}

// acquire gives r a slot. If it is granted now, the caller calls r.begin; otherwise r.begin runs on
// a goroutine of its own later.
func (s *slots) acquire(r *run) (granted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queues[r.p]
	if q == nil {
		q = &slotQueue{partition: r.p}
		s.queues[r.p] = q
		s.turns = append(s.turns, q)
	}
	q.push(r)
	r.slot = slotWaiting
	s.waiting++
	return s.grantLocked(r)
}

// charge adds to the memory that r's try takes, and reports whether all tries stay in their limit.
func (s *slots) charge(r *run, bytes int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.slot == slotHeld {
		r.charged += bytes
		s.used += bytes
	}
	return s.used <= s.memory
}

// release gives back r's slot and memory, or its place in the queue.
func (s *slots) release(r *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.slot {
	case slotNone:
		return
	case slotWaiting:
		s.waiting--
	case slotHeld:
		s.running--
		s.used -= r.charged
	}
	r.slot, r.charged = slotNone, 0
	s.grantLocked(nil)
}

// grantLocked gives slots to those whose turn it is, and reports whether own was among them: that
// one it leaves to the caller to begin.
func (s *slots) grantLocked(own *run) (granted bool) {
	for s.timer == nil && len(s.turns) > 0 && s.running < s.capacity &&
		(s.running == 0 || s.used+s.initial <= s.memory) {
		q := s.turns[0]
		s.turns = s.turns[1:]
		r := q.pop()
		if q.head == len(q.runs) {
			delete(s.queues, q.partition)
		} else {
			s.turns = append(s.turns, q)
		}
		if r == nil {
			continue
		}
		if wait := s.bucket.take(time.Now()); wait > 0 {
			s.putBackLocked(q, r, wait)
			break
		}
		s.waiting--
		s.running++
		s.used += s.initial
		r.slot, r.charged = slotHeld, s.initial
		if r == own {
			granted = true
			continue
		}
		go r.begin()
	}
	if s.changed != nil {
		s.changed(SlotsChanged{Running: s.running, Waiting: s.waiting})
	}
	return granted
}

// putBackLocked leaves r, just taken from q, the next to be served once there is a token.
func (s *slots) putBackLocked(q *slotQueue, r *run, wait time.Duration) {
	q.head--
	q.runs[q.head] = r
	if s.queues[q.partition] == q {
		s.turns = s.turns[:len(s.turns)-1]
	}
	s.queues[q.partition] = q
	s.turns = append([]*slotQueue{q}, s.turns...)
	s.timer = time.AfterFunc(wait, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.timer = nil
		s.grantLocked(nil)
	})
}

// bucket is a token bucket; the zero value does not limit.
type bucket struct {
	rate   float64 // tokens per second
	burst  float64
	tokens float64
	at     time.Time
}

func newBucket(rate float64, burst int, now time.Time) bucket {
	return bucket{rate: rate, burst: max(float64(burst), 1), tokens: max(float64(burst), 1), at: now}
}

// take takes a token, or says how long it will be until there is one.
func (b *bucket) take(now time.Time) (wait time.Duration) {
	if b.rate <= 0 {
		return 0
	}
	b.tokens = min(b.burst, b.tokens+b.rate*now.Sub(b.at).Seconds())
	b.at = now
	if b.tokens >= 1 {
		b.tokens--
		return 0
	}
	return max(time.Duration((1-b.tokens)/b.rate*float64(time.Second)), time.Microsecond)
}

// push appends r, dropping places that were served when they are most of the queue.
func (q *slotQueue) push(r *run) {
	if q.head > len(q.runs)/2 {
		n := copy(q.runs, q.runs[q.head:])
		clear(q.runs[n:])
		q.runs, q.head = q.runs[:n], 0
	}
	q.runs = append(q.runs, r)
}

// pop takes the first run that still waits, or nil.
func (q *slotQueue) pop() *run {
	for q.head < len(q.runs) {
		r := q.runs[q.head]
		q.runs[q.head] = nil
		q.head++
		if r.slot == slotWaiting {
			return r
		}
	}
	return nil
}
