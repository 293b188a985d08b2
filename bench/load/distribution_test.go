package load

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestDistributionAgreesWithTheHistogram(t *testing.T) {
	r := newResult()
	for i := 1; i <= 1000; i++ {
		r.recordLatency(time.Duration(i) * 37 * time.Microsecond)
	}
	d := r.Distribution()
	if d.Total() != 1000 {
		t.Fatalf("%d requests, want 1000", d.Total())
	}
	for _, share := range []float64{0, 0.25, 0.5, 0.99, 0.999, 1} {
		got, want := d.Quantile(share), r.Latency(share)
		if got < want*999/1000 || got > want*105/100 {
			t.Errorf("share %g: %s, the histogram has %s", share, got, want)
		}
	}
	if d.Counts[0] == 0 || d.Counts[len(d.Counts)-1] == 0 {
		t.Errorf("empty buckets at an end: %v", d.Counts)
	}
}

func TestDistributionMerge(t *testing.T) {
	d := Distribution{First: 5, Counts: []uint64{1, 2}}
	d.Merge(Distribution{First: 3, Counts: []uint64{4}})
	d.Merge(Distribution{First: 8, Counts: []uint64{1}})
	d.Merge(Distribution{})
	want := Distribution{First: 3, Counts: []uint64{4, 0, 1, 2, 0, 1}}
	if !reflect.DeepEqual(d, want) {
		t.Errorf("got %+v, want %+v", d, want)
	}
}

func TestBuckets(t *testing.T) {
	for latency, want := range map[time.Duration]int{
		0: 0, time.Microsecond: 0, 2 * time.Microsecond: 16, 2001 * time.Nanosecond: 17,
		1024 * time.Microsecond: 160,
	} {
		if got := bucketOf(latency); got != want {
			t.Errorf("%s is in bucket %d, want %d", latency, got, want)
		}
	}
	if got := Limit(160); got != 1024*time.Microsecond {
		t.Errorf("bucket 160 ends at %s", got)
	}
	if got := new(Distribution).Quantile(0.5); got != 0 {
		t.Errorf("the median of nothing is %s", got)
	}
}

func TestDistributionText(t *testing.T) {
	want := Distribution{First: 5, Counts: []uint64{1, 0, 20}}
	text, err := want.MarshalText()
	if err != nil || string(text) != "5 1 0 20" {
		t.Fatalf("%q, %v", text, err)
	}
	var got Distribution
	if err := got.UnmarshalText(text); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, bad := range []string{"", "x", "-1 2", "9999 1", "3 -1", strings.Repeat("1 ", 2000)} {
		if err := got.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%.20q passed", bad)
		}
	}
}
