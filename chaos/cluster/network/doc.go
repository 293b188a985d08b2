// Package network gives every process of a test a host of its own: a network namespace whose only
// device is a TAP, and a switch in this process between all of them.
//
// Each ordered pair of hosts has a Link of its own that says how frames fare on it: delay, jitter,
// loss, repetition, reordering, or nothing passes at all. Neither kernel modules nor any program is
// needed, only root and /dev/net/tun, and nothing is left behind whoever is killed: devices and
// namespaces go with the last process that has them open.
//
// Invariant: what two hosts send each other passes the switch and nothing else, and links can be
// changed at any time.
//
// A Network and its Hosts may be used by many goroutines.
package network
