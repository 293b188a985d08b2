// Command bench measures durable-execution servers over their public HTTP interfaces: latency,
// throughput, CPU, memory, flushes, start-up and recovery. It knows nothing of how they are built
// and imports nothing of this project outside its own folder, so any compatible server can be
// measured, and several can be measured in turn.
//
// Invariant: an answer that is not the expected one makes the run fail.
package main
