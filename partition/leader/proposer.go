package leader

import (
	"sync"

	"github.com/perdure/perdure/internal/clock"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/wire"
)

// stamp gives records their time and keeps the order of appends the order of times.
type stamp struct {
	clock clock.Clock
	log   Appender

	mu   sync.Mutex
	last protocol.HybridTime // guarded by mu
	buf  []byte              // guarded by mu; for small commands
}

const smallCommand = 32 << 10 // bytes; larger ones are encoded in buffers of their own

// notBefore makes later times greater than t.
func (s *stamp) notBefore(t protocol.HybridTime) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = max(s.last, t)
}

func (s *stamp) append(h command.Header, c command.Command, done func(protocol.LSN, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.appendLocked(h, c, done)
}

func (s *stamp) appendLocked(h command.Header, c command.Command, done func(protocol.LSN, error)) error {
	s.last = s.last.Next(protocol.MillisOf(s.clock.Now()))
	h.Time = s.last
	// The log copies what it is given.
	if size := command.SizeHint(c); size > smallCommand {
		b := command.Encode(wire.Scratch(size), &h, c)
		defer wire.Release(b)
		return s.log.Append(done, b)
	}
	s.buf = command.Encode(s.buf[:0], &h, c)
	return s.log.Append(done, s.buf)
}

// Proposer appends the leader's own commands: each carries the epoch and the next sequence, so that
// the machine can tell that none before it was lost.
type Proposer struct {
	leader *Leader
	epoch  protocol.Epoch

	// Guarded by leader.stamp.mu, so that sequences are appended in order.
	sequence uint64
	closed   bool
}

// Epoch is the leadership that the proposer belongs to.
func (p *Proposer) Epoch() protocol.Epoch { return p.epoch }

// Propose appends a command of the partition's own. done is called once, never synchronously: with
// nil when the command was applied, with an error when its fate is unknown, and then the leadership
// is over. An error from Propose means that nothing was appended; bifrost.ErrBusy: try again soon.
func (p *Proposer) Propose(key protocol.PartitionKey, c command.Command, trace protocol.TraceContext,
	done func(error),
) error {
	s := &p.leader.stamp
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.closed {
		return ErrNotLeader
	}
	h := command.Header{
		Key:      key,
		Producer: command.Producer{Kind: command.ProducerLeader, Epoch: p.epoch},
		Sequence: p.sequence + 1,
		Trace:    trace,
	}
	err := s.appendLocked(h, c, func(_ protocol.LSN, err error) {
		if err != nil {
			p.leader.proposalFailed(p.epoch, err)
		}
		if done != nil {
			done(err)
		}
	})
	if err == nil {
		p.sequence++
	}
	return err
}

func (p *Proposer) close() {
	p.leader.stamp.mu.Lock()
	defer p.leader.stamp.mu.Unlock()
	p.closed = true
}
