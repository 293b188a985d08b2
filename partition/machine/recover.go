package machine

import (
	"fmt"

	"github.com/perdure/perdure/partition/store"
)

// recoverWindow is how many outbox rows Recover reads at a time.
const recoverWindow = 256

// Recover derives from the rows the actions that a new leader begins with: which invocations to
// start and which messages to send. Timers it reads itself, in windows, by Reader.Timers; replies
// are asked for again by those who wait. emit must not block for long: a snapshot is held meanwhile
// if r is one. An error of emit ends the recovery and is returned.
func Recover(r store.Reader, emit func(Action) error) error {
	for st, err := range r.ScanInvoked() {
		if err != nil {
			return fmt.Errorf("recover invocations: %w", err)
		}
		if err := emit(startAction(&st)); err != nil {
			return err
		}
	}
	for next := uint64(0); ; {
		messages, err := r.Outbox(next, recoverWindow)
		if err != nil {
			return fmt.Errorf("recover the outbox: %w", err)
		}
		for _, m := range messages {
			if err := emit(SendMessage{Message: m}); err != nil {
				return err
			}
			next = m.Sequence + 1
		}
		if len(messages) < recoverWindow {
			return nil
		}
	}
}
