// Package mux lets several protocols share one port: what a connection begins with says which one
// it speaks, and TLS is taken off before that.
//
// Invariant: a connection is given to exactly one listener with every byte it has sent, or is
// closed. A Mux and its listeners may be used by many goroutines.
package mux
