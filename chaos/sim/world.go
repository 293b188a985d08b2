package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/bifrost/memlog"
	"github.com/perdure/perdure/internal/clock"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
)

// Options says which world to make.
type Options struct {
	Seed uint64
	// Plant is a fault built into the world; "" is none.
	Plant Plant
	// Trace hears of every event; it may be nil.
	Trace func(line string)
}

// World is a server, its surroundings and whoever looks after them.
type World struct {
	opts  Options
	rng   *rand.Rand
	clock *clock.Fake
	check *checker

	shared     *store.Shared
	partitions []*partitionLog
	nodes      []*node // all replicas of all partitions

	scripts []*script
	asks    []*ask    // requests of clients and operators that are not answered
	packets []*packet // messages between partitions on their way
	runs    []*run    // attempts that the models of the invoker run

	resolving map[string]bool // awakeables that somebody outside was asked to resolve
	promised  map[string]bool // workflow keys whose promise somebody will keep
	calm      bool            // faults have stopped
	steps     int
	err       error
}

// partitionLog is one partition: a log and its replicas.
type partitionLog struct {
	id    protocol.PartitionID
	log   *memlog.Log
	nodes []*node
}

const faultySteps = 3000 // events until the faults stop

var epochStart = time.UnixMilli(1_700_000_000_000)

// New makes a world of a size that the seed says.
func New(o Options) *World {
	w := &World{
		opts: o, rng: rand.New(rand.NewPCG(o.Seed, 1)), clock: clock.NewFake(epochStart),
		shared:    store.NewShared(store.SharedConfig{BlockCacheBytes: 1 << 20, OpenFiles: 100}),
		resolving: map[string]bool{}, promised: map[string]bool{},
	}
	w.check = newChecker(w)
	partitions := 1
	if w.chance(0.5) {
		partitions = 2 + w.rng.IntN(3)
	}
	for p := range partitions {
		w.addPartition(protocol.PartitionID(p), partitions)
	}
	w.addClients()
	return w
}

func (w *World) addPartition(id protocol.PartitionID, count int) {
	p := &partitionLog{id: id, log: memlog.New(bifrost.PartitionLog(uint16(id)))}
	w.partitions = append(w.partitions, p)
	for range 1 + w.rng.IntN(3) {
		n := newNode(w, p, protocol.PartitionRange(id, count))
		p.nodes = append(p.nodes, n)
		w.nodes = append(w.nodes, n)
	}
	for _, n := range p.nodes {
		n.start()
	}
	w.elect(p, p.nodes[0], true)
}

// Run lets the world live and die; the error is what broke.
func (w *World) Run() error {
	defer w.close()
	for w.err == nil && w.steps < faultySteps {
		w.step()
	}
	if w.err == nil {
		w.settle()
	}
	return w.err
}

func (w *World) close() {
	for _, n := range w.nodes {
		n.stop()
	}
	w.shared.Close()
}

// fail records the first thing that broke.
func (w *World) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
		w.trace("BROKEN: %v", w.err)
	}
}

func (w *World) trace(format string, args ...any) {
	if w.opts.Trace != nil {
		now := w.clock.Now().Sub(epochStart).Milliseconds()
		w.opts.Trace(fmt.Sprintf("%5d %7dms ", w.steps, now) + fmt.Sprintf(format, args...))
	}
}

func (w *World) chance(p float64) bool { return w.rng.Float64() < p }

func (w *World) random(b []byte) {
	for i := range b {
		b[i] = byte(w.rng.Uint32())
	}
}

func (w *World) now() protocol.Millis { return protocol.MillisOf(w.clock.Now()) }

func (w *World) route(k protocol.PartitionKey) protocol.PartitionID {
	return protocol.PartitionOf(k, len(w.partitions))
}

// newID makes an invocation ID; calls without a key go anywhere.
func (w *World) newID(t protocol.Target) (id protocol.InvocationID) {
	key, ok := t.PartitionKey()
	if !ok {
		key = protocol.PartitionKey(w.rng.Uint64())
	}
	id.Key = key
	w.random(id.UUID[:])
	return id
}

// calleeID is the ID of a call of s.
func (w *World) calleeID(s *script) protocol.InvocationID {
	t := s.target
	switch {
	case t.HandlerKind == protocol.HandlerWorkflow:
		return protocol.WorkflowInvocationID("", t.Service, t.Key)
	case s.idempotencyKey != nil:
		return protocol.IdempotentInvocationID("", t.Service, t.Key, t.Keyed(), t.Handler,
			*s.idempotencyKey)
	}
	return w.newID(t)
}

// pick removes nothing and returns one element, or nil.
func pick[T any](w *World, all []*T, ok func(*T) bool) *T {
	if len(all) == 0 {
		return nil
	}
	first := w.rng.IntN(len(all))
	for i := range all {
		if x := all[(first+i)%len(all)]; ok(x) {
			return x
		}
	}
	return nil
}
