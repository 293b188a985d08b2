package partition

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/internal/clock"
	"github.com/perdure/perdure/partition/explain"
	"github.com/perdure/perdure/partition/leader"
	"github.com/perdure/perdure/partition/machine"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// Config says which partitions a node hosts and with what.
type Config struct {
	// Dir holds one store per partition.
	Dir string
	// Count is the number of partitions of the cluster.
	Count int
	// Node is this node's name, for people.
	Node  string
	Logs  bifrost.Host
	Clock clock.Clock
	// Admit is asked before an invocation is started for a caller; optional.
	Admit func() error
	// NewAttempts runs the attempts of a partition for one leadership.
	NewAttempts func(p protocol.PartitionID, epoch protocol.Epoch, proposer *leader.Proposer,
		rows *store.Store) leader.Attempts
	// Remote reaches leaders on other nodes. Default: nil, all are here.
	Remote *Remote
	Events Events
}

// Events are optional callbacks; they must not block.
type Events struct {
	// Applied is called after a batch of records was committed and its actions handed over.
	Applied func(p protocol.PartitionID, records int, took time.Duration)
	// Failed hears of faults that were not anybody's answer: the partition goes on or says so.
	Failed func(p protocol.PartitionID, err error)
	// Trimmed is called after a log was cut.
	Trimmed func(p protocol.PartitionID, through protocol.LSN)
	// Stalled is called once for an invocation that nothing will bring on.
	Stalled func(p protocol.PartitionID, f explain.Finding)
	Leader  leader.Events
}

// Host runs this node's partition replicas.
type Host struct {
	cfg      Config
	shared   *store.Shared
	replicas []*replica
	stop     chan struct{}
	loops    sync.WaitGroup // that end when stop is closed

	inspector inspector
}

// replica is one partition on this node.
type replica struct {
	id        protocol.PartitionID
	processor *Processor

	// hinting keeps what the leader is told in the order of the events. The leader takes its own lock
	// while it is told, and others ask for the leader under theirs: mu must be free then.
	hinting sync.Mutex

	mu     sync.Mutex
	log    bifrost.Log    // guarded by mu; nil until started
	leader *leader.Leader // guarded by mu; nil until started
	hinted bool           // guarded by mu; the last leader event

	// Owned by the trimmer.
	trimmed      protocol.LSN
	trimmedBytes int64 // that were applied at the last trim
}

// Start opens every partition and begins to replay; leaders appear as the logs elect them. Leader
// events of the logs must reach LeaderEvent from before Start is called.
func (h *Host) Start(ctx context.Context) error {
	errs := make([]error, len(h.replicas))
	var wg sync.WaitGroup
	slots := make(chan struct{}, maxOpening)
	for i, r := range h.replicas {
		wg.Add(1)
		go func() {
			defer wg.Done()
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[i] = h.start(ctx, r)
		}()
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	h.Run()
	return nil
}

// Run starts what looks after the partitions that are open, without opening any: for a host whose
// partitions are opened one by one.
func (h *Host) Run() {
	h.loops.Go(h.trimLoop)
	h.loops.Go(h.inspector.run)
}

const maxOpening = 8 // stores opened at once

// NewHost makes a host; nothing runs until Start.
func NewHost(cfg Config) (*Host, error) {
	if cfg.Count < 1 || cfg.Count > protocol.MaxPartitions {
		return nil, fmt.Errorf("host %d partitions: want 1 to %d", cfg.Count, protocol.MaxPartitions)
	}
	h := &Host{cfg: cfg, shared: store.NewShared(store.SharedConfig{}), stop: make(chan struct{})}
	h.inspector = inspector{host: h, checked: make(map[protocol.PartitionID]*checked)}
	for p := range cfg.Count {
		r := &replica{id: protocol.PartitionID(p)}
		r.processor = NewProcessor(store.Config{
			Dir:       h.folder(r.id),
			Partition: r.id,
			Keys:      protocol.PartitionRange(r.id, cfg.Count),
			Shared:    h.shared,
			OnError:   func(err error) { h.failed(r.id, err) },
		}, r.perform, cfg.Events)
		h.replicas = append(h.replicas, r)
	}
	return h, nil
}

// folder holds the store of p.
func (h *Host) folder(p protocol.PartitionID) string {
	return filepath.Join(h.cfg.Dir, fmt.Sprintf("%04d", p))
}

func (h *Host) failed(p protocol.PartitionID, err error) {
	if h.cfg.Events.Failed != nil {
		h.cfg.Events.Failed(p, err)
	}
}

func (h *Host) start(ctx context.Context, r *replica) error {
	log, err := h.cfg.Logs.Start(ctx, bifrost.PartitionLog(uint16(r.id)), r.processor)
	if err != nil {
		return fmt.Errorf("start partition %d: %w", r.id, err)
	}
	l := leader.New(leader.Config{
		Partition: r.id,
		Range:     protocol.PartitionRange(r.id, h.cfg.Count),
		Node:      h.cfg.Node,
		Log:       log,
		Rows:      Rows(r.processor.Store()),
		Clock:     h.cfg.Clock,
		Admit:     h.cfg.Admit,
		Random:    func(b []byte) { _, _ = rand.Read(b) }, // never fails
		NewAttempts: func(epoch protocol.Epoch, p *leader.Proposer) leader.Attempts {
			return h.cfg.NewAttempts(r.id, epoch, p, r.processor.Store())
		},
		Route: h.PartitionOf,
		Send: func(to protocol.PartitionID, messages []command.Message, done func(error)) {
			h.send(r.id, to, messages, done)
		},
		Events: h.cfg.Events.Leader,
	})
	r.hinting.Lock()
	defer r.hinting.Unlock()
	r.mu.Lock()
	r.log, r.leader = log, l
	hinted := r.hinted
	r.mu.Unlock()
	leads, _ := log.Leader()
	l.SetLeader(leads || hinted)
	return nil
}

// perform passes actions on once there is a leader; what is replayed before is nobody's to perform.
func (r *replica) perform(acts []machine.Action) {
	r.mu.Lock()
	l := r.leader
	r.mu.Unlock()
	if l != nil {
		l.Perform(acts)
	}
}

// send carries messages to another partition.
func (h *Host) send(from, to protocol.PartitionID, messages []command.Message, done func(error)) {
	l, err := h.Reach(to)
	if err == nil {
		err = l.Receive(from, messages, done)
	}
	if err != nil {
		go done(err) // never synchronously
	}
}

// LeaderEvent takes the logs' word on who leads.
func (h *Host) LeaderEvent(id bifrost.LogID, leads bool) {
	p, ok := bifrost.PartitionOfLog(id)
	if !ok || int(p) >= len(h.replicas) {
		return
	}
	r := h.replicas[p]
	r.hinting.Lock()
	defer r.hinting.Unlock()
	r.mu.Lock()
	r.hinted = leads
	l := r.leader
	r.mu.Unlock()
	if l != nil {
		l.SetLeader(leads)
	}
}

// Leader returns the leader of p on this node, which may or may not lead now.
func (h *Host) Leader(p protocol.PartitionID) (*leader.Leader, error) {
	r := h.replicas[p]
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.leader == nil {
		return nil, leader.ErrNotLeader
	}
	return r.leader, nil
}

// PartitionOf says which partition owns a key.
func (h *Host) PartitionOf(k protocol.PartitionKey) protocol.PartitionID {
	return protocol.PartitionOf(k, h.cfg.Count)
}

// Ready reports whether every partition serves requests, and how many do.
func (h *Host) Ready() (serving int, ready bool) {
	for _, r := range h.replicas {
		if l, err := h.Leader(r.id); err == nil {
			if _, ok := l.Leading(); ok {
				serving++
			}
		}
	}
	return serving, serving == len(h.replicas)
}

// Close stops every leader, then every replica.
func (h *Host) Close() error {
	close(h.stop)
	h.loops.Wait()
	var errs []error
	for _, r := range h.replicas {
		if l, err := h.Leader(r.id); err == nil {
			l.Close()
		}
	}
	for _, r := range h.replicas {
		errs = append(errs, h.Shut(r.id))
	}
	h.shared.Close()
	return errors.Join(errs...)
}

// Logs are trimmed rarely: it costs a few syncs, and replay is bounded by flushes, not by it. Yet the
// log's files can be used again only after it, so large records bring it closer.
const (
	trimInterval   = 5 * time.Second
	trimMinEntries = 4096 // log entries that must have become durable since the last time, or
	trimMinBytes   = 16 << 20
	trimTimeout    = 20 * time.Second
)

// trimLoop cuts the logs behind what the stores hold durably.
func (h *Host) trimLoop() {
	ticker := time.NewTicker(trimInterval)
	defer ticker.Stop()
	for {
		select {
		case <-h.stop:
			return
		case <-ticker.C:
		}
		for _, r := range h.replicas {
			select {
			case <-h.stop:
				return
			default:
			}
			if err := h.trim(r); err != nil {
				h.failed(r.id, err)
			}
		}
	}
}

func (h *Host) trim(r *replica) error {
	log := r.started()
	if log == nil {
		return nil
	}
	durable, err := r.processor.Store().DurableLSN()
	if err != nil {
		return fmt.Errorf("trim partition %d: %w", r.id, err)
	}
	applied := r.processor.applied.Load()
	entries := bifrost.EntriesBetween(r.trimmed, durable)
	if entries == 0 || entries < trimMinEntries && applied-r.trimmedBytes < trimMinBytes {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), trimTimeout)
	defer cancel()
	if err := log.Trim(ctx, durable); err != nil {
		return fmt.Errorf("trim partition %d through %s: %w", r.id, durable, err)
	}
	r.trimmed, r.trimmedBytes = durable, applied
	if h.cfg.Events.Trimmed != nil {
		h.cfg.Events.Trimmed(r.id, durable)
	}
	return nil
}
