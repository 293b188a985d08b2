package metadata

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Limits of one value.
const (
	MaxKeyBytes   = 256
	MaxValueBytes = 16 << 20
	MaxKeys       = 65536
)

// recordVersion is the form of a record in the log. docs/format/metadata.md shows the bytes.
const recordVersion = 1

// recordKind is the durable number of what a record does.
type recordKind uint8

const (
	recordBarrier recordKind = 1 // nothing: whoever sees it applied has seen all before it
	recordSwap    recordKind = 2
)

// requestID names one compare-and-swap, so that a repeated append is recognised.
type requestID [16]byte

// record is one entry of the metadata log.
type record struct {
	kind     recordKind
	request  requestID
	expected uint64 // version before the change; 0: the key must not exist
	key      string
	value    []byte
}

const recordHeaderBytes = 2 + 16 + 8 + 2

func (r *record) encode() []byte {
	b := make([]byte, 0, recordHeaderBytes+len(r.key)+len(r.value))
	b = append(b, recordVersion, byte(r.kind))
	b = append(b, r.request[:]...)
	b = binary.BigEndian.AppendUint64(b, r.expected)
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.key)))
	b = append(b, r.key...)
	return append(b, r.value...)
}

var errBadRecord = errors.New("the record is corrupt or of a newer release")

// decodeRecord reads a record; its value shares b.
func decodeRecord(b []byte) (record, error) {
	if len(b) < recordHeaderBytes {
		return record{}, fmt.Errorf("it has %d bytes, at least %d are needed: %w",
			len(b), recordHeaderBytes, errBadRecord)
	}
	if b[0] != recordVersion {
		return record{}, fmt.Errorf("its form is %d, this release reads %d: %w",
			b[0], recordVersion, errBadRecord)
	}
	r := record{kind: recordKind(b[1]), expected: binary.BigEndian.Uint64(b[18:])}
	copy(r.request[:], b[2:18])
	rest := b[recordHeaderBytes:]
	n := int(binary.BigEndian.Uint16(b[26:]))
	if n > MaxKeyBytes || n > len(rest) {
		return record{}, fmt.Errorf("its key has %d bytes: %w", n, errBadRecord)
	}
	r.key, r.value = string(rest[:n]), rest[n:]
	switch {
	case r.kind == recordBarrier && len(rest) == 0:
	case r.kind == recordSwap && n > 0 && len(r.value) <= MaxValueBytes:
	default:
		return record{}, fmt.Errorf("kind %d with a key of %d and a value of %d bytes: %w",
			r.kind, n, len(r.value), errBadRecord)
	}
	return r, nil
}
