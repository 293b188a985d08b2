package leader

import "github.com/perdure/perdure/partition/machine"

// perform hands one action to whoever does it. Nothing here waits. Called with mu held.
func (l *Leader) perform(t *term, act machine.Action) {
	switch a := act.(type) {
	case machine.StartInvocation:
		t.attempts.Start(a)
	case machine.AbortInvocation:
		t.attempts.Abort(a.ID)
	case machine.RetryInvocation:
		t.attempts.RetryNow(a.ID)
	case machine.Notify:
		t.attempts.Notify(a.ID, a.Attempt, a.Index, a.Entry)
	case machine.AckEntry:
		t.attempts.Ack(a.ID, a.Attempt, a.CommandIndex)
	case machine.RegisterTimer:
		t.timers.add(a.Timer)
	case machine.DeleteTimer:
		t.timers.remove(a.Timer)
	case machine.SendMessage:
		t.shuffle.add(a.Message)
	case machine.Reply:
		l.pending.reply(a.Request, a.Reply)
	case machine.Completed:
		l.pending.completed(a.ID, a.Reply)
	}
}
