package load

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// MaxLatency is the largest latency the histograms hold; longer ones are recorded as this.
const MaxLatency = 10 * time.Minute

const (
	histogramDigits  = 3
	maxErrorExamples = 5 // distinct error texts kept for the report
)

// Result is what one phase measured.
type Result struct {
	Requests uint64        // answered as expected
	Errors   uint64        // everything else; not in the histograms
	Examples []string      // some of the errors
	Elapsed  time.Duration // from the start of the phase to the last answer

	latency *hdrhistogram.Histogram // microseconds from due to answered
	lag     *hdrhistogram.Histogram // microseconds from due to sent
}

func newResult() *Result {
	return &Result{latency: newHistogram(), lag: newHistogram()}
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, MaxLatency.Microseconds(), histogramDigits)
}

// Merge adds other to r. Elapsed stays: phases merged here ran side by side.
func (r *Result) Merge(other *Result) {
	r.Requests += other.Requests
	r.Errors += other.Errors
	for _, example := range other.Examples {
		r.addExample(example)
	}
	r.latency.Merge(other.latency) // same geometry, so nothing is dropped
	r.lag.Merge(other.lag)
}

// Latency returns the latency that the given share of requests (0 to 1) did not exceed, within
// 0.1 %.
func (r *Result) Latency(quantile float64) time.Duration {
	return time.Duration(r.latency.ValueAtQuantile(quantile*100)) * time.Microsecond
}

// MaxLatency returns the longest latency, within 0.1 %.
func (r *Result) MaxLatency() time.Duration {
	return time.Duration(r.latency.Max()) * time.Microsecond
}

// Lag returns how late the driver sent the given share of requests. It is part of the latency in
// an open loop and shows whether the driver or the server was behind.
func (r *Result) Lag(quantile float64) time.Duration {
	return time.Duration(r.lag.ValueAtQuantile(quantile*100)) * time.Microsecond
}

// PerSecond returns the answered requests per second.
func (r *Result) PerSecond() float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Requests) / r.Elapsed.Seconds()
}

// Err returns nil if every request was answered as expected, else an error that counts the
// failures and shows some.
func (r *Result) Err() error {
	if r.Errors == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d requests failed; for example: %q",
		r.Errors, r.Errors+r.Requests, r.Examples)
}

func (r *Result) recordLatency(took time.Duration) {
	r.Requests++
	record(r.latency, took)
}

func (r *Result) recordLag(late time.Duration) { record(r.lag, late) }

func (r *Result) recordError(err error) {
	r.Errors++
	r.addExample(err.Error())
}

func (r *Result) addExample(text string) {
	if len(r.Examples) >= maxErrorExamples {
		return
	}
	for _, known := range r.Examples {
		if known == text {
			return
		}
	}
	r.Examples = append(r.Examples, text)
}

func record(h *hdrhistogram.Histogram, d time.Duration) {
	// Clamped into the range of the histogram, RecordValue cannot fail.
	_ = h.RecordValue(min(max(d, time.Microsecond), MaxLatency).Microseconds())
}
