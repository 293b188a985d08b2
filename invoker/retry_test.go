package invoker

import (
	"testing"
	"time"
)

func TestRetries(t *testing.T) {
	p := retryPolicy{initial: 500 * time.Millisecond, max: time.Minute, factor: 2, attempts: 70}
	var r retries
	for _, want := range []time.Duration{500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000} {
		if d, ok := r.next(p, nil, 0); !ok || d != want*time.Millisecond {
			t.Fatalf("delay %v %v, want %vms", d, ok, want)
		}
	}
	for r.count < 69 {
		if _, ok := r.next(p, nil, 0); !ok {
			t.Fatalf("no try after failure %d", r.count)
		}
	}
	if _, ok := r.next(p, nil, 0); ok {
		t.Fatal("try 71 is allowed")
	}
}

func TestRetriesAskedDelay(t *testing.T) {
	p := retryPolicy{initial: time.Second, factor: 2, attempts: 3}
	var r retries
	asked := 5 * time.Second
	for range 10 {
		if d, ok := r.next(p, &asked, 0.9); !ok || d != asked {
			t.Fatalf("delay %v %v, want what was asked for", d, ok)
		}
	}
	if d, ok := r.next(p, nil, 0); !ok || d != time.Second || r.count != 11 {
		t.Fatalf("delay %v %v, count %d: an asked delay must not use up a step", d, ok, r.count)
	}
	negative := -time.Second
	if d, ok := r.next(p, &negative, 0); !ok || d != 0 {
		t.Fatalf("delay %v %v", d, ok)
	}
}

func TestRetriesJitter(t *testing.T) {
	for _, c := range []struct {
		initial time.Duration
		chance  float64
		want    time.Duration
	}{
		{3 * time.Second, 0.5, 3500 * time.Millisecond},
		{0, 0.5, 1500 * time.Microsecond},
		{1 << 62, 0.999, 1<<62 - 1}, // no overflow
	} {
		var r retries
		d, ok := r.next(retryPolicy{initial: c.initial}, nil, c.chance)
		if !ok || (d-c.want).Abs() > time.Microsecond {
			t.Errorf("initial %v chance %v: delay %v %v, want %v", c.initial, c.chance, d, ok, c.want)
		}
	}
	var once retries
	if _, ok := once.next(retryPolicy{attempts: 1}, nil, 0); ok {
		t.Error("one try means no second one")
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for s, want := range map[string]time.Duration{
		"7": 7 * time.Second, "0": 0,
		"Fri, 02 Jan 2026 03:04:15 GMT":   10 * time.Second,
		"Fri, 02 Jan 2026 03:04:15 +0000": 10 * time.Second,
		"Thu, 01 Jan 2026 03:04:15 +0000": 0,
	} {
		if d := parseRetryAfter(s, now); d == nil || *d != want {
			t.Errorf("%q: %v, want %v", s, d, want)
		}
	}
	for _, s := range []string{"", "soon", "-1", "99999999999999999999", "1.5"} {
		if d := parseRetryAfter(s, now); d != nil {
			t.Errorf("%q: %v, want none", s, *d)
		}
	}
}
