// Package memlog keeps logs in memory, with the promises of package bifrost, for simulation and for
// tests.
//
// A Log is the core: the records, several Replicas with their own applied positions, and a leader.
// It has no goroutine, no clock and no chance. Whoever drives it decides, call by call, which
// replica applies how many entries, which acknowledgement is lost, which append is refused, who
// leads, who crashes. A record once in the log is never lost.
//
// A Host is the convenience: one goroutine per log applies at once, so that code written against
// bifrost.Host runs without a disk. Restarting a log on the same Host replays what the Applier does
// not have.
//
// Invariant: every replica applies the same records under the same LSNs in the same order, and an
// append that was accepted is answered exactly once, unless its replica crashes first.
// All methods may be called from many goroutines, but Step of one replica by one at a time.
package memlog
