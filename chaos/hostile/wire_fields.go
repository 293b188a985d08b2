package main

import (
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

func itoa(n int) string { return strconv.Itoa(n) }

// shape is a message that does no harm, and what is in its fields.
type shape struct {
	name    string
	kind    uint16
	service string
	payload message
	texts   []protowire.Number // fields that must be UTF-8
	strings []protowire.Number // length-delimited fields, texts included
	numbers []protowire.Number // integers
	// bare is what becomes of the message without any field.
	bare verdict
	// alone: the message ends the attempt itself; this is its verdict.
	alone bool
	want  verdict
}

// num is a list of field numbers.
func num(n ...protowire.Number) []protowire.Number { return n }

func shapes() []shape {
	state, result := message{}.text(1, "k"), message{}.bytes(14, wrapped("1"))
	fine := completed
	return []shape{
		{name: "GetLazyState", kind: msgGetLazyState, payload: state.varint(11, 1),
			texts: num(12), strings: num(1, 12), numbers: num(11), bare: fine},
		{name: "SetState", kind: msgSetState, payload: message{}.text(1, "k").bytes(3,
			wrapped("1")),
			texts: num(12), strings: num(1, 3, 12), bare: fine},
		{name: "ClearState", kind: msgClearState, payload: state, texts: num(12), strings: num(1,
			12),
			bare: fine},
		{name: "ClearAllState", kind: msgClearAllState, texts: num(12), strings: num(12),
			bare: fine},
		{name: "GetLazyStateKeys", kind: msgGetLazyStateKeys, payload: message{}.varint(11, 1),
			texts: num(12), strings: num(12), numbers: num(11), bare: fine},
		{name: "GetEagerState", kind: msgGetEagerState, payload: message{}.text(1, "k").bytes(13,
			nil),
			texts: num(12), strings: num(1, 13, 14, 12), bare: retried},
		{name: "GetEagerStateKeys", kind: msgGetEagerStateKeys,
			payload: message{}.bytes(14, message{}.text(1, "k")), texts: num(12), strings: num(14,
				12),
			bare: fine},
		{name: "GetPromise", kind: msgGetPromise, service: flow,
			payload: message{}.text(1, "p").varint(11, 1), texts: num(1, 12), strings: num(1, 12),
			numbers: num(11), bare: fine},
		{name: "PeekPromise", kind: msgPeekPromise, service: flow,
			payload: message{}.text(1, "p").varint(11, 1), texts: num(1, 12), strings: num(1, 12),
			numbers: num(11), bare: fine},
		{name: "CompletePromise", kind: msgCompletePromise, service: flow,
			payload: message{}.text(1, "p").bytes(2, wrapped("1")).varint(11, 1), texts: num(1, 12),
			strings: num(1, 2, 3, 12), numbers: num(11), bare: retried},
		{name: "Sleep", kind: msgSleep, payload: message{}.varint(1, 1).varint(11, 1),
			texts:   num(12),
			strings: num(12), numbers: num(1, 11), bare: fine},
		{name: "Call", kind: msgCall, payload: message{}.text(1, canaryService).text(2, "h").
			bytes(3, []byte("x")).bytes(4, message{}.text(1, "a").text(2, "b")).text(5, "k").
			varint(10, 1).varint(11, 2), texts: num(1, 2, 5, 6, 7, 8, 12),
			strings: num(1, 2, 3, 4, 5, 6, 7, 8, 12), numbers: num(10, 11), bare: retried},
		{name: "OneWayCall", kind: msgOneWayCall, payload: message{}.text(1,
			canaryService).text(2, "h").
			bytes(3, []byte("x")).varint(4, 0).bytes(5, message{}.text(1, "a").text(2, "b")).
			text(6, "k").varint(10, 1), texts: num(1, 2, 6, 7, 8, 9, 12),
			strings: num(1, 2, 3, 5, 6, 7, 8, 9, 12), numbers: num(4, 10), bare: retried},
		{name: "SendSignal", kind: msgSendSignal, payload: signalTo(unknownID, 17).payload,
			texts: num(1, 3, 12), strings: num(1, 3, 4, 5, 6, 12), numbers: num(2), bare: retried},
		{name: "Run", kind: msgRun, payload: message{}.varint(11, 1), texts: num(12),
			strings: num(12),
			numbers: num(11), bare: fine},
		{name: "AttachInvocation", kind: msgAttach, payload: message{}.text(1,
			unknownID).varint(11, 1),
			texts: num(1, 12), strings: num(1, 3, 4, 12), numbers: num(11), bare: retried},
		{name: "GetInvocationOutput", kind: msgGetOutput,
			payload: message{}.text(1, unknownID).varint(11, 1), texts: num(1, 12),
			strings: num(1, 3, 4, 12), numbers: num(11), bare: retried},
		{name: "CompleteAwakeable", kind: msgCompleteAwakeable,
			payload: message{}.text(1, "sign_163EpMZcTKzTnb_-5_VZWgrIG7ZrTNCJzAAAAEQ").
				bytes(2, wrapped("1")),
			texts: num(1, 12), strings: num(1, 2, 3, 12), bare: retried},
		{name: "Output", kind: msgOutput, payload: result, texts: num(12), strings: num(14, 15, 12),
			bare: retried},
		{name: "ProposeRunCompletion", kind: msgProposeRun,
			payload: message{}.varint(1, 1).text(14, "r"), strings: num(14, 15), numbers: num(1),
			bare: retried},
		{name: "AwaitingOn", kind: msgAwaitingOn, payload: message{}.bytes(1, message{}.varint(1,
			1)),
			strings: num(1), numbers: num(2), bare: retried},
		{name: "Suspension", kind: msgSuspension, payload: message{}.bytes(4, message{}.varint(1,
			9)),
			strings: num(4), bare: retried, alone: true, want: waiting},
		{name: "Error", kind: msgError, payload: failure(500, "x"), texts: num(2, 3, 5),
			strings: num(2, 3, 5), numbers: num(1, 4, 6, 8), bare: retried, alone: true,
			want: retried},
		{name: "End", kind: msgEnd, bare: completed},
	}
}

// fieldRows break each message field by field.
func fieldRows() []wireRow {
	var rows []wireRow
	for _, s := range shapes() {
		add := func(what string, want verdict, payload message) {
			f := frame{kind: s.kind, payload: payload}
			play := finishing(f)
			switch {
			case s.alone:
				play = sending(f)
			case s.kind == msgEnd:
				play = sending(outputFrame(`1`), f)
			}
			rows = append(rows, wireRow{name: s.name + ": " + what, service: s.service,
				want: want, play: play})
		}
		good := completed
		if s.alone {
			good = s.want
		}
		with := func() message { return append(message{}, s.payload...) }
		add("no field", s.bare, nil)
		add("unknown fields", good, with().varint(1000, 1).text(536870911, "last").
			text(2000, "\xff\xfe"))
		add("every field twice", good, append(with(), s.payload...))
		add("a tag of field 0", retried, append(with(), 0, 1))
		add("an unfinished tag", retried, append(with(), 0xff))
		add("an unknown wire type", retried, append(with(), 0x0f))
		add("the end of a group", retried, append(with(), 0x0c))
		add("an unknown field longer than the message", retried,
			append(with(), 0x82, 0x7d, 0xff, 0xff, 0xff, 0xff, 0x0f))
		add("a varint of eleven bytes", retried, append(protowire.AppendTag(with(), 1000,
			protowire.VarintType), 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1))
		for _, f := range s.texts {
			add("field "+itoa(int(f))+" is not UTF-8", retried, with().text(f, "a\xc3\x28\xff"))
		}
		for _, f := range s.strings {
			add("field "+itoa(int(f))+" is a number", retried, with().varint(f, 5))
		}
		for _, f := range s.numbers {
			add("field "+itoa(int(f))+" is a string", retried, with().text(f, "5"))
		}
	}
	return rows
}
