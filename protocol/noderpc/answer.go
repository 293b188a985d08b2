package noderpc

import (
	"fmt"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/wire"
)

// Outcome is the durable number of how a request went.
type Outcome uint8

const (
	OutcomeDone      Outcome = 1
	OutcomeNotLeader Outcome = 2 // not taken: the partition is led elsewhere, or by nobody
	OutcomeLost      Outcome = 3 // leadership was lost with the request on its way
	OutcomeBusy      Outcome = 4 // not taken: too much is on its way already
	OutcomeCrowded   Outcome = 5 // not taken: too many callers wait
	OutcomeFailed    Outcome = 6 // Text says why
	OutcomeDiskFull  Outcome = 7 // not taken: the disk of the logs has no room; Text says how much
)

// Answer is the answer to a Request.
type Answer struct {
	Outcome Outcome
	Text    string
	Reply   command.Reply
	Existed bool // MethodCall: the invocation had been made before

	// Found: MethodPinned and MethodExplain. What follows: MethodPinned.
	Found      bool
	Target     protocol.Target
	Deployment protocol.DeploymentID
	Version    uint32

	// JSON: MethodExplain, MethodCallee.
	JSON []byte
}

// Append appends the encoding of a: {1 outcome, 2 text, 3 reply, 4 existed, 5 found, 6 target,
// 7 deployment, 8 version, 9 JSON}.
func (a *Answer) Append(dst []byte) []byte {
	dst = wire.AppendUvarint(dst, 1, a.Outcome)
	dst = wire.AppendString(dst, 2, a.Text)
	dst, mark := wire.Begin(dst, 3, 0)
	dst = wire.EndOptional(command.AppendReply(dst, &a.Reply), mark)
	dst = wire.AppendBool(dst, 4, a.Existed)
	dst = wire.AppendBool(dst, 5, a.Found)
	dst, mark = wire.Begin(dst, 6, 0)
	dst = wire.EndOptional(command.AppendTarget(dst, &a.Target), mark)
	if !a.Deployment.IsZero() {
		dst = wire.AppendPresentBytes(dst, 7, a.Deployment[:])
	}
	dst = wire.AppendUvarint(dst, 8, a.Version)
	return wire.AppendBytes(dst, 9, a.JSON)
}

// DecodeAnswer is the inverse of Append.
func DecodeAnswer(b []byte) (a Answer, err error) {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			a.Outcome = Outcome(d.Uint8())
		case 2:
			a.Text = d.RawString()
		case 3:
			reply, err := command.DecodeReply(d.Bytes())
			a.Reply = reply
			d.Fail(err)
		case 4:
			a.Existed = d.Bool()
		case 5:
			a.Found = d.Bool()
		case 6:
			target, err := command.DecodeTarget(d.Bytes())
			a.Target = target
			d.Fail(err)
		case 7:
			d.Array(a.Deployment[:])
		case 8:
			a.Version = d.Uint32()
		case 9:
			a.JSON = d.Bytes()
		}
	}
	if err := d.Err(); err != nil {
		return Answer{}, fmt.Errorf("read the answer of a node: %w", err)
	}
	if a.Outcome < OutcomeDone || a.Outcome > OutcomeDiskFull {
		return Answer{}, fmt.Errorf("read the answer of a node: outcome %d is unknown", a.Outcome)
	}
	return a, nil
}
