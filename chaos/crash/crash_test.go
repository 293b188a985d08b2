package main

import (
	"context"
	"testing"
	"time"
)

// A short slice of the command; the long run is the command itself.
func TestServerSurvivesKills(t *testing.T) {
	var out testWriter = t.Log
	err := run(context.Background(), options{
		dir: t.TempDir(), rounds: 5, clients: 4, seed: uint64(time.Now().UnixNano()),
		minUp: 200 * time.Millisecond, maxUp: 900 * time.Millisecond, out: out,
	})
	if err != nil {
		t.Fatal(err)
	}
}

type testWriter func(...any)

func (w testWriter) Write(b []byte) (int, error) {
	w(string(b))
	return len(b), nil
}
