package leader

import (
	"context"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// confirm calls then once everything is applied that was in the log before. Whoever leads no more and
// has not noticed reads rows of the past; what it appends is in the log of the present, or lost. then
// gets ErrNotLeader in that case, and must not block.
func (l *Leader) confirm(key protocol.PartitionKey, then func(error)) error {
	nothing := &command.Envelope{} // applies as nothing
	return l.stamp.append(command.Header{Key: key}, nothing, func(_ protocol.LSN, err error) {
		if err != nil {
			err = ErrNotLeader
		}
		then(err)
	})
}

// Confirm waits until everything is applied that was in the log before: rows that are read after it
// are those of the present. It costs a record, so it is for the case that something is missing, which
// would be wrong to say of what somebody else has just been told.
func (l *Leader) Confirm(ctx context.Context, key protocol.PartitionKey) error {
	done := make(chan error, 1)
	if err := l.confirm(key, func(err error) { done <- err }); err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
