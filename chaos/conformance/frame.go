package main

import (
	"encoding/binary"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// Message codes of the service protocol, as far as hand-made deployments use them.
const (
	msgStart           = 0x0000
	msgSuspension      = 0x0001
	msgError           = 0x0002
	msgEnd             = 0x0003
	msgCommandAck      = 0x0004
	msgProposeRun      = 0x0005
	msgAwaitingOn      = 0x0006
	msgRunAck          = 0x0007
	msgInput           = 0x0400
	msgOutput          = 0x0401
	msgGetLazyState    = 0x0402
	msgSetState        = 0x0403
	msgClearState      = 0x0404
	msgGetPromise      = 0x0409
	msgPeekPromise     = 0x040A
	msgCompletePromise = 0x040B
	msgSleep           = 0x040C
	msgCall            = 0x040D
	msgSendSignal      = 0x0410
	msgRun             = 0x0411
	msgGetOutput       = 0x0413
	msgGetLazyKeys     = 0x0406
	msgLazyStateDone   = 0x8002
	msgLazyKeysDone    = 0x8006
	msgSleepDone       = 0x800C
	msgCallDone        = 0x800D
	msgCallID          = 0x800E
	msgRunDone         = 0x8011
	msgOutputDone      = 0x8013
	msgSignal          = 0xFBFF
)

// flagAck asks, on a proposed result, for an acknowledgement, and on a command too.
const flagAck = 0x8000

// maxFrameBytes bounds what a hand-made deployment accepts of one message.
const maxFrameBytes = 64 << 20

// frame is one message: 16 bits of type, 16 of flags, 32 of length, payload.
type frame struct {
	kind    uint16
	flags   uint16
	payload []byte
}

func (f frame) bytes() []byte {
	out := make([]byte, 8, 8+len(f.payload))
	binary.BigEndian.PutUint16(out, f.kind)
	binary.BigEndian.PutUint16(out[2:], f.flags)
	binary.BigEndian.PutUint32(out[4:], uint32(len(f.payload)))
	return append(out, f.payload...)
}

func readFrame(r io.Reader) (frame, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, fmt.Errorf("read frame header: %w", err)
	}
	size := binary.BigEndian.Uint32(head[4:])
	if size > maxFrameBytes {
		return frame{}, fmt.Errorf("frame of %d bytes is over the limit of %d",
			size, maxFrameBytes)
	}
	f := frame{
		kind:    binary.BigEndian.Uint16(head[:]),
		flags:   binary.BigEndian.Uint16(head[2:]),
		payload: make([]byte, size),
	}
	if _, err := io.ReadFull(r, f.payload); err != nil {
		return frame{}, fmt.Errorf("read %d bytes of frame %#04x: %w", size, f.kind, err)
	}
	return f, nil
}

// message builds a protobuf payload field by field.
type message []byte

func (m message) varint(field protowire.Number, v uint64) message {
	m = protowire.AppendTag(m, field, protowire.VarintType)
	return protowire.AppendVarint(m, v)
}

func (m message) bytes(field protowire.Number, v []byte) message {
	m = protowire.AppendTag(m, field, protowire.BytesType)
	return protowire.AppendBytes(m, v)
}

func (m message) text(field protowire.Number, v string) message {
	return m.bytes(field, []byte(v))
}

// wrapped is content as the protocol's Value.
func wrapped(content string) message { return message{}.text(1, content) }

func outputFrame(json string) frame {
	return frame{kind: msgOutput, payload: message{}.bytes(14, wrapped(json))}
}

func endFrame() frame { return frame{kind: msgEnd} }

func errorFrame(code uint64, text string) frame {
	return frame{kind: msgError, payload: message{}.varint(1, code).text(2, text)}
}

func sleepFrame(wakeAtMillis int64, completion uint64) frame {
	return frame{kind: msgSleep,
		payload: message{}.varint(1, uint64(wakeAtMillis)).varint(11, completion)}
}

// fields are a decoded payload: numbers and byte strings by field number.
type fields struct {
	varints map[protowire.Number]uint64
	strings map[protowire.Number][][]byte
}

func parse(payload []byte) (fields, error) {
	f := fields{map[protowire.Number]uint64{}, map[protowire.Number][][]byte{}}
	for len(payload) > 0 {
		num, kind, n := protowire.ConsumeTag(payload)
		if n < 0 {
			return f, fmt.Errorf("decode tag: %w", protowire.ParseError(n))
		}
		payload = payload[n:]
		switch kind {
		case protowire.VarintType:
			f.varints[num], n = protowire.ConsumeVarint(payload)
		case protowire.BytesType:
			var v []byte
			v, n = protowire.ConsumeBytes(payload)
			f.strings[num] = append(f.strings[num], v)
		default:
			n = protowire.ConsumeFieldValue(num, kind, payload)
		}
		if n < 0 {
			return f, fmt.Errorf("decode field %d: %w", num, protowire.ParseError(n))
		}
		payload = payload[n:]
	}
	return f, nil
}

// numbers returns a repeated number, which is packed or, of one element, may be not.
func (f fields) numbers(field protowire.Number) ([]uint64, error) {
	var out []uint64
	if n, single := f.varints[field]; single {
		out = append(out, n)
	}
	for _, packed := range f.strings[field] {
		for len(packed) > 0 {
			v, n := protowire.ConsumeVarint(packed)
			if n < 0 {
				return nil, fmt.Errorf("decode numbers of field %d: %w", field, protowire.ParseError(n))
			}
			out, packed = append(out, v), packed[n:]
		}
	}
	return out, nil
}

func (f fields) text(field protowire.Number) string {
	if len(f.strings[field]) == 0 {
		return ""
	}
	return string(f.strings[field][0])
}
