// Package target starts and stops the servers that are measured and tells them of the services.
//
// Invariant: every process started here, with all its descendants, is ended by Stop or Kill, and
// dies with the benchmark on Linux; and a server under test listens on 127.0.0.1 only, if its
// command obeys the ports it is given.
//
// An Instance belongs to one goroutine.
package target
