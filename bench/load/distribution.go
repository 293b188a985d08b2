package load

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// bucketsPerDoubling is the resolution of a Distribution: 4.4 %.
const bucketsPerDoubling = 16

// maxBuckets is more than MaxLatency needs.
const maxBuckets = 1 << 10

// Distribution is a histogram of latencies, coarse enough to be kept for every run. Bucket n holds
// those above 2^((n-1)/16) and up to 2^(n/16) microseconds.
type Distribution struct {
	First  int      // number of the bucket of Counts[0]
	Counts []uint64 // neither the first nor the last is 0
}

// Distribution returns the latencies of the answered requests.
func (r *Result) Distribution() Distribution {
	var d Distribution
	for _, bar := range r.latency.Distribution() {
		d.add(bucketOf(time.Duration(bar.To)*time.Microsecond), uint64(bar.Count))
	}
	return d
}

func bucketOf(latency time.Duration) int {
	micros := max(float64(latency)/float64(time.Microsecond), 1)
	// What is a power of two to within rounding belongs to the bucket that ends there.
	return int(math.Ceil(bucketsPerDoubling*math.Log2(micros) - 1e-9))
}

// Limit returns the largest latency of bucket n.
func Limit(n int) time.Duration {
	return time.Duration(math.Exp2(float64(n)/bucketsPerDoubling) * float64(time.Microsecond))
}

// add counts requests in a bucket. A count of 0 changes nothing.
func (d *Distribution) add(bucket int, count uint64) {
	if count == 0 {
		return
	}
	if len(d.Counts) == 0 {
		d.First = bucket
	}
	if missing := d.First - bucket; missing > 0 {
		d.Counts = append(make([]uint64, missing), d.Counts...)
		d.First = bucket
	}
	if missing := bucket - d.First - len(d.Counts) + 1; missing > 0 {
		d.Counts = append(d.Counts, make([]uint64, missing)...)
	}
	d.Counts[bucket-d.First] += count
}

// Merge adds the requests of other.
func (d *Distribution) Merge(other Distribution) {
	for i, count := range other.Counts {
		d.add(other.First+i, count)
	}
}

// Total returns the number of requests.
func (d *Distribution) Total() (total uint64) {
	for _, count := range d.Counts {
		total += count
	}
	return total
}

// Quantile returns the latency that the given share of requests (0 to 1) did not exceed, 0 if
// there are none.
func (d *Distribution) Quantile(share float64) time.Duration {
	wanted := max(uint64(math.Ceil(share*float64(d.Total()))), 1)
	for i, count := range d.Counts {
		if count >= wanted {
			return Limit(d.First + i)
		}
		wanted -= count
	}
	return 0
}

// MarshalText writes the number of the first bucket and the counts, with blanks between: a file
// holds thousands of them.
func (d Distribution) MarshalText() ([]byte, error) {
	text := strconv.AppendInt(nil, int64(d.First), 10)
	for _, count := range d.Counts {
		text = strconv.AppendUint(append(text, ' '), count, 10)
	}
	return text, nil
}

// UnmarshalText reads what MarshalText wrote.
func (d *Distribution) UnmarshalText(text []byte) error {
	fields := strings.Fields(string(text))
	if len(fields) == 0 || len(fields) > maxBuckets {
		return fmt.Errorf("read a distribution: %d numbers, want 1 to %d", len(fields), maxBuckets)
	}
	first, err := strconv.Atoi(fields[0])
	if err != nil || first < 0 || first > maxBuckets {
		return fmt.Errorf("read a distribution: first bucket %q, want 0 to %d", fields[0], maxBuckets)
	}
	read := Distribution{First: first}
	for _, field := range fields[1:] {
		count, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return fmt.Errorf("read a distribution: %w", err)
		}
		read.Counts = append(read.Counts, count)
	}
	*d = read
	return nil
}
