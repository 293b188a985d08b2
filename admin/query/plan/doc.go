// Package plan turns a parsed query into a tree of operators on rows: names are resolved, types are
// settled, and what a partition can do by itself is moved down to its scan: filters, the columns
// that are read, limits.
//
// Invariant: every node gives rows that are as long as its Fields, and an expression on a node
// refers to the rows of its inputs. A plan is made for one run and not shared.
package plan
