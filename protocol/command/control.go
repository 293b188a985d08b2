package command

import "github.com/perdure/perdure/protocol"

// AnnounceLeader is the first command of a would-be leader. Applying it raises the epoch by one;
// whoever sees its own token applied leads in that epoch.
type AnnounceLeader struct {
	Token [16]byte
	Node  string // name of the node, for people
}

// VersionBarrier switches a feature of the machine on, for all replicas at the same position. A
// replica that does not know the feature stops.
type VersionBarrier struct{ Feature Feature }

// Feature is the durable number of a behaviour that a VersionBarrier switches on.
type Feature uint32

// CompareDigest carries the leader's running digest at a position; a replica that had another one
// there stops.
type CompareDigest struct {
	LSN    protocol.LSN
	Digest uint64
}

// TruncateOutbox forgets outbox rows that the receiver has in its log.
type TruncateOutbox struct {
	// Sequences are the outbox sequences to forget, ascending.
	Sequences []uint64
}

// Envelope carries messages from one partition's outbox to another: one record, applied in order.
// The header's producer is ProducerPartition and its Sequence that of the last message.
type Envelope struct{ Messages []Message }

// Message is one outbox message: a command that another partition (or the same) shall apply. Only
// Invoke, Complete, Signal, Attach, GetOutput and Terminate travel this way.
type Message struct {
	Sequence uint64
	Key      protocol.PartitionKey // routes the message
	Trace    protocol.TraceContext
	Command  Command
}
