// Package ingress is the public HTTP interface: calls, sends, attaching to results, awakeables,
// workflows and health.
//
// Invariant: a request that was answered with success is in the log; whatever a client sends, the
// answer is one of the statuses of the contract and nothing is changed by a request that was
// refused. A Handler serves any number of requests at once.
package ingress
