package bifrost

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/wire"
)

// How appends become entries of the replicated log.
const (
	// maxBatchBytes cuts a batch. An append larger than this travels alone.
	maxBatchBytes = 1 << 20
	// depthSmall is how many uncommitted entries may be under way while batches are small, so that a
	// few callers never wait for each other. depthLarge is enough to keep the disk busy when they
	// are large; more would only make smaller batches of the same load.
	depthSmall, depthLarge = 8, 2
	// A batch is large from this many records or bytes (moving averages).
	largeBatchRecords, largeBatchBytes = 16, 32 << 10
	// recordOverhead is what a waiting record costs beside its payload.
	recordOverhead = 64
)

// ticket is what the consensus library gives for a proposal.
type ticket interface {
	// ended tells whether the library gave the proposal up or is done with it. It does not block.
	ended() bool
}

// waiter is one Append call that waits for its answer.
type waiter struct {
	done func(protocol.LSN, error)
	last int // position of its last record in the entry
}

// batch is one entry on its way: open, then proposed, then committed, then applied.
type batch struct {
	id        uint64
	entry     entryBuilder
	waiters   []waiter
	costBytes int64
	ticket    ticket
	committed bool
}

// budget bounds the bytes in flight of many logs together.
type budget struct {
	limit int64
	used  atomic.Int64
}

func (b *budget) take(n int64) bool {
	if b.used.Add(n) > b.limit {
		b.used.Add(-n)
		return false
	}
	return true
}

func (b *budget) give(n int64) { b.used.Add(-n) }

// batcher turns appends into proposals, in call order, and answers them. There is no timer: an
// append is proposed by its own goroutine while few entries are under way, otherwise by whoever
// sees one of them committed. It calls done and propose without holding its lock.
type batcher struct {
	propose  func(entry []byte) (ticket, error) // copies the entry
	proposed func(EntryInfo)
	onBusy   func() // entries are under way: somebody must look at their tickets now and then
	host     *budget
	limit    int64
	nextID   *atomic.Uint64

	mu          sync.Mutex
	queue       []*batch          // not proposed; only the last one still grows
	underway    map[uint64]*batch // proposed and not answered
	lost        []*batch          // to be answered with ErrUnknown
	uncommitted int               // how many of underway are not yet seen committed
	usedBytes   int64
	avgRecords  int // moving averages of proposed batches, scaled by 8
	avgBytes    int
	proposing   bool // one goroutine proposes at a time: entries keep the order of appends
	corked      bool // answers are being given: what callers append now shares an entry
	closed      error
}

// add queues one append and proposes what may be proposed.
func (b *batcher) add(done func(protocol.LSN, error), payloads [][]byte) error {
	size := 0
	for _, p := range payloads {
		size += len(p)
	}
	if len(payloads) == 0 {
		return fmt.Errorf("append no records: %w", errNoRecords)
	}
	if len(payloads) > MaxAppendRecords || size > MaxAppendBytes {
		return fmt.Errorf("append %d records of %d bytes (at most %d of %d): %w",
			len(payloads), size, MaxAppendRecords, MaxAppendBytes, ErrTooLarge)
	}
	cost := int64(size + len(payloads)*recordOverhead)

	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed != nil {
		return fmt.Errorf("append to the log: %w", b.closed)
	}
	if b.usedBytes+cost > b.limit || !b.host.take(cost) {
		return fmt.Errorf("append %d bytes: %w", size, ErrBusy)
	}
	b.usedBytes += cost
	t := b.room(len(payloads), size)
	for _, p := range payloads {
		t.entry.add(p)
	}
	t.costBytes += cost
	t.waiters = append(t.waiters, waiter{done: done, last: t.entry.count - 1})
	b.pump()
	return nil
}

// room returns the batch that takes an append. Caller holds mu.
func (b *batcher) room(records, sizeBytes int) *batch {
	if n := len(b.queue); n > 0 {
		t := b.queue[n-1]
		if t.entry.count+records <= MaxAppendRecords && t.entry.bodyBytes()+sizeBytes <= maxBatchBytes {
			return t
		}
	}
	t := &batch{id: b.nextID.Add(1), entry: newEntryBuilder(max(sizeBytes+8*records, 256))}
	b.queue = append(b.queue, t)
	return t
}

// depth is how many uncommitted entries may be under way now. Caller holds mu.
func (b *batcher) depth() int {
	if b.avgRecords > 8*largeBatchRecords || b.avgBytes > 8*largeBatchBytes {
		return depthLarge
	}
	return depthSmall
}

// pump proposes while it may. Caller holds mu; it is released around each proposal.
func (b *batcher) pump() {
	for !b.proposing && !b.corked && len(b.queue) > 0 && b.uncommitted < b.depth() {
		t := b.queue[0]
		b.queue[0] = nil
		b.queue = b.queue[1:]
		b.underway[t.id] = t
		b.uncommitted++
		b.avgRecords += t.entry.count - b.avgRecords/8
		b.avgBytes += t.entry.bodyBytes() - b.avgBytes/8
		b.proposing = true
		b.mu.Unlock()
		tk, err := b.send(t)
		b.mu.Lock()
		b.proposing = false
		if b.underway[t.id] != t {
			continue // answered already
		}
		if err != nil {
			b.lose(t)
		}
		t.ticket = tk
	}
}

// send seals and proposes one batch.
func (b *batcher) send(t *batch) (ticket, error) {
	info := EntryInfo{Records: t.entry.count, Bytes: t.entry.bodyBytes()}
	sealed := t.entry.seal(t.id)
	info.EntryBytes = len(sealed)
	t.entry.buf = nil
	b.onBusy()
	tk, err := b.propose(sealed)
	wire.Release(sealed) // it was copied
	if err == nil && b.proposed != nil {
		b.proposed(info)
	}
	return tk, err
}

// seeCommitted notes that entries are in the log for good and lets the next ones go, so that their
// way to the disk overlaps with the applying of these.
func (b *batcher) seeCommitted(entries []entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range entries {
		if t := b.underway[e.batch]; t != nil && !t.committed {
			t.committed = true
			b.uncommitted--
		}
	}
	b.pump()
}

// answered is a batch and the LSN of its first record.
type answered struct {
	*batch
	first protocol.LSN
}

// seeApplied answers the appends of entries that were applied. lsn gives the first LSN of entry i.
func (b *batcher) seeApplied(entries []entry, lsn func(i int) protocol.LSN) {
	var out []answered
	b.mu.Lock()
	for i, e := range entries {
		if t := b.underway[e.batch]; t != nil && len(e.records) == t.entry.count {
			b.forget(t)
			out = append(out, answered{t, lsn(i)})
		}
	}
	b.corked = len(out) > 0
	b.mu.Unlock()
	if len(out) == 0 {
		return
	}
	for _, t := range out {
		for _, w := range t.waiters {
			w.done(t.first+protocol.LSN(w.last), nil)
		}
	}
	b.mu.Lock()
	b.corked = false
	b.pump()
	b.mu.Unlock()
}

// forget takes a batch out of all counts. Caller holds mu and answers it.
func (b *batcher) forget(t *batch) {
	if b.underway[t.id] == t {
		delete(b.underway, t.id)
		if !t.committed {
			b.uncommitted--
		}
	}
	b.usedBytes -= t.costBytes
	b.host.give(t.costBytes)
}

// lose gives up on a batch; sweep answers it. Caller holds mu.
func (b *batcher) lose(t *batch) {
	b.forget(t)
	b.lost = append(b.lost, t)
}

// loseAll gives up on everything that is not answered.
func (b *batcher) loseAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.loseAllLocked()
	b.onBusy()
}

func (b *batcher) loseAllLocked() {
	for _, t := range b.underway {
		b.lose(t)
	}
	for _, t := range b.queue {
		b.lose(t)
	}
	b.queue = nil
}

// sweep gives up on batches the library has ended without applying them here, and answers what was
// given up. It reports whether there is anything left to look at.
func (b *batcher) sweep() (busy bool) {
	b.mu.Lock()
	for _, t := range b.underway {
		if t.ticket != nil && t.ticket.ended() {
			b.lose(t)
		}
	}
	b.pump()
	lost := b.lost
	b.lost = nil
	busy = len(b.underway) > 0 || len(b.queue) > 0
	b.mu.Unlock()

	slices.SortFunc(lost, func(x, y *batch) int { return cmp.Compare(x.id, y.id) })
	for _, t := range lost {
		for _, w := range t.waiters {
			w.done(0, ErrUnknown)
		}
	}
	return busy
}

// refuse makes every later append fail with err.
func (b *batcher) refuse(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed == nil {
		b.closed = err
	}
}

// end answers everything that is left with ErrUnknown. Appends must be refused already.
func (b *batcher) end() {
	b.mu.Lock()
	b.loseAllLocked()
	b.mu.Unlock()
	b.sweep()
}
