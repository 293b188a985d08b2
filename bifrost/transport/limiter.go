package transport

import (
	"context"
	"sync"
	"time"
)

// limiter spreads bytes over time: whoever wants to send waits for its turn.
type limiter struct {
	perSecond int

	mu   sync.Mutex
	free time.Time // when the next byte may go; guarded by mu
}

func newLimiter(bytesPerSecond int) *limiter { return &limiter{perSecond: bytesPerSecond} }

// reserve says how long to wait before n bytes may go. A tenth of a second may go at once.
func (l *limiter) reserve(now time.Time, n int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.free.Before(now) {
		l.free = now
	}
	wait := l.free.Sub(now) - burst
	l.free = l.free.Add(time.Duration(float64(n) / float64(l.perSecond) * float64(time.Second)))
	return max(wait, 0)
}

const burst = 100 * time.Millisecond

// wait waits for the turn of n bytes.
func (l *limiter) wait(ctx context.Context, n int) error {
	d := l.reserve(time.Now(), n)
	if d == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
