// Package cli is the benchmark's command line: it reads flags, runs servers, services and load in
// the right order, and writes the report.
//
// Invariant: whatever way a command ends, the processes it started are gone and its scratch
// directory is removed.
//
// Main may be called once at a time: the figures of two at once would be worthless.
package cli
