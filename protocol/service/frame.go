package service

import (
	"encoding/binary"

	"github.com/perdure/perdure/protocol/journal"
)

// HeaderLen is the length of a frame header in bytes.
const HeaderLen = 8

// FlagRequestedAck in a frame's flags asks the server to answer a command with CommandAck, or a
// ProposeRunCompletion with ProposeRunCompletionAck, once it is stored.
const FlagRequestedAck uint16 = 0x8000

// FrameHeader goes before every message: type, flags and length of the message in bytes, all
// big-endian.
type FrameHeader struct {
	Type   journal.Type
	Flags  uint16
	Length uint32
}

// Frame is one message as it is framed.
type Frame struct {
	Type  journal.Type
	Flags uint16
	Body  []byte
	Own   bool // a parser made Body for this frame alone: it may be kept
}

// RequestedAck reports whether the sender wants an acknowledgement.
func (f Frame) RequestedAck() bool { return f.Flags&FlagRequestedAck != 0 }

// AppendHeader appends the eight bytes of h.
func AppendHeader(dst []byte, h FrameHeader) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(h.Type))
	dst = binary.BigEndian.AppendUint16(dst, h.Flags)
	return binary.BigEndian.AppendUint32(dst, h.Length)
}

// ParseHeader is the inverse of AppendHeader.
func ParseHeader(b [HeaderLen]byte) FrameHeader {
	return FrameHeader{
		Type:   journal.Type(binary.BigEndian.Uint16(b[:])),
		Flags:  binary.BigEndian.Uint16(b[2:]),
		Length: binary.BigEndian.Uint32(b[4:]),
	}
}

// AppendFrame appends a frame with a message that is encoded already: a stored entry. The body
// must be shorter than 4 GiB; limits on messages are far below that.
func AppendFrame(dst []byte, t journal.Type, flags uint16, body []byte) []byte {
	dst = AppendHeader(dst, FrameHeader{Type: t, Flags: flags, Length: uint32(len(body))})
	return append(dst, body...)
}

// AppendControl appends a frame with a control message.
func AppendControl(dst []byte, v Version, m Control) []byte {
	start := len(dst)
	dst = AppendHeader(dst, FrameHeader{Type: m.Type()})
	return patchLength(m.Append(dst, v), start)
}

// AppendEntry appends a frame with a journal message.
func AppendEntry(dst []byte, flags uint16, m journal.Message) []byte {
	start := len(dst)
	dst = AppendHeader(dst, FrameHeader{Type: m.Type(), Flags: flags})
	return patchLength(m.Append(dst), start)
}

// patchLength fills in the length of the frame that begins at start and ends with dst.
func patchLength(dst []byte, start int) []byte {
	binary.BigEndian.PutUint32(dst[start+4:], uint32(len(dst)-start-HeaderLen))
	return dst
}
