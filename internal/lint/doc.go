// Package lint holds the rules of the architecture guide that a machine can check: which package
// may import which, who may use which library, what the machine may not touch, and what must not
// stand in any source file.
//
// Invariant: Check is a function of the files alone. Each finding names file, line, the rule and
// what to do instead. The rules are tables in rules.go; the tests run them over this repository
// and over fabricated sources that break each of them.
//
// Nothing but its own tests and the check target of the Makefile uses the package.
package lint
