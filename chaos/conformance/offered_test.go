package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// A gap that names no check leaves nothing out, and would hide a misspelling.
func TestGapsNameChecks(t *testing.T) {
	var known []gap
	for _, check := range slices.Concat(sdkChecks(), tapChecks()) {
		known = append(known, gap{id: check.ID, title: check.Title})
	}
	for _, v := range survivors() {
		known = append(known, gap{id: v.ID, title: v.Title})
	}
	for sdk, lacks := range notOffered {
		for _, g := range lacks.gaps {
			found := slices.ContainsFunc(known, func(k gap) bool {
				return k.id == g.id && missing(sdk, k.id, k.title) != ""
			})
			if !found {
				t.Errorf("%s: no check %s %q", sdk, g.id, g.title)
			}
			for _, k := range known {
				if k.id == g.id && g.title != "" && k.title != g.title &&
					missing(sdk, k.id, k.title) != "" {
					t.Errorf("%s: %s %q is left out too", sdk, k.id, k.title)
				}
			}
		}
	}
}

// The table for readers and the one that the suite goes by are the same.
func TestGapsAreInTheTable(t *testing.T) {
	text, err := os.ReadFile("../scenario/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "## What an SDK does not offer\n")
	if !found {
		t.Fatal("README.md has no section about what an SDK does not offer")
	}
	var want []string
	for _, sdk := range []string{"java", "rust"} {
		for _, g := range notOffered[sdk].gaps {
			check := g.id
			if g.title != "" {
				check += ", " + g.title
			}
			want = append(want, fmt.Sprintf("| %s | %s | %s |",
				notOffered[sdk].release, check, g.why))
		}
	}
	var got []string
	for line := range strings.Lines(table) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "| ") {
			got = append(got, line)
		}
	}
	if len(got) < 2 || !slices.Equal(got[2:], want) {
		t.Errorf("the table has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestMissing(t *testing.T) {
	if missing("go", "ERR-07", "failure metadata reaches the client") != "" {
		t.Error("a check of the Go SDK is left out")
	}
	if missing("rust", "EVT-03", "a durable promise completes once") == "" {
		t.Error("the check of a second completion is not left out for Rust")
	}
	if missing("rust", "EVT-03", "a rejected promise fails the run") != "" {
		t.Error("another check of the same capability is left out for Rust")
	}
	if !leftOut("java", "Comm/signal") || leftOut("rust", "Comm/signal") {
		t.Error("Comm/signal is left out by Java and by Java alone")
	}
}
