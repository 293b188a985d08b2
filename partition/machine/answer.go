package machine

import (
	"time"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

const (
	// answeredFor is how long, at least, the answer to a request is remembered. A caller that loses
	// its leader does not know whether the request was applied, and asks again as soon as there is
	// another leader.
	answeredFor = 2 * time.Minute
	// answersForgotten is how many old answers are forgotten at once.
	answersForgotten = 256
)

// periodOf is the period in which an answer is given. What is older than the period before the
// present one is forgotten.
func periodOf(t protocol.Millis) uint64 { return uint64(t) / uint64(answeredFor.Milliseconds()) }

func (s *step) period() uint64 { return periodOf(s.now) }

// Answered finds what was answered, about the given time, to a request.
func Answered(rows store.Reader, now protocol.Millis, request command.RequestID) (
	r command.Reply, ok bool, err error,
) {
	latest := periodOf(now)
	for _, period := range [...]uint64{latest, max(latest, 1) - 1} {
		r, ok, err = rows.GetAnswer(store.AnswerKey{Period: period, Request: request})
		if err != nil || ok {
			return r, ok, err
		}
	}
	return command.Reply{}, false, nil
}

func (s *step) answered(request command.RequestID) (command.Reply, bool, error) {
	return Answered(s.tx.Reader, s.now, request)
}

// remember keeps the answer to a request.
func (s *step) remember(request command.RequestID, r *command.Reply) error {
	now := s.period()
	if err := s.tx.PutAnswer(store.AnswerKey{Period: now, Request: request}, r); err != nil {
		return err
	}
	if s.tx.Vars.AnswersDue != 0 {
		return nil
	}
	return s.forgetAnswersAt(dueOf(now))
}

// dueOf is when the answers of a period are forgotten.
func dueOf(period uint64) protocol.Millis {
	return protocol.Millis((period + 2) * uint64(answeredFor.Milliseconds()))
}

func (s *step) forgetAnswersAt(due protocol.Millis) error {
	s.tx.Vars.AnswersDue = due
	return s.putTimer(command.Timer{Due: due, Kind: command.TimerAnswers})
}

// forgetAnswers forgets some answers whose time has come, and sets the timer for those that are left.
func (s *step) forgetAnswers() error {
	s.tx.Vars.AnswersDue = 0
	keys, err := s.tx.Answers(s.tx.Vars.AnswersFrom, answersForgotten)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if due := dueOf(k.Period); due > s.now {
			return s.forgetAnswersAt(due)
		}
		if err := s.tx.DeleteAnswer(k); err != nil {
			return err
		}
		s.tx.Vars.AnswersFrom = k
	}
	if len(keys) == answersForgotten {
		return s.forgetAnswersAt(s.now)
	}
	return nil
}

// once applies a request unless it was applied before: then it gets the same answer, and nothing
// happens. What was refused is looked at anew: nothing came of it.
func (s *step) once(
	request command.RequestID, id protocol.InvocationID, apply func() error,
) error {
	if request.IsZero() {
		return apply()
	}
	if r, ok, err := s.answered(request); err != nil || ok {
		s.reply(request, id, r)
		return err
	}
	s.lastReply = command.Reply{}
	if err := apply(); err != nil {
		return err
	}
	switch s.lastReply.Status {
	case command.ReplyDone, command.ReplyAppended:
		return s.remember(request, &s.lastReply)
	}
	return nil
}

// rememberEnd keeps the result of an invocation that is forgotten so soon after its end that the
// caller that started it may ask again: it must get that result, and not start it again.
func (s *step) rememberEnd(st *store.Status) error {
	if st.Request.IsZero() || st.Source.Kind != command.SourceIngress ||
		s.now >= st.CompletedAt.Add(answeredFor) {
		return nil
	}
	r, err := CompletedReply(s.tx.Reader, st)
	if err != nil {
		return err
	}
	r.Own, r.ExecutionTime = true, st.ExecutionTime
	s.tx.Vars.Unkept = s.period()
	return s.remember(st.Request, &r)
}

// endedUnkept finds the result of an invocation that this very request started and of which nothing
// was kept.
func (s *step) endedUnkept(request command.RequestID) (command.Reply, bool, error) {
	if request.IsZero() || s.tx.Vars.Unkept+1 < s.period() {
		return command.Reply{}, false, nil
	}
	return s.answered(request)
}
