package journal

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/perdure/perdure/protocol/wire"
	"github.com/perdure/perdure/protocol/wire/wiretest"
)

func TestFutureRoundTrip(t *testing.T) {
	for seed := range uint64(300) {
		var f Future
		hooks(wiretest.Random(seed)).Fill(&f)
		b := AppendFuture(nil, &f)
		got, err := DecodeFuture(b)
		if err != nil || !reflect.DeepEqual(got, f) {
			t.Fatalf("seed %d: %x decodes as\n%+v, %v; want\n%+v", seed, b, got, err, f)
		}
		for cut := range b {
			_, _ = DecodeFuture(b[:cut:cut])
		}
	}
}

// Old encoders write lists of numbers unpacked.
func TestFutureUnpacked(t *testing.T) {
	got, err := DecodeFuture([]byte{1 << 3, 5, 2 << 3, 1, 1<<3 | 2, 2, 6, 7, 5 << 3, 9})
	want := Future{Completions: []uint32{5, 6, 7}, Signals: []uint32{1}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func chain(levels int) Future {
	f := Future{Completions: []uint32{1}}
	for range levels - 1 {
		f = Future{Nested: []Future{f}, Combinator: CombinatorAllCompleted}
	}
	return f
}

func TestFutureLimits(t *testing.T) {
	deepest := chain(MaxFutureDepth)
	if got, err := DecodeFuture(AppendFuture(nil, &deepest)); err != nil {
		t.Errorf("%d levels: %v", MaxFutureDepth, err)
	} else if d := got.Depth(); d != MaxFutureDepth {
		t.Errorf("depth is %d, want %d", d, MaxFutureDepth)
	}
	deeper := chain(MaxFutureDepth + 1)
	if _, err := DecodeFuture(AppendFuture(nil, &deeper)); !errors.Is(err, ErrTooDeep) {
		t.Errorf("%d levels: got error %v, want ErrTooDeep", MaxFutureDepth+1, err)
	}
	wide := Future{Nested: make([]Future, MaxFutureNodes+1)}
	if _, err := DecodeFuture(AppendFuture(nil, &wide)); !errors.Is(err, ErrTooManyNodes) {
		t.Errorf("%d nested: got error %v, want ErrTooManyNodes", MaxFutureNodes+1, err)
	}
	if _, err := DecodeFuture([]byte{3<<3 | 2, 1, 0xff}); !errors.Is(err, wire.ErrUTF8) {
		t.Errorf("got error %v, want ErrUTF8", err)
	}
}

func TestLeaves(t *testing.T) {
	f := Future{
		Completions: []uint32{1, 2}, Signals: []uint32{17}, NamedSignals: []string{"go"},
		Nested: []Future{{Completions: []uint32{3}}},
	}
	want := []NotificationID{
		Completion(1), Completion(2), Signal(17), NamedSignal("go"), Completion(3),
	}
	if got := slices.Collect(f.Leaves); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for id := range f.Leaves { // stopping early must not call yield again
		if id == Signal(17) {
			break
		}
	}
	if nothing := (Future{Nested: []Future{{}, {}}}); nothing.HasLeaves() || !f.HasLeaves() {
		t.Error("HasLeaves is wrong")
	}
}

func TestResolved(t *testing.T) {
	const (
		first = CombinatorFirstCompleted
		all   = CombinatorAllCompleted
		fsaf  = CombinatorFirstSucceededOrAllFailed
		asff  = CombinatorAllSucceededOrFirstFailed
	)
	leaf := func(c Combinator, ids ...uint32) Future { return Future{Completions: ids, Combinator: c} }
	nest := func(c Combinator, n ...Future) Future { return Future{Nested: n, Combinator: c} }
	type there map[uint32]bool // completion ID -> failed
	for _, c := range []struct {
		name string
		f    Future
		has  there
		want bool
	}{
		{"first: none", leaf(first, 1, 2), there{}, false},
		{"first: one", leaf(first, 1, 2), there{2: true}, true},
		{"unknown is first", leaf(CombinatorUnknown, 1, 2), there{1: false}, true},
		{"others do not count", leaf(first, 1, 2), there{3: false}, false},
		{"all: one of two", leaf(all, 1, 2), there{1: false}, false},
		{"all: both, one failed", leaf(all, 1, 2), there{1: false, 2: true}, true},
		{"first succeeded: a failure", leaf(fsaf, 1, 2), there{1: true}, false},
		{"first succeeded: a success", leaf(fsaf, 1, 2), there{1: false}, true},
		{"first succeeded: all failed", leaf(fsaf, 1, 2), there{1: true, 2: true}, true},
		{"all succeeded: one", leaf(asff, 1, 2), there{1: false}, false},
		{"all succeeded: a failure", leaf(asff, 1, 2), there{2: true}, true},
		{"all succeeded: all", leaf(asff, 1, 2), there{1: false, 2: false}, true},
		{"signal and completion differ", Future{Signals: []uint32{1}}, there{1: false}, false},
		{"all of two races: one won", nest(all, leaf(first, 1, 2), leaf(first, 3, 4)),
			there{1: false, 2: false}, false},
		{"all of two races: both won", nest(all, leaf(first, 1, 2), leaf(first, 3, 4)),
			there{1: false, 4: true}, true},
		{"race with a failure may have failed",
			nest(asff, leaf(first, 1, 2), leaf(first, 3)), there{1: false, 2: true}, true},
		{"race without a failure cannot have failed",
			nest(asff, leaf(first, 1, 2), leaf(first, 3)), there{1: false, 2: false}, false},
		{"nested unknown is first", nest(all, leaf(CombinatorUnknown, 1, 2)), there{2: false}, true},
		{"nested all succeeds although a member failed",
			nest(fsaf, leaf(all, 1), leaf(first, 2)), there{1: true}, true},
		{"nested all-failed is a failure",
			nest(fsaf, leaf(fsaf, 1), leaf(first, 2)), there{1: true}, false},
		{"leaves beside nested", Future{
			Completions: []uint32{1}, Nested: []Future{leaf(all, 2, 3)}, Combinator: all,
		}, there{2: false, 3: false}, false},
	} {
		has := func(id NotificationID) (present, failed bool) {
			failed, present = c.has[id.Index]
			return present && id.Kind == IDCompletion, failed
		}
		if got := c.f.Resolved(has); got != c.want {
			t.Errorf("%s: Resolved is %v, want %v", c.name, got, c.want)
		}
		anyThere := slices.ContainsFunc(slices.Collect(c.f.Leaves), func(id NotificationID) bool {
			present, _ := has(id)
			return present
		})
		if got := c.f.ResolvedByAny(has); got != anyThere {
			t.Errorf("%s: ResolvedByAny is %v, want %v", c.name, got, anyThere)
		}
	}
}

// A future with millions of leaves once went through the log and into the status row.
func TestFutureHasALimitOfLeaves(t *testing.T) {
	for name, field := range map[string][]byte{
		"completions": {0x08, 1}, "signals": {0x10, 1}, "named signals": {0x1a, 1, 'a'},
	} {
		if _, err := DecodeFuture(bytes.Repeat(field, MaxElements)); err != nil {
			t.Errorf("%d %s: %v", MaxElements, name, err)
		}
		_, err := DecodeFuture(bytes.Repeat(field, MaxElements+1))
		if !errors.Is(err, ErrTooMany) {
			t.Errorf("%d %s: got %v, want ErrTooMany", MaxElements+1, name, err)
		}
	}
	packed := append([]byte{0x0a, 0x81, 0x80, 0x40}, make([]byte, MaxElements+1)...)
	if _, err := DecodeFuture(packed); !errors.Is(err, ErrTooMany) {
		t.Errorf("a packed list: got %v, want ErrTooMany", err)
	}
}
