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

func TestStepOrderIsChecked(t *testing.T) {
	for _, tt := range []struct {
		ran []int
		ok  bool
	}{
		{[]int{0, 1, 2}, true},
		{[]int{0, 0, 1, 2, 2}, true},
		{[]int{0, 1, 0, 1, 2}, false},
		{[]int{0, 1}, false},
		{[]int{0, 2}, false},
	} {
		s := newService()
		s.ran["w"] = tt.ran
		if err := s.verify("w"); (err == nil) != tt.ok {
			t.Errorf("steps %v: error %v, want ok %v", tt.ran, err, tt.ok)
		}
	}
}

type testWriter func(...any)

func (w testWriter) Write(b []byte) (int, error) {
	w(string(b))
	return len(b), nil
}
