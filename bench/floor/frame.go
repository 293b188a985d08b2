package floor

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// Types of the frames that are played.
const (
	typeStart                = 0x0000
	typeSuspension           = 0x0001
	typeError                = 0x0002
	typeEnd                  = 0x0003
	typeProposeRunCompletion = 0x0005
	typeInput                = 0x0400
	typeOutput               = 0x0401
	typeRun                  = 0x0411
	typeRunCompletion        = 0x8011
)

// Numbers of the fields that are read or written.
const (
	startID, startDebugID, startKnownEntries = 1, 2, 3
	startPartialState, startKey, startSeed   = 5, 6, 9
	valueContent                             = 1
	failureMessage                           = 2
	errorMessage                             = 2
	proposalID, proposalValue                = 1, 14
	notificationID, notificationValue        = 1, 5
	commandValue, commandFailure             = 14, 15
)

const (
	headerBytes   = 8
	maxFrameBytes = 8 << 20
)

// appendFrame appends header and payload of a frame.
func appendFrame(to []byte, kind uint16, payload []byte) []byte {
	to = binary.BigEndian.AppendUint64(to, uint64(kind)<<48|uint64(len(payload)))
	return append(to, payload...)
}

// readFrame reads one frame, flags left out. The payload is valid until the next call with buffer.
func readFrame(in *bufio.Reader, buffer []byte) (kind uint16, payload []byte, err error) {
	var header [headerBytes]byte
	if _, err := io.ReadFull(in, header[:]); err != nil {
		return 0, buffer, fmt.Errorf("read a frame: %w", err)
	}
	word := binary.BigEndian.Uint64(header[:])
	size := word & 0xffffffff
	if size > maxFrameBytes {
		return 0, buffer, fmt.Errorf("read a frame: %d bytes, at most %d", size, maxFrameBytes)
	}
	if uint64(cap(buffer)) < size {
		buffer = make([]byte, size)
	}
	payload = buffer[:size]
	if _, err := io.ReadFull(in, payload); err != nil {
		return 0, payload, fmt.Errorf("read a frame: %w", err)
	}
	return uint16(word >> 48), payload, nil
}

func appendBytes(to []byte, field protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(to, field, protowire.BytesType), value)
}

func appendVarint(to []byte, field protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(to, field, protowire.VarintType), value)
}

// appendValue appends a Value message as a field.
func appendValue(to []byte, field protowire.Number, content []byte) []byte {
	return appendBytes(to, field, appendBytes(nil, valueContent, content))
}

// fields are the last occurrences of a message's fields that hold bytes or a number.
type fields struct {
	bytes   map[protowire.Number][]byte
	numbers map[protowire.Number]uint64
}

var errMessage = errors.New("decode a message: it is cut off or no protobuf")

func parse(message []byte) (fields, error) {
	found := fields{map[protowire.Number][]byte{}, map[protowire.Number]uint64{}}
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return fields{}, errMessage
		}
		message = message[n:]
		switch kind {
		case protowire.BytesType:
			found.bytes[number], n = protowire.ConsumeBytes(message)
		case protowire.VarintType:
			found.numbers[number], n = protowire.ConsumeVarint(message)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return fields{}, errMessage
		}
		message = message[n:]
	}
	return found, nil
}

// content returns what a field of type Value holds, nil if the field is absent.
func (f fields) content(field protowire.Number) ([]byte, error) {
	message, ok := f.bytes[field]
	if !ok {
		return nil, nil
	}
	value, err := parse(message)
	if err != nil {
		return nil, err
	}
	return value.bytes[valueContent], nil
}
