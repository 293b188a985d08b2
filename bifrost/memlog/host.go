package memlog

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/protocol"
)

// stepEntries is how many entries a Host hands to one Apply call at most.
const stepEntries = 64

// Host keeps logs in memory and applies at once. Its replicas lead from the start.
type Host struct {
	onLeader func(id bifrost.LogID, isLeader bool, term uint64)

	mu      sync.Mutex
	logs    map[bifrost.LogID]*Log // with their records, also while stopped
	running map[bifrost.LogID]*runner
	limit   int64
	closed  bool
}

var _ bifrost.Host = (*Host)(nil)

// NewHost returns a Host without logs.
func NewHost() *Host {
	return &Host{logs: map[bifrost.LogID]*Log{}, running: map[bifrost.LogID]*runner{},
		limit: DefaultMaxBytesInFlight}
}

// OnLeader sets what is called when a log started here gains its leader. Set it before Start.
func (h *Host) OnLeader(f func(id bifrost.LogID, isLeader bool, term uint64)) { h.onLeader = f }

// SetMaxBytesInFlight sets the limit of logs started later.
func (h *Host) SetMaxBytesInFlight(n int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.limit = n
}

// runner is a replica with the goroutine that applies for it.
type runner struct {
	*Replica
	syncMu sync.Mutex // Apply and Sync take turns
	stop   chan struct{}
	ended  chan struct{}
}

// Trim implements bifrost.Log beside a running apply goroutine.
func (r *runner) Trim(ctx context.Context, through protocol.LSN) error {
	r.syncMu.Lock()
	defer r.syncMu.Unlock()
	return r.Replica.Trim(ctx, through)
}

func (r *runner) run() {
	defer close(r.ended)
	for {
		r.syncMu.Lock()
		n, err := r.Step(stepEntries)
		r.syncMu.Unlock()
		if err != nil {
			<-r.stop
			return
		}
		if n > 0 {
			select {
			case <-r.stop:
				return
			default:
				continue
			}
		}
		select {
		case <-r.stop:
			return
		case <-r.wake:
		}
	}
}

// Start implements bifrost.Host. A log that was stopped here goes on with the records it had.
func (h *Host) Start(ctx context.Context, id bifrost.LogID, a bifrost.Applier) (
	bifrost.Log, error) {
	r, g, err := h.start(ctx, id, a)
	if err != nil {
		return nil, err
	}
	if h.onLeader != nil {
		g.OnLeader(func(_ *Replica, isLeader bool, term uint64) { h.onLeader(id, isLeader, term) })
	}
	g.Lead(r.Replica)
	go r.run()
	return r, nil
}

func (h *Host) start(ctx context.Context, id bifrost.LogID, a bifrost.Applier) (
	*runner, *Log, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, nil, fmt.Errorf("start log %s: %w", id, bifrost.ErrClosed)
	}
	if h.running[id] != nil {
		return nil, nil, fmt.Errorf("start log %s: it runs already: stop it first", id)
	}
	g := h.logs[id]
	if g == nil {
		g = New(id)
		h.logs[id] = g
	}
	replica, err := g.Open(ctx, a)
	if err != nil {
		return nil, nil, err
	}
	replica.SetMaxBytesInFlight(h.limit)
	r := &runner{Replica: replica, stop: make(chan struct{}), ended: make(chan struct{})}
	h.running[id] = r
	return r, g, nil
}

// Stop implements bifrost.Host.
func (h *Host) Stop(id bifrost.LogID) error {
	h.mu.Lock()
	r := h.running[id]
	delete(h.running, id)
	h.mu.Unlock()
	if r == nil {
		return nil
	}
	close(r.stop)
	<-r.ended
	return r.Close()
}

// Close implements bifrost.Host. The records stay: Reopen gives them to a new Host.
func (h *Host) Close() error {
	h.mu.Lock()
	h.closed = true
	var ids []bifrost.LogID
	for id := range h.running {
		ids = append(ids, id)
	}
	h.mu.Unlock()
	var errs []error
	for _, id := range ids {
		errs = append(errs, h.Stop(id))
	}
	return errors.Join(errs...)
}

// Reopen returns a Host with the logs of a closed one, as a restart of the process would.
func (h *Host) Reopen() *Host {
	h.mu.Lock()
	defer h.mu.Unlock()
	again := NewHost()
	for id, g := range h.logs {
		again.logs[id] = g
	}
	again.limit = h.limit
	return again
}
