package load

import (
	"errors"
	"testing"
	"time"
)

func TestMergeKeepsEveryRecord(t *testing.T) {
	left, right := newResult(), newResult()
	for i := 1; i <= 500; i++ {
		left.recordLatency(time.Duration(i) * time.Millisecond)
		right.recordLatency(time.Duration(500+i) * time.Millisecond)
		right.recordLag(time.Duration(i) * time.Microsecond)
	}
	left.recordError(errors.New("a"))
	right.recordError(errors.New("a"))
	right.recordError(errors.New("b"))
	left.Merge(right)
	if left.Requests != 1000 || left.Errors != 3 || len(left.Examples) != 2 {
		t.Fatalf("%d requests, %d errors, examples %q", left.Requests, left.Errors, left.Examples)
	}
	for _, test := range []struct{ got, want time.Duration }{
		{left.Latency(0.50), 500 * time.Millisecond},
		{left.Latency(0.99), 990 * time.Millisecond},
		{left.Latency(0.999), 999 * time.Millisecond},
		{left.MaxLatency(), time.Second},
		{left.Lag(0.5), 250 * time.Microsecond},
	} {
		if off := test.got - test.want; off < -test.want/500 || off > test.want/500 {
			t.Errorf("got %s, want %s within 0.2 %%", test.got, test.want)
		}
	}
}

func TestLatenciesOutsideTheRangeAreClamped(t *testing.T) {
	r := newResult()
	r.recordLatency(2 * MaxLatency)
	r.recordLatency(-time.Second)
	if r.latency.TotalCount() != 2 || r.MaxLatency() < MaxLatency*999/1000 {
		t.Fatalf("%d records, largest %s", r.latency.TotalCount(), r.MaxLatency())
	}
}

func TestExamplesAreLimited(t *testing.T) {
	r := newResult()
	for i := range 100 {
		r.recordError(errors.New(string(rune('a' + i%20))))
	}
	if len(r.Examples) != maxErrorExamples || r.Errors != 100 {
		t.Fatalf("%d examples of %d errors", len(r.Examples), r.Errors)
	}
}

func TestPerSecond(t *testing.T) {
	r := Result{Requests: 30, Elapsed: 2 * time.Second}
	if got := r.PerSecond(); got != 15 {
		t.Errorf("got %g, want 15", got)
	}
	if got := new(Result).PerSecond(); got != 0 {
		t.Errorf("got %g for no time, want 0", got)
	}
}
