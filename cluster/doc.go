// Package cluster knows which nodes there are, where they can be reached, and who leads which
// partition; and it brings the replicas of partitions to where they should be.
//
// Invariant: what a node is told to do with a replica comes from the partition table in the
// metadata, which changes by one safe step per partition at a time; who leads is a hint that is
// told from node to node and may be late, never a permission.
//
// A Table and a Directory may be used by many goroutines.
package cluster
