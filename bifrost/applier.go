package bifrost

import (
	"context"
	"io"

	"github.com/perdure/perdure/protocol"
)

// Applier stands on a log: it owns the state that the records build. All methods but Save are
// called from one goroutine at a time; Save may run beside them, but never beside Restore.
//
// An error from Apply or Sync stops the replica: it applies nothing more and refuses appends until
// it is started again. Faults of one log do not spread to the others on the node, with two
// exceptions that end the process because going on would lose records: Sync failing during a trim,
// and Restore failing.
type Applier interface {
	// Open readies the state and returns the LSN of the last durably applied record, 0 when there
	// is none. It is always the last record of some earlier Apply call (or what Restore returned).
	Open(ctx context.Context) (applied protocol.LSN, err error)

	// Apply takes committed records in LSN order. It is never called for records at or below an LSN
	// already applied, and a call holds whole appends only. State and position must change together:
	// after a crash, either all records of a call are applied or none. Record.Data is never changed
	// after it was handed over, neither by the log nor by the Applier, so it may be kept; the slice
	// of records may not.
	Apply(records []Record) error

	// Sync makes everything applied so far durable with a real flush: the log may forget those
	// records once Sync has returned.
	Sync() error

	// Save streams a consistent snapshot of the state, with its applied LSN inside. It gives up
	// with an error soon after stop is closed.
	Save(w io.Writer, stop <-chan struct{}) error

	// Restore replaces the state with one that Save wrote, durably, and returns its applied LSN.
	Restore(r io.Reader, stop <-chan struct{}) (applied protocol.LSN, err error)

	// Close releases the state. No method is called after it.
	Close() error
}
