package transport

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
	frameMessages frameKind = 1 // a batch of consensus messages
	frameChunk    frameKind = 2 // a piece of a snapshot
	frameNotice   frameKind = 3 // a notice of the node
)

const (
	frameHeaderBytes = 4 + 4 + 1 // length of the body, checksum of kind and body, kind
	// maxFrameBytes bounds a frame: the largest append travels in one message.
	maxFrameBytes = 80 << 20
	// readStep is how much is allocated at a time for a body that was only announced.
	readStep = 1 << 20
)

var errBadFrame = errors.New("a frame is damaged")

// beginFrame makes room for a frame's header; seal fills it in once the body is there.
func beginFrame(b []byte, kind frameKind) []byte {
	return append(b, 0, 0, 0, 0, 0, 0, 0, 0, byte(kind))
}

// seal fills in the header of a frame that is b as a whole.
func seal(b []byte) []byte {
	binary.BigEndian.PutUint32(b, uint32(len(b)-frameHeaderBytes))
	binary.BigEndian.PutUint32(b[4:], uint32(xxh3.Hash(b[8:])))
	return b
}

// readFrame reads one frame. The body is the caller's.
func readFrame(r *bufio.Reader) (frameKind, []byte, error) {
	var h [frameHeaderBytes]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(h[:])
	if size > maxFrameBytes {
		return 0, nil, fmt.Errorf("%w: it announces %d bytes, at most %d are read", errBadFrame, size,
			maxFrameBytes)
	}
	b := make([]byte, 1, 1+min(int(size), readStep))
	b[0] = h[8]
	for left := int(size); left > 0; {
		n := min(left, readStep)
		from := len(b)
		b = append(b, make([]byte, n)...)
		if _, err := io.ReadFull(r, b[from:]); err != nil {
			return 0, nil, err
		}
		left -= n
	}
	if want, got := binary.BigEndian.Uint32(h[4:]), uint32(xxh3.Hash(b)); want != got {
		return 0, nil, fmt.Errorf("%w: its checksum is %08x, computed %08x", errBadFrame, want, got)
	}
	return frameKind(h[8]), b[1:], nil
}
