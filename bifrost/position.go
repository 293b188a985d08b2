package bifrost

import "github.com/perdure/perdure/protocol"

// positionBits is how much of an LSN counts records inside one entry of the replicated log; the
// rest is the entry's index. It is part of the data format.
const positionBits = 12

// positions maps entries of one Raft log to LSNs and back. LSNs therefore ascend, have gaps, and
// lead straight to an entry.
type positions struct {
	// origin is added to every index. It is 0 for a log that began here; a log restored into a fresh
	// Raft group starts at index 1 again and goes on above the LSNs it had before.
	origin uint64
}

// lsn is the LSN of the record at a position of the entry at index.
func (p positions) lsn(index uint64, position int) protocol.LSN {
	return protocol.LSN((p.origin+index)<<positionBits | uint64(position))
}

// index is the entry that holds, or would hold, lsn; 0 when that is before the log began.
func (p positions) index(lsn protocol.LSN) uint64 {
	i := uint64(lsn) >> positionBits
	if i < p.origin {
		return 0
	}
	return i - p.origin
}

// EntriesBetween is about how many entries of the replicated log lie between two positions; 0 if b
// is not after a.
func EntriesBetween(a, b protocol.LSN) uint64 {
	if b <= a {
		return 0
	}
	return uint64(b)>>positionBits - uint64(a)>>positionBits
}

// PartitionOfLog is the inverse of PartitionLog.
func PartitionOfLog(id LogID) (p uint16, ok bool) {
	if id < firstPartition || id-firstPartition > 1<<16-1 {
		return 0, false
	}
	return uint16(id - firstPartition), true
}
