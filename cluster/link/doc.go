// Package link carries requests from node to node and answers back, many at once over one connection
// per pair of nodes and direction. docs/format/node-rpc.md shows the bytes.
//
// Invariant: a request is answered at most once; an error says whether it may have been taken
// (ErrBroken) or cannot have been (ErrUnreachable). No progress is told after Call has returned.
//
// Links may be used by many goroutines.
package link
