// Package store keeps the rows of one partition replica in Pebble.
//
// All rows change through a Tx: one batch that holds the row changes of a run of commands, the
// position of the last of them and a running digest of every change. The store has no log of its
// own: the partition's log is one, and what a crash loses is applied again from there. Flush makes
// what was committed durable; DurableLSN says up to where that is so.
//
// Invariant: what a store holds after any crash is exactly the rows as they were after some
// command, together with the position of that command; and two stores that applied the same
// commands have the same rows and the same digest, however the commands were cut into batches.
//
// One goroutine at a time may use Begin, a Tx, Restore and Close. Readers, snapshots, Save, Flush
// and Checkpoint may be used by many goroutines beside it.
package store
