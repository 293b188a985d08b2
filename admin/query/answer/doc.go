// Package answer serves queries over HTTP: POST with {"query": "SELECT ..."}.
//
// A client whose Accept header is exactly application/json gets JSON, every other one an Arrow
// stream. Answers are streamed; what goes wrong before the first part of an answer is sent has a
// status of its own, and later the connection is cut, so that half an answer is never taken for a
// whole one.
//
// A Handler is used by many goroutines.
package answer
