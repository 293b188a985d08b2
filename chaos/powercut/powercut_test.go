package main

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// A short slice of the command; the long run is the command itself.
func TestServerSurvivesPowerCuts(t *testing.T) {
	var out testWriter = t.Log
	err := run(t.Context(), options{
		fills: 1, cuts: 3, clients: 4, seed: uint64(time.Now().UnixNano()),
		minUp: 200 * time.Millisecond, maxUp: 900 * time.Millisecond, out: out,
	})
	if errors.Is(err, errIncapable) {
		// Nothing can be cut here. What is left to check is that people are told why.
		if !strings.Contains(err.Error(), "needs root on Linux, mkfs.ext4 and loop mounts: ") {
			t.Fatal(err)
		}
		t.Logf("NO POWER WAS CUT: %v", err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
}

type testWriter func(...any)

func (w testWriter) Write(b []byte) (int, error) {
	w(string(b))
	return len(b), nil
}
