package command

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/wire"
)

// formatVersion is the first byte of every record.
const formatVersion = 1

// Errors that Decode's errors wrap, beside those of package wire.
var (
	// ErrFormat: the record does not start with a format version that this binary reads.
	ErrFormat = errors.New("unknown record format")
	// ErrUnknownKind: the record's command is of a kind that this binary does not know.
	ErrUnknownKind = errors.New("unknown command kind")
	// ErrNotAMessage: an envelope holds a command that does not travel between partitions.
	ErrNotAMessage = errors.New("command does not travel between partitions")
)

// Fields of a record.
const (
	fieldHeader = 1
	fieldKind   = 2
	fieldBody   = 3
)

// Encode appends a record to dst: the format version, then the header, kind and body of the
// command. Durations are kept in whole milliseconds. Inline payloads are copied.
func Encode(dst []byte, h *Header, c Command) []byte {
	dst = append(dst, formatVersion)
	dst, mark := wire.Begin(dst, fieldHeader, 0)
	dst = wire.EndOptional(appendHeader(dst, h), mark)
	return appendCommand(dst, fieldKind, fieldBody, c)
}

// maxHeaderBytes is about the most that a header, and what else is around a body, take.
const maxHeaderBytes = 1 << 10

// SizeHint is about how many bytes Encode appends for a command, and hardly ever less.
func SizeHint(c Command) int { return c.sizeHint() + maxHeaderBytes }

// appendCommand appends kind and body, of a record or of a message in an envelope.
func appendCommand(dst []byte, kind, body wire.Number, c Command) []byte {
	dst = wire.AppendUvarint(dst, kind, c.Kind())
	dst, mark := wire.Begin(dst, body, c.sizeHint())
	return wire.End(c.appendBody(dst), mark)
}

// Decode is the inverse of Encode. Byte slices of the command alias b, strings are copies.
func Decode(b []byte) (Header, Command, error) {
	var h Header
	if len(b) == 0 || b[0] != formatVersion {
		return h, nil, fmt.Errorf("decode command: %w: a record of %d bytes must start with byte %d",
			ErrFormat, len(b), formatVersion)
	}
	var kind Kind
	var body []byte
	d := wire.NewDecoder(b[1:])
	for d.Next() {
		switch d.Field() {
		case fieldHeader:
			d.Fail(decodeHeader(&h, d.Bytes()))
		case fieldKind:
			kind = Kind(d.Uint8())
		case fieldBody:
			body = d.Bytes()
		}
	}
	if err := d.Err(); err != nil {
		return Header{}, nil, fmt.Errorf("decode command record: %w", err)
	}
	c, err := decodeCommand(kind, body)
	if err != nil {
		return Header{}, nil, err
	}
	return h, c, nil
}

func decodeCommand(kind Kind, body []byte) (Command, error) {
	c := newCommand(kind)
	if c == nil {
		return nil, fmt.Errorf("decode command of kind %d: %w", kind, ErrUnknownKind)
	}
	if err := c.decodeBody(body); err != nil {
		return nil, fmt.Errorf("decode command of kind %d: %w", kind, err)
	}
	return c, nil
}

func newCommand(kind Kind) Command {
	switch kind {
	case KindAnnounceLeader:
		return new(AnnounceLeader)
	case KindVersionBarrier:
		return new(VersionBarrier)
	case KindCompareDigest:
		return new(CompareDigest)
	case KindInvoke:
		return new(Invoke)
	case KindInvokerEffect:
		return new(InvokerEffect)
	case KindTimerFired:
		return new(TimerFired)
	case KindComplete:
		return new(Complete)
	case KindSignal:
		return new(Signal)
	case KindAttach:
		return new(Attach)
	case KindGetOutput:
		return new(GetOutput)
	case KindTerminate:
		return new(Terminate)
	case KindPurge:
		return new(Purge)
	case KindPurgeJournal:
		return new(PurgeJournal)
	case KindPause:
		return new(Pause)
	case KindResume:
		return new(Resume)
	case KindRestart:
		return new(Restart)
	case KindPatchState:
		return new(PatchState)
	case KindTruncateOutbox:
		return new(TruncateOutbox)
	case KindEnvelope:
		return new(Envelope)
	}
	return nil
}

// Travels reports whether commands of this kind go from one partition's outbox to another.
func (k Kind) Travels() bool {
	switch k {
	case KindInvoke, KindComplete, KindSignal, KindAttach, KindGetOutput, KindTerminate:
		return true
	}
	return false
}

// appendHeader appends the fields of a header. Key and times are fixed-width: they are long as
// varints.
func appendHeader(dst []byte, h *Header) []byte {
	dst = wire.AppendFixed64(dst, 1, h.Key)
	dst = wire.AppendFixed64(dst, 2, h.Time)
	dst = wire.AppendUvarint(dst, 3, h.Producer.Kind)
	dst = wire.AppendUvarint(dst, 4, h.Producer.Epoch)
	dst = wire.AppendUvarint(dst, 5, h.Producer.Partition)
	dst = wire.AppendString(dst, 6, h.Producer.Name)
	dst = wire.AppendUvarint(dst, 7, h.Sequence)
	return appendTraceField(dst, 8, &h.Trace)
}

func decodeHeader(h *Header, b []byte) error {
	*h = Header{}
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			h.Key = protocol.PartitionKey(d.Fixed64())
		case 2:
			h.Time = protocol.HybridTime(d.Fixed64())
		case 3:
			h.Producer.Kind = ProducerKind(d.Uint8())
		case 4:
			h.Producer.Epoch = protocol.Epoch(d.Uint64())
		case 5:
			h.Producer.Partition = protocol.PartitionID(d.Uint16())
		case 6:
			h.Producer.Name = d.RawString()
		case 7:
			h.Sequence = d.Uint64()
		case 8:
			d.Fail(decodeTrace(&h.Trace, d.Bytes()))
		}
	}
	return d.Err()
}

// appendID appends an invocation ID in its raw form; the zero one is left out.
func appendID(dst []byte, num wire.Number, id protocol.InvocationID) []byte {
	if id.IsZero() {
		return dst
	}
	return id.AppendRaw(wire.AppendLength(dst, num, invocationIDLen))
}

const invocationIDLen = 24 // of the raw form

func decodeID(d *wire.Decoder) protocol.InvocationID {
	id, err := protocol.InvocationIDFromRaw(d.Bytes())
	d.Fail(err)
	return id
}

// appendArray appends 16 bytes; zeros are left out.
func appendArray[T ~[16]byte](dst []byte, num wire.Number, v T) []byte {
	a := [16]byte(v)
	if a == [16]byte{} {
		return dst
	}
	return wire.AppendPresentBytes(dst, num, a[:])
}

// appendDuration appends whole milliseconds; none and less are left out.
func appendDuration(dst []byte, num wire.Number, v time.Duration) []byte {
	return wire.AppendUvarint(dst, num, uint64(max(v.Milliseconds(), 0)))
}

// decodeDuration is the inverse of appendDuration; it saturates.
func decodeDuration(d *wire.Decoder) time.Duration {
	const limit = uint64(math.MaxInt64 / time.Millisecond)
	return time.Duration(min(d.Uint64(), limit)) * time.Millisecond
}
