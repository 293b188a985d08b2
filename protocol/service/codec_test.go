package service

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/journal"
	"github.com/perdure/perdure/protocol/wire"
	"github.com/perdure/perdure/protocol/wire/wiretest"
)

const golden = "testdata/control.golden"

var versions = []Version{V5, V6, V7}

// fill makes the message of type t that version v can say.
func fill(f *wiretest.Filler, t journal.Type, v Version) Control {
	wiretest.Hook(f, func(f *wiretest.Filler, p *protocol.Payload) { f.Fill(&p.Inline) })
	wiretest.Hook(f, func(f *wiretest.Filler, c *journal.Combinator) {
		*c = journal.Combinator(4 - f.Pick(5))
	})
	wiretest.Hook(f, func(f *wiretest.Filler, b *Behavior) { *b = Behavior(2 - f.Pick(3)) })
	m := newControl(t)
	f.Fill(m)
	switch m := m.(type) {
	case *Start:
		m.ID.UUID[0] |= 1 // not the zero ID, which nobody has
		if v < V6 {
			m.RandomSeed = 0
		}
		if v < V7 {
			m.Scope, m.LimitKey, m.IdempotencyKey = "", "", nil
		}
	case *Suspension:
		m.AwaitingOn.Completions = append(m.AwaitingOn.Completions, 1)
		if v < V7 {
			m.AwaitingOn.Nested = nil
			m.AwaitingOn.Combinator = journal.CombinatorFirstCompleted
		}
	case *AwaitingOn:
		m.AwaitingOn.Signals = append(m.AwaitingOn.Signals, 1)
	}
	return m
}

// controlTypes are the types that version v has.
func controlTypes(v Version) (list []journal.Type) {
	for t := TypeStart; t <= TypeProposeRunCompletionAck; t++ {
		if v >= V7 || t != TypeAwaitingOn && t != TypeProposeRunCompletionAck {
			list = append(list, t)
		}
	}
	return list
}

func sampleName(t journal.Type, v Version) string {
	return fmt.Sprintf("%s/version=%d", controlNames[t], v)
}

func TestGolden(t *testing.T) {
	var samples []wiretest.Sample
	for _, v := range versions {
		for _, typ := range controlTypes(v) {
			m := fill(wiretest.Full(), typ, v)
			samples = append(samples, wiretest.Sample{Name: sampleName(typ, v), Data: m.Append(nil, v)})
		}
	}
	wiretest.Golden(t, golden, samples)
	stored := wiretest.Load(t, golden)
	for _, v := range versions {
		for _, typ := range controlTypes(v) {
			got, err := Decode(typ, v, stored[sampleName(typ, v)])
			want := fill(wiretest.Full(), typ, v)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s decodes as\n%+v, %v; want\n%+v", sampleName(typ, v), got, err, want)
			}
		}
	}
}

func TestRoundTrip(t *testing.T) {
	unknown := wire.AppendPresentString(nil, 2000, "later")
	for seed := range uint64(300) {
		for _, v := range versions {
			for _, typ := range controlTypes(v) {
				m := fill(wiretest.Random(seed), typ, v)
				b := m.Append(nil, v)
				for _, with := range [][]byte{b, slices.Concat(unknown, b), slices.Concat(b, unknown)} {
					got, err := Decode(typ, v, with)
					if err != nil || !reflect.DeepEqual(got, m) {
						t.Fatalf("seed %d, %s: %x decodes as\n%+v, %v; want\n%+v",
							seed, sampleName(typ, v), with, got, err, m)
					}
				}
				for cut := range b {
					_, _ = Decode(typ, v, b[:cut:cut]) // must not panic
				}
			}
		}
	}
}

func TestStartOfServiceOnTheWire(t *testing.T) {
	id, err := protocol.ParseInvocationID("inv_151ekK9xzEcb6ZLmGwxcyOyuD4coBjF0e0")
	if err != nil {
		t.Fatal(err)
	}
	m := Start{ID: id, KnownEntries: 1, PartialState: true, RandomSeed: 300}
	want := "0a18eb515b5b172a783aace3f37bffcdbc7693e50bf59b76dfe5" +
		"1226" + hex.EncodeToString([]byte(id.String())) + "1801" + "2801" + "48ac02"
	if got := hex.EncodeToString(m.Append(nil, V6)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestSuspensionBranchesOnVersion(t *testing.T) {
	flat := []byte{1<<3 | 2, 2, 3, 4, 2 << 3, 1} // completions 3 and 4, signal 1
	nested := wire.AppendPresentBytes(nil, 4, flat)
	for _, c := range []struct {
		v    Version
		body []byte
		ok   bool
	}{
		{V5, flat, true}, {V6, flat, true}, {V7, flat, false},
		{V6, nested, false}, {V7, nested, true},
		{V6, nil, false}, {V7, nil, false}, {V7, []byte{4<<3 | 2, 0}, false},
	} {
		m, err := Decode(TypeSuspension, c.v, c.body)
		if !c.ok {
			if !errors.Is(err, ErrViolation) {
				t.Errorf("version %d, %x: got %+v, error %v; want a violation", c.v, c.body, m, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("version %d, %x: %v", c.v, c.body, err)
		}
		f := m.(*Suspension).AwaitingOn
		if !slices.Equal(f.Completions, []uint32{3, 4}) || !slices.Equal(f.Signals, []uint32{1}) {
			t.Errorf("version %d: got %+v", c.v, f)
		}
	}
}

// Before version 7, a tree is written as its leaves.
func TestSuspensionFlattens(t *testing.T) {
	m := Suspension{AwaitingOn: journal.Future{
		Completions: []uint32{1}, Nested: []journal.Future{{Completions: []uint32{2}}},
	}}
	if got := hex.EncodeToString(m.Append(nil, V6)); got != "0a020102" {
		t.Errorf("got %s", got)
	}
}

func TestDecodeRefusals(t *testing.T) {
	deep := journal.Future{Completions: []uint32{1}}
	for range journal.MaxFutureDepth {
		deep = journal.Future{Nested: []journal.Future{deep}}
	}
	for _, c := range []struct {
		typ  journal.Type
		v    Version
		body []byte
		want error
	}{
		{0x0008, V7, nil, ErrViolation},
		{journal.TypeRun, V7, nil, ErrViolation},
		{TypeStart, V7, nil, ErrViolation},
		{TypeProposeRunCompletion, V6, []byte{8, 1}, ErrViolation},
		{TypeAwaitingOn, V7, []byte{2 << 3, 1}, ErrViolation},
		{TypeAwaitingOn, V7, (&AwaitingOn{AwaitingOn: deep}).Append(nil, V7), journal.ErrTooDeep},
		{TypeSuspension, V7, (&Suspension{AwaitingOn: deep}).Append(nil, V7), journal.ErrTooDeep},
		{TypeEnd, V7, []byte{0x80}, wire.ErrTruncated},
		{TypeError, V7, []byte{2<<3 | 2, 1, 0xff}, wire.ErrUTF8},
	} {
		if m, err := Decode(c.typ, c.v, c.body); !errors.Is(err, c.want) {
			t.Errorf("%s: got %+v, error %v; want %v", TypeName(c.typ), m, err, c.want)
		}
	}
}

func TestErrorMessage(t *testing.T) {
	delay, long := 5*time.Second, wire.AppendPresentUvarint(nil, 8, uint64(1)<<63)
	m := ErrorMessage{Code: 500, NextRetryDelay: &delay, Behavior: BehaviorPause}
	if got := hex.EncodeToString(m.Append(nil, V7)); got != "08f4034088274801" {
		t.Errorf("got %s", got)
	}
	early, err := Decode(TypeError, V6, []byte{9 << 3, byte(BehaviorFail)})
	if err != nil || early.(*ErrorMessage).Behavior != BehaviorFail {
		t.Errorf("a behavior below version 7: %+v, error %v", early, err)
	}
	got, err := Decode(TypeError, V7, append(long, 9<<3, 9))
	if err != nil {
		t.Fatal(err)
	}
	e := got.(*ErrorMessage)
	if *e.NextRetryDelay < 0 || e.Behavior != BehaviorRetry {
		t.Errorf("delay %v must not wrap, behavior %d must be retry", *e.NextRetryDelay, e.Behavior)
	}
}

func TestIsAllowedFromDeployment(t *testing.T) {
	allowed := func(v Version) (list []string) {
		for n := range 0x10000 {
			if typ := journal.Type(n); IsAllowedFromDeployment(typ, v) == nil {
				list = append(list, fmt.Sprintf("%04x", n))
			} else if err := IsAllowedFromDeployment(typ, v); !errors.Is(err, ErrViolation) {
				t.Errorf("%04x: %v is no violation", n, err)
			}
		}
		return list
	}
	const commands = "0401 0402 0403 0404 0405 0406 0407 0408 0409 040a 040b 040c 040d 040e " +
		"0410 0411 0412 0413 0414"
	for v, want := range map[Version]string{
		V5: "0001 0002 0003 0005 " + commands,
		V6: "0001 0002 0003 0005 " + commands,
		V7: "0001 0002 0003 0005 0006 " + commands,
	} {
		if got := strings.Join(allowed(v), " "); got != want {
			t.Errorf("version %d allows\n%s, want\n%s", v, got, want)
		}
	}
}

func TestContentType(t *testing.T) {
	for _, v := range versions {
		if got, err := ParseContentType(ContentType(v)); err != nil || got != v {
			t.Errorf("version %d: got %d, %v", v, got, err)
		}
	}
	if got := ContentType(V6); got != "application/vnd.restate.invocation.v6" {
		t.Errorf("got %s", got)
	}
	for _, s := range []string{
		"", "application/json", "application/vnd.restate.invocation.v", ContentType(4), ContentType(8),
		ContentType(V6) + "0", ContentType(V6) + "; charset=utf-8",
		"Application/vnd.restate.invocation.v6",
	} {
		if v, err := ParseContentType(s); !errors.Is(err, ErrContentType) {
			t.Errorf("%q: got %d, error %v", s, v, err)
		}
	}
}

func TestAppendFrames(t *testing.T) {
	run := &journal.Run{CompletionID: 1, Name: "r"}
	dst := AppendFrame([]byte("x"), journal.TypeRun, FlagRequestedAck, run.Append(nil))
	want := "78" + "0411" + "8000" + "00000005" + "5801620172"
	if got := hex.EncodeToString(dst); got != want {
		t.Errorf("AppendFrame: got %s, want %s", got, want)
	}
	if got := AppendEntry([]byte("x"), FlagRequestedAck, run); !bytes.Equal(got, dst) {
		t.Errorf("AppendEntry: got %x, want %x", got, dst)
	}
	got := AppendControl([]byte("x"), V6, &CommandAck{CommandIndex: 2})
	if want := "78" + "0004" + "0000" + "00000002" + "0802"; hex.EncodeToString(got) != want {
		t.Errorf("AppendControl: got %x, want %s", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	stored := wiretest.Load(f, golden)
	for _, v := range versions {
		for _, typ := range controlTypes(v) {
			f.Add(uint16(typ), uint32(v), stored[sampleName(typ, v)])
		}
	}
	f.Fuzz(func(t *testing.T, typ uint16, version uint32, body []byte) {
		v := V5 + Version(version%3)
		m, err := Decode(journal.Type(typ), v, body)
		if err != nil {
			return
		}
		again, err := Decode(m.Type(), v, m.Append(nil, v))
		if _, isStart := m.(*Start); isStart && v < V7 {
			return // fields of later versions are read and not written
		}
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%s, version %d: %x decodes as\n%+v, but its encoding as\n%+v, %v",
				TypeName(m.Type()), v, body, m, again, err)
		}
	})
}
