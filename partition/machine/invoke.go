package machine

import (
	"slices"
	"time"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// invoke makes an invocation, or joins the one that has its ID.
func (s *step) invoke(c *command.Invoke) error {
	st, exists, err := s.tx.GetStatus(c.ID)
	if err != nil {
		return err
	}
	if exists {
		return s.invokeExisting(c, &st)
	}
	if r, ok, err := s.endedUnkept(c.Request); err != nil || ok {
		s.reply(c.Request, c.ID, r)
		return err
	}
	st = store.Status{
		ID: c.ID, Life: s.newLife(), Target: c.Target, Source: c.Source, IdempotencyKey: c.IdempotencyKey,
		LimitKey: c.LimitKey, Request: c.Request, Trace: s.header.Trace, RandomSeed: c.RandomSeed,
		CompletionRetention: retention(c.CompletionRetention),
		JournalRetention:    retention(c.JournalRetention),
		CreatedAt:           s.now, ExecutionTime: c.ExecutionTime,
	}
	if c.Waiter != nil {
		st.Waiters = []command.Waiter{*c.Waiter}
	}
	message := journal.Input{Headers: c.Headers, Value: c.Parameter.Inline}
	input := journal.Entry{Type: message.Type(), Body: protocol.Inline(message.Append(nil))}
	if _, err := s.appendEntry(&st, &input); err != nil {
		return err
	}
	s.reply(c.Request, c.ID, command.Reply{
		Status: command.ReplyAccepted, Own: true, ExecutionTime: c.ExecutionTime,
	})
	if c.ExecutionTime > s.now {
		return s.schedule(&st)
	}
	if free, err := s.lock(&st); err != nil || !free {
		return err
	}
	return s.startWith(&st, &input)
}

// newLife numbers a new invocation.
func (s *step) newLife() uint64 {
	s.tx.Vars.LastLife++
	return s.tx.Vars.LastLife
}

// retention is what a row keeps of a length of time: whole milliseconds.
func retention(d time.Duration) time.Duration { return max(d, 0).Truncate(time.Millisecond) }

// invokeExisting answers an Invoke whose invocation exists already.
func (s *step) invokeExisting(c *command.Invoke, st *store.Status) error {
	reply := command.Reply{
		Status: command.ReplyPreviouslyAccepted, ExecutionTime: st.ExecutionTime,
	}
	switch {
	case st.State == store.Completed:
		var err error
		if reply, err = CompletedReply(s.tx.Reader, st); err != nil {
			return err
		}
		reply.ExecutionTime = st.ExecutionTime
	case c.Request == st.Request: // the same request, proposed twice
		reply.Status = command.ReplyAccepted
	}
	reply.Own = c.Request == st.Request && !c.Request.IsZero()
	s.reply(c.Request, c.ID, reply)
	if c.Waiter == nil {
		return nil
	}
	if c.Target.HandlerKind == protocol.HandlerWorkflow {
		return s.sendCompletion(*c.Waiter, protocol.Failed(protocol.FailureWorkflowInvoked))
	}
	return s.join(st, *c.Waiter)
}

// maxWaiters bounds how many invocations wait for one result: they stand in its row, which is
// written anew with each of them. More are answered with a failure.
const maxWaiters = 4096

var failureTooManyWaiters = protocol.Failure{
	Code: 429, Message: "too many invocations wait for this result already: get its output later",
}

// join gives a waiter the result, now or when there is one.
func (s *step) join(st *store.Status, w command.Waiter) error {
	if st.State == store.Completed {
		return s.sendResult(w, st)
	}
	if len(st.Waiters) >= maxWaiters {
		return s.sendCompletion(w, protocol.Failed(failureTooManyWaiters))
	}
	st.Waiters = append(slices.Clip(st.Waiters), w)
	return s.tx.PutStatus(*st)
}

// CompletedReply tells a caller how an invocation has ended; st must be Completed.
func CompletedReply(rows store.Reader, st *store.Status) (command.Reply, error) {
	result, err := rows.Result(st)
	return completedReply(st, result), err
}

func completedReply(st *store.Status, r protocol.Result) command.Reply {
	return command.Reply{
		Status: command.ReplyCompleted, Result: &r, CompletedAt: st.CompletedAt,
		Target: st.Target, Retention: st.CompletionRetention,
	}
}

// schedule lets an invocation wait for its time.
func (s *step) schedule(st *store.Status) error {
	st.State, st.ScheduledAt, st.ModifiedAt = store.Scheduled, s.now, s.now
	if err := s.putTimer(scheduledTimer(st)); err != nil {
		return err
	}
	return s.tx.PutStatus(*st)
}

// begin starts an invocation, or queues it if another one holds its lock.
func (s *step) begin(st *store.Status) error {
	if free, err := s.lock(st); err != nil || !free {
		return err
	}
	return s.start(st)
}

// lock takes the lock that an invocation needs, if it needs one; if it is held, the invocation is
// queued and free is false.
func (s *step) lock(st *store.Status) (free bool, err error) {
	if !holdsLock(st.Target) {
		return true, nil
	}
	return s.lockOrQueue(st)
}

// start begins a new running period: the first one, or one after a suspension, a pause or a lost
// attempt. Attempt numbers are the partition's, not the invocation's: an ID that is used again, after
// its row was forgotten, must not take what an attempt of its former life still reports.
func (s *step) start(st *store.Status) error { return s.startWith(st, nil) }

// startWith is start; with the input of an invocation that is new, nothing needs to be read.
func (s *step) startWith(st *store.Status, input *journal.Entry) error {
	st.State = store.Invoked
	st.Awaiting = journal.Future{}
	s.tx.Vars.LastAttempt++
	st.Attempt = s.tx.Vars.LastAttempt
	st.KnownEntries = st.EntryCount
	st.ModifiedAt = s.now
	if st.RunningAt == 0 {
		st.RunningAt = s.now
	}
	if err := s.tx.PutStatus(*st); err != nil {
		return err
	}
	a := startAction(st)
	if input != nil {
		a.Fresh = &Fresh{Status: *st, Input: *input}
	}
	s.act(a)
	return nil
}

// startAction is derived from the row alone; Recover calls it too.
func startAction(st *store.Status) StartInvocation {
	return StartInvocation{ID: st.ID, Target: st.Target, Attempt: st.Attempt}
}

// startOver gives up the running attempt, whose view of the journal is not ours, and starts the
// next one.
func (s *step) startOver(st *store.Status) error {
	s.act(AbortInvocation{ID: st.ID})
	return s.start(st)
}
