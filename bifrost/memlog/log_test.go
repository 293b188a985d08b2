package memlog_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/bifrost/memlog"
	"github.com/perdure/perdure/protocol"
)

// state is an Applier that keeps payloads; what was synced survives a crash.
type state struct {
	applied, durable []bifrost.Record
	closed           bool
	fail             error
}

func (s *state) Open(context.Context) (protocol.LSN, error) {
	s.applied = slices.Clone(s.durable)
	if len(s.applied) == 0 {
		return 0, nil
	}
	return s.applied[len(s.applied)-1].LSN, nil
}

func (s *state) Apply(records []bifrost.Record) error {
	if s.fail != nil {
		return s.fail
	}
	s.applied = append(s.applied, records...)
	return nil
}

func (s *state) Sync() error { s.durable = slices.Clone(s.applied); return nil }

func (s *state) Save(io.Writer, <-chan struct{}) error { return nil }

func (s *state) Restore(io.Reader, <-chan struct{}) (protocol.LSN, error) { return 0, nil }

func (s *state) Close() error { s.closed = true; return nil }

func (s *state) String() string {
	var out []string
	for _, r := range s.applied {
		out = append(out, string(r.Data))
	}
	return strings.Join(out, " ")
}

// world is a log, its replicas and the answers given, in order.
type world struct {
	t       *testing.T
	log     *memlog.Log
	answers []string
}

func (w *world) open(s *state) *memlog.Replica {
	w.t.Helper()
	r, err := w.log.Open(w.t.Context(), s)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) append(r *memlog.Replica, payloads ...string) error {
	var data [][]byte
	for _, p := range payloads {
		data = append(data, []byte(p))
	}
	return r.Append(func(lsn protocol.LSN, err error) {
		if err == nil {
			w.answers = append(w.answers, payloads[0]+"="+lsn.String())
		} else if errors.Is(err, bifrost.ErrUnknown) && lsn == 0 {
			w.answers = append(w.answers, payloads[0]+"?")
		} else {
			w.t.Errorf("answer to %v: %v, %v", payloads, lsn, err)
		}
	}, data...)
}

func (w *world) step(r *memlog.Replica, n, want int) {
	w.t.Helper()
	if got, err := r.Step(n); err != nil || got != want {
		w.t.Fatalf("step of %d: %d, %v; want %d", n, got, err, want)
	}
}

func (w *world) check(what string, got any, want string) {
	w.t.Helper()
	if fmt.Sprint(got) != want {
		w.t.Fatalf("%s: %v, want %s", what, got, want)
	}
}

func TestReplicasApplyAtTheirOwnPace(t *testing.T) {
	w := &world{t: t, log: memlog.New(bifrost.MetadataLog)}
	a, b := &state{}, &state{}
	ra, rb := w.open(a), w.open(b)
	if err := w.append(ra, "early"); !errors.Is(err, bifrost.ErrNotLeader) {
		t.Fatalf("append without a leader: %v", err)
	}
	w.log.Lead(ra)
	for _, p := range []string{"1", "2", "3"} {
		if err := w.append(ra, p, p+"'"); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.append(rb, "x"); !errors.Is(err, bifrost.ErrNotLeader) {
		t.Fatalf("append to a follower: %v", err)
	}
	w.check("answers before any step", w.answers, "[]")
	w.step(rb, 1, 1)
	w.check("follower", b, "1 1'")
	w.check("answers after the follower's step", w.answers, "[]")
	w.step(ra, 2, 2)
	w.check("answers", w.answers, "[1=2.1 2=3.1]")
	w.step(ra, 9, 1)
	w.step(ra, 9, 0)
	w.step(rb, 9, 2)
	w.check("leader", a, b.String())
	if ra.Behind() != 0 || ra.Tail() != w.log.End() || rb.Tail() != ra.Tail() {
		t.Fatalf("tails %v and %v, end %v", ra.Tail(), rb.Tail(), w.log.End())
	}
}

func TestALeaderLosesAcknowledgementsButNoRecords(t *testing.T) {
	w := &world{t: t, log: memlog.New(bifrost.MetadataLog)}
	a, b := &state{}, &state{}
	ra, rb := w.open(a), w.open(b)
	var events []string
	w.log.OnLeader(func(r *memlog.Replica, isLeader bool, term uint64) {
		events = append(events, fmt.Sprint(map[*memlog.Replica]string{ra: "a", rb: "b"}[r], isLeader, term))
	})
	w.log.Lead(ra)
	_ = w.append(ra, "1")
	_ = w.append(ra, "2")
	w.step(ra, 1, 1)
	w.log.Lead(rb)
	w.check("answers", w.answers, "[1=2.0 2?]")
	w.check("events", events, "[atrue 1 afalse 2 btrue 2]")
	_ = w.append(rb, "3")
	w.step(rb, 9, 3)
	w.step(ra, 9, 2)
	w.check("former leader", a, "1 2 3")
	w.check("answers", w.answers, "[1=2.0 2? 3=5.0]")
}

func TestInjectedAppendFaults(t *testing.T) {
	w := &world{t: t, log: memlog.New(bifrost.MetadataLog)}
	a := &state{}
	ra := w.open(a)
	w.log.Lead(ra)
	ra.Refuse(bifrost.ErrBusy)
	if err := w.append(ra, "refused"); !errors.Is(err, bifrost.ErrBusy) {
		t.Fatalf("refused append: %v", err)
	}
	ra.LoseAppends(1)
	if err := w.append(ra, "lost"); err != nil {
		t.Fatal(err)
	}
	_ = w.append(ra, "unacknowledged")
	w.check("answers inside Append", w.answers, "[]")
	ra.LoseAcknowledgements()
	w.check("answers", w.answers, "[unacknowledged? lost?]")
	_ = w.append(ra, "fine")
	w.step(ra, 9, 2)
	w.check("state", a, "unacknowledged fine")
}

func TestCrashAndReopen(t *testing.T) {
	w := &world{t: t, log: memlog.New(bifrost.MetadataLog)}
	a := &state{}
	ra := w.open(a)
	w.log.Lead(ra)
	for _, p := range []string{"1", "2", "3", "4"} {
		_ = w.append(ra, p)
	}
	w.step(ra, 1, 1)
	_ = a.Sync()
	w.step(ra, 1, 1)
	w.answers = nil
	ra.Crash()
	if w.log.Leader() != nil {
		t.Fatal("a crashed replica still leads")
	}
	if _, err := ra.Step(1); !errors.Is(err, bifrost.ErrClosed) {
		t.Fatalf("step of a crashed replica: %v", err)
	}
	if err := w.append(ra, "x"); !errors.Is(err, bifrost.ErrClosed) {
		t.Fatalf("append to a crashed replica: %v", err)
	}
	if a.closed {
		t.Fatal("a crash closed the Applier")
	}
	ra = w.open(a)
	w.check("state after the crash", a, "1")
	w.step(ra, 9, 3)
	w.check("state after the replay", a, "1 2 3 4")
	w.check("answers of the dead", w.answers, "[]")
}

func TestTrimKeepsWhatAStateNeeds(t *testing.T) {
	w := &world{t: t, log: memlog.New(bifrost.MetadataLog)}
	a, slow := &state{}, &state{}
	ra, rs := w.open(a), w.open(slow)
	w.log.Lead(ra)
	for _, p := range []string{"1", "2", "3"} {
		_ = w.append(ra, p)
	}
	w.step(ra, 9, 3)
	w.step(rs, 1, 1)
	rs.Crash()
	if err := ra.Trim(t.Context(), ra.Tail()); err != nil {
		t.Fatal(err)
	}
	if len(a.durable) != 3 {
		t.Fatalf("trimmed with %d records durable, want 3", len(a.durable))
	}
	if _, err := w.log.Open(t.Context(), slow); !errors.Is(err, bifrost.ErrTrimmed) {
		t.Fatalf("open of a state behind the trim point: %v", err)
	}
	if _, err := ra.Read(t.Context(), 0, 100); !errors.Is(err, bifrost.ErrTrimmed) {
		t.Fatalf("read before the trim point: %v", err)
	}
	foreign := &state{durable: []bifrost.Record{{LSN: 99 << 12}}}
	if _, err := w.log.Open(t.Context(), foreign); err == nil {
		t.Fatal("a state beyond the end of the log was opened")
	}
}

func TestFailingApplierStopsItsReplica(t *testing.T) {
	w := &world{t: t, log: memlog.New(bifrost.MetadataLog)}
	a := &state{fail: errors.New("disk full")}
	ra := w.open(a)
	w.log.Lead(ra)
	_ = w.append(ra, "1")
	if _, err := ra.Step(1); !errors.Is(err, a.fail) {
		t.Fatalf("step: %v", err)
	}
	w.check("answers", w.answers, "[1?]")
	if err := w.append(ra, "2"); !errors.Is(err, bifrost.ErrClosed) || !errors.Is(err, a.fail) {
		t.Fatalf("append: %v", err)
	}
	if err := ra.Close(); err != nil || !a.closed {
		t.Fatalf("close: %v", err)
	}
}
