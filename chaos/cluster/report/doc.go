// Package report makes pages of what runs have shown: the timeline with faults and latencies, the
// verdicts, and the history, in one file that needs nothing else.
//
// Invariant: a page is a function of what it is given; it loads nothing from elsewhere.
package report
