// Package command holds the commands of a partition's log: everything that may change a partition.
//
// A record of the log is one Header and one Command. The header brings what the machine must not
// look up: time, epoch, producer and sequence. Values in commands are complete: whoever proposes a
// command has resolved names, retentions and identifiers, because the machine has no schema, no
// clock and no chance.
//
// Invariant: Decode(Encode(h, c)) gives h and c back; kinds and field numbers are never reused;
// unknown fields are skipped, an unknown kind is an error that stops the replica rather than
// letting replicas differ.
package command
