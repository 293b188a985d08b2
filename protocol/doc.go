// Package protocol holds the values that are said on a wire, in a log and on a disk: identifiers,
// targets, partition keys, positions, times, failures and payloads. It has no behaviour beyond
// making, parsing and printing them.
//
// Invariant: every value that is stored has one encoding, pinned by golden files, and numbers that
// were once given a meaning keep it. All types are plain values, safe to copy; byte slices inside
// them are never written to after they were handed out.
package protocol
