// Package explain says what an invocation that has not ended waits for, and proves who will produce
// it: a timer that is set, a callee that knows its caller, an attempt that runs, a person or a system
// outside. What nobody will produce is a stall.
//
// Invariant: it only reads. Rows and memory are looked at one after the other while everything goes
// on, so that one look may find a stall that is merely a message on its way; a Checker therefore
// believes only what it finds again, unchanged, some time later. Functions are safe for use by many
// at once if their World is; a Checker belongs to one goroutine.
package explain
