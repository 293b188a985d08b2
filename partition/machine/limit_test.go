package machine

import (
	"testing"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// Beyond the limit, who wants to wait is told at once; nobody is forgotten.
func TestWaitersAreBounded(t *testing.T) {
	w := &world{t: t, store: newStore(t, store.Config{})}
	id, caller := protocol.InvocationID{Key: 1}, protocol.InvocationID{Key: 2}
	apply := func(c command.Command) (acts []Action) {
		w.made++
		tx := w.store.Begin()
		acts, err := Apply(tx, protocol.LSN(w.made), &command.Header{}, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		return acts
	}
	apply(&command.Invoke{ID: id})
	for i := range maxWaiters + 3 {
		acts := apply(&command.Attach{ID: id, Waiter: command.Waiter{
			Invocation: caller, CompletionID: uint32(i), Type: journal.TypeAttachInvocationCompletion,
		}})
		if refused := len(acts) == 1; refused != (i >= maxWaiters) {
			t.Fatalf("waiter %d: %v", i, acts)
		}
	}
	sent := 0
	for _, a := range apply(&command.Terminate{ID: id, Mode: command.TerminateKill}) {
		if _, ok := a.(SendMessage); ok {
			sent++
		}
	}
	if sent != maxWaiters {
		t.Fatalf("%d waiters were answered, want %d", sent, maxWaiters)
	}
}
