package protocol

import "time"

// HybridTime is a hybrid logical clock reading: milliseconds since the Unix epoch in the upper 48
// bits, a counter in the lower 16. The appending leader stamps it; it never goes backwards within
// one partition.
type HybridTime uint64

const hybridCounterBits = 16

// HybridFromMillis makes the first hybrid time of a millisecond.
func HybridFromMillis(ms Millis) HybridTime { return HybridTime(uint64(ms) << hybridCounterBits) }

// Millis is the physical part.
func (h HybridTime) Millis() Millis { return Millis(h >> hybridCounterBits) }

// Next returns a hybrid time after h that is not before now.
func (h HybridTime) Next(now Millis) HybridTime {
	if t := HybridFromMillis(now); t > h {
		return t
	}
	return h + 1
}

// Millis is a point in time in milliseconds since the Unix epoch. Zero means "not set".
type Millis uint64

// MillisOf converts a time.
func MillisOf(t time.Time) Millis { return Millis(max(t.UnixMilli(), 0)) }

// Time converts to UTC.
func (m Millis) Time() time.Time { return time.UnixMilli(int64(m)).UTC() }

// Add returns m moved by d, at millisecond resolution; it saturates instead of wrapping.
func (m Millis) Add(d time.Duration) Millis {
	ms := d.Milliseconds()
	if ms < 0 && uint64(-ms) > uint64(m) {
		return 0
	}
	return Millis(int64(m) + ms)
}

// TraceContext is the W3C trace context that a command carries; the zero value means none.
type TraceContext struct {
	TraceID [16]byte
	SpanID  [8]byte
	Flags   byte
	State   string // tracestate, as received
}

// IsZero reports whether there is no trace.
func (t TraceContext) IsZero() bool { return t.TraceID == [16]byte{} }

// flagSampled says that whoever made the context records the trace.
const flagSampled = 1

// Sampled reports whether the trace is recorded.
func (t TraceContext) Sampled() bool { return t.Flags&flagSampled != 0 }

// Child is the context of a span below t's. trace names the trace if t has none yet.
func (t TraceContext) Child(span [8]byte, trace [16]byte) TraceContext {
	if t.IsZero() {
		t = TraceContext{TraceID: trace, Flags: flagSampled}
	}
	t.SpanID = span
	return t
}
