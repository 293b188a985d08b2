// Package query answers SQL about the server: it parses, plans and runs statements on the tables it
// is given. Clients reach it over HTTP (admin/query/answer) and in other ways that only have to turn
// a Statement's columns and rows into their own form.
//
// The language is the part of DataFusion's that reads: SELECT with joins, grouping, windows, set
// operations and subqueries, SHOW, DESCRIBE and EXPLAIN. Nothing can be changed.
//
// Invariant: a statement never takes more than its budgets of memory, time and rows; when its
// context ends, it stops and has released everything it held before Run returns. An Engine may be
// used by many goroutines, a Statement by one at a time.
package query
