package service

import (
	"errors"
	"fmt"

	"github.com/perdure/perdure/protocol/journal"
)

// ErrFrameTooLarge: a frame announced a message larger than the parser takes.
var ErrFrameTooLarge = errors.New("message is larger than the message size limit")

// FrameTooLargeError says how large; it is an ErrFrameTooLarge.
type FrameTooLargeError struct {
	Type             journal.Type
	SizeBytes, Limit int
}

// Error implements error.
func (e *FrameTooLargeError) Error() string {
	return fmt.Sprintf("message %s of %d bytes: %v of %d bytes; raise the limit or send less",
		TypeName(e.Type), e.SizeBytes, ErrFrameTooLarge, e.Limit)
}

// Unwrap makes errors.Is find ErrFrameTooLarge.
func (e *FrameTooLargeError) Unwrap() error { return ErrFrameTooLarge }

// minBufferBytes is the smallest buffer made for a frame that comes in pieces.
const minBufferBytes = 512

// maxTrust is how many times larger than what is there of a frame its buffer may be. A small factor
// has a large frame copied again and again while it comes.
const maxTrust = 4

// Parser cuts a stream into frames. Push pieces of any size into Feed.
type Parser struct {
	limit  int
	head   [HeaderLen]byte // the beginning of a frame, if it ended inside its header
	headed int             // bytes in head; HeaderLen while body is being filled
	frame  FrameHeader     // the frame being filled, if headed is HeaderLen
	body   []byte          // what is there of its body
	err    error
}

// NewParser makes a parser that refuses messages of more than limit bytes.
func NewParser(limit int) *Parser { return &Parser{limit: limit} }

// Feed takes the next piece of the stream and calls emit for every frame that it completes, in
// order; emit must not call Feed. The body of a frame that lies whole inside chunk aliases chunk,
// and is valid as long as chunk is unchanged; the body of a frame that came in several pieces is a
// copy that the parser does not touch again, and Own is set.
//
// A frame that is too large is refused when its header is there. Errors of emit are returned as
// they are. After an error, every further call returns the same error.
func (p *Parser) Feed(chunk []byte, emit func(Frame) error) error {
	for p.err == nil && len(chunk) > 0 {
		if p.headed == 0 && len(chunk) >= HeaderLen {
			chunk = p.whole(chunk, emit)
			continue
		}
		chunk = p.piece(chunk, emit)
	}
	return p.err
}

// whole takes a header, and its body too if it is all there, without copying.
func (p *Parser) whole(chunk []byte, emit func(Frame) error) []byte {
	h := ParseHeader([HeaderLen]byte(chunk))
	if !p.accepts(h) {
		return nil
	}
	rest := chunk[HeaderLen:]
	if uint64(len(rest)) < uint64(h.Length) {
		p.headed, p.frame = HeaderLen, h
		return rest
	}
	body := rest[:h.Length:h.Length]
	p.err = emit(Frame{Type: h.Type, Flags: h.Flags, Body: body})
	return rest[h.Length:]
}

// piece takes what belongs to the frame that is being put together.
func (p *Parser) piece(chunk []byte, emit func(Frame) error) []byte {
	if p.headed < HeaderLen {
		n := copy(p.head[p.headed:], chunk)
		p.headed += n
		if p.headed < HeaderLen {
			return nil
		}
		p.frame = ParseHeader(p.head)
		if !p.accepts(p.frame) {
			return nil
		}
		chunk = chunk[n:]
	}
	n := min(len(chunk), int(p.frame.Length)-len(p.body))
	p.grow(n)
	p.body = append(p.body, chunk[:n]...)
	if len(p.body) == int(p.frame.Length) {
		p.emitBuffered(emit)
	}
	return chunk[n:]
}

// grow makes room for n more bytes. An announced length is believed only as fast as bytes arrive:
// the buffer is never more than maxTrust times what is there.
func (p *Parser) grow(n int) {
	need := len(p.body) + n
	if need <= cap(p.body) {
		return
	}
	room := min(max(maxTrust*need, minBufferBytes), int(p.frame.Length))
	p.body = append(make([]byte, 0, room), p.body...)
}

func (p *Parser) emitBuffered(emit func(Frame) error) {
	body := p.body
	p.headed, p.body = 0, nil
	p.err = emit(Frame{Type: p.frame.Type, Flags: p.frame.Flags, Body: body, Own: true})
}

func (p *Parser) accepts(h FrameHeader) bool {
	if uint64(h.Length) <= uint64(max(p.limit, 0)) {
		return true
	}
	p.err = &FrameTooLargeError{Type: h.Type, SizeBytes: int(h.Length), Limit: p.limit}
	return false
}

// Partial reports whether the stream so far ends inside a frame, and how many bytes of it are
// there.
func (p *Parser) Partial() (bytes int, inside bool) {
	return p.headed + len(p.body), p.headed > 0
}
