// Package endpoint reaches deployments over HTTP: it opens the streams on which attempts run, asks
// deployments what they offer, and signs requests.
//
// A stream is driven by events. What the deployment says arrives through Handler callbacks; what
// the server says is written into a buffer and handed over with one Flush per batch of frames. The
// transport behind a Stream can therefore change without its users noticing.
//
// Invariant: a stream that was opened ends with exactly one OnEnd, and nothing comes after it.
// Buffers are bounded in both directions: a deployment that does not read fails its stream, and one
// whose reader paused is held back by flow control.
//
// A Client may be used by many goroutines at once, and so may a Stream; one stream's callbacks
// never overlap.
package endpoint
