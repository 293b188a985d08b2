package memlog

import (
	"context"
	"fmt"
	"sort"
	"sync"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/protocol"
)

// positionBits is how an LSN divides into entry and position, as in the replicated log.
const positionBits = 12

// DefaultMaxBytesInFlight is how many payload bytes one replica may have accepted and not answered.
const DefaultMaxBytesInFlight = 64 << 20

// entry is one append in the log. Its records share an index and are never parted.
type entry struct {
	index   uint64
	records []bifrost.Record
}

func (e entry) last() protocol.LSN { return e.records[len(e.records)-1].LSN }

// Log is one replicated log. Its replicas see the same entries at their own pace.
type Log struct {
	id bifrost.LogID

	mu       sync.Mutex
	entries  []entry // after the trim point, ascending
	next     uint64  // index of the next entry
	trimmed  uint64  // index of the newest entry that was forgotten
	term     uint64
	leader   *Replica
	onLeader func(r *Replica, isLeader bool, term uint64)
}

// New returns an empty log without replicas and without a leader.
func New(id bifrost.LogID) *Log { return &Log{id: id, next: 1} }

// OnLeader sets what is called, without locks, when a replica gains or loses the leadership.
func (g *Log) OnLeader(f func(r *Replica, isLeader bool, term uint64)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.onLeader = f
}

// Lead makes r the leader in a new term; nil leaves the log without one. Appends that the former
// leader has not answered end with bifrost.ErrUnknown; their records stay in the log.
func (g *Log) Lead(r *Replica) {
	g.mu.Lock()
	former := g.leader
	if former == r {
		former = nil
	}
	g.term++
	g.next++ // a new leader's empty entry: LSNs have gaps
	g.leader = r
	term, tell := g.term, g.onLeader
	g.mu.Unlock()
	if former != nil {
		former.LoseAcknowledgements()
		if tell != nil {
			tell(former, false, term)
		}
	}
	if r != nil && tell != nil {
		tell(r, true, term)
	}
}

// Leader is the leading replica, nil when there is none.
func (g *Log) Leader() *Replica {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.leader
}

// End is the LSN of the newest record in the log, applied or not; 0 when it never had one.
func (g *Log) End() protocol.LSN {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n := len(g.entries); n > 0 {
		return g.entries[n-1].last()
	}
	return protocol.LSN(g.trimmed << positionBits)
}

// append adds an entry. Caller holds mu.
func (g *Log) append(payloads [][]byte) entry {
	e := entry{index: g.next, records: make([]bifrost.Record, len(payloads))}
	for i, p := range payloads {
		lsn := protocol.LSN(g.next<<positionBits | uint64(i))
		e.records[i] = bifrost.Record{LSN: lsn, Data: append([]byte{}, p...)}
	}
	g.entries = append(g.entries, e)
	g.next++
	return e
}

// after returns the place of the first entry with an index above index. Caller holds mu.
func (g *Log) after(index uint64) int {
	return sort.Search(len(g.entries), func(i int) bool { return g.entries[i].index > index })
}

// read returns records in [first, tail]. Caller holds mu.
func (g *Log) read(first, tail protocol.LSN, limitBytes int) ([]bifrost.Record, error) {
	low := max(uint64(first)>>positionBits, 1)
	if low <= g.trimmed && first <= tail {
		return nil, fmt.Errorf("read log %s from %v: %w", g.id, first, bifrost.ErrTrimmed)
	}
	var out []bifrost.Record
	size := 0
	for i := g.after(low - 1); i < len(g.entries); i++ {
		for _, r := range g.entries[i].records {
			if r.LSN > tail || size >= limitBytes && len(out) > 0 {
				return out, nil
			}
			if r.LSN >= first {
				out = append(out, r)
				size += len(r.Data)
			}
		}
	}
	return out, nil
}

// trim forgets whole entries before the one that holds through, like the replicated log.
func (g *Log) trim(through protocol.LSN) {
	g.mu.Lock()
	defer g.mu.Unlock()
	index := uint64(through) >> positionBits
	if index <= 1 || index-1 <= g.trimmed {
		return
	}
	n := g.after(index - 1)
	g.entries = append([]entry(nil), g.entries[n:]...)
	g.trimmed = index - 1
}

// missing says why a state applied up to an LSN cannot stand on this log. Caller holds mu.
func (g *Log) missing(applied protocol.LSN) error {
	index := uint64(applied) >> positionBits
	if index < g.trimmed {
		return fmt.Errorf("the state is at %v but the log was trimmed up to entry %d: restore it from a "+
			"snapshot: %w", applied, g.trimmed, bifrost.ErrTrimmed)
	}
	if index >= g.next {
		return fmt.Errorf("the state is at %v but the log ends before entry %d: it is the state of "+
			"another log", applied, g.next)
	}
	return nil
}

// Open opens the Applier and makes it a replica. The first replica does not lead by itself: see
// Lead. Several replicas of one log trim it together, up to what the caller of Trim says.
func (g *Log) Open(ctx context.Context, a bifrost.Applier) (*Replica, error) {
	applied, err := a.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the state of log %s: %w", g.id, err)
	}
	g.mu.Lock()
	err = g.missing(applied)
	g.mu.Unlock()
	if err != nil {
		_ = a.Close()
		return nil, fmt.Errorf("open log %s: %w", g.id, err)
	}
	return &Replica{log: g, applier: a, applied: applied, limit: DefaultMaxBytesInFlight,
		wake: make(chan struct{}, 1)}, nil
}
