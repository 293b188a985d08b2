// Package schema is the immutable view of what is registered: deployments, the services they offer
// and the options that apply to each handler.
//
// Invariant: a *Schema never changes after it was made; a change makes a new one. A service's newest
// revision is the one new calls go to; older revisions stay with their deployments for the calls
// that are pinned there. Any number of goroutines may read a Schema or use a Registry, which keeps
// the newest Schema in step with the cluster's metadata.
package schema
