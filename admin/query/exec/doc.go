// Package exec runs plans. Rows are pushed from the tables upwards: each operator hands a row to the
// next and stops when that wants no more. What a partition can do alone (filters, columns, the first
// rows of an order, partial aggregates) is done where its rows are read, several partitions at a
// time; what is left is merged by the goroutine that runs the query.
//
// Invariant: a row is valid until the call that hands it on returns; who keeps it copies it and
// takes the memory from the budget. Expressions fail by panicking with *sql.Error, which Run turns
// into an error, whichever goroutine it came from.
package exec
