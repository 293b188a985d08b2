package main

import (
	"fmt"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// holdsLock says whose invocations hold their object's lock while they run.
func holdsLock(t protocol.Target) bool {
	return t.HandlerKind == protocol.HandlerExclusive || t.HandlerKind == protocol.HandlerWorkflow
}

// checkRows looks at all rows of a replica: each invocation that has not ended waits for something
// that will come, and each object has at most one holder.
func checkRows(n *node) error {
	rows := n.Store().Reader()
	locks, queued := map[store.Object]store.Lock{}, map[store.Object]uint32{}
	for l, err := range rows.ScanLocks(n.keys) {
		if err != nil {
			return err
		}
		locks[l.Object] = l.Lock
		holder, ok, err := rows.GetStatus(l.Lock.Holder)
		if err != nil || !ok || !holder.State.Started() {
			return fmt.Errorf("%s is held by %s, which is %s (%v)", l.Object,
				name(l.Lock.Holder), holder.State, err)
		}
	}
	for q, err := range rows.ScanInbox(n.keys) {
		if err != nil {
			return err
		}
		queued[q.Object]++
	}
	for object, count := range queued {
		if locks[object].Queued != count {
			return fmt.Errorf("%d wait for %s, its lock says %d", count, object, locks[object].Queued)
		}
	}
	timers, err := rows.Timers(command.Timer{}, 1<<20)
	if err != nil {
		return err
	}
	sleeps := map[protocol.InvocationID]uint32{}
	for _, t := range timers {
		if t.Kind == command.TimerSleep {
			sleeps[t.Invocation]++
		}
	}
	for st, err := range rows.ScanStatus(n.keys) {
		if err == nil {
			err = checkStatus(rows, &st, locks, sleeps[st.ID])
		}
		if err != nil {
			return fmt.Errorf("%s (%s, %s): %w", st.ID, st.Target, st.State, err)
		}
	}
	return nil
}

func checkStatus(rows store.Reader, st *store.Status, locks map[store.Object]store.Lock,
	sleeps uint32,
) error {
	object := store.ObjectOf(st.Target)
	switch {
	case st.State.Started() && holdsLock(st.Target) && locks[object].Holder != st.ID:
		return fmt.Errorf("it runs, and %s holds the lock", locks[object].Holder)
	case st.State != store.Completed && st.Timers != sleeps:
		return fmt.Errorf("it counts %d sleeps and has %d timers", st.Timers, sleeps)
	case st.State == store.Completed && sleeps > 0:
		return fmt.Errorf("%d timers of its sleeps are left", sleeps)
	case st.State == store.Inboxed:
		q, ok, err := rows.FirstQueued(object, st.InboxSequence)
		if err != nil || !ok || q.Invocation != st.ID {
			return fmt.Errorf("it is not in the inbox (%v)", err)
		}
	case st.State == store.Scheduled:
		ok, err := rows.HasTimer(command.Timer{Due: st.ExecutionTime, Kind: command.TimerScheduled,
			Invocation: st.ID})
		if err != nil || !ok {
			return fmt.Errorf("it has no timer (%v)", err)
		}
	case st.State == store.Suspended:
		return checkSuspended(rows, st)
	}
	return nil
}

// checkSuspended looks whether an invocation sleeps through what it waits for.
func checkSuspended(rows store.Reader, st *store.Status) error {
	has := func(id journal.NotificationID) (present, failed bool) {
		n, ok, _ := rows.GetNotification(st.ID, id)
		return ok, n.Outcome == store.OutcomeFailure
	}
	done := st.Awaiting.ResolvedByAny(has)
	if st.ProtocolVersion >= 7 {
		done = st.Awaiting.Resolved(has)
	}
	if done {
		return fmt.Errorf("what it waits for has come: %+v", st.Awaiting)
	}
	return nil
}
