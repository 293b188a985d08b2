package machine

import (
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

func sleepTimer(id protocol.InvocationID, m *journal.Sleep) command.Timer {
	return command.Timer{
		Due: m.WakeUp, Kind: command.TimerSleep, Invocation: id, CompletionID: m.CompletionID,
	}
}

func scheduledTimer(st *store.Status) command.Timer {
	return command.Timer{
		Due: st.ExecutionTime, Kind: command.TimerScheduled, Invocation: st.ID,
	}
}

func (s *step) putTimer(t command.Timer) error {
	s.act(RegisterTimer{Timer: t})
	return s.tx.PutTimer(t)
}

func (s *step) deleteTimer(t command.Timer) error {
	s.act(DeleteTimer{Timer: t})
	return s.tx.DeleteTimer(t)
}

// timerFired does what a timer is for. Firing it twice does nothing: its row is gone.
func (s *step) timerFired(t command.Timer) error {
	set, err := s.tx.HasTimer(t)
	if err != nil || !set {
		return err
	}
	if err := s.tx.DeleteTimer(t); err != nil {
		return err
	}
	if t.Kind == command.TimerAnswers {
		return s.forgetAnswers()
	}
	st, ok, err := s.tx.GetStatus(t.Invocation)
	if err != nil || !ok {
		return err
	}
	switch t.Kind {
	case command.TimerSleep:
		if st.State == store.Completed {
			return nil
		}
		st.Timers = max(st.Timers, 1) - 1
		if _, err := s.completeOnce(&st, journal.TypeSleepCompletion, t.CompletionID,
			journal.Void()); err != nil {
			return err
		}
		return s.wake(&st, journal.Completion(t.CompletionID))
	case command.TimerScheduled:
		if st.State == store.Scheduled {
			return s.begin(&st)
		}
	case command.TimerRetention:
		if st.State == store.Completed {
			st.ForgottenAt = 0
			return s.forget(&st)
		}
	case command.TimerJournal:
		if st.State == store.Completed {
			st.JournalForgottenAt = 0
			return s.forgetJournal(&st)
		}
	}
	return nil
}

// cancelSleeps deletes the timers of sleeps that have not fired, so that they do not outlive the
// invocation: another one may get its ID.
func (s *step) cancelSleeps(st *store.Status) error {
	if st.Timers == 0 {
		return nil
	}
	entries, err := s.tx.Journal(st.ID)
	if err != nil {
		return err
	}
	for i := range entries {
		if st.Timers == 0 || entries[i].Type != journal.TypeSleep {
			continue
		}
		m, err := journal.Decode(journal.TypeSleep, entries[i].Body.Inline)
		if err != nil {
			continue // it never had a timer
		}
		t := sleepTimer(st.ID, m.(*journal.Sleep))
		set, err := s.tx.HasTimer(t)
		if err != nil {
			return err
		}
		if !set {
			continue
		}
		st.Timers--
		if err := s.deleteTimer(t); err != nil {
			return err
		}
	}
	return nil
}
