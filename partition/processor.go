package partition

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/partition/machine"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// What a crash may lose from the store is replayed from the log, so these bound how long a restart
// takes: 24 partitions replay at most about 50,000 records.
const (
	flushAfterRecords = 2048
	flushAfterBytes   = 8 << 20
)

// Processor applies a partition's log to its store: committed records, one batch, then actions.
type Processor struct {
	cfg store.Config
	// perform takes the actions of a committed batch; it must not wait.
	perform func([]machine.Action)
	events  Events

	// Owned by the apply goroutine.
	store   *store.Store
	acts    []machine.Action
	records int // since the last flush began
	bytes   int

	applied atomic.Int64 // bytes of all records since the start
}

// NewProcessor makes the Applier of one partition replica.
func NewProcessor(cfg store.Config, perform func([]machine.Action), events Events) *Processor {
	return &Processor{cfg: cfg, perform: perform, events: events}
}

var _ bifrost.Applier = (*Processor)(nil)

// Open implements bifrost.Applier.
func (p *Processor) Open(context.Context) (protocol.LSN, error) {
	s, err := store.Open(p.cfg)
	if err != nil {
		return 0, err
	}
	p.store = s
	return s.Applied(), nil
}

// Store is the replica's store; it is nil until Open.
func (p *Processor) Store() *store.Store { return p.store }

// Apply implements bifrost.Applier.
func (p *Processor) Apply(records []bifrost.Record) error {
	start := time.Now()
	if err := p.apply(records); err != nil {
		return fmt.Errorf("partition %d: %w", p.cfg.Partition, err)
	}
	p.perform(p.acts)
	clear(p.acts) // let go of payloads
	if p.events.Applied != nil {
		p.events.Applied(p.cfg.Partition, len(records), time.Since(start))
	}
	return p.flushIfDue(records)
}

// apply changes the rows by all records in one batch and leaves the actions in p.acts.
func (p *Processor) apply(records []bifrost.Record) (err error) {
	tx := p.store.Begin()
	p.acts = p.acts[:0]
	for _, r := range records {
		h, c, err := command.Decode(r.Data)
		if err == nil {
			p.acts, err = machine.Apply(tx, r.LSN, &h, c, p.acts)
		}
		if err != nil {
			_ = tx.Discard() // the replica stops; the first error is the one that matters
			return fmt.Errorf("record at %s: %w", r.LSN, err)
		}
	}
	return tx.Commit()
}

// flushIfDue starts a flush in the background once enough has been applied.
func (p *Processor) flushIfDue(records []bifrost.Record) error {
	size := 0
	for _, r := range records {
		size += len(r.Data)
	}
	p.records += len(records)
	p.bytes += size
	p.applied.Add(int64(size))
	if p.records < flushAfterRecords && p.bytes < flushAfterBytes {
		return nil
	}
	p.records, p.bytes = 0, 0
	_, err := p.store.AsyncFlush()
	return err
}

// Sync implements bifrost.Applier.
func (p *Processor) Sync() error { return p.store.Flush() }

// Save implements bifrost.Applier.
func (p *Processor) Save(w io.Writer, stop <-chan struct{}) error { return p.store.Save(w, stop) }

// Restore implements bifrost.Applier.
func (p *Processor) Restore(r io.Reader, stop <-chan struct{}) (protocol.LSN, error) {
	return p.store.Restore(r, stop)
}

// Close implements bifrost.Applier.
func (p *Processor) Close() error {
	if p.store == nil {
		return nil
	}
	return p.store.Close()
}
