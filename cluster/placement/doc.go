// Package placement decides on which nodes the replicas of partitions should be, and which of them
// should lead.
//
// Invariant: the answer is a function of the question; it spreads replicas over as many zones and
// regions as was asked for if there are that many, never puts two replicas of a partition on one
// node, and moves nothing that is where it may be unless the load differs by more than one.
package placement
