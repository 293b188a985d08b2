package main

import (
	"encoding/binary"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// Types of messages in the service protocol.
const (
	msgStart             = 0x0000
	msgSuspension        = 0x0001
	msgError             = 0x0002
	msgEnd               = 0x0003
	msgCommandAck        = 0x0004
	msgProposeRun        = 0x0005
	msgAwaitingOn        = 0x0006
	msgProposeRunAck     = 0x0007
	msgInput             = 0x0400
	msgOutput            = 0x0401
	msgGetLazyState      = 0x0402
	msgSetState          = 0x0403
	msgClearState        = 0x0404
	msgClearAllState     = 0x0405
	msgGetLazyStateKeys  = 0x0406
	msgGetEagerState     = 0x0407
	msgGetEagerStateKeys = 0x0408
	msgGetPromise        = 0x0409
	msgPeekPromise       = 0x040A
	msgCompletePromise   = 0x040B
	msgSleep             = 0x040C
	msgCall              = 0x040D
	msgOneWayCall        = 0x040E
	msgSendSignal        = 0x0410
	msgRun               = 0x0411
	msgAttach            = 0x0412
	msgGetOutput         = 0x0413
	msgCompleteAwakeable = 0x0414
	msgSleepDone         = 0x800C
	msgSignal            = 0xFBFF
)

// flagAck asks for an acknowledgement of a message.
const flagAck = 0x8000

const maxFrameBytes = 64 << 20

// frame is one message as it is framed: 16 bits of type, 16 of flags, 32 of length, payload.
type frame struct {
	kind, flags uint16
	payload     []byte
}

func (f frame) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, f.kind)
	dst = binary.BigEndian.AppendUint16(dst, f.flags)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(f.payload)))
	return append(dst, f.payload...)
}

func encode(frames ...frame) (out []byte) {
	for _, f := range frames {
		out = f.append(out)
	}
	return out
}

func readFrame(r io.Reader) (frame, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	size := binary.BigEndian.Uint32(head[4:])
	if size > maxFrameBytes {
		return frame{}, fmt.Errorf("frame of %d bytes is over the limit of %d", size, maxFrameBytes)
	}
	f := frame{kind: binary.BigEndian.Uint16(head[:]), payload: make([]byte, size)}
	_, err := io.ReadFull(r, f.payload)
	return f, err
}

// message builds a protobuf payload field by field; nothing keeps it from being wrong.
type message []byte

func (m message) varint(field protowire.Number, v uint64) message {
	m = protowire.AppendTag(m, field, protowire.VarintType)
	return protowire.AppendVarint(m, v)
}

func (m message) bytes(field protowire.Number, v []byte) message {
	m = protowire.AppendTag(m, field, protowire.BytesType)
	return protowire.AppendBytes(m, v)
}

func (m message) text(field protowire.Number, v string) message { return m.bytes(field, []byte(v)) }

// wrapped is content as the protocol's Value.
func wrapped(content string) message { return message{}.text(1, content) }

func failure(code uint64, text string) message { return message{}.varint(1, code).text(2, text) }

func outputFrame(json string) frame {
	return frame{kind: msgOutput, payload: message{}.bytes(14, wrapped(json))}
}

func failureFrame(code uint64, text string) frame {
	return frame{kind: msgOutput, payload: message{}.bytes(15, failure(code, text))}
}

// finish are the frames that end an invocation well.
func finish() []frame { return []frame{outputFrame(`"good"`), {kind: msgEnd}} }

// varintField returns the last varint in a field of a payload.
func varintField(payload []byte, field protowire.Number) (v uint64) {
	walk(payload, func(num protowire.Number, kind protowire.Type, value []byte) {
		if num == field && kind == protowire.VarintType {
			v, _ = protowire.ConsumeVarint(value)
		}
	})
	return v
}

// bytesField returns the last byte string in a field of a payload.
func bytesField(payload []byte, field protowire.Number) (v []byte) {
	walk(payload, func(num protowire.Number, kind protowire.Type, value []byte) {
		if num == field && kind == protowire.BytesType {
			v, _ = protowire.ConsumeBytes(value)
		}
	})
	return v
}

// walk visits the fields of a payload, up to where it breaks.
func walk(payload []byte, visit func(protowire.Number, protowire.Type, []byte)) {
	for len(payload) > 0 {
		num, kind, n := protowire.ConsumeTag(payload)
		if n < 0 {
			return
		}
		payload = payload[n:]
		if n = protowire.ConsumeFieldValue(num, kind, payload); n < 0 {
			return
		}
		visit(num, kind, payload[:n])
		payload = payload[n:]
	}
}
