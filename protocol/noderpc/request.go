package noderpc

import (
	"fmt"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/wire"
)

// Method is the durable number of what is asked.
type Method uint8

const (
	MethodRequest  Method = 1 // append the command, answer with the machine's reply
	MethodCall     Method = 2 // append the Invoke, answer with the invocation's end
	MethodAttach   Method = 3 // answer with the end of ID
	MethodOutput   Method = 4 // answer with the result of ID, or that there is none yet
	MethodPinned   Method = 5 // answer with what ID calls and on which deployment it runs
	MethodMessages Method = 6 // append messages of another partition, answer when that is durable
	MethodSchema   Method = 7 // answer when the schema has reached Version here
	// The answers of these are JSON, for people and for what looks for stalls.
	MethodExplain  Method = 8  // answer with what ID waits for
	MethodCallee   Method = 9  // answer whether ID knows that Waiter waits for it
	MethodLeadAnew Method = 10 // have the leader of ID's key derive what it knows from its rows
)

// Request is one question to a node.
type Request struct {
	Method    Method
	Partition protocol.PartitionID

	// Command, Key and Trace: MethodRequest, MethodCall (an Invoke), MethodMessages (an Envelope).
	Command command.Command
	Key     protocol.PartitionKey
	Trace   protocol.TraceContext
	// ID of the command's answer: MethodRequest. Of the request that made the invocation, or zero:
	// MethodAttach.
	ID command.RequestID
	// OnlyNew: MethodCall.
	OnlyNew bool

	// Invocation: all other methods but MethodSchema.
	Invocation protocol.InvocationID

	// From is the partition that sends: MethodMessages.
	From protocol.PartitionID

	// Version: MethodSchema.
	Version uint64

	// Waiter: MethodCallee.
	Waiter command.Waiter
}

// Append appends the encoding of r: {1 method, 2 partition, 3 record, 4 request ID, 5 only new,
// 6 invocation, 7 from, 8 version, 9 waiter}. The record is a command with its header.
func (r *Request) Append(dst []byte) []byte {
	dst = wire.AppendUvarint(dst, 1, r.Method)
	dst = wire.AppendUvarint(dst, 2, r.Partition)
	if r.Command != nil {
		var mark wire.Mark
		dst, mark = wire.Begin(dst, 3, 0)
		dst = wire.End(command.Encode(dst, &command.Header{Key: r.Key, Trace: r.Trace}, r.Command), mark)
	}
	if !r.ID.IsZero() {
		dst = wire.AppendPresentBytes(dst, 4, r.ID[:])
	}
	dst = wire.AppendBool(dst, 5, r.OnlyNew)
	if !r.Invocation.IsZero() {
		dst = wire.AppendPresentBytes(dst, 6, r.Invocation.AppendRaw(nil))
	}
	dst = wire.AppendUvarint(dst, 7, r.From)
	dst = wire.AppendUvarint(dst, 8, r.Version)
	dst, mark := wire.Begin(dst, 9, 0)
	return wire.EndOptional(command.AppendWaiter(dst, &r.Waiter), mark)
}

// DecodeRequest is the inverse of Append. It refuses requests that lack what their method needs.
func DecodeRequest(b []byte) (r Request, err error) {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			r.Method = Method(d.Uint8())
		case 2:
			r.Partition = protocol.PartitionID(d.Uint16())
		case 3:
			h, c, err := command.Decode(d.Bytes())
			r.Key, r.Trace, r.Command = h.Key, h.Trace, c
			d.Fail(err)
		case 4:
			d.Array(r.ID[:])
		case 5:
			r.OnlyNew = d.Bool()
		case 6:
			id, err := protocol.InvocationIDFromRaw(d.Bytes())
			r.Invocation = id
			d.Fail(err)
		case 7:
			r.From = protocol.PartitionID(d.Uint16())
		case 8:
			r.Version = d.Uint64()
		case 9:
			waiter, err := command.DecodeWaiter(d.Bytes())
			r.Waiter = waiter
			d.Fail(err)
		}
	}
	if err := d.Err(); err != nil {
		return Request{}, fmt.Errorf("read a request of a node: %w", err)
	}
	return r, r.check()
}

func (r *Request) check() error {
	ok := false
	switch r.Method {
	case MethodRequest:
		ok = r.Command != nil
	case MethodCall:
		_, ok = r.Command.(*command.Invoke)
	case MethodMessages:
		e, is := r.Command.(*command.Envelope)
		ok = is && len(e.Messages) > 0
	case MethodAttach, MethodOutput, MethodPinned, MethodExplain, MethodCallee,
		MethodLeadAnew:
		ok = !r.Invocation.IsZero()
	case MethodSchema:
		ok = r.Version > 0
	}
	if !ok {
		return fmt.Errorf("read a request of a node: method %d is unknown, or lacks what it needs",
			r.Method)
	}
	return nil
}
