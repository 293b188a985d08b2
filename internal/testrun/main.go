package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
)

// maxLineBytes is the longest line read from go test; a line is an event with one line of output.
const maxLineBytes = 16 << 20

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main without the process: it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	tests := newTally(stdout)
	for i, part := range split(args) {
		if len(part) == 0 {
			fmt.Fprintf(stderr, "testrun: run %d has no arguments; name its packages\n", i+1)
			return 2
		}
		if err := goTest(part, tests, stderr); err != nil {
			tests.broken(fmt.Sprintf("go test %v: %v", part, err))
		}
	}
	return tests.finish()
}

// split cuts the arguments at "--".
func split(args []string) [][]string {
	var parts [][]string
	for {
		at := slices.Index(args, "--")
		if at < 0 {
			return append(parts, args)
		}
		parts = append(parts, args[:at])
		args = args[at+1:]
	}
}

// goTest runs go test once and feeds its events to tests. That tests failed is no error here.
func goTest(args []string, tests *tally, stderr io.Writer) error {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("connect to it: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start it: %w; is Go installed and on PATH?", err)
	}
	failedBefore := tests.failed
	readErr := read(out, tests)
	if readErr != nil {
		// It must not block on a pipe nobody reads.
		_, _ = io.Copy(io.Discard, out)
	}
	tests.endRun()
	waitErr := cmd.Wait()
	var exit *exec.ExitError
	switch {
	case readErr != nil:
		return fmt.Errorf("read its events: %w", readErr)
	case errors.As(waitErr, &exit) && exit.ExitCode() == 1 && tests.failed > failedBefore:
		return nil // the failures are counted
	case waitErr != nil:
		return fmt.Errorf("it ended with: %w", waitErr)
	}
	return nil
}

// read passes events on, and lines that are none to the output.
func read(r io.Reader, tests *tally) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxLineBytes)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Action == "" {
			tests.print("%s\n", lines.Text())
			continue
		}
		tests.add(e)
	}
	return lines.Err()
}
