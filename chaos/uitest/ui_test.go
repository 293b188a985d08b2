package main

import "testing"

// TestOfficialWebUI shows that people see the same in the official web UI, whichever server serves
// it.
func TestOfficialWebUI(t *testing.T) {
	ran := 0
	err := run(t.Context(), "", func(r result) {
		ran++
		t.Run(r.Step, func(t *testing.T) {
			if r.Problem != "" {
				t.Error(r.Problem)
			}
		})
	})
	if err != nil {
		t.Fatalf("the steps were not made: %v", err)
	}
	if ran == 0 {
		t.Fatal("no step was made")
	}
}
