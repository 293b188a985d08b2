package main

import (
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/chaos/cluster/check"
	"github.com/perdure/perdure/chaos/cluster/history"
)

// A run of several workloads is judged workload by workload.
func TestARunFillsARowOfTheMatrix(t *testing.T) {
	lost := check.Verdict{Checker: "set-full", Subject: "set", Checked: 2}
	lost.Problem("e1 is lost")
	o := &outcome{
		Loaded:  4 * time.Second,
		Options: runOptions{Workloads: []string{"register", "set", "list"}},
		Verdicts: []check.Verdict{
			{Checker: "liveness", Subject: everybody, Checked: 3}, lost,
			{Checker: "linearizable", Subject: "register", Checked: 2, Unclear: 1},
			{Checker: "linearizable", Subject: "list"},
		},
		History: history.History{Length: 4 * time.Second, Operations: []history.Operation{
			{Workload: "register", Outcome: history.OK, End: time.Second},
			{Workload: "register", Outcome: history.OK, End: 2 * time.Second},
			{Workload: "set", Outcome: history.OK, End: time.Second},
			{Workload: "list", Outcome: history.Unknown, End: time.Second},
		}},
	}
	cells := o.cells("kill", "kill.html")
	var b strings.Builder
	if err := writeTable(&b, cells); err != nil {
		t.Fatal(err)
	}
	const want = "| nemesis | register | set | list | cluster |\n|---|---|---|---|---|\n" +
		"| kill | valid 2 (1 keys undecided) | INVALID | INVALID | valid 3 |\n"
	if b.String() != want {
		t.Errorf("the table is\n%swant\n%s", b.String(), want)
	}
	if p := cells[1].problem(); p != "set-full: e1 is lost" {
		t.Errorf("the set is said to be wrong in this: %s", p)
	}
	if p := cells[2].problem(); !strings.Contains(p, "nothing was shown") {
		t.Errorf("a list that nothing was done to: %s", p)
	}
	if cells[0].gap != 2*time.Second {
		t.Errorf("the register is said to have been down for %v", cells[0].gap)
	}
}
