package machine

import (
	"fmt"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// invokerEffect applies what an attempt reports: all of it or nothing. Reports of another attempt,
// or about an invocation that is not being invoked, are of the past.
func (s *step) invokerEffect(c *command.InvokerEffect) error {
	st, ok, err := s.tx.GetStatus(c.ID)
	if err != nil || !ok || st.State != store.Invoked || st.Attempt != c.Attempt {
		return err
	}
	r := report{step: s, st: &st}
	switch problem := r.read(c.Effects); {
	case problem != nil:
		return s.pauseBroken(&st, problem)
	case r.outOfStep:
		return s.startOver(&st)
	}
	for i := range c.Effects {
		if err := r.apply(&c.Effects[i], r.messages[i]); err != nil {
			return err
		}
		if r.ended {
			return nil
		}
	}
	st.ModifiedAt = s.now
	return s.tx.PutStatus(st)
}

// report is the application of one InvokerEffect.
type report struct {
	*step
	st *store.Status
	// messages are the decoded journal commands, by effect.
	messages []journal.Message
	// outOfStep: the attempt's view of the journal is not ours; it must start over.
	outOfStep bool
	// output is the result of an Output in this report.
	output *protocol.Result
	// ended: the attempt is over and the status is written; later effects do not count.
	ended bool
}

// read decodes and checks all effects before any of them is applied. A problem is something that
// the invoker should have refused and that another attempt would repeat.
func (r *report) read(effects []command.Effect) (problem error) {
	r.messages = make([]journal.Message, len(effects))
	next := r.st.CommandCount
	for i := range effects {
		e := &effects[i]
		switch e.Kind {
		case command.EffectCommand:
			if e.CommandIndex != next {
				r.outOfStep = true
				return nil
			}
			next++
			m, err := journal.Decode(e.Entry.Type, e.Entry.Body.Inline)
			if err == nil {
				err = permitted(r.st, e, m)
			}
			if err != nil {
				return fmt.Errorf("journal command %d (%s): %w", e.CommandIndex, e.Entry.Type, err)
			}
			r.messages[i] = m
		case command.EffectSuspended:
			if !hasLeaf(&e.Awaiting) {
				return fmt.Errorf("suspended but awaits nothing")
			}
			if depth(&e.Awaiting, journal.MaxFutureDepth) > journal.MaxFutureDepth {
				return fmt.Errorf("the awaited future nests deeper than %d", journal.MaxFutureDepth)
			}
		}
	}
	return nil
}

func (r *report) apply(e *command.Effect, m journal.Message) error {
	switch e.Kind {
	case command.EffectPinDeployment:
		if r.st.Deployment.IsZero() {
			r.st.Deployment, r.st.ProtocolVersion = e.Deployment, e.ProtocolVersion
		}
		return nil
	case command.EffectCommand:
		return r.command(e, m)
	case command.EffectRunCompletion:
		_, err := r.completeOnce(r.st, journal.TypeRunCompletion, e.CompletionID,
			journal.OfResult(e.Result))
		return err
	case command.EffectSuspended:
		return r.suspend(&e.Awaiting)
	case command.EffectAwaitingOn:
		if depth(&e.Awaiting, journal.MaxFutureDepth) <= journal.MaxFutureDepth {
			r.st.Awaiting = e.Awaiting
		}
		return nil
	case command.EffectEnd:
		return r.end()
	case command.EffectFailed:
		r.ended = true
		return r.finish(r.st, protocol.Failed(e.Error.Failure))
	case command.EffectPaused:
		r.ended = true
		return r.pauseWith(r.st, attemptError(&e.Error))
	case command.EffectTransientError:
		return r.addEvent(r.st, store.EventTransientError, attemptError(&e.Error))
	}
	return nil
}

// suspend ends the attempt: the invocation goes on at once if what it waits for has come already.
func (r *report) suspend(awaiting *journal.Future) error {
	r.ended = true
	done, err := r.resolved(r.st, awaiting)
	if err != nil {
		return err
	}
	if done {
		return r.start(r.st)
	}
	r.st.State, r.st.Awaiting, r.st.ModifiedAt = store.Suspended, *awaiting, r.now
	return r.tx.PutStatus(*r.st)
}

// end completes the invocation with its output. An end without any output is a failed attempt.
func (r *report) end() error {
	r.ended = true
	if r.output != nil {
		return r.finish(r.st, *r.output)
	}
	output, ok, err := r.tx.Output(r.st)
	switch {
	case err != nil:
		return err
	case ok:
		return r.finish(r.st, output)
	}
	return r.startOver(r.st)
}
