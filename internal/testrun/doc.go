// Command testrun runs `go test -json` once or several times, tells what happens while it runs,
// and ends with one line that counts it all:
//
//	testrun -race ./internal/... -- -timeout 20m ./chaos/conformance
//	...
//	41 passed, 0 failed
//
// Each part between two "--" is the arguments of one run. Output of tests is shown only when
// they fail, and then in full. A test with subtests counts as its subtests.
//
// Invariant: the program exits with 0 only if at least one test passed, none failed, and every
// run ended well. A package that does not build, panics or ends early counts as one failure.
package main
