// Package schema is the immutable view of what is registered: deployments, the services they offer
// and the options that apply to each handler.
//
// Invariant: a *Schema never changes after it was made; a change makes a new one with a higher
// version. Any number of goroutines may read one.
package schema
