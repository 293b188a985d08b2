package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/chaos/cluster/check"
	"github.com/perdure/perdure/chaos/cluster/history"
)

func example() Run {
	bad := check.Verdict{Checker: "set-full", Subject: "set", Checked: 3}
	bad.Problem("e1 <is> lost")
	h := history.History{Length: 10 * time.Second,
		Faults: []history.Fault{{Name: "kill", Detail: "n1", Start: time.Second, End: 2 * time.Second}},
		Marks:  []history.Mark{{At: 9 * time.Second, Text: "healed"}}}
	for i := range rows + 10 {
		at := time.Duration(i) * time.Millisecond
		h.Operations = append(h.Operations, history.Operation{Workload: "set", Kind: "add", Key: "k",
			Start: at, End: at + 5*time.Millisecond, Outcome: history.OK})
	}
	h.Operations = append(h.Operations, history.Operation{Workload: "set", Kind: "add", Start: time.Second,
		End: 3 * time.Second, Outcome: history.Unknown, Error: "cut off", Input: strings.Repeat("x", 500)})
	return Run{Title: "set under kill", Command: "go run ./chaos/cluster", Verdicts: []check.Verdict{bad}, History: h,
		Facts: [][2]string{{"seed", "1"}}, Pictures: []string{"set.html"}}
}

func TestPageTellsTheRun(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, example()); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{"e1 &lt;is&gt; lost", "kill n1", "healed", "unknown: cut off", "2010 succeeded",
		"2000 of the operations", `href="set.html"`, "<svg"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, never := range []string{"http://", "https://", "<script", strings.Repeat("x", 200)} {
		if strings.Contains(text, never) {
			t.Errorf("the page has %q in it", never)
		}
	}
	var again bytes.Buffer
	if err := Write(&again, example()); err != nil || again.String() != text {
		t.Error("the same run makes another page")
	}
}

func TestMatrix(t *testing.T) {
	var b bytes.Buffer
	err := WriteMatrix(&b, "matrix", []Cell{
		{"kill", "set", true, "500", "kill-set.html", ""},
		{"ring", "list", false, "3", "ring-list.html", "lost"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`class="good"`, `class="bad" title="lost"`, "<td></td>"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the matrix lacks %q:\n%s", want, b.String())
		}
	}
}

func TestEmptyHistory(t *testing.T) {
	if err := Write(&bytes.Buffer{}, Run{}); err != nil {
		t.Error(err)
	}
}
