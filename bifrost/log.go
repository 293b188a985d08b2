package bifrost

import (
	"context"
	"errors"
	"fmt"

	"github.com/perdure/perdure/protocol"
)

// LogID names one log on a node: MetadataLog or PartitionLog(p).
type LogID uint64

// The numbers are part of the data format.
const (
	MetadataLog    LogID = 1
	firstPartition LogID = 100 // 2..99 are kept for logs of the node's own
)

// PartitionLog is the log of partition p.
func PartitionLog(p uint16) LogID { return firstPartition + LogID(p) }

// String prints "metadata", "partition-7" or "log-5".
func (id LogID) String() string {
	switch {
	case id == MetadataLog:
		return "metadata"
	case id >= firstPartition:
		return fmt.Sprintf("partition-%d", uint64(id-firstPartition))
	default:
		return fmt.Sprintf("log-%d", uint64(id))
	}
}

// Limits of one Append call.
const (
	// MaxAppendRecords is how many payloads one call may hold. They share one entry of the
	// replicated log, and an LSN has 12 bits for the position inside it.
	MaxAppendRecords = 1 << positionBits
	// MaxAppendBytes bounds the payloads of one call together: the largest message an SDK may send
	// (32 MiB) and room for what is wrapped around it.
	MaxAppendBytes = 34 << 20
)

// Record is one appended payload at its position.
type Record struct {
	LSN  protocol.LSN
	Data []byte
}

// What may go wrong with an append or a read. Errors are wrapped: compare with errors.Is.
var (
	// ErrUnknown means the records may or may not be in the log, now or later. Retry with the same
	// producer and sequence.
	ErrUnknown = errors.New("the fate of the append is unknown: " +
		"retry with the same producer and sequence")
	// ErrBusy means too many bytes wait to be applied. Push back and retry later.
	ErrBusy = errors.New("too many bytes in flight: retry later")
	// ErrNotLeader means this replica does not lead its log, as far as it knows.
	ErrNotLeader = errors.New("this replica is not the leader: send the request to the leader")
	// ErrClosed means the log or its host was closed, or the replica stopped after a failure.
	ErrClosed = errors.New("the log is closed")
	// ErrTooLarge means the payloads pass MaxAppendRecords or MaxAppendBytes.
	ErrTooLarge = errors.New("too large for one append: split it or send less")
	// ErrTrimmed means records at or after the wanted LSN were already trimmed from the log: take
	// them from an archive or a snapshot.
	ErrTrimmed = errors.New("these records were trimmed: read them from the archive or a snapshot")

	errNoRecords = errors.New("nothing to append: pass at least one payload")
)

// Log is one replica of one replicated log. It is safe for concurrent use.
type Log interface {
	// Append queues the payloads as consecutive records and returns without waiting. It copies them.
	//
	// When it returns nil, done is called exactly once: from the apply goroutine after
	// Applier.Apply returned for these records, with the LSN of the last one; or, from another
	// goroutine, with 0 and ErrUnknown. done must not block. It may call Append.
	//
	// Otherwise done is never called, the records will never be in the log, and the error is one of
	// ErrBusy (which ErrDiskFull is), ErrTooLarge, ErrClosed or ErrNotLeader.
	//
	// The payloads of one call are applied all or none, contiguously and in one Apply call. Records
	// of successive calls from one goroutine are applied in call order, unless one fails.
	Append(done func(protocol.LSN, error), payloads ...[]byte) error

	// Read returns records that were handed to the Applier with LSN >= first, in order, up to about
	// limitBytes of payload but at least one when there is one. No records and no error: first is
	// beyond the tail. ErrTrimmed: some record at or after first is gone. After a restart this may
	// also be so for records up to the tail at the time of the last Trim.
	Read(ctx context.Context, first protocol.LSN, limitBytes int) ([]Record, error)

	// Tail is the LSN of the last record handed to the Applier, 0 when there was none.
	Tail() protocol.LSN

	// Trim lets the log forget records at or below through; it may keep some of them. The caller
	// guarantees that they are needed by nobody else. It calls Applier.Sync first. It must not be
	// called from done.
	Trim(ctx context.Context, through protocol.LSN) error

	// Leader tells whether this replica leads and in which term. It is a hint.
	Leader() (isLeader bool, term uint64)
}

// Host runs replicas of many logs on this node. It is safe for concurrent use.
type Host interface {
	// Start opens the Applier, replays what it has not durably applied and returns the log. Replay
	// may go on after Start returned.
	Start(ctx context.Context, id LogID, a Applier) (Log, error)
	// Stop ends the replica: appends in flight end with ErrUnknown, then the Applier is closed.
	Stop(id LogID) error
	// Close stops every replica and releases the data directory.
	Close() error
}

// AppendWait appends and waits for the outcome. When ctx ends first, the error wraps ErrUnknown and
// the cause: the records may still be applied.
func AppendWait(ctx context.Context, l Log, payloads ...[]byte) (protocol.LSN, error) {
	type outcome struct {
		lsn protocol.LSN
		err error
	}
	answered := make(chan outcome, 1)
	err := l.Append(func(lsn protocol.LSN, err error) { answered <- outcome{lsn, err} }, payloads...)
	if err != nil {
		return 0, err
	}
	select {
	case o := <-answered:
		return o.lsn, o.err
	case <-ctx.Done():
		return 0, fmt.Errorf("wait for an append: %w: %w", ErrUnknown, context.Cause(ctx))
	}
}
