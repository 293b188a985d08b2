package link

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/zeebo/xxh3"
)

// frameKind is the durable number of what a frame holds.
type frameKind byte

const (
	frameRequest  frameKind = 1 // caller to callee
	frameCancel   frameKind = 2 // caller to callee: the answer is no longer wanted
	frameProgress frameKind = 3 // callee to caller, before the answer
	frameAnswer   frameKind = 4 // callee to caller
	frameRefused  frameKind = 5 // callee to caller: the request was not taken, too many run
)

const (
	// headerBytes: length of the body, checksum of what follows it, kind, number of the request.
	headerBytes = 4 + 4 + 1 + 8
	// maxBodyBytes bounds a frame: the largest request body, with what is around it.
	maxBodyBytes = 128 << 20
	// readStep is how much is allocated at a time for a body that was only announced.
	readStep = 1 << 20
)

var errBadFrame = errors.New("a frame is damaged")

// frame is a frame that was read. The body is the reader's.
type frame struct {
	kind frameKind
	id   uint64
	body []byte
}

// begin makes room for the header of a frame; seal fills in the rest once the body is there.
func begin(b []byte, kind frameKind, id uint64) []byte {
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, byte(kind))
	return binary.BigEndian.AppendUint64(b, id)
}

// seal completes a frame that is b as a whole.
func seal(b []byte) []byte {
	binary.BigEndian.PutUint32(b, uint32(len(b)-headerBytes))
	binary.BigEndian.PutUint32(b[4:], uint32(xxh3.Hash(b[8:])))
	return b
}

func newFrame(kind frameKind, id uint64, body []byte) []byte {
	b := begin(make([]byte, 0, headerBytes+len(body)), kind, id)
	return seal(append(b, body...))
}

// readFrame reads one frame.
func readFrame(r *bufio.Reader) (f frame, err error) {
	var h [headerBytes]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return f, err
	}
	size := int(binary.BigEndian.Uint32(h[:]))
	if size > maxBodyBytes {
		return f, fmt.Errorf("%w: it announces %d bytes, at most %d are read", errBadFrame, size,
			maxBodyBytes)
	}
	// Room grows with what has come, so that a false announcement costs nothing.
	b := append(make([]byte, 0, 9+min(size, readStep)), h[8:]...)
	for size > 0 {
		n := min(size, readStep)
		b = append(b, make([]byte, n)...)
		if _, err := io.ReadFull(r, b[len(b)-n:]); err != nil {
			return f, err
		}
		size -= n
	}
	if sum := uint32(xxh3.Hash(b)); sum != binary.BigEndian.Uint32(h[4:]) {
		return f, fmt.Errorf("%w: its checksum is %08x, computed %08x", errBadFrame,
			binary.BigEndian.Uint32(h[4:]), sum)
	}
	return frame{frameKind(b[0]), binary.BigEndian.Uint64(b[1:]), b[9:]}, nil
}
