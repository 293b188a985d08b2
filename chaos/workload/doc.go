// Package workload uses a server while others torment it, and checks afterwards what was promised: a
// service, clients that repeat themselves until they are answered, and the server as a process.
//
//   - counters: every increment carries an idempotency key and is repeated until it is acknowledged; in
//     the end each counter equals the number of its increments, and no two increments were told the
//     same value;
//   - workflows: every accepted workflow ends with the right result, and no step runs again once the
//     step after it has run.
package workload
