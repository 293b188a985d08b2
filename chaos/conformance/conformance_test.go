package main

import (
	"strings"
	"testing"
	"time"
)

// testPatience is for one check: other suites run at the same time and may have the processors and
// the disk for many seconds. Nothing waits this long unless it fails.
const testPatience = 2 * time.Minute

// TestTorment holds it to a part of the checks while it and its services are killed.
func TestTorment(t *testing.T) {
	opts := options{server: "perdure", sdks: []string{"go"}, match: "COM-", torment: 5}
	total, err := run(t.Context(), opts, func(line string) {
		if strings.HasPrefix(line, "FAIL") {
			t.Error(line)
		}
	})
	if err != nil {
		t.Fatalf("the suite did not run: %v", err)
	}
	if total.passed == 0 {
		t.Fatal("no check has run")
	}
}

// TestEveryCheckIsInTheList keeps the table honest: the rows that it counts are those that checks name.
func TestEveryCheckIsInTheList(t *testing.T) {
	known := map[string]bool{}
	for _, area := range checklist {
		for _, r := range area.rows {
			if known[r.id] {
				t.Errorf("%s is listed twice", r.id)
			}
			known[r.id] = true
		}
	}
	v := newCoverage()
	v.of("SVC-01", "go").passed++
	v.of("SVC-01", "ts").failed++
	v.of("SVC-03", "go").passed++
	table := v.table()
	for _, want := range []string{"| services | 11 | 1/2 | 2/2 | 0/1 |", "SVC-02 (P0, "} {
		if !strings.Contains(table, want) {
			t.Errorf("%q is missing in\n%s", want, table)
		}
	}
}

// TestConformance holds a freshly built server to every check, with the default SDKs.
func TestConformance(t *testing.T) {
	opts := options{server: "perdure", sdks: []string{"go", "ts"}, patience: testPatience}
	total, err := run(t.Context(), opts, func(line string) {
		verdict, check, _ := strings.Cut(line, " ")
		t.Run(strings.TrimSpace(check), func(t *testing.T) {
			if verdict == "FAIL" {
				t.Error(line)
			}
		})
	})
	if err != nil {
		t.Fatalf("the suite did not run: %v", err)
	}
	if total.passed == 0 {
		t.Fatal("no check has run")
	}
}
