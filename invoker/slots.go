package invoker

import "sync"

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
		queues: make(map[*Partition]*slotQueue),
	}
}

// acquire gives r a slot, now or later; r.begin then runs on a goroutine of its own.
func (s *slots) acquire(r *run) {
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
	s.grantLocked()
}

// charge adds to the memory that r's try takes.
func (s *slots) charge(r *run, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.slot == slotHeld {
		r.charged += bytes
		s.used += bytes
	}
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
	s.grantLocked()
}

func (s *slots) grantLocked() {
	for len(s.turns) > 0 && s.running < s.capacity &&
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
		s.waiting--
		s.running++
		s.used += s.initial
		r.slot, r.charged = slotHeld, s.initial
		go r.begin()
	}
	if s.changed != nil {
		s.changed(SlotsChanged{Running: s.running, Waiting: s.waiting})
	}
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
