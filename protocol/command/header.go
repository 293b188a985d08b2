package command

import "github.com/perdure/perdure/protocol"

// Header goes before every command.
type Header struct {
	// Key routes the command; it lies in the range of the partition whose log holds it.
	Key protocol.PartitionKey
	// Time is the leader's hybrid clock when it appended the record.
	Time protocol.HybridTime
	// Producer and Sequence deduplicate; see Producer.
	Producer Producer
	Sequence uint64
	// Trace is the span that caused the command.
	Trace protocol.TraceContext
}

// ProducerKind says how a command is deduplicated. The numbers are durable.
type ProducerKind uint8

const (
	// ProducerNone: the command is idempotent by its content (a request ID, an invocation ID).
	ProducerNone ProducerKind = 0
	// ProducerLeader: proposed by the partition's own leader of Epoch. It applies only when Epoch is
	// the partition's current epoch and Sequence is exactly one more than that of the last one
	// applied in this epoch (which starts at 0), so that a lost proposal is never skipped over.
	ProducerLeader ProducerKind = 1
	// ProducerPartition: a message from the outbox of Partition. It applies only when Sequence is
	// greater than the last one seen from there.
	ProducerPartition ProducerKind = 2
	// ProducerExternal: an ingestion stream called Name (a subscription's topic partition). It
	// applies only when Sequence is greater than the last one seen.
	ProducerExternal ProducerKind = 3
)

// Producer names who proposed a command.
type Producer struct {
	Kind      ProducerKind
	Epoch     protocol.Epoch       // ProducerLeader
	Partition protocol.PartitionID // ProducerPartition
	Name      string               // ProducerExternal
}
