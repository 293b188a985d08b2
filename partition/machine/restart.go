package machine

import (
	"fmt"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// firstPrefixVersion is the first protocol version whose journals can be cut and continued.
const firstPrefixVersion = 6

// restart makes a new invocation out of the beginning of a completed one's journal.
func (s *step) restart(c *command.Restart) error {
	old, ok, err := s.tx.GetStatus(c.ID)
	if err != nil {
		return err
	}
	if status, message := restartable(&old, ok, c); status != command.ReplyDone {
		s.reply(c.Request, c.NewID, command.Reply{Status: status, Message: message})
		return nil
	}
	existing, exists, err := s.tx.GetStatus(c.NewID)
	if err != nil {
		return err
	}
	if exists {
		status := command.ReplyBadPrefix
		if existing.RestartedFrom == c.ID { // the same request, proposed twice
			status = command.ReplyDone
		}
		s.replyStatus(c.Request, c.NewID, status)
		return nil
	}
	entries, err := s.tx.Journal(c.ID)
	if err != nil {
		return err
	}
	prefix, problem := journalPrefix(entries, c.From)
	if problem != "" {
		s.reply(c.Request, c.NewID, command.Reply{
			Status: command.ReplyBadPrefix, Message: problem,
		})
		return nil
	}
	s.replyStatus(c.Request, c.NewID, command.ReplyDone)
	return s.startFrom(&old, c, prefix)
}

// restartable says why an invocation cannot be restarted; ReplyDone: it can.
func restartable(old *store.Status, ok bool, c *command.Restart) (command.ReplyStatus, string) {
	switch {
	case !ok:
		return command.ReplyNotFound, ""
	case old.State == store.Scheduled || old.State == store.Inboxed:
		return command.ReplyTooEarly, ""
	case old.State != store.Completed:
		return command.ReplyNotCompleted, ""
	case old.EntryCount == 0:
		return command.ReplyInputGone, "the journal was dropped"
	case old.Target.HandlerKind == protocol.HandlerWorkflow:
		return command.ReplyUnsupported, "a workflow runs once per key"
	case c.From >= old.EntryCount:
		return command.ReplyBadPrefix, fmt.Sprintf(
			"the journal ends at index %d, before %d", old.EntryCount-1, c.From)
	case c.From > 0 && old.ProtocolVersion < firstPrefixVersion:
		return command.ReplyUnsupported, fmt.Sprintf(
			"keeping more than the input needs protocol version %d, the journal has %d",
			firstPrefixVersion, old.ProtocolVersion)
	}
	return command.ReplyDone, ""
}

// journalPrefix is the journal through index last, and after it the notifications that complete
// commands of the prefix but came later. A command that nothing completes is a problem: the new
// invocation would wait for it for ever.
func journalPrefix(entries []journal.Entry, last uint32) (prefix []journal.Entry, problem string) {
	prefix = append(prefix, entries[:last+1]...)
	open := map[uint32]uint32{} // completion ID -> command's journal index
	for i := range prefix {
		e := &prefix[i]
		if e.Type.IsCommand() {
			if id, ok := completionID(e); ok {
				open[id] = uint32(i)
			}
			if id, ok := calleeCompletionID(e); ok {
				open[id] = uint32(i)
			}
		}
	}
	close := func(e *journal.Entry) bool {
		n, ok := notification(e)
		if !ok || n.ID.Kind != journal.IDCompletion {
			return false
		}
		_, waiting := open[n.ID.Index]
		delete(open, n.ID.Index)
		return waiting
	}
	for i := range prefix {
		close(&prefix[i])
	}
	for i := range entries[last+1:] {
		if e := &entries[last+1+uint32(i)]; close(e) {
			prefix = append(prefix, *e)
		}
	}
	if len(open) == 0 {
		return prefix, ""
	}
	first := last
	for _, index := range open {
		first = min(first, index)
	}
	return nil, fmt.Sprintf("the command at index %d was never completed", first)
}

// calleeCompletionID is the completion ID that brings a Call's invocation ID.
func calleeCompletionID(e *journal.Entry) (id uint32, ok bool) {
	if e.Type != journal.TypeCall {
		return 0, false
	}
	m, err := journal.Decode(e.Type, e.Body.Inline)
	if err != nil {
		return 0, false
	}
	return m.(*journal.Call).InvocationIDIndex, true
}

func notification(e *journal.Entry) (*journal.Notification, bool) {
	if !e.Type.IsNotification() {
		return nil, false
	}
	m, err := journal.Decode(e.Type, e.Body.Inline)
	if err != nil {
		return nil, false
	}
	n, ok := m.(*journal.Notification)
	return n, ok
}

// startFrom makes the new invocation and copies the entries into its journal.
func (s *step) startFrom(old *store.Status, c *command.Restart, prefix []journal.Entry) error {
	st := store.Status{
		ID: c.NewID, Life: s.newLife(), Target: old.Target, LimitKey: old.LimitKey, Trace: s.header.Trace,
		Source:  command.Source{Kind: command.SourceRestart, Invocation: old.ID},
		Request: c.Request, RandomSeed: c.RandomSeed, RestartedFrom: old.ID,
		CompletionRetention: old.CompletionRetention, JournalRetention: old.JournalRetention,
		CreatedAt: s.now, Deployment: c.Deployment, ProtocolVersion: c.ProtocolVersion,
	}
	for i := range prefix {
		e := prefix[i]
		n, isNotification := notification(&e)
		var err error
		if isNotification {
			err = s.appendNotification(&st, n)
		} else {
			var index uint32
			index, err = s.appendEntry(&st, &e)
			if e.Type == journal.TypeOutput {
				st.OutputIndex = index
			}
		}
		if err != nil {
			return err
		}
	}
	return s.begin(&st)
}
