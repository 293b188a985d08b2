package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// maxOutputBytes is how much output is kept per test until it is known whether it failed; of
// more, the end is kept.
const maxOutputBytes = 4 << 20

// event is one line of go test -json.
type event struct {
	Action      string  // run, output, pass, fail, skip, build-output, build-fail, ...
	Package     string  // of a test or a package
	ImportPath  string  // of a build
	Test        string  // empty: the event is about the package
	Elapsed     float64 // seconds
	Output      string
	FailedBuild string // the build that kept a package from running
}

// tally counts tests and shows failures. One goroutine uses it.
type tally struct {
	out                     io.Writer
	passed, failed, skipped int

	packages map[string]*pkg
	builds   map[string]string // output of builds, by import path
	failures []string          // names, for the summary
}

// pkg is a package whose tests are running.
type pkg struct {
	output string           // outside of tests
	tests  map[string]*test // started and not counted yet
	passed int
	failed int
}

// test is one test, or one with subtests.
type test struct {
	output     string
	subtests   bool
	failedSubs bool
}

func newTally(out io.Writer) *tally {
	return &tally{out: out, packages: map[string]*pkg{}, builds: map[string]string{}}
}

func (t *tally) print(format string, args ...any) { fmt.Fprintf(t.out, format, args...) }

// add takes one event.
func (t *tally) add(e event) {
	switch e.Action {
	case "build-output":
		t.builds[e.ImportPath] = clip(t.builds[e.ImportPath] + e.Output)
		return
	case "build-fail":
		return // the package's own event follows
	}
	p := t.packages[e.Package]
	if p == nil {
		p = &pkg{tests: map[string]*test{}}
		t.packages[e.Package] = p
	}
	if e.Test == "" {
		t.addPackage(p, e)
		return
	}
	t.addTest(p, e)
}

func (t *tally) addTest(p *pkg, e event) {
	one := p.tests[e.Test]
	if one == nil {
		one = &test{}
		p.tests[e.Test] = one
	}
	switch e.Action {
	case "run":
		for _, above := range parents(e.Test) {
			if parent := p.tests[above]; parent != nil {
				parent.subtests = true
			}
		}
	case "output":
		one.output = clip(one.output + e.Output)
	case "pass":
		if !one.subtests {
			t.passed++
			p.passed++
		}
		delete(p.tests, e.Test)
	case "skip":
		t.skipped++
		t.print("skip %s %s\n", e.Package, e.Test)
		delete(p.tests, e.Test)
	case "fail":
		t.failTest(p, e, one)
		delete(p.tests, e.Test)
	}
}

// failTest counts a failure, unless it only says that a subtest has failed.
func (t *tally) failTest(p *pkg, e event, one *test) {
	for _, above := range parents(e.Test) {
		if parent := p.tests[above]; parent != nil {
			parent.failedSubs = true
		}
	}
	if one.failedSubs {
		t.print("%s", one.output)
		return
	}
	p.failed++
	t.fail(e.Package+" "+e.Test, one.output)
}

func (t *tally) addPackage(p *pkg, e event) {
	switch e.Action {
	case "output":
		p.output = clip(p.output + e.Output)
	case "pass":
		if p.passed > 0 {
			t.print("ok   %s  %d passed  %.1fs\n", e.Package, p.passed, e.Elapsed)
		}
		delete(t.packages, e.Package)
	case "skip":
		delete(t.packages, e.Package) // no test files
	case "fail":
		t.failPackage(p, e)
		delete(t.packages, e.Package)
	}
}

// failPackage counts tests that never ended, and a package that failed without any of its tests.
func (t *tally) failPackage(p *pkg, e event) {
	t.failUnfinished(p, e.Package)
	if p.failed == 0 {
		t.fail(e.Package, t.builds[e.FailedBuild]+p.output)
	} else {
		t.print("%s", p.output)
	}
	t.print("FAIL %s  %d passed, %d failed  %.1fs\n", e.Package, p.passed, p.failed, e.Elapsed)
}

func (t *tally) failUnfinished(p *pkg, name string) {
	for _, running := range slices.Sorted(maps.Keys(p.tests)) {
		one := p.tests[running]
		if one.subtests {
			t.print("%s", one.output)
			continue
		}
		p.failed++
		t.fail(name+" "+running, one.output+"    the test was cut off before it ended\n")
	}
	p.tests = map[string]*test{}
}

// endRun counts packages go test never came back to.
func (t *tally) endRun() {
	for _, name := range slices.Sorted(maps.Keys(t.packages)) {
		p := t.packages[name]
		t.failUnfinished(p, name)
		t.fail(name, p.output+"    the package was cut off before it ended\n")
	}
	t.packages = map[string]*pkg{}
	t.builds = map[string]string{}
}

// broken counts a run that ended badly by itself.
func (t *tally) broken(why string) { t.fail(why, "") }

func (t *tally) fail(name, output string) {
	t.failed++
	t.failures = append(t.failures, name)
	t.print("FAIL %s\n%s", name, output)
}

// finish prints the summary, its last line the counts, and returns the exit code.
func (t *tally) finish() int {
	if len(t.failures) > 0 {
		t.print("\nfailed:\n")
		for _, name := range t.failures {
			t.print("  %s\n", name)
		}
	}
	if t.skipped > 0 {
		t.print("%d skipped\n", t.skipped)
	}
	if t.passed+t.failed == 0 {
		t.print("no test was run; name packages that have tests\n")
	}
	t.print("%d passed, %d failed\n", t.passed, t.failed)
	if t.failed > 0 || t.passed == 0 {
		return 1
	}
	return 0
}

// parents are the names of the tests a subtest belongs to, innermost first.
func parents(name string) []string {
	var above []string
	for {
		cut := strings.LastIndexByte(name, '/')
		if cut < 0 {
			return above
		}
		name = name[:cut]
		above = append(above, name)
	}
}

// clip keeps the end of an output that is too long.
func clip(output string) string {
	if len(output) <= maxOutputBytes {
		return output
	}
	const cut = "    (cut: more output than is kept)\n"
	return cut + output[len(output)-maxOutputBytes/2:]
}
