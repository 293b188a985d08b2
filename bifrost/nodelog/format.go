package nodelog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// Layout of a segment file. The numbers are durable; docs/format/node-log.md describes them.
const (
	formatVersion = 1
	// headerBytes is the segment header at the start of a file, frames follow it.
	headerBytes = 64
	// frameHeaderBytes comes before the records of each frame.
	frameHeaderBytes = 32
	// frameAlign is where frames may begin.
	frameAlign = 8
)

var (
	magic      = [8]byte{'P', 'E', 'R', 'D', 'N', 'L', 'O', 'G'}
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

func aligned(n int64) int64 { return (n + frameAlign - 1) &^ (frameAlign - 1) }

// segmentHeader says which part of the log a file holds.
type segmentHeader struct {
	// Sequence counts segments from 1, through the life of the log.
	sequence uint64
	// Epoch is a random number of this use of the file. All frames carry it: what an earlier use left
	// behind has another.
	epoch uint64
	// Oldest is the sequence of the oldest segment that was needed when this one was begun.
	oldest uint64
	// PrevEpoch and PrevEnd are the epoch of the segment before and where its frames end; 0 in the
	// first.
	prevEpoch, prevEnd uint64
}

// encode fills the first headerBytes of b.
func (h segmentHeader) encode(b []byte) {
	b = b[:headerBytes]
	clear(b)
	copy(b, magic[:])
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	binary.LittleEndian.PutUint64(b[16:], h.sequence)
	binary.LittleEndian.PutUint64(b[24:], h.epoch)
	binary.LittleEndian.PutUint64(b[32:], h.oldest)
	binary.LittleEndian.PutUint64(b[40:], h.prevEpoch)
	binary.LittleEndian.PutUint64(b[48:], h.prevEnd)
	binary.LittleEndian.PutUint32(b[60:], checksum(b[:60]))
}

// errVersion means that a segment is whole but written in another format.
var errVersion = errors.New("unknown format")

// decodeHeader reports false when b does not begin with a whole header.
func decodeHeader(b []byte) (h segmentHeader, ok bool, err error) {
	if len(b) < headerBytes || [8]byte(b[:8]) != magic ||
		binary.LittleEndian.Uint32(b[60:]) != checksum(b[:60]) {
		return segmentHeader{}, false, nil
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != formatVersion {
		return segmentHeader{}, false, fmt.Errorf("%w %d, this release reads %d: run the release that "+
			"wrote it", errVersion, v, formatVersion)
	}
	return segmentHeader{
		sequence:  binary.LittleEndian.Uint64(b[16:]),
		epoch:     binary.LittleEndian.Uint64(b[24:]),
		oldest:    binary.LittleEndian.Uint64(b[32:]),
		prevEpoch: binary.LittleEndian.Uint64(b[40:]),
		prevEnd:   binary.LittleEndian.Uint64(b[48:]),
	}, true, nil
}

// frameHeader comes before the records of one group: what was written and synced together.
type frameHeader struct {
	length   uint32 // of the records
	ordinal  uint32 // of the frame in its segment, from 0
	epoch    uint64 // of the segment
	sequence uint64 // of the segment
}

// seal fills the frame header in front of the records: b is both.
func (h frameHeader) seal(b []byte) {
	h.length = uint32(len(b) - frameHeaderBytes)
	binary.LittleEndian.PutUint32(b[4:], h.length)
	binary.LittleEndian.PutUint32(b[8:], h.ordinal)
	binary.LittleEndian.PutUint32(b[12:], 0)
	binary.LittleEndian.PutUint64(b[16:], h.epoch)
	binary.LittleEndian.PutUint64(b[24:], h.sequence)
	binary.LittleEndian.PutUint32(b, checksum(b[4:]))
}

// peekFrame returns what looks like a frame at the start of b, header and records together, without
// checking the sum.
func peekFrame(b []byte) (h frameHeader, whole []byte, ok bool) {
	if len(b) < frameHeaderBytes {
		return frameHeader{}, nil, false
	}
	h = frameHeader{
		length:   binary.LittleEndian.Uint32(b[4:]),
		ordinal:  binary.LittleEndian.Uint32(b[8:]),
		epoch:    binary.LittleEndian.Uint64(b[16:]),
		sequence: binary.LittleEndian.Uint64(b[24:]),
	}
	if int64(h.length) > int64(len(b)-frameHeaderBytes) {
		return frameHeader{}, nil, false
	}
	return h, b[:frameHeaderBytes+int(h.length)], true
}

// decodeFrame returns the frame at the start of b and its records. It reports false when there is no
// whole frame.
func decodeFrame(b []byte) (h frameHeader, records []byte, ok bool) {
	h, whole, ok := peekFrame(b)
	if !ok || binary.LittleEndian.Uint32(b) != checksum(whole[4:]) {
		return frameHeader{}, nil, false
	}
	return h, whole[frameHeaderBytes:], true
}

// frameBytes is what a frame with so many bytes of records takes in a file.
func frameBytes(records int) int64 { return aligned(frameHeaderBytes + int64(records)) }
