package command

import (
	"fmt"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/wire"
)

func (c *AnnounceLeader) appendBody(dst []byte) []byte {
	dst = appendArray(dst, 1, c.Token)
	return wire.AppendString(dst, 2, c.Node)
}

func (c *AnnounceLeader) decodeBody(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			d.Array(c.Token[:])
		case 2:
			c.Node = d.RawString()
		}
	}
	return d.Err()
}

func (c *AnnounceLeader) sizeHint() int { return len(c.Token) + len(c.Node) + 4 }

func (c *VersionBarrier) appendBody(dst []byte) []byte {
	return wire.AppendUvarint(dst, 1, c.Feature)
}

func (c *VersionBarrier) decodeBody(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		if d.Field() == 1 {
			c.Feature = Feature(d.Uint32())
		}
	}
	return d.Err()
}

func (c *VersionBarrier) sizeHint() int { return 0 }

func (c *CompareDigest) appendBody(dst []byte) []byte {
	dst = wire.AppendUvarint(dst, 1, c.LSN)
	return wire.AppendFixed64(dst, 2, c.Digest)
}

func (c *CompareDigest) decodeBody(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			c.LSN = protocol.LSN(d.Uint64())
		case 2:
			c.Digest = d.Fixed64()
		}
	}
	return d.Err()
}

func (c *CompareDigest) sizeHint() int { return 0 }

func (c *TruncateOutbox) appendBody(dst []byte) []byte {
	return wire.AppendPacked(dst, 1, c.Sequences)
}

func (c *TruncateOutbox) decodeBody(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		if d.Field() == 1 {
			c.Sequences = d.AppendUint64s(c.Sequences)
		}
	}
	return d.Err()
}

func (c *TruncateOutbox) sizeHint() int { return 4 * len(c.Sequences) }

func (c *Envelope) appendBody(dst []byte) []byte {
	for i := range c.Messages {
		var mark wire.Mark
		dst, mark = wire.Begin(dst, 1, c.Messages[i].sizeHint())
		dst = wire.End(appendMessage(dst, &c.Messages[i]), mark)
	}
	return dst
}

func (c *Envelope) decodeBody(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		if d.Field() == 1 {
			if c.Messages == nil {
				c.Messages = make([]Message, 0, 1+d.Count(1))
			}
			c.Messages = append(c.Messages, Message{})
			d.Fail(decodeMessage(&c.Messages[len(c.Messages)-1], d.Bytes()))
		}
	}
	return d.Err()
}

func (c *Envelope) sizeHint() (hint int) {
	for i := range c.Messages {
		hint += c.Messages[i].sizeHint()
	}
	return hint
}

func (m *Message) sizeHint() int { return m.Command.sizeHint() + 20 }

// AppendMessage appends {1 sequence, 2 key, 3 trace, 4 kind, 5 body}.
func AppendMessage(dst []byte, m *Message) []byte { return appendMessage(dst, m) }

// DecodeMessage is the inverse of AppendMessage.
func DecodeMessage(b []byte) (m Message, err error) {
	err = decodeMessage(&m, b)
	return m, err
}

func appendMessage(dst []byte, m *Message) []byte {
	if !m.Command.Kind().Travels() {
		panic(fmt.Sprintf("command of kind %d in an outbox message", m.Command.Kind()))
	}
	dst = wire.AppendUvarint(dst, 1, m.Sequence)
	dst = wire.AppendFixed64(dst, 2, m.Key)
	dst = appendTraceField(dst, 3, &m.Trace)
	return appendCommand(dst, 4, 5, m.Command)
}

func decodeMessage(m *Message, b []byte) error {
	var kind Kind
	var body []byte
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			m.Sequence = d.Uint64()
		case 2:
			m.Key = protocol.PartitionKey(d.Fixed64())
		case 3:
			d.Fail(decodeTrace(&m.Trace, d.Bytes()))
		case 4:
			kind = Kind(d.Uint8())
		case 5:
			body = d.Bytes()
		}
	}
	if err := d.Err(); err != nil {
		return err
	}
	if !kind.Travels() {
		return fmt.Errorf("%w: kind %d", ErrNotAMessage, kind)
	}
	c, err := decodeCommand(kind, body)
	m.Command = c
	return err
}
