package leader

import (
	"slices"
	"time"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

const (
	maxQueued       = 1 << 12 // outbox messages kept in memory; later ones are read from the rows
	maxEnvelope     = 512     // messages in one record
	maxEnvelopeSize = 1 << 20 // bytes of parameters in one record, unless one message is larger
	maxTruncate     = 512     // delivered messages until their rows are removed
	truncateAfter   = 250 * time.Millisecond
	sendRetryFirst  = 20 * time.Millisecond
	sendRetryMax    = time.Second
)

// Shuffle carries the outbox to other partitions: in order per destination, one record on its way
// to each at a time, so that a lost one is never skipped over. It is a core.
type Shuffle struct {
	limit  int // messages kept in memory
	lanes  map[protocol.PartitionID]*lane
	queued int
	last   uint64 // greatest sequence taken in
	more   bool   // the rows hold messages after last that were not taken in
}

type lane struct {
	queue   []command.Message
	sending int // messages of queue that are on their way
	retry   time.Duration
	waiting bool // for a retry
}

// NewShuffle starts with nothing to send and keeps up to limit messages in memory.
func NewShuffle(limit int) *Shuffle {
	return &Shuffle{limit: limit, lanes: make(map[protocol.PartitionID]*lane)}
}

// Add takes a message whose row was written; messages come in ascending order.
func (s *Shuffle) Add(to protocol.PartitionID, m command.Message) {
	if m.Sequence <= s.last {
		return
	}
	if s.more || s.queued >= s.limit {
		s.more = true
		return
	}
	s.take(to, m)
}

func (s *Shuffle) take(to protocol.PartitionID, m command.Message) {
	l := s.lanes[to]
	if l == nil {
		l = &lane{}
		s.lanes[to] = l
	}
	l.queue = append(l.queue, m)
	s.last = m.Sequence
	s.queued++
}

// Next returns the messages to send to a destination now, or nothing.
func (s *Shuffle) Next(to protocol.PartitionID) []command.Message {
	l := s.lanes[to]
	if l == nil || l.sending > 0 || l.waiting || len(l.queue) == 0 {
		return nil
	}
	n, size := 0, 0
	for n < len(l.queue) && n < maxEnvelope {
		size += messageSize(l.queue[n].Command)
		if n > 0 && size > maxEnvelopeSize {
			break
		}
		n++
	}
	l.sending = n
	return slices.Clone(l.queue[:n])
}

// Sent takes note of a delivery and returns the delivered sequences.
func (s *Shuffle) Sent(to protocol.PartitionID) []uint64 {
	l := s.lanes[to]
	sequences := make([]uint64, l.sending)
	for i := range l.sending {
		sequences[i] = l.queue[i].Sequence
	}
	clear(l.queue[:l.sending]) // let go of the payloads
	l.queue = l.queue[l.sending:]
	s.queued -= l.sending
	l.sending, l.retry = 0, 0
	if len(l.queue) == 0 {
		delete(s.lanes, to)
	}
	return sequences
}

// Failed takes note of a delivery whose fate is unknown and returns how long to wait until Retry.
func (s *Shuffle) Failed(to protocol.PartitionID) time.Duration {
	l := s.lanes[to]
	l.sending, l.waiting = 0, true
	l.retry = min(max(2*l.retry, sendRetryFirst), sendRetryMax)
	return l.retry
}

// Retry ends the wait after a failure.
func (s *Shuffle) Retry(to protocol.PartitionID) {
	if l := s.lanes[to]; l != nil {
		l.waiting = false
	}
}

// Reload reports whether rows after the returned sequence should be read.
func (s *Shuffle) Reload() (after uint64, ok bool) {
	return s.last, s.more && s.queued <= s.limit/2
}

// Loaded takes rows that were read after the last one; more says that there are further ones.
func (s *Shuffle) Loaded(rows []command.Message, more bool, route func(protocol.PartitionKey) protocol.PartitionID) {
	for _, m := range rows {
		s.take(route(m.Key), m)
	}
	s.more = more
}

// messageSize estimates the bytes a message takes in a record.
func messageSize(c command.Command) int {
	const overhead = 256
	switch m := c.(type) {
	case *command.Invoke:
		return overhead + m.Parameter.Len()
	case *command.Complete:
		return overhead + len(m.Result.Value)
	case *command.Signal:
		return overhead + len(m.Result.Value)
	}
	return overhead
}

// shuffleShell sends what the core says. All methods are called with the leader's mu held.
type shuffleShell struct {
	leader    *Leader
	term      *term
	core      *Shuffle
	delivered []uint64 // sequences whose rows can be removed
	removing  bool     // a timer for that is set
}

func newShuffleShell(l *Leader, t *term) shuffleShell {
	return shuffleShell{leader: l, term: t, core: NewShuffle(maxQueued)}
}

func (s *shuffleShell) stop() { s.core = NewShuffle(0) }

func (s *shuffleShell) add(m command.Message) {
	to := s.leader.cfg.Route(m.Key)
	s.core.Add(to, m)
	s.send(to)
}

func (s *shuffleShell) send(to protocol.PartitionID) {
	messages := s.core.Next(to)
	if len(messages) == 0 {
		return
	}
	l, t := s.leader, s.term
	l.cfg.Send(to, messages, func(err error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.term != t {
			return
		}
		if err != nil {
			t.shuffle.failed(to)
			return
		}
		t.shuffle.sent(to)
	})
}

func (s *shuffleShell) failed(to protocol.PartitionID) {
	l, t := s.leader, s.term
	l.cfg.Clock.AfterFunc(s.core.Failed(to), func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.term == t {
			t.shuffle.core.Retry(to)
			t.shuffle.send(to)
		}
	})
}

func (s *shuffleShell) sent(to protocol.PartitionID) {
	s.delivered = append(s.delivered, s.core.Sent(to)...)
	s.truncate(len(s.delivered) >= maxTruncate)
	s.send(to)
	if after, ok := s.core.Reload(); ok {
		s.load(after)
	}
}

func (s *shuffleShell) load(after uint64) {
	rows, err := s.leader.cfg.Rows.Outbox(after, maxQueued/2)
	if err != nil {
		s.leader.fail(s.term, err)
		return
	}
	s.core.Loaded(rows, len(rows) == maxQueued/2, s.leader.cfg.Route)
	for _, m := range rows {
		s.send(s.leader.cfg.Route(m.Key))
	}
}

// truncate removes the rows of delivered messages, many at a time: doing it late costs a repeated
// delivery after a crash, which the receiver drops.
func (s *shuffleShell) truncate(now bool) {
	l, t := s.leader, s.term
	if !now {
		if !s.removing && len(s.delivered) > 0 {
			s.removing = true
			l.cfg.Clock.AfterFunc(truncateAfter, func() {
				l.mu.Lock()
				defer l.mu.Unlock()
				if l.term == t {
					t.shuffle.removing = false
					t.shuffle.truncate(true)
				}
			})
		}
		return
	}
	if len(s.delivered) == 0 {
		return
	}
	slices.Sort(s.delivered)
	c := &command.TruncateOutbox{Sequences: s.delivered}
	err := t.proposer.Propose(l.cfg.Range.First, c, protocol.TraceContext{}, nil)
	if err != nil {
		s.truncate(false)
		return
	}
	s.delivered = nil
}
