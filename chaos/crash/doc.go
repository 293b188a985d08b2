// Command crash kills a server with SIGKILL over and over while clients use it, and checks that
// nothing acknowledged was lost, nothing was done twice, and everything accepted came to an end.
//
//	go run ./chaos/crash --rounds 100
//
// The service runs in this process, written with the official Go SDK; the server is a process of
// its own on loopback, on the same data directory throughout.
//
// What is checked:
//   - counters: every increment carries an idempotency key and is repeated until it is
//     acknowledged; in the end each counter equals the number of its increments, and no two
//     increments were told the same value;
//   - workflows: every accepted workflow ends with the right result, and no step runs again once
//     the step after it has run.
package main
