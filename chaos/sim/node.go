package main

import (
	"bytes"
	"context"
	"math/rand/v2"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/bifrost/memlog"
	"github.com/perdure/perdure/internal/clock"
	"github.com/perdure/perdure/partition"
	"github.com/perdure/perdure/partition/leader"
	"github.com/perdure/perdure/partition/machine"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// node is one replica of one partition.
type node struct {
	*partition.Processor // what stands on the log; node wraps it

	w     *World
	p     *partitionLog
	index int
	keys  protocol.KeyRange
	skew  time.Duration // how far its wall clock is off
	fs    *vfs.MemFS

	replica    *memlog.Replica // nil while it is down
	leader     *leader.Leader
	background []func()
	received   []*packet // in the log and not applied: who sent them waits for an answer
	records    int       // applied since the last flush
	losing     int       // appends that will be lost
	lost       bool      // one was: the next step of the replica says so
	held       []bifrost.Record
	restore    []byte // a snapshot that Open begins with
}

const (
	maxSkewMillis = 50
	flushRecords  = 1024 // before the processor's own flush, which would run beside us
)

func newNode(w *World, p *partitionLog, keys protocol.KeyRange) *node {
	return &node{
		w: w, p: p, index: len(p.nodes), keys: keys, fs: vfs.NewCrashableMem(),
		skew: time.Duration(w.rng.IntN(2*maxSkewMillis)-maxSkewMillis) * time.Millisecond,
	}
}

// skewed is a wall clock that is wrong.
type skewed struct {
	clock.Clock
	by time.Duration
}

func (s skewed) Now() time.Time { return s.Clock.Now().Add(s.by) }

// start opens the replica on what its file system holds.
func (n *node) start() {
	n.leader, n.records, n.held, n.losing, n.lost = nil, 0, nil, 0, false
	n.Processor = partition.NewProcessor(store.Config{
		Dir: "store", FS: n.fs, Partition: n.p.id, Keys: n.keys, Shared: n.w.shared,
		MemTableSizeBytes: 1 << 20,
		OnError:           func(error) {}, // the file system of a crashed replica goes away under it
	}, n.perform, partition.Events{})
	replica, err := n.p.log.Open(context.Background(), n)
	if err != nil {
		n.w.fail("start replica %d of partition %d: %v", n.index, n.p.id, err)
		return
	}
	n.replica = replica
	n.leader = leader.New(leader.Config{
		Partition: n.p.id, Range: n.keys, Node: "node",
		Log: appender{n}, Rows: partition.Rows(n.Store()),
		Clock:       skewed{n.w.clock, n.skew},
		Random:      n.w.random,
		NewAttempts: n.newAttempts,
		Route:       n.w.route,
		Send: func(to protocol.PartitionID, messages []command.Message, done func(error)) {
			n.w.send(n, to, messages, done)
		},
		Background: func(f func()) { n.background = append(n.background, f) },
		Events: leader.Events{
			Gained: func(_ protocol.PartitionID, e protocol.Epoch) {
				n.w.trace("%s leads epoch %d", n, e)
			},
			Lost: func(_ protocol.PartitionID, e protocol.Epoch, err error) {
				n.w.trace("%s lost epoch %d: %v", n, e, err)
			},
		},
	})
	n.w.check.opened(n)
}

// Open implements bifrost.Applier.
func (n *node) Open(ctx context.Context) (protocol.LSN, error) {
	applied, err := n.Processor.Open(ctx)
	if err != nil || n.restore == nil {
		return applied, err
	}
	snapshot := n.restore
	n.restore = nil
	return n.Restore(bytes.NewReader(snapshot), nil)
}

// Apply implements bifrost.Applier: the processor does it, the checker looks at it.
func (n *node) Apply(records []bifrost.Record) error {
	if err := n.applyPlanted(records); err != nil {
		return err
	}
	n.records += len(records)
	if n.records >= flushRecords {
		n.records = 0
		if err := n.Store().Flush(); err != nil {
			return err
		}
	}
	n.w.check.applied(n, records)
	return nil
}

// perform takes the actions of the processor.
func (n *node) perform(acts []machine.Action) {
	if n.leader != nil {
		n.leader.Perform(n.plantActions(acts))
	}
}

func (n *node) up() bool { return n.replica != nil }

func (n *node) leading() bool {
	if !n.up() {
		return false
	}
	_, ok := n.leader.Leading()
	return ok
}

// stop drops the replica: nothing of it runs any more.
func (n *node) stop() {
	if !n.up() {
		return
	}
	n.replica.Crash()
	n.replica = nil
	n.leader.Close()
	for _, p := range n.received {
		n.w.answer(p, errNetwork)
	}
	n.received = nil
	for len(n.background) > 0 { // they find the leader closed and let go of their snapshots
		f := n.background[0]
		n.background = n.background[1:]
		f()
	}
	if err := n.Processor.Close(); err != nil {
		n.w.fail("close replica %s: %v", n, err)
	}
}

// crash cuts the power: what was not synced is lost, or some of it.
func (n *node) crash(unsyncedPercent int, seed uint64) {
	left := n.fs.CrashClone(vfs.CrashCloneCfg{
		UnsyncedDataPercent: unsyncedPercent, RNG: rand.New(rand.NewPCG(seed, 2)),
	})
	n.stop()
	n.fs = left
}

// String is partition.replica.
func (n *node) String() string {
	return "node " + string(rune('0'+n.p.id)) + "." + string(rune('0'+n.index))
}

// appender is the log as the leader sees it.
type appender struct{ n *node }

func (a appender) Append(done func(protocol.LSN, error), payloads ...[]byte) error {
	if !a.n.up() {
		return bifrost.ErrClosed
	}
	err := a.n.appendPlanted(done, payloads...)
	if err == nil && a.n.losing > 0 {
		a.n.losing--
		a.n.lost = true
	}
	return err
}
