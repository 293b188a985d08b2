// Package operate is what operators do with a cluster from a command line: look at it, give it
// orders and watch them being carried out, restart its nodes one by one, run a whole cluster on one
// machine to try things.
//
// Invariant: an order is carried out by the cluster. Whoever gave it may stop watching at any time,
// and watch again by giving it again.
//
// A Client may be used by many goroutines.
package operate
