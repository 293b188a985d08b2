package protocol

import (
	"fmt"
	"math"

	"github.com/zeebo/xxh3"
)

// PartitionKey places a call: the hash of its object key, idempotency key or a random number.
type PartitionKey uint64

// HashKey hashes a user-visible key to a partition key.
func HashKey(s string) PartitionKey { return PartitionKey(xxh3.HashString(s)) }

// PartitionID numbers the partitions of a cluster from 0.
type PartitionID uint16

// MaxPartitions bounds the number of partitions of a cluster.
const MaxPartitions = 4096

// KeyRange is the range of partition keys that a partition owns; both ends are inclusive.
type KeyRange struct{ First, Last PartitionKey }

// Contains reports whether k lies in the range.
func (r KeyRange) Contains(k PartitionKey) bool { return r.First <= k && k <= r.Last }

// String prints the range in hexadecimal.
func (r KeyRange) String() string {
	return fmt.Sprintf("[%016x, %016x]", uint64(r.First), uint64(r.Last))
}

// PartitionRange returns the range of partition p when the key space is cut into count equal parts;
// the last part takes the rest.
func PartitionRange(p PartitionID, count int) KeyRange {
	width := math.MaxUint64/uint64(count) + 1
	if count == 1 {
		return KeyRange{0, math.MaxUint64}
	}
	first := uint64(p) * width
	last := first + width - 1
	if int(p) == count-1 {
		last = math.MaxUint64
	}
	return KeyRange{PartitionKey(first), PartitionKey(last)}
}

// PartitionOf is the inverse of PartitionRange: the partition that owns k.
func PartitionOf(k PartitionKey, count int) PartitionID {
	if count == 1 {
		return 0
	}
	return PartitionID(uint64(k) / (math.MaxUint64/uint64(count) + 1))
}
