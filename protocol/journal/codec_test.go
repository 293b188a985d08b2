package journal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/wire"
	"github.com/perdure/perdure/protocol/wire/wiretest"
)

const golden = "testdata/messages.golden"

// types are all types that there are, in order.
func types() (list []Type) {
	for t := range typeNames {
		list = append(list, t)
	}
	slices.Sort(list)
	return list
}

// hooks makes f respect what a journal message may hold.
func hooks(f *wiretest.Filler) *wiretest.Filler {
	wiretest.Hook(f, func(f *wiretest.Filler, p *protocol.Payload) { f.Fill(&p.Inline) })
	wiretest.Hook(f, func(f *wiretest.Filler, id *NotificationID) {
		*id = []NotificationID{
			NamedSignal(f.Text()), Signal(uint32(f.Uint64())), Completion(uint32(f.Uint64())),
		}[f.Pick(3)]
	})
	wiretest.Hook(f, func(f *wiretest.Filler, r *NotificationResult) {
		switch r.Kind = 1 + ResultKind((1+f.Pick(5))%5); r.Kind { // full: a value
		case ResultValue:
			f.Fill(&r.Value)
		case ResultFailure:
			f.Fill(&r.Failure)
		case ResultInvocationID:
			f.Fill(&r.InvocationID)
		case ResultStateKeys:
			f.Fill(&r.StateKeys)
		}
	})
	wiretest.Hook(f, func(f *wiretest.Filler, t *InvocationTarget) {
		switch f.Pick(3) {
		case 0:
			t.Idempotent = new(IdempotentTarget)
			f.Fill(t.Idempotent)
		case 1:
			t.Workflow = new(WorkflowTarget)
			f.Fill(t.Workflow)
		case 2:
			f.Fill(&t.InvocationID)
		}
	})
	wiretest.Hook(f, func(f *wiretest.Filler, c *Combinator) { *c = Combinator(4 - f.Pick(5)) })
	return f
}

// fill makes a message of type t.
func fill(f *wiretest.Filler, t Type) Message {
	m := newMessage(t)
	f.Fill(m)
	switch m := m.(type) {
	case *Notification:
		m.NotificationType = t
	case *GetEagerState:
		if m.Void = f.Pick(2) == 1; m.Void {
			m.Value = nil
		}
	case *SendSignal:
		if m.Signal.Kind == IDCompletion {
			m.Signal.Kind = IDSignal
		}
		if m.Result.Kind > ResultFailure {
			m.Result = Void()
		}
	}
	return m
}

// Bytes seen on the wire between the reference server and an official SDK.
func TestBytesSeenOnTheWire(t *testing.T) {
	for _, c := range []struct {
		m    Message
		want string
	}{
		{&Notification{TypeSignal, Signal(SignalCancel), Void()}, "10012200"},
		{&Notification{TypeGetLazyStateCompletion, Completion(1), Void()}, "08012200"},
		{&Notification{TypeGetLazyStateCompletion, Completion(1), Value(nil)}, "08012a00"},
		{&Output{Result: protocol.Success(nil)}, "7200"},
		{&Output{Result: protocol.Failed(protocol.Failure{})}, "7a00"},
	} {
		if got := hex.EncodeToString(c.m.Append(nil)); got != c.want {
			t.Errorf("%+v encodes as %s, want %s", c.m, got, c.want)
		}
		body, _ := hex.DecodeString(c.want)
		if got, err := Decode(c.m.Type(), body); err != nil || !reflect.DeepEqual(got, c.m) {
			t.Errorf("%s decodes as %+v, %v; want %+v", c.want, got, err, c.m)
		}
	}
}

func TestGolden(t *testing.T) {
	var samples []wiretest.Sample
	for _, typ := range types() {
		m := fill(hooks(wiretest.Full()), typ)
		name := strings.ReplaceAll(typ.String(), ": ", "/")
		samples = append(samples, wiretest.Sample{Name: name, Data: m.Append(nil)})
	}
	wiretest.Golden(t, golden, samples)
	for i, typ := range types() {
		got, err := Decode(typ, wiretest.Load(t, golden)[samples[i].Name])
		if want := fill(hooks(wiretest.Full()), typ); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s decodes as\n%+v, %v; want\n%+v", typ, got, err, want)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for seed := range uint64(200) {
		f := hooks(wiretest.Random(seed))
		for _, typ := range types() {
			m := fill(f, typ)
			b := m.Append([]byte("before"))[len("before"):]
			got, err := Decode(typ, b)
			if err != nil || !reflect.DeepEqual(got, m) {
				t.Fatalf("seed %d, %s: %x decodes as\n%+v, %v; want\n%+v", seed, typ, b, got, err, m)
			}
		}
	}
}

// A cut message is an error or a shorter message, never a panic; fields that nobody knows are
// skipped wherever they stand.
func TestTruncatedAndUnknown(t *testing.T) {
	unknown := wire.AppendPresentString(nil, 2000, "later")
	unknown = wire.AppendFixed64(unknown, 2001, uint64(1))
	unknown = wire.AppendUvarint(unknown, 2002, uint64(1))
	for _, typ := range types() {
		m := fill(hooks(wiretest.Full()), typ)
		b := m.Append(nil)
		for cut := range b {
			if got, err := Decode(typ, b[:cut:cut]); err == nil && reflect.DeepEqual(got, m) {
				t.Errorf("%s cut to %d of %d bytes decodes to all of it", typ, cut, len(b))
			}
		}
		for _, with := range [][]byte{slices.Concat(unknown, b), slices.Concat(b, unknown)} {
			if got, err := Decode(typ, with); err != nil || !reflect.DeepEqual(got, m) {
				t.Errorf("%s with unknown fields decodes as %+v, %v", typ, got, err)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	text := func(num wire.Number, s string) []byte { return wire.AppendPresentString(nil, num, s) }
	for _, c := range []struct {
		typ  Type
		body []byte
		want error
	}{
		{0x040F, nil, ErrUnknownType},
		{0x8001, nil, ErrUnknownType},
		{0xFC00, nil, ErrUnknownType},
		{0x0003, nil, ErrUnknownType},
		{TypeOutput, nil, ErrMissing},
		{TypeGetEagerState, text(1, "key"), ErrMissing},
		{TypeCompletePromise, text(1, "key"), ErrMissing},
		{TypeCompleteAwakeable, text(1, "id"), ErrMissing},
		{TypeAttachInvocation, []byte{11 << 3, 1}, ErrMissing},
		{TypeSendSignal, []byte{2 << 3, 1}, ErrMissing},
		{TypeSendSignal, []byte{4<<3 | 2, 0}, ErrMissing},
		{TypeSignal, []byte{2 << 3, 1}, ErrMissing},
		{TypeSignal, []byte{4<<3 | 2, 0}, ErrMissing},
		{TypeCall, text(1, "\xff"), wire.ErrUTF8},
		{TypeRun, text(12, "\xff"), wire.ErrUTF8},
		{TypeInput, []byte{1<<3 | 2, 3, 1<<3 | 2, 1, 0xff}, wire.ErrUTF8},
		{TypeRun, []byte{11 << 3, 0x80, 0x80, 0x80, 0x80, 0x10}, wire.ErrRange},
		{TypeRun, text(11, "x"), wire.ErrFieldType},
		{TypeSignal, []byte{2 << 3, 1, 4 << 3, 0}, wire.ErrFieldType},
		{TypeRun, []byte{0x80}, wire.ErrTruncated},
		{TypeRun, []byte{0x00}, wire.ErrMalformed},
		{TypeGetEagerStateKeys,
			wire.AppendPresentBytes(nil, 14, bytes.Repeat([]byte{1<<3 | 2, 0}, MaxElements+1)),
			ErrTooMany},
	} {
		_, err := Decode(c.typ, c.body)
		if !errors.Is(err, c.want) {
			t.Errorf("%s, %.40x: got error %v, want %v", c.typ, c.body, err, c.want)
		}
	}
}

func TestLastMemberOfOneofCounts(t *testing.T) {
	both := slices.Concat(
		(&Output{Result: protocol.Failed(protocol.Failure{Code: 1})}).Append(nil),
		(&Output{Result: protocol.Success([]byte("v"))}).Append(nil))
	m, err := Decode(TypeOutput, both)
	want := &Output{Result: protocol.Success([]byte("v"))}
	if err != nil || !reflect.DeepEqual(m, want) {
		t.Errorf("got %+v, %v; want %+v", m, err, want)
	}
}

// What callers put into a failure need not be text; SDKs would refuse it.
func TestInvalidTextIsRepaired(t *testing.T) {
	n := &Notification{TypeRunCompletion, Completion(1), Failure(protocol.Failure{Message: "a\xffb"})}
	m, err := Decode(TypeRunCompletion, n.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.(*Notification).Result.Failure.Message; got != "a\uFFFDb" {
		t.Errorf("got message %q", got)
	}
}

func FuzzDecode(f *testing.F) {
	for name, body := range wiretest.Load(f, golden) {
		for _, typ := range types() {
			if strings.ReplaceAll(typ.String(), ": ", "/") == name {
				f.Add(uint16(typ), body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, typ uint16, body []byte) {
		m, err := Decode(Type(typ), body)
		if err != nil {
			return
		}
		again, err := Decode(Type(typ), m.Append(nil))
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%s: %x decodes as\n%+v, but its encoding as\n%+v, %v",
				Type(typ), body, m, again, err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for _, m := range []Message{
		&Run{CompletionID: 3, Name: "charge"},
		&Call{Service: "Mailer", Handler: "send", Parameter: make([]byte, 128), CompletionID: 2},
		&Notification{TypeCallCompletion, Completion(2), Value(make([]byte, 128))},
	} {
		body := m.Append(nil)
		b.Run(fmt.Sprintf("type=%s", m.Type().Name()), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(m.Type(), body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
