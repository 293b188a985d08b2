package command

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/journal"
	"github.com/perdure/perdure/protocol/wire"
	"github.com/perdure/perdure/protocol/wire/wiretest"
)

const golden = "testdata/records.golden"

// kinds are all kinds that there are, in order.
func kinds() (list []Kind) {
	for k := range Kind(255) {
		if newCommand(k) != nil {
			list = append(list, k)
		}
	}
	return list
}

// hooks makes f respect what commands may hold.
func hooks(f *wiretest.Filler) *wiretest.Filler {
	wiretest.Hook(f, func(f *wiretest.Filler, id *journal.NotificationID) {
		*id = []journal.NotificationID{
			journal.NamedSignal(f.Text()), journal.Signal(uint32(f.Uint64())),
			journal.Completion(uint32(f.Uint64())), {},
		}[f.Pick(4)]
	})
	wiretest.Hook(f, func(f *wiretest.Filler, r *journal.NotificationResult) {
		kinds := []journal.ResultKind{
			journal.ResultValue, journal.ResultVoid, journal.ResultFailure,
			journal.ResultInvocationID, journal.ResultStateKeys, 0,
		}
		switch r.Kind = kinds[f.Pick(len(kinds))]; r.Kind {
		case journal.ResultValue:
			f.Fill(&r.Value)
		case journal.ResultFailure:
			f.Fill(&r.Failure)
		case journal.ResultInvocationID:
			f.Fill(&r.InvocationID)
		case journal.ResultStateKeys:
			f.Fill(&r.StateKeys)
		}
	})
	wiretest.Hook(f, func(f *wiretest.Filler, c *journal.Combinator) {
		*c = journal.Combinator(4 - f.Pick(5))
	})
	wiretest.Hook(f, func(f *wiretest.Filler, c *Command) {
		travelling := slices.DeleteFunc(kinds(), func(k Kind) bool { return !k.Travels() })
		*c = newCommand(travelling[f.Pick(len(travelling))])
		f.Fill(*c)
	})
	return f
}

func fill(f *wiretest.Filler, kind Kind) (h Header, c Command) {
	c = newCommand(kind)
	f.Fill(&h)
	f.Fill(c)
	return h, c
}

func sampleName(c Command) string { return reflect.TypeOf(c).Elem().Name() }

func TestGolden(t *testing.T) {
	var samples []wiretest.Sample
	add := func(name string, h Header, c Command) {
		samples = append(samples, wiretest.Sample{
			Name: name, Data: Encode(nil, &h, c),
			Prefix: 1, Expand: []wire.Number{fieldHeader, fieldBody},
		})
	}
	for _, kind := range kinds() {
		h, c := fill(hooks(wiretest.Full()), kind)
		add(sampleName(c), h, c)
		add(sampleName(c)+"/empty", Header{}, newCommand(kind))
	}
	wiretest.Golden(t, golden, samples)
	stored := wiretest.Load(t, golden)
	for _, kind := range kinds() {
		wantHeader, want := fill(hooks(wiretest.Full()), kind)
		h, c, err := Decode(stored[sampleName(want)])
		if err != nil || h != wantHeader || !reflect.DeepEqual(c, want) {
			t.Errorf("%s decodes as\n%+v %+v, %v; want\n%+v %+v",
				sampleName(want), h, c, err, wantHeader, want)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for seed := range uint64(300) {
		f := hooks(wiretest.Random(seed))
		for _, kind := range kinds() {
			wantHeader, want := fill(f, kind)
			b := Encode([]byte("before"), &wantHeader, want)[len("before"):]
			h, c, err := Decode(b)
			if err != nil || h != wantHeader || !reflect.DeepEqual(c, want) {
				t.Fatalf("seed %d, %s: %x decodes as\n%+v %+v, %v; want\n%+v %+v",
					seed, sampleName(want), b, h, c, err, wantHeader, want)
			}
		}
	}
}

// Values as rows have them: without a command around.
func TestValueRoundTrip(t *testing.T) {
	f := hooks(wiretest.Random(1))
	for range 500 {
		check(t, f, AppendTarget, DecodeTarget)
		check(t, f, AppendPayload, DecodePayload)
		check(t, f, AppendFailure, DecodeFailure)
		check(t, f, AppendResult, DecodeResult)
		check(t, f, AppendTraceContext, DecodeTraceContext)
		check(t, f, AppendWaiter, DecodeWaiter)
		check(t, f, AppendSource, DecodeSource)
		check(t, f, AppendTimer, DecodeTimer)
		check(t, f, AppendStateEntry, DecodeStateEntry)
		check(t, f, AppendEntry, DecodeEntry)
		check(t, f, AppendCallee, DecodeCallee)
		check(t, f, AppendAttemptError, DecodeAttemptError)
		check(t, f, AppendReply, DecodeReply)
		check(t, f, AppendMessage, DecodeMessage)
	}
}

func check[T any](
	t *testing.T, f *wiretest.Filler, encode func([]byte, *T) []byte, decode func([]byte) (T, error),
) {
	t.Helper()
	var want T
	f.Fill(&want)
	got, err := decode(encode(nil, &want))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%T decodes as\n%+v, %v; want\n%+v", want, got, err, want)
	}
}

// A cut record is an error or another command, never a panic; unknown fields are skipped in the
// record, the header and the body.
func TestTruncatedAndUnknown(t *testing.T) {
	unknown := wire.AppendPresentString(nil, 2000, "later")
	for _, kind := range kinds() {
		h, c := fill(hooks(wiretest.Full()), kind)
		b := Encode(nil, &h, c)
		for cut := range b {
			got, gotCommand, err := Decode(b[:cut:cut])
			if err == nil && got == h && reflect.DeepEqual(gotCommand, c) {
				t.Errorf("%s cut to %d of %d bytes decodes to all of it", sampleName(c), cut, len(b))
			}
		}
		later := wire.AppendPresentBytes([]byte{formatVersion}, fieldHeader,
			appendHeader(slices.Clone(unknown), &h))
		later = append(later, unknown...)
		later = wire.AppendUvarint(later, fieldKind, kind)
		later = wire.AppendPresentBytes(later, fieldBody, c.appendBody(slices.Clone(unknown)))
		got, gotCommand, err := Decode(append(later, unknown...))
		if err != nil || got != h || !reflect.DeepEqual(gotCommand, c) {
			t.Errorf("%s with unknown fields decodes as %+v %+v, %v", sampleName(c), got, gotCommand, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	record := func(fields ...byte) []byte { return append([]byte{formatVersion}, fields...) }
	inner := Encode(nil, &Header{}, &Envelope{})[1:]
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"nothing":           {nil, ErrFormat},
		"later format":      {[]byte{formatVersion + 1}, ErrFormat},
		"no kind":           {record(), ErrUnknownKind},
		"unknown kind":      {record(fieldKind<<3, 100), ErrUnknownKind},
		"kind out of range": {record(fieldKind<<3, 0x80, 0x02), wire.ErrRange},
		"kind as bytes":     {record(fieldKind<<3|2, 0), wire.ErrFieldType},
		"short ID":          {record(fieldKind<<3, byte(KindPurge), fieldBody<<3|2, 3, 10, 1, 7), nil},
		"short token": {
			record(fieldKind<<3, byte(KindAnnounceLeader), fieldBody<<3|2, 3, 10, 1, 7), wire.ErrRange,
		},
		"envelope in an envelope": {
			record(fieldKind<<3, byte(KindEnvelope), fieldBody<<3|2, byte(2+4), 10, 4,
				4<<3, inner[1], 5<<3|2, 0), ErrNotAMessage,
		},
	} {
		_, got, err := Decode(c.b)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: got %+v, error %v; want %v", name, got, err, c.want)
		}
	}
}

// Whatever was put into a command must come out of every replica's log: keys and headers come from
// URLs and are not always UTF-8.
func TestStringsNeedNotBeText(t *testing.T) {
	raw := "a\xff\xfe"
	want := &Invoke{
		Target:         protocol.Target{Kind: protocol.KindObject, Service: raw, Key: raw, Handler: raw},
		Headers:        []journal.Header{{Key: raw, Value: raw}},
		IdempotencyKey: &raw,
	}
	_, got, err := Decode(Encode(nil, &Header{Producer: Producer{Name: raw}}, want))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestNilIsNotEmpty(t *testing.T) {
	empty := ""
	for _, want := range []Command{
		&Invoke{IdempotencyKey: &empty, Waiter: &Waiter{}}, &Invoke{},
		&PatchState{Version: &empty}, &PatchState{},
		&InvokerEffect{Effects: []Effect{{Callee: &Callee{}}}},
		&InvokerEffect{Effects: []Effect{{Result: protocol.Failed(protocol.Failure{})}}},
		&InvokerEffect{Effects: []Effect{{Error: AttemptError{RelatedCommand: &RelatedCommand{}}}}},
	} {
		_, got, err := Decode(Encode(nil, &Header{}, want))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v decodes as %+v, %v", want, got, err)
		}
	}
}

// Durations are whole milliseconds; what cannot be said is cut, and nothing wraps.
func TestDurations(t *testing.T) {
	for _, c := range []struct{ in, want time.Duration }{
		{1500 * time.Microsecond, time.Millisecond}, {-time.Hour, 0},
		{1<<63 - 1, (1<<63 - 1) / time.Millisecond * time.Millisecond},
	} {
		_, got, err := Decode(Encode(nil, &Header{}, &Invoke{JournalRetention: c.in}))
		if err != nil || got.(*Invoke).JournalRetention != c.want {
			t.Errorf("%v decodes as %+v, %v; want %v", c.in, got, err, c.want)
		}
	}
	huge := wire.AppendUvarint(nil, 9, uint64(1)<<63)
	var c Invoke
	if err := c.decodeBody(huge); err != nil || c.CompletionRetention < 0 {
		t.Errorf("got %v, %v", c.CompletionRetention, err)
	}
}

func TestDecodeAliasesTheInput(t *testing.T) {
	b := Encode(nil, &Header{}, &Invoke{Parameter: protocol.Inline([]byte("payload"))})
	_, c, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	p := c.(*Invoke).Parameter.Inline
	for i := range b {
		b[i] = 'x'
	}
	if string(p) != "xxxxxxx" || cap(p) != len(p) {
		t.Errorf("payload %q is a copy, or has room to grow into the record", p)
	}
}

func TestEnvelopeRefusesOwnCommands(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an envelope took a command that does not travel")
		}
	}()
	Encode(nil, &Header{}, &Envelope{Messages: []Message{{Command: &AnnounceLeader{}}}})
}

func FuzzDecode(f *testing.F) {
	for _, b := range wiretest.Load(f, golden) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, c, err := Decode(b)
		if err != nil {
			return
		}
		encoded := Encode(nil, &h, c)
		h2, c2, err := Decode(encoded)
		if err != nil || h2 != h || !reflect.DeepEqual(c2, c) {
			t.Fatalf("%x decodes as\n%+v %+v, but its encoding as\n%+v %+v, %v", b, h, c, h2, c2, err)
		}
	})
}

// benchmarkCommands are the two commands of the hot path, with a payload of the given size.
func benchmarkCommands(size int) []Command {
	id := protocol.InvocationID{Key: 1 << 60, UUID: [16]byte{1, 2, 3}}
	run := (&journal.Run{CompletionID: 1, Name: "charge"}).Append(nil)
	return []Command{
		&Invoke{
			ID: id,
			Target: protocol.Target{
				Kind: protocol.KindObject, HandlerKind: protocol.HandlerExclusive,
				Service: "Cart", Key: "customer-4711", Handler: "checkout",
			},
			Headers:   []journal.Header{{Key: "content-type", Value: "application/json"}},
			Parameter: protocol.Inline(make([]byte, size)), Source: Source{Kind: SourceIngress},
			JournalRetention: 24 * time.Hour, RandomSeed: 1 << 60, Request: RequestID{1},
		},
		&InvokerEffect{ID: id, Attempt: 1, Effects: []Effect{
			{
				Kind: EffectCommand, CommandIndex: 1,
				Entry: journal.Entry{Type: journal.TypeRun, Body: protocol.Inline(run)},
			},
			{Kind: EffectRunCompletion, CompletionID: 1, Result: protocol.Success(make([]byte, size))},
		}},
	}
}

var benchmarkHeader = Header{
	Key: 1 << 60, Time: 1 << 60, Sequence: 1000,
	Producer: Producer{Kind: ProducerLeader, Epoch: 3},
}

func BenchmarkEncode(b *testing.B) {
	for _, size := range []int{128, 1 << 20} {
		for _, c := range benchmarkCommands(size) {
			b.Run(fmt.Sprintf("command=%s/value=%d", sampleName(c), size), func(b *testing.B) {
				dst := Encode(nil, &benchmarkHeader, c)
				b.SetBytes(int64(len(dst)))
				b.ReportAllocs()
				for b.Loop() {
					dst = Encode(dst[:0], &benchmarkHeader, c)
				}
			})
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, size := range []int{128, 1 << 20} {
		for _, c := range benchmarkCommands(size) {
			b.Run(fmt.Sprintf("command=%s/value=%d", sampleName(c), size), func(b *testing.B) {
				record := Encode(nil, &benchmarkHeader, c)
				b.SetBytes(int64(len(record)))
				b.ReportAllocs()
				for b.Loop() {
					if _, _, err := Decode(record); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
