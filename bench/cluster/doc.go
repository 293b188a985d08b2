// Package cluster runs several server processes on one machine as one cluster, so that a cluster
// can be measured like a single server: it is one process tree with one ingress.
//
// Invariant: when Run returns, all nodes have ended.
//
// One Run at a time belongs to a process: what it starts is in the same process group.
package cluster
