// Package history holds what happened in a run: what clients asked and were told, and which faults
// there were when.
//
// Invariant: an operation whose outcome is "failed" surely had no effect; whenever that is not sure,
// it is "unknown" and may have taken effect at any time from its start on.
//
// A Recorder may be used by many goroutines.
package history
