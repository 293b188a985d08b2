package command

import (
	"github.com/perdure/perdure/protocol/journal"
	"github.com/perdure/perdure/protocol/wire"
)

func (c *InvokerEffect) appendBody(dst []byte) []byte {
	dst = appendID(dst, 1, c.ID)
	dst = wire.AppendUvarint(dst, 2, c.Attempt)
	for i := range c.Effects {
		var mark wire.Mark
		dst, mark = wire.Begin(dst, 3, c.Effects[i].sizeHint())
		dst = wire.End(appendEffect(dst, &c.Effects[i]), mark)
	}
	return dst
}

func (c *InvokerEffect) decodeBody(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			c.ID = decodeID(&d)
		case 2:
			c.Attempt = d.Uint32()
		case 3:
			if c.Effects == nil {
				c.Effects = make([]Effect, 0, 1+d.Count(3))
			}
			c.Effects = append(c.Effects, Effect{})
			d.Fail(decodeEffect(&c.Effects[len(c.Effects)-1], d.Bytes()))
		}
	}
	return d.Err()
}

func (c *InvokerEffect) sizeHint() int {
	hint := baseHint
	for i := range c.Effects {
		hint += c.Effects[i].sizeHint()
	}
	return hint
}

func (e *Effect) sizeHint() int {
	hint := len(e.Entry.Body.Inline) + len(e.Result.Value.Inline) + 16
	if e.Callee != nil {
		hint += 2 * baseHint
	}
	return hint
}

// appendEffect appends whichever fields are set, whatever the kind.
func appendEffect(dst []byte, e *Effect) []byte {
	dst = wire.AppendUvarint(dst, 1, e.Kind)
	dst = appendArray(dst, 2, e.Deployment)
	dst = wire.AppendUvarint(dst, 3, e.ProtocolVersion)
	dst = wire.AppendUvarint(dst, 4, e.CommandIndex)
	dst, mark := wire.Begin(dst, 5, len(e.Entry.Body.Inline)+16)
	dst = wire.EndOptional(AppendEntry(dst, &e.Entry), mark)
	dst = wire.AppendBool(dst, 6, e.AckRequested)
	if e.Callee != nil {
		dst, mark = wire.Begin(dst, 7, 0)
		dst = wire.End(AppendCallee(dst, e.Callee), mark)
	}
	dst = wire.AppendUvarint(dst, 8, e.CompletionID)
	dst, mark = wire.Begin(dst, 9, payloadHint(&e.Result.Value)+4)
	dst = wire.EndOptional(AppendResult(dst, &e.Result), mark)
	dst, mark = wire.Begin(dst, 10, 0)
	dst = wire.EndOptional(journal.AppendFuture(dst, &e.Awaiting), mark)
	dst, mark = wire.Begin(dst, 11, 0)
	return wire.EndOptional(AppendAttemptError(dst, &e.Error), mark)
}

func decodeEffect(e *Effect, b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			e.Kind = EffectKind(d.Uint8())
		case 2:
			d.Array(e.Deployment[:])
		case 3:
			e.ProtocolVersion = d.Uint32()
		case 4:
			e.CommandIndex = d.Uint32()
		case 5:
			d.Fail(decodeEntry(&e.Entry, d.Bytes()))
		case 6:
			e.AckRequested = d.Bool()
		case 7:
			e.Callee = new(Callee)
			d.Fail(decodeCallee(e.Callee, d.Bytes()))
		case 8:
			e.CompletionID = d.Uint32()
		case 9:
			d.Fail(decodeResult(&e.Result, d.Bytes()))
		case 10:
			awaiting, err := journal.DecodeFuture(d.Bytes())
			e.Awaiting = awaiting
			d.Fail(err)
		case 11:
			d.Fail(decodeAttemptError(&e.Error, d.Bytes()))
		}
	}
	return d.Err()
}
