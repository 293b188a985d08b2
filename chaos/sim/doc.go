// Command sim runs a whole partitioned server without network, disk or real time, and breaks it.
//
//	go run ./chaos/sim -seeds 1000        try seeds 1 to 1000
//	go run ./chaos/sim -seed 42           one seed, with every event
//	go run ./chaos/sim -plant lost-record the same with a fault built in, which must be found
//	go run ./chaos/sim -plants            each fault in turn, and after how many seeds it is found
//
// A World has partitions, each with replicas on one log in memory; a replica is the real processor,
// machine and store on a file system that can crash, and the real leader on a clock that is moved
// by hand. What stands around them is a model: clients (client.go), handlers and the invoker that
// runs them (script.go, handler.go, attempt.go), the carrier of messages between partitions
// (network.go). Everything that may happen next is an event, and the seed picks one (schedule.go),
// faults among them (fault.go).
//
// Invariant: a World runs on one goroutine and is a function of its seed, so that a failure can be
// replayed. The checker (checker.go) looks after every event; at the end the faults stop and
// everything that was accepted must end and leave nothing behind (settle.go).
package main
