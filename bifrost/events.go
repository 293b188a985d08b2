package bifrost

import (
	"time"

	"github.com/perdure/perdure/bifrost/nodelog"
	"github.com/perdure/perdure/protocol"
)

// Events are optional callbacks for metrics and logs. They are called from the hot path and from
// many goroutines: they must be quick and must not block or call back into the log.
type Events struct {
	// EntryProposed: a batch of appends was handed to consensus as one entry.
	EntryProposed func(LogID, EntryInfo)
	// Applied: the Applier returned from Apply.
	Applied func(LogID, AppliedInfo)
	// Trimmed: the log may forget records up to the LSN.
	Trimmed func(LogID, protocol.LSN)
	// Synced: a group of updates of all logs was written and synced, and callers waited for it.
	Synced func(nodelog.SyncInfo)
	// Space: the free space on the disk has passed a limit.
	Space func(SpaceInfo)
	// Failed: the replica stopped for good; the other logs on the node go on.
	Failed func(LogID, error)
}

// EntryInfo describes a proposed entry. Bytes are payload with length prefixes, EntryBytes what the
// log stores after compression.
type EntryInfo struct {
	Records, Bytes, EntryBytes int
}

// AppliedInfo describes one Apply call.
type AppliedInfo struct {
	Entries, Records int
	Last             protocol.LSN
	Took             time.Duration
}
