package main

import "testing"

// minEntries is how many things are tried at least; the table only grows.
const minEntries = 150

// TestHostileInput tries everything on a freshly built server.
func TestHostileInput(t *testing.T) {
	entries := 0
	err := run(t.Context(), options{dir: t.TempDir()}, func(name string, err error) {
		entries++
		t.Run(name, func(t *testing.T) {
			if err != nil {
				t.Error(err)
			}
		})
	})
	if err != nil {
		t.Fatalf("the server was lost: %v", err)
	}
	if entries < minEntries {
		t.Fatalf("only %d entries have run, want at least %d", entries, minEntries)
	}
}
