// Package scatter reads the tables of partitions that other nodes lead: it asks the leader over HTTP
// for one partition's rows, with the columns, conditions and limit of the scan, so that only what is
// wanted crosses the wire. It also has leaders do a part of a statement, whose meaning is the engine's,
// and send what comes of it. docs/format/scan.md shows the bytes.
//
// Invariant: a stream of rows that ends without its last frame has failed; a reader never takes half
// a partition for a whole one. A Source, a Server and a WorkServer may be used by many goroutines.
package scatter
