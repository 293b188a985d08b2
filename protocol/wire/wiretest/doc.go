// Package wiretest helps to test codecs: it fills structs with values, and keeps encoded samples in
// golden files that people can read. Only tests import it.
//
// Invariant: everything is a function of the seed and of the types, so that a failure can be
// repeated. A Filler may be used by one goroutine at a time.
package wiretest
