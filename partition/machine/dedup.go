package machine

import "github.com/perdure/perdure/protocol/command"

// fresh reports whether the command applies, by its producer: not if it comes from a leader of the
// past, leaves a gap after the last one of the present leader, or was seen before.
func (s *step) fresh() (bool, error) {
	producer, vars := s.header.Producer, &s.tx.Vars
	switch producer.Kind {
	case command.ProducerNone:
		return true, nil
	case command.ProducerLeader:
		if plantNoFence {
			return true, nil
		}
		if producer.Epoch != vars.Epoch || s.header.Sequence != vars.LeaderSequence+1 {
			return false, nil
		}
		vars.LeaderSequence++
		return true, nil
	case command.ProducerPartition, command.ProducerExternal:
		last, err := s.tx.LastSequence(producer)
		if err != nil || s.header.Sequence <= last && !plantNoDedup {
			return false, err
		}
		return true, s.tx.PutLastSequence(producer, s.header.Sequence)
	}
	return false, nil // a producer of the future
}

// envelope applies those of the messages that are new. A sender that does not know the fate of an
// envelope may send its messages again in a larger one, so each message is looked at.
func (s *step) envelope(c *command.Envelope) error {
	producer := s.header.Producer
	if producer.Kind != command.ProducerPartition {
		return nil
	}
	last, err := s.tx.LastSequence(producer)
	if err != nil {
		return err
	}
	first := last
	for _, m := range c.Messages {
		if m.Sequence <= last && !plantNoDedup || m.Command == nil {
			continue
		}
		last = max(last, m.Sequence)
		inner := command.Header{Key: m.Key, Time: s.header.Time, Trace: m.Trace}
		message := step{tx: s.tx, header: &inner, now: s.now, acts: s.acts}
		if err := message.deliver(m.Command); err != nil {
			return err
		}
		s.acts = message.acts
	}
	if last == first {
		return nil
	}
	return s.tx.PutLastSequence(producer, last)
}
