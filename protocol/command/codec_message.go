package command

import (
	"github.com/perdure/perdure/protocol/journal"
	"github.com/perdure/perdure/protocol/wire"
)

func (c *TimerFired) appendBody(dst []byte) []byte {
	return appendTimerField(dst, 1, &c.Timer)
}

func (c *TimerFired) decodeBody(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		if d.Field() == 1 {
			d.Fail(decodeTimer(&c.Timer, d.Bytes()))
		}
	}
	return d.Err()
}

func (c *TimerFired) sizeHint() int { return baseHint }

func (c *Complete) appendBody(dst []byte) []byte {
	dst = appendID(dst, 1, c.ID)
	dst = wire.AppendUvarint(dst, 2, c.CompletionID)
	dst = wire.AppendUvarint(dst, 3, c.Type)
	dst = appendNotificationResult(dst, 4, &c.Result)
	dst = appendArray(dst, 5, c.Request)
	return wire.AppendUvarint(dst, 6, c.Life)
}

func (c *Complete) decodeBody(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			c.ID = decodeID(&d)
		case 2:
			c.CompletionID = d.Uint32()
		case 3:
			c.Type = journal.Type(d.Uint16())
		case 4:
			result, err := journal.DecodeNotificationResult(d.Bytes())
			c.Result = result
			d.Fail(err)
		case 5:
			d.Array(c.Request[:])
		case 6:
			c.Life = d.Uint64()
		}
	}
	return d.Err()
}

func (c *Complete) sizeHint() int { return baseHint + resultHint(&c.Result) }

func (c *Signal) appendBody(dst []byte) []byte {
	dst = appendID(dst, 1, c.ID)
	dst = appendNotificationID(dst, 2, c.Signal)
	dst = appendNotificationResult(dst, 3, &c.Result)
	return appendArray(dst, 4, c.Request)
}

func (c *Signal) decodeBody(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			c.ID = decodeID(&d)
		case 2:
			id, err := journal.DecodeNotificationID(d.Bytes())
			c.Signal = id
			d.Fail(err)
		case 3:
			result, err := journal.DecodeNotificationResult(d.Bytes())
			c.Result = result
			d.Fail(err)
		case 4:
			d.Array(c.Request[:])
		}
	}
	return d.Err()
}

func (c *Signal) sizeHint() int { return baseHint + len(c.Signal.Name) + resultHint(&c.Result) }

func (c *Attach) appendBody(dst []byte) []byte {
	dst = appendID(dst, 1, c.ID)
	return appendWaiterField(dst, 2, &c.Waiter)
}

func (c *Attach) decodeBody(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			c.ID = decodeID(&d)
		case 2:
			d.Fail(decodeWaiter(&c.Waiter, d.Bytes()))
		}
	}
	return d.Err()
}

func (c *Attach) sizeHint() int { return baseHint }

func (c *GetOutput) appendBody(dst []byte) []byte {
	dst = appendID(dst, 1, c.ID)
	return appendWaiterField(dst, 2, &c.Waiter)
}

func (c *GetOutput) decodeBody(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			c.ID = decodeID(&d)
		case 2:
			d.Fail(decodeWaiter(&c.Waiter, d.Bytes()))
		}
	}
	return d.Err()
}

func (c *GetOutput) sizeHint() int { return baseHint }

func (c *Terminate) appendBody(dst []byte) []byte {
	dst = appendID(dst, 1, c.ID)
	dst = wire.AppendUvarint(dst, 2, c.Mode)
	return appendArray(dst, 3, c.Request)
}

func (c *Terminate) decodeBody(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			c.ID = decodeID(&d)
		case 2:
			c.Mode = TerminateMode(d.Uint8())
		case 3:
			d.Array(c.Request[:])
		}
	}
	return d.Err()
}

func (c *Terminate) sizeHint() int { return baseHint }

func (c *Purge) appendBody(dst []byte) []byte {
	dst = appendID(dst, 1, c.ID)
	return appendArray(dst, 2, c.Request)
}

func (c *Purge) decodeBody(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			c.ID = decodeID(&d)
		case 2:
			d.Array(c.Request[:])
		}
	}
	return d.Err()
}

func (c *Purge) sizeHint() int { return baseHint }

func (c *PurgeJournal) appendBody(dst []byte) []byte {
	dst = appendID(dst, 1, c.ID)
	return appendArray(dst, 2, c.Request)
}

func (c *PurgeJournal) decodeBody(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			c.ID = decodeID(&d)
		case 2:
			d.Array(c.Request[:])
		}
	}
	return d.Err()
}

func (c *PurgeJournal) sizeHint() int { return baseHint }

func (c *Pause) appendBody(dst []byte) []byte {
	dst = appendID(dst, 1, c.ID)
	return appendArray(dst, 2, c.Request)
}

func (c *Pause) decodeBody(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			c.ID = decodeID(&d)
		case 2:
			d.Array(c.Request[:])
		}
	}
	return d.Err()
}

func (c *Pause) sizeHint() int { return baseHint }

func (c *Resume) appendBody(dst []byte) []byte {
	dst = appendID(dst, 1, c.ID)
	dst = appendArray(dst, 2, c.Deployment)
	dst = wire.AppendUvarint(dst, 3, c.ProtocolVersion)
	return appendArray(dst, 4, c.Request)
}

func (c *Resume) decodeBody(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			c.ID = decodeID(&d)
		case 2:
			d.Array(c.Deployment[:])
		case 3:
			c.ProtocolVersion = d.Uint32()
		case 4:
			d.Array(c.Request[:])
		}
	}
	return d.Err()
}

func (c *Resume) sizeHint() int { return baseHint }

func (c *Restart) appendBody(dst []byte) []byte {
	dst = appendID(dst, 1, c.ID)
	dst = appendID(dst, 2, c.NewID)
	dst = wire.AppendUvarint(dst, 3, c.From)
	dst = appendArray(dst, 4, c.Deployment)
	dst = wire.AppendUvarint(dst, 5, c.ProtocolVersion)
	dst = wire.AppendFixed64(dst, 6, c.RandomSeed)
	return appendArray(dst, 7, c.Request)
}

func (c *Restart) decodeBody(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			c.ID = decodeID(&d)
		case 2:
			c.NewID = decodeID(&d)
		case 3:
			c.From = d.Uint32()
		case 4:
			d.Array(c.Deployment[:])
		case 5:
			c.ProtocolVersion = d.Uint32()
		case 6:
			c.RandomSeed = d.Fixed64()
		case 7:
			d.Array(c.Request[:])
		}
	}
	return d.Err()
}

func (c *Restart) sizeHint() int { return 2 * baseHint }

func (c *PatchState) appendBody(dst []byte) []byte {
	dst = wire.AppendString(dst, 1, c.Service)
	dst = wire.AppendString(dst, 2, c.Key)
	dst = wire.AppendString(dst, 3, c.Scope)
	dst = wire.AppendOptionalString(dst, 4, c.Version)
	dst = appendStateEntries(dst, 5, c.State)
	return appendArray(dst, 6, c.Request)
}

func (c *PatchState) decodeBody(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			c.Service = d.RawString()
		case 2:
			c.Key = d.RawString()
		case 3:
			c.Scope = d.RawString()
		case 4:
			c.Version = d.OptionalRawString()
		case 5:
			c.State = decodeStateEntries(&d, c.State)
		case 6:
			d.Array(c.Request[:])
		}
	}
	return d.Err()
}

func (c *PatchState) sizeHint() int {
	hint := baseHint + len(c.Service) + len(c.Key) + len(c.Scope)
	for i := range c.State {
		hint += len(c.State[i].Key) + payloadHint(&c.State[i].Value) + 4
	}
	return hint
}

func appendTimerField(dst []byte, num wire.Number, t *Timer) []byte {
	dst, mark := wire.Begin(dst, num, 0)
	return wire.End(AppendTimer(dst, t), mark)
}

// appendNotificationID appends a nested message with the field that the ID has in a notification.
func appendNotificationID(dst []byte, num wire.Number, id journal.NotificationID) []byte {
	dst, mark := wire.Begin(dst, num, 0)
	return wire.EndOptional(id.Append(dst), mark)
}

// appendNotificationResult appends a nested message with the field that the result has in a
// notification.
func appendNotificationResult(
	dst []byte, num wire.Number, r *journal.NotificationResult,
) []byte {
	dst, mark := wire.Begin(dst, num, resultHint(r))
	return wire.EndOptional(r.Append(dst), mark)
}

// resultHint is about the encoded size of r.
func resultHint(r *journal.NotificationResult) int {
	return len(r.Value) + len(r.Failure.Message) + 8
}
