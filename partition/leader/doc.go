// Package leader is what only the leader of a partition runs: it performs the machine's actions,
// answers callers, fires timers and carries outbox messages to other partitions.
//
// Invariant: a Leader acts only for the epoch that its own AnnounceLeader command was given by the
// log, and everything it does can be done again by the next leader from the rows. Losing any
// action, or all of them, is harmless.
//
// A Leader has no goroutines of its own: it is moved by Perform (called by the apply goroutine
// after each commit), by callbacks of the log and the clock, and by callers' requests. All methods
// may be called concurrently.
package leader
