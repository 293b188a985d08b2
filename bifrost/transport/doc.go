// Package transport carries the messages of the replicated logs from node to node, and short
// notices of the nodes themselves beside them. docs/format/raft-transport.md shows the bytes.
//
// There is one connection per pair of nodes and direction, and one per snapshot that is streamed. A
// connection that breaks is noticed by its reader at once and dialled again at short, bounded
// intervals; sending never fails and never waits, since consensus repeats what was lost.
//
// Invariant: a frame is delivered whole and at most once, in the order sent on its connection, and
// only between nodes that agreed in the handshake on cluster, protocol and who they are.
//
// A Transport may be used by many goroutines.
package transport
