package leader

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/internal/clock"
	"github.com/perdure/perdure/partition/machine"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// ErrNotLeader says that this replica does not lead: ask again, here or elsewhere, in a moment. A
// request that ends with it alone was not taken.
var ErrNotLeader = errors.New("the partition has no leader on this node right now; retry")

// ErrLost is an ErrNotLeader for a request that was on its way: it may have taken effect.
var ErrLost = fmt.Errorf("leadership was lost with the request on its way: %w", ErrNotLeader)

const (
	campaignRetry   = 50 * time.Millisecond // until AnnounceLeader is appended again after a failure
	maxBufferedActs = 1 << 16               // actions kept while rows are scanned; beyond it, scan again
)

// Appender is the end of the log that a leader writes to.
type Appender interface {
	// Append queues records; done is called once, when they were applied or their fate is unknown,
	// never synchronously. An error means that done is not called.
	Append(done func(protocol.LSN, error), payloads ...[]byte) error
}

// Rows is what a leader reads from the partition's state.
type Rows interface {
	// Snapshot freezes the rows as they are now; it is called on the apply goroutine.
	Snapshot() (Snapshot, error)
	// Timers returns up to limit timer rows after the given one in order of due time; nil means
	// from the first.
	Timers(after *command.Timer, limit int) ([]command.Timer, error)
	// Outbox returns up to limit outbox messages with a sequence greater than after, ascending.
	Outbox(after uint64, limit int) ([]command.Message, error)
	// LastTime is the time of the last record applied.
	LastTime() (protocol.HybridTime, error)
	// Status reads an invocation; ok is false if there is none.
	Status(id protocol.InvocationID) (s store.Status, ok bool, err error)
	// Outcome is what callers of a completed invocation are told; it has status ReplyCompleted,
	// ReplyNotCompleted or ReplyNotFound.
	// Of an invocation of which nothing is kept it is the answer to the request that made it, unless
	// that is zero or not known any more.
	Outcome(id protocol.InvocationID, request command.RequestID) (command.Reply, error)
}

// Snapshot is a frozen view of the rows.
type Snapshot interface {
	// Recover derives every action that is still to be performed.
	Recover(emit func(machine.Action) error) error
	Close()
}

// Attempts runs the attempts of one partition's invocations during one leadership. Its methods,
// but for Close, are called with the leader's lock held: they never block nor call back.
type Attempts interface {
	Start(machine.StartInvocation)
	Abort(id protocol.InvocationID)
	RetryNow(id protocol.InvocationID)
	Notify(id protocol.InvocationID, attempt, index uint32, e journal.Entry)
	Ack(id protocol.InvocationID, attempt, commandIndex uint32)
	// Close ends all attempts and may block until they are gone.
	Close()
}

// Config says what a leader works with. All fields but Admit, Events and Background are required.
type Config struct {
	Partition protocol.PartitionID
	// Range is what the partition owns; commands about the partition as a whole use its first key.
	Range protocol.KeyRange
	Node  string // name of this node, for people
	Log   Appender
	Rows  Rows
	Clock clock.Clock
	// Admit is asked before a request starts an invocation; an error refuses it. Nil refuses nothing.
	Admit func() error
	// Random fills b with random bytes.
	Random func(b []byte)
	// NewAttempts is called once per leadership.
	NewAttempts func(epoch protocol.Epoch, p *Proposer) Attempts
	// Route says which partition owns a key.
	Route func(protocol.PartitionKey) protocol.PartitionID
	// Send appends messages to another partition's log, in order, as coming from this partition;
	// done is called once, never synchronously.
	Send func(to protocol.PartitionID, messages []command.Message, done func(error))
	// Background runs f beside the caller; the default starts a goroutine.
	Background func(f func())
	Events     Events
}

// Events are optional callbacks; they must not block nor call back into the leader.
type Events struct {
	Gained     func(protocol.PartitionID, protocol.Epoch)
	Lost       func(protocol.PartitionID, protocol.Epoch, error)
	Failed     func(protocol.PartitionID, error)
	TimerFired func(protocol.PartitionID)
}

type state uint8

const (
	following   state = iota // somebody else may lead
	campaigning              // our AnnounceLeader is on its way
	recovering               // we lead; rows are being scanned, later actions are kept
	leading                  // we lead
)

// Leader leads one partition, or waits to.
type Leader struct {
	cfg     Config
	pending *pending

	// Append order is the order of times and sequences. Its lock is taken inside mu, never the other
	// way round.
	stamp stamp

	// leads is the epoch in which requests are taken, 0 if none are: the leaders of other partitions
	// ask while they hold their own mu, so it must not take this one's.
	leads atomic.Uint64

	mu       sync.Mutex
	hinted   bool     // guarded by mu; the log's leader events say we should lead
	closed   bool     // guarded by mu
	state    state    // guarded by mu
	token    [16]byte // guarded by mu; of our last AnnounceLeader
	term     *term    // guarded by mu; the leadership we hold, or nil
	buffered []machine.Action
}

// term is everything that belongs to one leadership; it is thrown away with it.
type term struct {
	epoch    protocol.Epoch
	proposer *Proposer
	attempts Attempts
	timers   timerShell
	shuffle  shuffleShell
}

// New makes a leader that follows.
func New(cfg Config) *Leader {
	if cfg.Background == nil {
		cfg.Background = func(f func()) { go f() }
	}
	l := &Leader{cfg: cfg, pending: newPending()}
	l.stamp.clock, l.stamp.log = cfg.Clock, cfg.Log
	return l
}

// SetLeader takes the log's word on who should lead. It is a hint: leadership begins when our
// AnnounceLeader is applied, and ends for good when somebody else's is.
func (l *Leader) SetLeader(leader bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hinted = leader
	if !leader {
		l.resign(ErrNotLeader)
		return
	}
	if l.state == following {
		l.campaign()
	}
}

// Leading reports whether requests are taken now, and the epoch.
func (l *Leader) Leading() (protocol.Epoch, bool) {
	epoch := protocol.Epoch(l.leads.Load())
	return epoch, epoch != 0
}

// Close resigns and never leads again.
func (l *Leader) Close() {
	l.mu.Lock()
	l.closed, l.hinted = true, false
	t := l.resign(ErrNotLeader)
	l.mu.Unlock()
	if t != nil {
		t.attempts.Close()
	}
}

// campaign appends an AnnounceLeader. Called with mu held.
func (l *Leader) campaign() {
	if l.closed || !l.hinted {
		return
	}
	l.state = campaigning
	l.cfg.Random(l.token[:])
	token := l.token
	last, err := l.cfg.Rows.LastTime()
	if err == nil {
		l.stamp.notBefore(last)
		err = l.stamp.append(command.Header{Key: l.cfg.Range.First},
			&command.AnnounceLeader{Token: token, Node: l.cfg.Node},
			func(_ protocol.LSN, err error) {
				if err != nil {
					l.campaignFailed(token, err)
				}
			})
	}
	if err != nil {
		l.retryCampaign(token, err)
	}
}

func (l *Leader) campaignFailed(token [16]byte, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == campaigning && l.token == token {
		l.retryCampaign(token, err)
	}
}

// retryCampaign announces again after a moment. Called with mu held.
func (l *Leader) retryCampaign(token [16]byte, err error) {
	if l.cfg.Events.Failed != nil {
		l.cfg.Events.Failed(l.cfg.Partition, fmt.Errorf("announce leadership: %w", err))
	}
	l.state = following
	l.cfg.Clock.AfterFunc(campaignRetry, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.state == following && l.token == token {
			l.campaign()
		}
	})
}

// Perform takes the actions of a committed batch. The apply goroutine calls it after each commit,
// on every replica; only a leader performs them.
func (l *Leader) Perform(acts []machine.Action) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, act := range acts {
		if a, ok := act.(machine.LeaderAnnounced); ok {
			l.announced(a)
			continue
		}
		switch l.state {
		case leading:
			l.perform(l.term, act)
		case recovering:
			if len(l.buffered) >= maxBufferedActs {
				l.recover(l.term) // what is dropped here is in the rows by now
				continue
			}
			l.buffered = append(l.buffered, acts[i])
		case following, campaigning:
			// Somebody else performs it.
		}
	}
}

// announced handles an applied AnnounceLeader. Called with mu held.
func (l *Leader) announced(a machine.LeaderAnnounced) {
	if l.state != campaigning {
		if l.term != nil { // somebody else's: our epoch is over
			l.resign(ErrNotLeader)
			l.campaign() // if the log still wants us
		}
		return
	}
	if a.Token != l.token {
		return // ours is still on its way, and will be later in the log than this one
	}
	t := &term{epoch: a.Epoch}
	t.proposer = &Proposer{leader: l, epoch: a.Epoch}
	t.attempts = l.cfg.NewAttempts(a.Epoch, t.proposer)
	t.timers = newTimerShell(l, t)
	t.shuffle = newShuffleShell(l, t)
	l.term = t
	l.state = recovering
	l.recover(t)
}

// recover scans the rows as they are now and derives all actions from them; actions that come
// meanwhile are kept and performed after. Called with mu held, on the apply goroutine.
func (l *Leader) recover(t *term) {
	l.buffered = nil
	snap, err := l.cfg.Rows.Snapshot()
	if err != nil {
		l.fail(t, fmt.Errorf("freeze rows for recovery: %w", err))
		return
	}
	l.cfg.Background(func() {
		defer snap.Close()
		var acts []machine.Action
		err := snap.Recover(func(a machine.Action) error {
			acts = append(acts, a)
			return nil
		})
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.term != t || l.state != recovering {
			return
		}
		if err != nil {
			l.fail(t, fmt.Errorf("recover actions from rows: %w", err))
			return
		}
		l.lead(t, acts)
	})
}

// lead performs what was recovered and what came meanwhile. Called with mu held.
func (l *Leader) lead(t *term, recovered []machine.Action) {
	l.state = leading
	l.leads.Store(uint64(t.epoch))
	t.timers.start()
	for _, act := range recovered {
		l.perform(t, act)
	}
	for _, act := range l.buffered {
		l.perform(t, act)
	}
	l.buffered = nil
	if l.cfg.Events.Gained != nil {
		l.cfg.Events.Gained(l.cfg.Partition, t.epoch)
	}
}

// resign drops everything that belongs to the leadership and fails all callers. It returns the term
// that ended, or nil. Called with mu held.
func (l *Leader) resign(cause error) *term {
	l.state = following
	l.leads.Store(0)
	t := l.term
	if t == nil {
		return nil
	}
	l.term, l.buffered = nil, nil
	t.proposer.close()
	t.timers.stop()
	t.shuffle.stop()
	l.pending.failAll(ErrLost)
	l.cfg.Background(t.attempts.Close)
	if l.cfg.Events.Lost != nil {
		l.cfg.Events.Lost(l.cfg.Partition, t.epoch, cause)
	}
	return t
}

// fail ends a term whose leader can no longer trust itself and announces again. Called with mu
// held.
func (l *Leader) fail(t *term, err error) {
	if l.term != t {
		return
	}
	if l.cfg.Events.Failed != nil {
		l.cfg.Events.Failed(l.cfg.Partition, err)
	}
	l.resign(ErrNotLeader)
	token := l.token
	l.cfg.Clock.AfterFunc(campaignRetry, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.state == following && l.token == token {
			l.campaign()
		}
	})
}

// LeadAnew ends the leadership and takes it up again, so that everything in memory is derived from
// the rows once more.
func (l *Leader) LeadAnew() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != leading {
		return ErrNotLeader
	}
	l.fail(l.term, errors.New("somebody asked to lead anew"))
	return nil
}

// proposalFailed ends the term whose proposal was lost: later ones would be refused anyway.
func (l *Leader) proposalFailed(epoch protocol.Epoch, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.term != nil && l.term.epoch == epoch {
		l.fail(l.term, fmt.Errorf("propose in epoch %d: %w", epoch, err))
	}
}
