// Package otlp sends spans to an OpenTelemetry collector, over gRPC or HTTP.
//
// Invariant: recording a span never waits. Spans that a collector is too slow for, or that it does not
// take, are dropped and counted.
// An Exporter may be used by many goroutines.
package otlp
