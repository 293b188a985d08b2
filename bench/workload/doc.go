// Package workload holds the services that are called in a benchmark and the scenarios that call
// them: what is sent, and what must come back.
//
// Invariant: a scenario knows the one right answer of every call it makes, and at its end it can
// tell whether each acknowledged call took hold exactly once. A fast wrong server fails.
//
// Scenarios are used by many clients at once; Verify is called when none is running.
package workload
