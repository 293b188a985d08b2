// Package duration reads and writes the spellings of a length of time that users meet: in the
// configuration, in request parameters, in the operators' API.
//
// Two spellings are read: friendly ("1m 30s", "10 days", "1h30m", "500ms") and ISO 8601
// ("PT1M30S", "P1DT2H"). One is written: friendly and compact ("1d", "1m 30s", "500ms").
//
// Invariant: Parse(Format(d)) is d for every d that is not negative. A day is always 24 hours
// and a week 7 days; months and years have no fixed length and are refused.
//
// The package keeps no state and may be called by many goroutines.
package duration
