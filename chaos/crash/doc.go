// Command crash kills a server with SIGKILL over and over while clients use it, and checks that
// nothing acknowledged was lost, nothing was done twice, and everything accepted came to an end.
//
//	go run ./chaos/crash --rounds 100
//
// The service runs in this process, written with the official Go SDK; the server is a process of
// its own on loopback, on the same data directory throughout.
//
// Package workload says what is checked.
package main
