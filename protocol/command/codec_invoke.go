package command

import (
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/wire"
)

func (c *Invoke) appendBody(dst []byte) []byte {
	dst = appendID(dst, 1, c.ID)
	dst = appendTargetField(dst, 2, &c.Target)
	dst = appendHeaders(dst, 3, c.Headers)
	dst = appendPayloadField(dst, 4, &c.Parameter)
	dst, mark := wire.Begin(dst, 5, 0)
	dst = wire.EndOptional(AppendSource(dst, &c.Source), mark)
	dst = wire.AppendOptionalString(dst, 6, c.IdempotencyKey)
	dst = wire.AppendString(dst, 7, c.LimitKey)
	dst = wire.AppendUvarint(dst, 8, c.ExecutionTime)
	dst = appendDuration(dst, 9, c.CompletionRetention)
	dst = appendDuration(dst, 10, c.JournalRetention)
	dst = wire.AppendFixed64(dst, 11, c.RandomSeed)
	dst = appendArray(dst, 12, c.Request)
	if c.Waiter != nil {
		dst = appendWaiterField(dst, 13, c.Waiter)
	}
	return dst
}

func (c *Invoke) decodeBody(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			c.ID = decodeID(&d)
		case 2:
			d.Fail(decodeTarget(&c.Target, d.Bytes()))
		case 3:
			c.Headers = decodeHeaders(&d, c.Headers)
		case 4:
			d.Fail(decodePayload(&c.Parameter, d.Bytes()))
		case 5:
			d.Fail(decodeSource(&c.Source, d.Bytes()))
		case 6:
			c.IdempotencyKey = d.OptionalRawString()
		case 7:
			c.LimitKey = d.RawString()
		case 8:
			c.ExecutionTime = protocol.Millis(d.Uint64())
		case 9:
			c.CompletionRetention = decodeDuration(&d)
		case 10:
			c.JournalRetention = decodeDuration(&d)
		case 11:
			c.RandomSeed = d.Fixed64()
		case 12:
			d.Array(c.Request[:])
		case 13:
			c.Waiter = new(Waiter)
			d.Fail(decodeWaiter(c.Waiter, d.Bytes()))
		}
	}
	return d.Err()
}

func (c *Invoke) sizeHint() int {
	hint := 3*baseHint + len(c.Parameter.Inline)
	for i := range c.Headers {
		hint += len(c.Headers[i].Key) + len(c.Headers[i].Value)
	}
	return hint
}

func appendWaiterField(dst []byte, num wire.Number, w *Waiter) []byte {
	dst, mark := wire.Begin(dst, num, 0)
	return wire.End(AppendWaiter(dst, w), mark)
}
