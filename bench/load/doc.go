// Package load sends requests to an HTTP server and measures how long the answers take.
//
// Invariant: every request sent is recorded exactly once, as an answer or as an error, and in an
// open loop its latency runs from the moment it was due, however late it was really sent. A slow
// server therefore cannot hide behind requests that were never made.
//
// A Generator runs one phase at a time; a Client belongs to one goroutine.
package load
