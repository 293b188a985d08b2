// Package table is the boundary between the SQL engine and what holds the rows: types, columns,
// batches of rows, and the Source that scans one partition.
//
// Invariant: a Source may return more rows than the hints of a Scan ask for, never fewer; the
// engine applies every condition again. Values are plain data and safe to read from anywhere as
// long as nobody writes them; a Batch belongs to whoever fills it.
package table
