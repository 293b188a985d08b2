// Command failover measures what callers notice when nodes of a cluster die: it runs a cluster of
// processes on this machine, adds to many counters through the nodes that survive, kills one node
// after the other, and reports the longest time without any success and the longest gap of one key.
// At the end it compares every counter with the additions that were acknowledged.
//
//	go run ./bench/failover --program "bin/perdure serve" --kills 20
//
// It also says how long the cluster took from the start of its processes to the first answered call.
package main
