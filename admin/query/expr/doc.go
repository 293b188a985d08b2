// Package expr has the typed expressions of queries: how they are evaluated, compared and computed
// with, the functions, and the aggregates with partial states that can be merged.
//
// Invariant: an expression's type is known before it runs, and every value it gives is NULL or of
// that type. Logic is three-valued. Evaluation fails by panicking with *sql.Error, which whoever
// runs a query catches; nothing else panics.
package expr
