// Package metadata keeps the cluster's metadata: a small map from keys to versioned values on a
// replicated log of its own.
//
// Invariant: a value changes only by a compare-and-swap record in the log, and every change raises
// its key's version by exactly one; so two writers that read the same version cannot both win, and
// all replicas go through the same versions.
//
// The values live in memory. A checksummed file holds all of them as of one position of the log;
// what came after is replayed. A Store may be used by many goroutines.
package metadata
