package load

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// schedule hands out the moments at which requests are due. All clients draw from it.
type schedule struct {
	start time.Time
	phase Phase
	rate  float64

	taken  atomic.Uint64
	failed atomic.Uint64
	baton  sync.Mutex // open loop: held by the one client that waits for the next moment
}

// next returns when the caller's next request is due, having waited for that moment, and false
// when the phase is over. In an open loop the moments are fixed before the run: a client that
// comes late, because all were busy, gets a moment that lies in the past.
func (s *schedule) next(ctx context.Context) (time.Time, bool) {
	if s.rate == 0 {
		due := time.Now()
		return due, s.contains(s.taken.Add(1)-1, due)
	}
	s.baton.Lock()
	defer s.baton.Unlock()
	n := s.taken.Add(1) - 1
	due := s.start.Add(time.Duration(float64(n) / s.rate * float64(time.Second)))
	if !s.contains(n, due) {
		return time.Time{}, false
	}
	return due, waitUntil(ctx, due)
}

func (s *schedule) contains(n uint64, due time.Time) bool {
	return s.failed.Load() < maxErrors &&
		(s.phase.Requests == 0 || n < s.phase.Requests) &&
		(s.phase.Duration == 0 || n == 0 || due.Sub(s.start) < s.phase.Duration)
}

// timerGrain is how late a runtime timer may fire when nothing else runs. The rest of a wait is
// left to pause, which is exact to some 60 us.
const timerGrain = 1500 * time.Microsecond

// waitUntil returns at due and reports false when ctx ended first.
func waitUntil(ctx context.Context, due time.Time) bool {
	if wait := time.Until(due) - timerGrain; wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return false
		}
	}
	if wait := time.Until(due); wait > 0 {
		pause(wait)
	}
	return ctx.Err() == nil
}
