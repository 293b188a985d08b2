// Package partition runs the replicas of partitions on a node: each is a log, a store and a machine
// between them, and a leader's duties when the log says so.
//
// Invariant: what a store holds is a function of the log; rows and position change in one batch;
// actions are performed only after the batch that made them. A Host and a Client may be used by
// many goroutines.
package partition
