package protocol

import "fmt"

// LSN is the position of a record in one partition's log. LSNs ascend and have gaps: a batch of
// records shares one entry of the replicated log, and some entries carry no record at all. Never
// compute "the next LSN", and never count records by subtracting LSNs. Zero means "before the
// first record".
type LSN uint64

// String prints the LSN as "entry.position", the form used in logs and error messages.
func (l LSN) String() string { return fmt.Sprintf("%d.%d", uint64(l)>>12, uint64(l)&(1<<12-1)) }

// Epoch numbers the leaderships of one partition. Applying an AnnounceLeader command raises it by
// one; a command proposed under an older epoch applies as nothing.
type Epoch uint64
