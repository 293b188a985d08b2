package bifrost

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lni/dragonboat/v4"
	"github.com/lni/dragonboat/v4/client"

	"github.com/perdure/perdure/protocol"
)

// raftLog is one replica of one log.
type raftLog struct {
	host      *RaftHost
	id        LogID
	group     Group
	positions positions
	session   *client.Session
	batcher   *batcher
	machine   *stateMachine
	tail      atomic.Uint64
	leader    atomic.Uint64 // term << 1 | leads
	ended     atomic.Bool   // it was stopped
	trimming  atomic.Bool   // a Sync may decide about a trim
	finish    func() error  // answers what is left and closes the Applier; again: the same result

	trimMu  sync.Mutex
	trimmed uint64 // entries up to here were cut; guarded by trimMu
}

func newRaftLog(h *RaftHost, id LogID, g Group, a Applier, applied protocol.LSN) *raftLog {
	l := &raftLog{host: h, id: id, group: g, session: h.nodes.GetNoOPSession(uint64(id))}
	l.tail.Store(uint64(applied))
	l.machine = newStateMachine(l, a, applied)
	l.batcher = &batcher{
		propose: l.propose, onBusy: h.busy, host: &h.budget, limit: h.cfg.MaxLogBytesInFlight,
		nextID: &h.nextID, underway: map[uint64]*batch{},
	}
	l.finish = sync.OnceValue(func() error {
		l.batcher.refuse(ErrClosed)
		l.batcher.end()
		if err := a.Close(); err != nil {
			return fmt.Errorf("close the state of log %s: %w", id, err)
		}
		return nil
	})
	if f := h.cfg.Events.EntryProposed; f != nil {
		l.batcher.proposed = func(info EntryInfo) { f(id, info) }
	}
	return l
}

// whileOpen calls f unless the host is closed, and keeps it from closing meanwhile.
func (l *raftLog) whileOpen(f func(*dragonboat.NodeHost) error) error { return l.host.use(f) }

// use calls f unless the host is closed, and keeps it from closing meanwhile.
func (h *RaftHost) use(f func(*dragonboat.NodeHost) error) error {
	h.mu.RLock()
	if h.closed {
		h.mu.RUnlock()
		return ErrClosed
	}
	h.uses.Add(1)
	h.mu.RUnlock()
	defer h.uses.Done()
	return f(h.nodes)
}

// isClosed says that the log was stopped, with its host or by itself.
func (l *raftLog) isClosed() bool {
	return l.ended.Load() || l.whileOpen(func(*dragonboat.NodeHost) error { return nil }) != nil
}

// Append implements Log.
func (l *raftLog) Append(done func(protocol.LSN, error), payloads ...[]byte) error {
	if leads, _ := l.Leader(); !leads && !l.group.Forward {
		return fmt.Errorf("append to log %s: %w", l.id, ErrNotLeader)
	}
	if err := l.host.space.refuse(SpaceFull); err != nil {
		return fmt.Errorf("append to log %s: %w", l.id, err)
	}
	return l.batcher.add(done, payloads)
}

// propose hands one sealed entry to the library, which copies it and does not wait.
func (l *raftLog) propose(sealed []byte) (ticket, error) {
	var t raftTicket
	err := l.whileOpen(func(nodes *dragonboat.NodeHost) error {
		request, err := nodes.Propose(l.session, sealed, l.proposalTimeout())
		t.request = request
		return err
	})
	return t, err
}

// forwardTimeout is when an append that was passed on to the leader counts as lost.
const forwardTimeout = 2 * time.Second

func (l *raftLog) proposalTimeout() time.Duration {
	if l.group.Forward {
		return min(forwardTimeout, l.host.cfg.ProposalTimeout)
	}
	return l.host.cfg.ProposalTimeout
}

// raftTicket looks at the library's answer. A proposal that was applied here was answered from
// Update before, so nobody waits for the channel: it holds the answer and goes to the collector.
type raftTicket struct{ request *dragonboat.RequestState }

func (t raftTicket) ended() bool {
	select {
	case <-t.request.AppliedC():
		t.request.Release()
		return true
	default:
		return false
	}
}

// Tail implements Log.
func (l *raftLog) Tail() protocol.LSN { return protocol.LSN(l.tail.Load()) }

// Leader implements Log.
func (l *raftLog) Leader() (bool, uint64) {
	v := l.leader.Load()
	return v&1 == 1, v >> 1
}

func (l *raftLog) setLeader(leads bool, term uint64) {
	v := term << 1
	if leads {
		v |= 1
	}
	l.leader.Store(v)
}

// fits reports why a state that has applied up to an entry does not belong to the log as it is.
func (l *raftLog) fits(applied uint64) error {
	reader, err := l.host.nodes.GetLogReader(uint64(l.id))
	if err != nil {
		return err
	}
	snapshot := reader.Snapshot()
	if snapshot.Index != 0 {
		if err := snapshot.Unref(); err != nil {
			return err
		}
	}
	_, last := reader.GetRange()
	if applied > last {
		return fmt.Errorf("the state is at %v but the log ends at %v, it has lost records: restore "+
			"the log directory, or remove the state if the log is new",
			l.positions.lsn(applied, 0), l.positions.lsn(last, 0))
	}
	if applied < snapshot.OnDiskIndex && (snapshot.Dummy || snapshot.Witness) {
		return fmt.Errorf("the state is at %v but the log was trimmed when it was at %v, the state "+
			"has lost records: restore it from a snapshot",
			l.positions.lsn(applied, 0), l.positions.lsn(snapshot.OnDiskIndex, 0))
	}
	return nil
}
