// Package discovery reads endpoint manifests: what a deployment says it offers when it is asked at
// registration.
//
// Invariant: a manifest that Decode returned is whole and acceptable: names are well-formed, not
// reserved and unique, handler kinds fit their service, options are where they are allowed, JSON
// schemas point nowhere outside themselves, and the protocol range overlaps ours. Anything else is
// an *Error with the documented code.
//
// The package has no state; any goroutine may call it.
package discovery
