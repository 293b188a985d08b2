package machine

import (
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// send writes a message to the outbox. Messages to the own partition go the same way.
func (s *step) send(key protocol.PartitionKey, c command.Command) error {
	s.tx.Vars.LastOutbox++
	m := command.Message{
		Sequence: s.tx.Vars.LastOutbox, Key: key, Trace: s.header.Trace, Command: c,
	}
	if err := s.tx.PutMessage(&m); err != nil {
		return err
	}
	s.act(SendMessage{Message: m})
	return nil
}

// sendCompletion sends an invocation's result to one that waits for it.
func (s *step) sendCompletion(w command.Waiter, r protocol.Result) error {
	return s.sendNotification(w, journal.OfResult(r))
}

// sendResult completes a call with the result of an invocation that has ended.
func (s *step) sendResult(w command.Waiter, st *store.Status) error {
	result, err := s.tx.Result(st)
	if err != nil {
		return err
	}
	return s.sendCompletion(w, result)
}

func (s *step) sendNotification(w command.Waiter, r journal.NotificationResult) error {
	return s.send(w.Invocation.Key, &command.Complete{
		ID: w.Invocation, CompletionID: w.CompletionID, Type: w.Type, Life: w.Life, Result: r,
	})
}

func (s *step) truncateOutbox(c *command.TruncateOutbox) error {
	for _, sequence := range c.Sequences {
		if err := s.tx.DeleteMessage(sequence); err != nil {
			return err
		}
	}
	return nil
}
