// Package probe reads what a benchmark needs to know about processes, disks and the machine:
// CPU time, memory, context switches, bytes written, flushes and flush calls.
//
// Invariant: reading costs the measured processes nothing, except while StartTrace runs; and what
// cannot be read is an error or an absent figure, never a zero.
//
// It reads /proc and /sys, so its figures exist on Linux only. Functions may be called by many
// goroutines at once; a Watch is used by one.
package probe
