// Package scenario describes the services that conformance checks call.
//
// The same handlers are written once per official SDK: goservice in Go, tsservice in
// TypeScript, pyservice in Python, javaservice in Java, rustservice in Rust. So a check
// states its expectation once and holds every SDK to it. Every service name starts with a
// prefix ("Go", "Ts", ...), so that all sets live on one server.
//
//	Basic      service: answers, failures, durable steps, sleeps, compensation
//	Comm       service: calls, sends, attach, cancel, combinators, awakeables, signals
//	Store      object:  state, and the order of calls on one key
//	LazyStore  object:  the handlers of Store, with lazy state
//	Waiter     object:  waits for awakeables and signals
//	Order      workflow: three durable steps, a durable promise, a status
//
// A side effect is one line appended to the file named on the command line, and one count in
// the memory of the process. Lines in the file outlive the process, so a step that ran twice
// shows even when the service was killed between.
//
// Invariant: a handler has the same name, input, output and behaviour in every language. The
// conformance suite compares what the programs offer. README.md lists what an SDK has no call
// for; the handlers that only such a call needs are left out in its language.
package scenario
