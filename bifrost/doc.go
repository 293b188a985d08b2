// Package bifrost keeps replicated logs. A log takes byte payloads, gives each a position (its LSN)
// that never changes, makes them durable on a majority of its replicas, and feeds them in order to
// an Applier on every replica. It is the only package that knows the consensus library.
//
// Invariant: once an append was answered with an LSN, its records stay in the log under that LSN
// until they are trimmed, every replica applies them exactly once per lifetime of its durable state
// and in LSN order, and every append that was accepted is answered exactly once.
//
// What an answer means: an LSN says "durable and applied on this replica". ErrUnknown says "may or
// may not be in the log, now or later"; the caller retries with the same producer and sequence, and
// deduplication above this package settles it. An error returned by Append itself says "not in the
// log, and never will be".
//
// Host and Log may be used by many goroutines at once. An Applier is called by one goroutine at a
// time, except for Save. Leader events are hints: fencing comes from epochs inside the records.
package bifrost
