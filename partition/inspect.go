package partition

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/perdure/perdure/partition/explain"
	"github.com/perdure/perdure/partition/leader"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

const (
	// checkInterval is how often a partition's checker goes on, by checkSteps steps at most.
	checkInterval = time.Second
	checkSteps    = 10
	// After checkSlice of work the inspector rests checkRest times as long: what the node is there for
	// must not notice it.
	checkSlice = time.Millisecond
	checkRest  = 9
)

// inspector looks for stalls in the partitions that this node leads.
type inspector struct {
	host *Host

	mu      sync.Mutex
	checked map[protocol.PartitionID]*checked // guarded by mu
}

// checked is the state of one partition's check during one leadership.
type checked struct {
	epoch    protocol.Epoch
	checker  *explain.Checker
	findings []explain.Finding
	told     map[protocol.InvocationID]bool // findings that were reported
}

// run goes on in every partition each second until the host stops.
func (i *inspector) run() {
	ticker := time.NewTicker(checkInterval)
	defer ticker.Stop()
	for {
		select {
		case <-i.host.stop:
			return
		case now := <-ticker.C:
			if !i.tick(now) {
				return
			}
		}
	}
}

// tick takes some steps in every partition; false: the host stops.
func (i *inspector) tick(now time.Time) bool {
	var worked time.Duration
	for _, r := range i.host.replicas {
		more := true
		for n := 0; more && n < checkSteps; n++ {
			began := time.Now()
			more = i.step(r, now)
			if worked += time.Since(began); worked < checkSlice {
				continue
			}
			select {
			case <-i.host.stop:
				return false
			case <-time.After(worked * checkRest):
				worked = 0
			}
		}
	}
	return true
}

// step takes one step in a partition, and reports whether there is more to do.
func (i *inspector) step(r *replica, now time.Time) (more bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	epoch, leads := i.host.leads(r)
	if !leads {
		delete(i.checked, r.id)
		return false
	}
	c := i.checked[r.id]
	if c == nil || c.epoch != epoch {
		c = &checked{epoch: epoch, checker: explain.NewChecker()}
		i.checked[r.id] = c
	}
	w, err := i.host.world(r)
	if err == nil {
		w.Quick = true
		_, err = c.checker.Step(w, now)
	}
	if err != nil {
		if !errors.Is(err, leader.ErrNotLeader) {
			i.host.failed(r.id, fmt.Errorf("look for stalls: %w", err))
		}
		return false
	}
	i.tell(r.id, c)
	return !c.checker.Rests(now)
}

// tell reports findings that are new.
func (i *inspector) tell(p protocol.PartitionID, c *checked) {
	c.findings = c.checker.Findings()
	told := make(map[protocol.InvocationID]bool, len(c.findings))
	for _, f := range c.findings {
		if told[f.ID] = true; !c.told[f.ID] && i.host.cfg.Events.Stalled != nil {
			i.host.cfg.Events.Stalled(p, f)
		}
	}
	c.told = told
}

// Stalls are the invocations of the partitions led here for which nothing was found, for a while,
// that could let them go on.
func (h *Host) Stalls() []explain.Finding {
	h.inspector.mu.Lock()
	defer h.inspector.mu.Unlock()
	var all []explain.Finding
	for _, c := range h.inspector.checked {
		all = append(all, c.findings...)
	}
	return all
}

// Explain says what an invocation waits for and who will produce it; ok is false if there is no such
// invocation. The error is leader.ErrNotLeader as long as the partition has no leader here.
func (h *Host) Explain(ctx context.Context, id protocol.InvocationID) (
	x explain.Explanation, ok bool, err error,
) {
	p := h.PartitionOf(id.Key)
	if d, ok := h.elsewhere(p); ok {
		return d.explain(ctx, id)
	}
	w, err := h.world(h.replicas[p])
	if err != nil {
		return x, false, err
	}
	return explain.Explain(w, id)
}

// elsewhere is the way to the leader of p if that is on another node.
func (h *Host) elsewhere(p protocol.PartitionID) (distant, bool) {
	if _, leads := h.leads(h.replicas[p]); leads || h.cfg.Remote == nil {
		return distant{}, false
	}
	return h.cfg.Remote.leader(p)
}

// LeadAnew makes the leader of a key's partition forget what it has in memory and derive it from the
// rows again. Attempts that run are run anew.
func (h *Host) LeadAnew(key protocol.PartitionKey) error {
	p := h.PartitionOf(key)
	if d, ok := h.elsewhere(p); ok {
		return d.leadAnew(key)
	}
	l, err := h.Leader(p)
	if err == nil {
		err = l.LeadAnew()
	}
	return err
}

func (h *Host) leads(r *replica) (protocol.Epoch, bool) {
	l, err := h.Leader(r.id)
	if err != nil {
		return 0, false
	}
	return l.Leading()
}

// world is what explains the invocations of a partition led here.
func (h *Host) world(r *replica) (*explain.World, error) {
	l, err := h.Leader(r.id)
	if err != nil {
		return nil, err
	}
	m, ok := l.Memory()
	if !ok {
		return nil, leader.ErrNotLeader
	}
	return &explain.World{
		Rows: r.processor.Store().Reader(), Memory: m, Callee: h.callee,
		Now: protocol.MillisOf(h.cfg.Clock.Now()),
	}, nil
}

// callee asks the partition of an invocation whether it knows who waits for it.
func (h *Host) callee(id protocol.InvocationID, w command.Waiter) (explain.Callee, error) {
	p := h.PartitionOf(id.Key)
	if d, ok := h.elsewhere(p); ok {
		return d.callee(id, w)
	}
	world, err := h.world(h.replicas[p])
	if err != nil {
		return explain.Callee{}, err
	}
	return explain.LookAtCallee(world.Rows, world.Memory, id, w)
}

// View is one partition as its leader sees it.
type View struct {
	Keys protocol.KeyRange
	Rows *store.Snapshot // belongs to the caller, who closes it
	// Attempts are those that run; nil if they do not tell.
	Attempts leader.Inspector
}

// View looks at a partition as of now. One that is led on another node is looked at as far as the
// replica here has come, which is a few milliseconds ago, and without its attempts. The error is
// leader.ErrNotLeader if there is no replica here, or if it has no leader and nobody else has.
func (h *Host) View(p protocol.PartitionID) (*View, error) {
	l, err := h.Leader(p)
	if err != nil {
		return nil, err
	}
	r := h.replicas[p]
	v := &View{Keys: protocol.PartitionRange(p, len(h.replicas))}
	if _, leads := l.Leading(); leads {
		v.Attempts = l.Inspector()
	} else if _, ok := h.elsewhere(p); !ok {
		return nil, leader.ErrNotLeader
	}
	v.Rows = r.processor.Store().Snapshot()
	return v, nil
}
