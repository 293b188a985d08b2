// Command powercut takes the power from a server's disk over and over while clients use it, and checks
// that nothing acknowledged was lost, nothing was done twice, and everything accepted came to an end.
//
//	go run ./chaos/powercut --cuts 50
//
// The data directory is an ext4 file system of its own, in an image mounted through a loop device. A
// cut shuts that file system down, so that from one moment on nothing reaches the image: neither what
// was written and not synced, nor the file system's own journal. Then the server is killed, and the
// image mounted again as after a power failure. Killing the process alone would not show a missing
// sync: the kernel writes what a dead process has left.
//
// Before the first cut the disk is filled, so that the server refuses new work, and emptied again.
//
// It needs root, mkfs.ext4, and a kernel that can mount images; where one is missing it says so.
// Package workload says what is checked.
package main
