// Package floor is the least a durable server can do: it takes the same calls and exchanges the
// same frames with the same service as a real one, keeps everything in memory, and waits for one
// fdatasync on a zeroed file wherever an answer depends on something durable. What it takes is
// what the disk, the loopback, the SDK and the HTTP libraries cost together; a real server can
// only be slower.
//
// Invariant: nothing that depends on a step is sent before a sync that began after the step
// arrived has ended. A call without steps waits for two syncs in a row, one with three steps for
// five; calls that wait at the same time share a sync.
//
// It is no server: it forgets all calls when it ends, never retries, and plays only the handlers
// named in Plays. One Server is used by many connections at once.
package floor
