package leader

import (
	"time"

	"github.com/perdure/perdure/partition/explain"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// Inspector is what Attempts offer that can tell what they do. Unlike theirs, its methods may be
// called at any time and take locks of their own.
type Inspector interface {
	Inspect(protocol.InvocationID) (explain.Attempt, bool)
	// InspectAll calls yield for every attempt, in no order, until it returns false.
	InspectAll(yield func(protocol.InvocationID, explain.Attempt) bool)
}

// overdue is how late a timer may be before it counts as forgotten.
const overdue = 5 * time.Second

// Memory is what the leader remembers, for explaining what invocations wait for; ok is false if it
// does not lead.
func (l *Leader) Memory() (m explain.Memory, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != leading {
		return nil, false
	}
	return &memory{leader: l, term: l.term}, true
}

// Inspector looks at the attempts that run; nil if the leader does not lead, or they do not tell.
func (l *Leader) Inspector() Inspector {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != leading {
		return nil
	}
	i, _ := l.term.attempts.(Inspector)
	return i
}

type memory struct {
	leader *Leader
	term   *term
}

func (m *memory) Attempt(id protocol.InvocationID) (explain.Attempt, bool) {
	if i, ok := m.term.attempts.(Inspector); ok {
		return i.Inspect(id)
	}
	return explain.Attempt{}, true // they do not tell
}

func (m *memory) HasTimer(t command.Timer) bool {
	l := m.leader
	l.mu.Lock()
	defer l.mu.Unlock()
	late := protocol.MillisOf(l.cfg.Clock.Now().Add(-overdue))
	return l.term == m.term && m.term.timers.core.expects(t, late)
}

func (m *memory) Sends(sequence uint64) bool {
	l := m.leader
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.term == m.term && m.term.shuffle.knows(sequence)
}

// expects reports whether a timer will fire: it is on its way, or in the window and not long overdue,
// or beyond the window, where the rows are read in time.
func (t *Timers) expects(x command.Timer, late protocol.Millis) bool {
	if _, ok := t.firing[x]; ok {
		return true
	}
	if x.Due < late && len(t.firing) < maxFiring {
		return false // nothing holds it up, and yet it has not fired
	}
	if _, ok := t.live[x]; ok {
		return true
	}
	return t.horizon != nil && CompareTimers(x, *t.horizon) > 0
}

// knows reports whether a message is in a queue, was delivered, or will be read from the rows.
func (s *shuffleShell) knows(sequence uint64) bool {
	for _, d := range s.delivered {
		if d == sequence {
			return true
		}
	}
	return s.core.knows(sequence)
}

func (s *Shuffle) knows(sequence uint64) bool {
	if s.more && sequence > s.last {
		return true
	}
	for _, l := range s.lanes {
		for i := range l.queue {
			if l.queue[i].Sequence == sequence {
				return true
			}
		}
	}
	return false
}
