package invoker

import (
	"context"
	"fmt"
	"sync"

	"github.com/perdure/perdure/invoker/endpoint"
	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// Snapshot is everything one try needs, read at one point of the log.
type Snapshot struct {
	ID      protocol.InvocationID
	Target  protocol.Target
	Attempt uint32
	// Deployment and ProtocolVersion are zero as long as the invocation is not pinned.
	Deployment      protocol.DeploymentID
	ProtocolVersion uint32
	Entries         []journal.Entry // in journal order; bodies inline
	// State of the key, for keyed targets; StatePartial if it is not all there.
	State           []command.StateEntry
	StatePartial    bool
	RandomSeed      uint64
	IdempotencyKey  *string
	Scope, LimitKey string
	Trace           protocol.TraceContext
	LastEntryAt     protocol.Millis
}

// Store reads an invocation.
type Store interface {
	// Load reads what a try of the invocation needs. If the state is larger than maxStateBytes, or
	// lazyState is set, it is left out and StatePartial set. ok is false if the invocation is not
	// being invoked, or under another attempt.
	Load(id protocol.InvocationID, attempt uint32, maxStateBytes int, lazyState bool) (
		s Snapshot, ok bool, err error)
	// LoadState reads the state of a keyed target's key; if it is larger than maxBytes it is left out
	// and partial is set.
	LoadState(target protocol.Target, maxBytes int) (
		state []command.StateEntry, partial bool, err error)
}

// Proposer hands effects to the log, in order. The invoker calls it with a lock held that the
// methods of Partition take: no lock that Propose takes may be held when those are called.
type Proposer interface {
	// Propose must not wait. An error means that the log pushed back: the effects were not taken
	// and will be offered again. Otherwise done is called once, never from within Propose: nil when
	// the effects were applied or dropped, an error when their fate is unknown, after which nothing
	// more is proposed for the invocation.
	Propose(e *command.InvokerEffect, trace protocol.TraceContext, done func(error)) error
}

// Client opens streams to deployments; it is an *endpoint.Client.
type Client interface {
	Open(ctx context.Context, r endpoint.Request, h endpoint.Handler) (endpoint.Stream, error)
}

// Invoker runs the invocations of all partitions that a node leads.
type Invoker struct {
	cfg     Config
	schemas schema.Source
	client  Client
	events  Events
	slots   *slots

	mu         sync.Mutex
	partitions map[*Partition]struct{} // guarded by mu
}

// New makes an Invoker. The client stays the caller's, who closes it after the Invoker.
func New(cfg Config, schemas schema.Source, client Client, events Events) (*Invoker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure the invoker: %w", err)
	}
	i := &Invoker{
		cfg: cfg.withDefaults(), schemas: schemas, client: client, events: events,
		partitions: make(map[*Partition]struct{}),
	}
	i.slots = newSlots(&i.cfg, events.SlotsChanged)
	return i, nil
}

// Close closes all partitions.
func (i *Invoker) Close() {
	for {
		i.mu.Lock()
		var p *Partition
		for p = range i.partitions {
			break
		}
		i.mu.Unlock()
		if p == nil {
			return
		}
		p.Close()
	}
}

// Partition runs the invocations of one partition during one leadership.
type Partition struct {
	invoker  *Invoker
	id       protocol.PartitionID
	epoch    protocol.Epoch
	store    Store
	proposer Proposer
	loads    sync.WaitGroup // one per goroutine that may read the store

	mu     sync.Mutex
	runs   map[protocol.InvocationID]*run // guarded by mu
	closed bool                           // guarded by mu
}

// Lead begins a leadership. It ends with Partition.Close.
func (i *Invoker) Lead(
	p protocol.PartitionID, epoch protocol.Epoch, store Store, proposer Proposer,
) *Partition {
	led := &Partition{
		invoker: i, id: p, epoch: epoch, store: store, proposer: proposer,
		runs: make(map[protocol.InvocationID]*run),
	}
	i.mu.Lock()
	i.partitions[led] = struct{}{}
	i.mu.Unlock()
	return led
}

// Start runs the invocation under an attempt number. It replaces a run with another number: starts
// come in the order of the log. It does nothing if there is a run with the same number: a leader that
// lost actions calls Abort first, so that the journal is loaded again.
func (p *Partition) Start(id protocol.InvocationID, target protocol.Target, attempt uint32) {
	p.start(&run{p: p, id: id, target: target, attempt: attempt})
}

// StartFresh is Start for an invocation that is new: s is what Load would give, but for the state.
func (p *Partition) StartFresh(s Snapshot) {
	p.start(&run{p: p, id: s.ID, target: s.Target, attempt: s.Attempt, fresh: &s})
}

func (p *Partition) start(r *run) {
	immediate := r.immediate() // asked before anybody else knows r
	p.mu.Lock()
	old := p.runs[r.id]
	if p.closed || old != nil && old.attempt == r.attempt {
		p.mu.Unlock()
		return
	}
	p.runs[r.id] = r
	p.mu.Unlock()
	if old != nil {
		old.stop()
	}
	switch granted := p.invoker.slots.acquire(r); {
	case granted && immediate:
		r.begin()
	case granted:
		go r.begin()
	default:
		r.forgetFresh() // it may wait for long
	}
}

// Abort stops the run of the invocation, if there is one.
func (p *Partition) Abort(id protocol.InvocationID) {
	if r := p.find(id); r != nil {
		r.stop()
	}
}

// RetryNow ends the pause before the next try, if the invocation is in one.
func (p *Partition) RetryNow(id protocol.InvocationID) {
	if r := p.find(id); r != nil {
		r.retryNow()
	}
}

// Notify passes on a notification that was appended to the journal at index.
func (p *Partition) Notify(id protocol.InvocationID, attempt, index uint32, e journal.Entry) {
	if r := p.find(id); r != nil && r.attempt == attempt {
		r.notify(index, e)
	}
}

// Ack tells the handler that a command is stored.
func (p *Partition) Ack(id protocol.InvocationID, attempt, commandIndex uint32) {
	if r := p.find(id); r != nil && r.attempt == attempt {
		r.ack(commandIndex)
	}
}

// Close ends the leadership: all runs stop. It returns when nothing will be proposed or read any
// more; it waits for reads under way, not for deployments.
func (p *Partition) Close() {
	p.mu.Lock()
	p.closed = true
	runs := make([]*run, 0, len(p.runs))
	for _, r := range p.runs {
		runs = append(runs, r)
	}
	p.mu.Unlock()
	for _, r := range runs {
		r.stop()
	}
	p.loads.Wait()
	p.invoker.mu.Lock()
	delete(p.invoker.partitions, p)
	p.invoker.mu.Unlock()
}

func (p *Partition) find(id protocol.InvocationID) *run {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.runs[id]
}

// forget removes r, unless another run took its place.
func (p *Partition) forget(r *run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.runs[r.id] == r {
		delete(p.runs, r.id)
	}
}

// loading reports whether the store may still be read, and if so keeps Close waiting until
// p.loads.Done.
func (p *Partition) loading() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.loads.Add(1)
	return true
}
