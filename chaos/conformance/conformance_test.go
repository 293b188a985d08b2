package main

import (
	"strings"
	"testing"
)

// TestConformance holds a freshly built server to every check, with the default SDKs.
func TestConformance(t *testing.T) {
	opts := options{server: "perdure", sdks: []string{"go", "ts"}}
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
