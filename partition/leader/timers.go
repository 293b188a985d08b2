package leader

import (
	"cmp"
	"slices"
	"time"

	"github.com/perdure/perdure/internal/clock"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

const (
	maxTimers    = 1 << 14 // timers kept in memory; later ones are read from the rows in time
	maxFiring    = 1 << 10 // TimerFired commands on their way at once
	timerRetry   = 10 * time.Millisecond
	noTimer      = protocol.Millis(1<<64 - 1)
	maxTimerWait = time.Hour // wall clocks jump; look again at least this often
)

// Timers knows which timers fall due next. It holds a window of the timer rows: all that are due
// before the horizon. It is a core: Step says what to do, the shell does it.
type Timers struct {
	limit   int                        // timers kept once the window is cut; it may grow to twice that
	window  []command.Timer            // a heap by due time, with timers that were removed since
	live    map[command.Timer]struct{} // timers in window that were not removed
	firing  map[command.Timer]struct{} // TimerFired is on its way
	horizon *command.Timer             // last row in the window when there are more; nil: no more rows
}

// NewTimers starts with an empty window of about limit timers; the rows must be loaded.
func NewTimers(limit int) *Timers {
	return &Timers{
		limit:  limit,
		live:   make(map[command.Timer]struct{}),
		firing: make(map[command.Timer]struct{}),
	}
}

// CompareTimers orders timers as their rows are ordered.
func CompareTimers(a, b command.Timer) int {
	if c := cmp.Compare(a.Due, b.Due); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Kind, b.Kind); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Invocation.Key, b.Invocation.Key); c != 0 {
		return c
	}
	if c := slices.Compare(a.Invocation.UUID[:], b.Invocation.UUID[:]); c != 0 {
		return c
	}
	return cmp.Compare(a.CompletionID, b.CompletionID)
}

// Add takes a timer whose row was written. Beyond the horizon it stays in the rows only.
func (t *Timers) Add(x command.Timer) {
	if t.horizon != nil && CompareTimers(x, *t.horizon) > 0 {
		return
	}
	if _, ok := t.live[x]; ok {
		return
	}
	if _, ok := t.firing[x]; ok {
		return
	}
	t.live[x] = struct{}{}
	t.push(x)
	if len(t.window) >= 2*t.limit {
		t.shrink()
	}
}

// shrink forgets removed timers and, if there are still too many, the latest ones.
func (t *Timers) shrink() {
	kept := make([]command.Timer, 0, len(t.live))
	for x := range t.live {
		kept = append(kept, x)
	}
	slices.SortFunc(kept, CompareTimers)
	if len(kept) > t.limit {
		for _, x := range kept[t.limit:] {
			delete(t.live, x)
		}
		kept = kept[:t.limit]
		last := kept[t.limit-1]
		t.horizon = &last
	}
	t.window = kept // sorted, hence a heap
}

// Remove forgets a timer whose row is gone.
func (t *Timers) Remove(x command.Timer) {
	delete(t.live, x)
	delete(t.firing, x)
}

// Loaded adds rows that were read after the horizon; more says that there are further ones.
func (t *Timers) Loaded(rows []command.Timer, more bool) {
	t.horizon = nil
	for _, x := range rows {
		t.Add(x)
	}
	if more && (t.horizon == nil || CompareTimers(rows[len(rows)-1], *t.horizon) < 0) {
		last := rows[len(rows)-1]
		t.horizon = &last
	}
}

// Horizon is the row after which to read on when Step asks for more rows; nil means from the first.
func (t *Timers) Horizon() *command.Timer { return t.horizon }

// Step returns the timers to fire now, when to look again (noTimer: when one is added), and
// whether the window has run empty while there are more rows.
func (t *Timers) Step(now protocol.Millis) (due []command.Timer, next protocol.Millis, reload bool) {
	for len(t.window) > 0 && len(t.firing) < maxFiring {
		x := t.window[0]
		if _, ok := t.live[x]; !ok {
			t.pop()
			continue
		}
		if x.Due > now {
			return due, x.Due, false
		}
		t.pop()
		delete(t.live, x)
		t.firing[x] = struct{}{}
		due = append(due, x)
	}
	if len(t.firing) >= maxFiring {
		return due, noTimer, false // Fired looks again
	}
	return due, noTimer, t.horizon != nil
}

// Fired says that the timer's command was applied.
func (t *Timers) Fired(x command.Timer) { delete(t.firing, x) }

// Retry puts a timer back whose command could not be appended.
func (t *Timers) Retry(x command.Timer) {
	if _, ok := t.firing[x]; ok {
		delete(t.firing, x)
		t.live[x] = struct{}{}
		t.push(x)
	}
}

func (t *Timers) push(x command.Timer) {
	t.window = append(t.window, x)
	for i := len(t.window) - 1; i > 0; {
		parent := (i - 1) / 2
		if CompareTimers(t.window[parent], t.window[i]) <= 0 {
			return
		}
		t.window[parent], t.window[i] = t.window[i], t.window[parent]
		i = parent
	}
}

func (t *Timers) pop() {
	n := len(t.window) - 1
	t.window[0] = t.window[n]
	t.window = t.window[:n]
	for i := 0; ; {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < n; c++ {
			if CompareTimers(t.window[c], t.window[least]) < 0 {
				least = c
			}
		}
		if least == i {
			return
		}
		t.window[i], t.window[least] = t.window[least], t.window[i]
		i = least
	}
}

// timerShell moves a Timers core by the clock. All methods are called with the leader's mu held.
type timerShell struct {
	leader *Leader
	term   *term
	core   *Timers
	wake   clock.Timer
	wakeAt protocol.Millis
	wakeID uint64 // of the pending wake-up; an older one that comes late is ignored
}

func newTimerShell(l *Leader, t *term) timerShell {
	return timerShell{leader: l, term: t, core: NewTimers(maxTimers), wakeAt: noTimer}
}

func (s *timerShell) start() { s.load(); s.step() }

func (s *timerShell) stop() {
	if s.wake != nil {
		s.wake.Stop()
	}
}

func (s *timerShell) add(x command.Timer) {
	s.core.Add(x)
	if x.Due < s.wakeAt {
		s.step()
	}
}

func (s *timerShell) remove(x command.Timer) { s.core.Remove(x) }

func (s *timerShell) load() {
	rows, err := s.leader.cfg.Rows.Timers(s.core.Horizon(), maxTimers)
	if err != nil {
		s.leader.fail(s.term, err)
		return
	}
	s.core.Loaded(rows, len(rows) == maxTimers)
}

func (s *timerShell) step() {
	now := protocol.MillisOf(s.leader.cfg.Clock.Now())
	for {
		due, next, reload := s.core.Step(now)
		for _, x := range due {
			s.fire(x)
		}
		if s.leader.term != s.term {
			return
		}
		if !reload {
			s.sleep(now, next)
			return
		}
		s.load()
	}
}

func (s *timerShell) sleep(now, next protocol.Millis) {
	if s.wake != nil {
		s.wake.Stop()
	}
	s.wakeAt = next
	if next == noTimer {
		return
	}
	wait := min(time.Duration(next-min(now, next))*time.Millisecond, maxTimerWait)
	s.schedule(wait)
}

func (s *timerShell) schedule(wait time.Duration) {
	l, t := s.leader, s.term
	s.wakeID++
	id := s.wakeID
	s.wake = l.cfg.Clock.AfterFunc(wait, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.term == t && t.timers.wakeID == id {
			t.timers.step()
		}
	})
}

func (s *timerShell) fire(x command.Timer) {
	l, t := s.leader, s.term
	err := t.proposer.Propose(x.Invocation.Key, &command.TimerFired{Timer: x}, protocol.TraceContext{},
		func(error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.term == t {
				t.timers.fired(x)
			}
		})
	if err != nil {
		s.core.Retry(x)
		l.cfg.Clock.AfterFunc(timerRetry, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.term == t {
				t.timers.step()
			}
		})
		return
	}
	if l.cfg.Events.TimerFired != nil {
		l.cfg.Events.TimerFired(l.cfg.Partition)
	}
}

func (s *timerShell) fired(x command.Timer) {
	full := len(s.core.firing) >= maxFiring
	s.core.Fired(x)
	if full {
		s.step()
	}
}
