// Package noderpc is what nodes ask each other on behalf of their callers: requests to the leader of
// a partition, its answers, and messages from the outbox of one partition to another.
//
// Invariant: Decode never reads outside its input and never panics; what it returns encodes to the
// same meaning again. Byte slices of what is decoded alias the input.
//
// docs/format/node-rpc.md shows the bytes. Values of this package are plain data.
package noderpc
