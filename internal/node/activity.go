package node

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// activityWindow is how long records are counted before it is judged by them whether a node is busy.
	activityWindow = 50 * time.Millisecond
	// busyRecords per second are more than a node applies of which nobody wants anything.
	busyRecords = 10
)

// activity tells whether invocations are being worked on: queries give way to them.
type activity struct {
	records atomic.Int64 // applied since the start

	mu    sync.Mutex
	since time.Time // guarded by mu, like those below; when the window began
	seen  int64     // records by then
	busy  bool      // in the window before
}

// busyAt reports whether the node is busy.
func (a *activity) busyAt(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	took := now.Sub(a.since)
	if took < activityWindow {
		return a.busy
	}
	records := a.records.Load()
	a.busy = float64(records-a.seen) >= busyRecords*took.Seconds()
	a.since, a.seen = now, records
	return a.busy
}
