package bifrost_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/bifrost/memlog"
	"github.com/perdure/perdure/protocol"
)

// What every Host promises. Each promise is tested on Raft and in memory.

const testLog = bifrost.LogID(107) // partition 7

// provider opens a Host that keeps its logs across calls, each call a restart of the last.
type provider struct {
	name string
	make func(t *testing.T, limitBytes int64) (open func() bifrost.Host)
}

var providers = []provider{
	{"raft", func(t *testing.T, limitBytes int64) func() bifrost.Host {
		dir := t.TempDir()
		return func() bifrost.Host {
			return openRaft(t, dir, func(c *bifrost.RaftConfig) { c.MaxLogBytesInFlight = limitBytes })
		}
	}},
	{"memory", func(t *testing.T, limitBytes int64) func() bifrost.Host {
		last := memlog.NewHost()
		last.SetMaxBytesInFlight(limitBytes)
		return func() bifrost.Host {
			last = last.Reopen()
			t.Cleanup(func() {
				if err := last.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			return last
		}
	}},
}

const roomy = 64 << 20

func onEach(t *testing.T, limitBytes int64, test func(t *testing.T, open func() bifrost.Host)) {
	for _, p := range providers {
		t.Run(p.name, func(t *testing.T) { test(t, p.make(t, limitBytes)) })
	}
}

func mustAppend(t testing.TB, l bifrost.Log, payloads ...[]byte) protocol.LSN {
	t.Helper()
	lsn, err := bifrost.AppendWait(t.Context(), l, payloads...)
	if err != nil {
		t.Fatal(err)
	}
	return lsn
}

func mustClose(t testing.TB, h bifrost.Host) {
	t.Helper()
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
}

// seen returns what r applied and fails if that broke a rule.
func seen(t testing.TB, r *recorder) (records []bifrost.Record, sinceOpen int) {
	t.Helper()
	records, sinceOpen, err := r.snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return records, sinceOpen
}

func TestOrderUnderConcurrentAppends(t *testing.T) {
	const submitters, each = 64, 100
	onEach(t, roomy, func(t *testing.T, open func() bifrost.Host) {
		r := newRecorder(&disk{})
		l := start(t, open(), testLog, r)
		var answers sync.Map // payload -> LSN
		var wg sync.WaitGroup
		for s := range submitters {
			wg.Go(func() {
				for i := range each {
					wg.Add(1)
					name := fmt.Sprintf("%02d/%03d", s, i)
					err := l.Append(func(lsn protocol.LSN, err error) {
						defer wg.Done()
						if err != nil {
							t.Errorf("append %s: %v", name, err)
						}
						if _, again := answers.Swap(name, lsn); again {
							t.Errorf("append %s answered twice", name)
						}
					}, []byte(name))
					if err != nil {
						wg.Done()
						t.Errorf("append %s: %v", name, err)
					}
				}
			})
		}
		wg.Wait()
		records, _ := seen(t, r)
		if len(records) != submitters*each {
			t.Fatalf("applied %d records, want %d", len(records), submitters*each)
		}
		next := map[string]int{}
		for _, rec := range records {
			name := string(rec.Data)
			if want := fmt.Sprintf("%s/%03d", name[:2], next[name[:2]]); name != want {
				t.Fatalf("applied %s, want %s", name, want)
			}
			next[name[:2]]++
			if lsn, _ := answers.Load(name); lsn != rec.LSN {
				t.Fatalf("%s is at %v, its append was told %v", name, rec.LSN, lsn)
			}
		}
		if l.Tail() != records[len(records)-1].LSN {
			t.Errorf("tail is %v, want %v", l.Tail(), records[len(records)-1].LSN)
		}
	})
}

func TestAppendOfManyIsOnePiece(t *testing.T) {
	onEach(t, roomy, func(t *testing.T, open func() bifrost.Host) {
		var sizes []int
		r := newRecorder(&disk{})
		r.onApply = func(records []bifrost.Record) error {
			sizes = append(sizes, len(records))
			return nil
		}
		l := start(t, open(), testLog, r)
		payloads := make([][]byte, bifrost.MaxAppendRecords)
		for i := range payloads {
			payloads[i] = fmt.Append(nil, i)
		}
		last := mustAppend(t, l, payloads...)
		records, _ := seen(t, r)
		if len(sizes) != 1 || len(records) != len(payloads) || records[len(records)-1].LSN != last {
			t.Fatalf("%d records in calls of %v up to %v, want %d in one up to %v", len(records), sizes,
				records[len(records)-1].LSN, len(payloads), last)
		}
		for i, rec := range records {
			if rec.LSN != records[0].LSN+protocol.LSN(i) || string(rec.Data) != fmt.Sprint(i) {
				t.Fatalf("record %d is %q at %v after %v", i, rec.Data, rec.LSN, records[0].LSN)
			}
		}
	})
}

func TestRestartReplaysOnlyWhatTheStateLacks(t *testing.T) {
	onEach(t, roomy, func(t *testing.T, open func() bifrost.Host) {
		d := &disk{}
		h := open()
		r := newRecorder(d)
		l := start(t, h, testLog, r)
		for i := range 10 {
			mustAppend(t, l, fmt.Append(nil, i))
		}
		if err := r.Sync(); err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			mustAppend(t, l, fmt.Append(nil, 10+i))
		}
		mustClose(t, h)

		r = newRecorder(d) // as after a kill: the state is what was synced
		l = start(t, open(), testLog, r)
		mustAppend(t, l, []byte("15"))
		records, sinceOpen := seen(t, r)
		if len(records) != 16 || sinceOpen != 6 {
			t.Fatalf("%d records, %d of them applied since the restart; want 16, 6", len(records), sinceOpen)
		}
		for i, rec := range records {
			if string(rec.Data) != fmt.Sprint(i) {
				t.Fatalf("record %d is %q", i, rec.Data)
			}
		}
	})
}

func TestLostStateIsRebuiltFromTheLog(t *testing.T) {
	onEach(t, roomy, func(t *testing.T, open func() bifrost.Host) {
		h := open()
		l := start(t, h, testLog, newRecorder(&disk{}))
		for i := range 20 {
			mustAppend(t, l, fmt.Append(nil, i))
		}
		tail := l.Tail()
		mustClose(t, h)
		r := newRecorder(&disk{})
		l = start(t, open(), testLog, r)
		eventually(t, "the replay", func() bool { return l.Tail() >= tail })
		if records, _ := seen(t, r); len(records) != 20 || records[19].LSN != tail {
			t.Fatalf("%d records up to %v, want 20 up to %v", len(records), l.Tail(), tail)
		}
	})
}

func TestRead(t *testing.T) {
	onEach(t, roomy, func(t *testing.T, open func() bifrost.Host) {
		r := newRecorder(&disk{})
		l := start(t, open(), testLog, r)
		if got, err := l.Read(t.Context(), 0, 1000); err != nil || len(got) != 0 {
			t.Fatalf("read of an empty log: %v, %v", got, err)
		}
		for i := range 30 {
			mustAppend(t, l, bytes.Repeat([]byte{byte(i)}, 100), bytes.Repeat([]byte{byte(i)}, 5000))
		}
		want, _ := seen(t, r)
		var got []bifrost.Record
		for next := protocol.LSN(0); ; next = got[len(got)-1].LSN + 1 {
			page, err := l.Read(t.Context(), next, 7000)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			if len(page) > 4 {
				t.Fatalf("%d records in a page of 7000 bytes", len(page))
			}
			got = append(got, page...)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("read %d records, not the %d applied ones", len(got), len(want))
		}
		one, err := l.Read(t.Context(), want[7].LSN, 0)
		if err != nil || len(one) == 0 || one[0].LSN != want[7].LSN {
			t.Fatalf("read at least one from %v: %v, %v", want[7].LSN, one, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := l.Read(ctx, 0, 1000); !errors.Is(err, context.Canceled) {
			t.Fatalf("read with a canceled context: %v", err)
		}
	})
}

// What was answered can be read at once.
func TestReadWhatWasJustAppended(t *testing.T) {
	const appends = 500
	onEach(t, roomy, func(t *testing.T, open func() bifrost.Host) {
		l := start(t, open(), testLog, newRecorder(&disk{}))
		for i := range appends {
			want := bifrost.Record{LSN: mustAppend(t, l, fmt.Append(nil, i)), Data: fmt.Append(nil, i)}
			got, err := l.Read(t.Context(), want.LSN, 0)
			if err != nil || len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(want) {
				t.Fatalf("read record %d at %v: %v, %v", i, want.LSN, got, err)
			}
		}
	})
}

func TestTrimThenRestart(t *testing.T) {
	onEach(t, roomy, func(t *testing.T, open func() bifrost.Host) {
		d := &disk{}
		h := open()
		r := newRecorder(d)
		l := start(t, h, testLog, r)
		var middle protocol.LSN
		for i := range 40 {
			if lsn := mustAppend(t, l, fmt.Append(nil, i)); i == 29 {
				middle = lsn
			}
		}
		if err := l.Trim(t.Context(), middle); err != nil {
			t.Fatal(err)
		}
		if d.applied() < middle {
			t.Fatalf("trimmed through %v, but only %v is durable", middle, d.applied())
		}
		eventually(t, "the cut", func() bool {
			_, err := l.Read(t.Context(), 0, 1000)
			return errors.Is(err, bifrost.ErrTrimmed)
		})
		if got, err := l.Read(t.Context(), middle+1, 1000); err != nil || len(got) != 10 {
			t.Fatalf("read behind the trim point: %d records, %v; want 10", len(got), err)
		}
		for i := range 3 {
			mustAppend(t, l, fmt.Append(nil, 40+i))
		}
		mustClose(t, h)

		r = newRecorder(d)
		l = start(t, open(), testLog, r)
		mustAppend(t, l, []byte("43"))
		records, sinceOpen := seen(t, r)
		if len(records) != 44 || sinceOpen != 4 {
			t.Fatalf("%d records, %d applied since the restart; want 44, 4", len(records), sinceOpen)
		}
		if err := l.Trim(t.Context(), l.Tail()); err != nil {
			t.Fatal(err)
		}
		mustAppend(t, l, []byte("44"))
	})
}

func TestEveryAppendIsAnsweredOnceOnClose(t *testing.T) {
	onEach(t, roomy, func(t *testing.T, open func() bifrost.Host) {
		h := open()
		r := newRecorder(&disk{})
		l := start(t, h, testLog, r)
		var accepted, acknowledged, unknown atomic.Int64
		var wg sync.WaitGroup
		begun := make(chan struct{})
		var begin sync.Once
		for range 16 {
			wg.Go(func() {
				for i := 0; ; i++ {
					var answers atomic.Int64
					err := l.Append(func(_ protocol.LSN, err error) {
						if answers.Add(1) > 1 {
							t.Error("answered twice")
						}
						if err == nil {
							acknowledged.Add(1)
						} else if errors.Is(err, bifrost.ErrUnknown) {
							unknown.Add(1)
						} else {
							t.Errorf("answer: %v", err)
						}
					}, make([]byte, 100))
					if errors.Is(err, bifrost.ErrClosed) || errors.Is(err, bifrost.ErrNotLeader) {
						return
					}
					if err == nil {
						accepted.Add(1)
					} else if !errors.Is(err, bifrost.ErrBusy) {
						t.Errorf("append: %v", err)
						return
					}
					if i == 50 {
						begin.Do(func() { close(begun) })
					}
				}
			})
		}
		<-begun
		mustClose(t, h)
		wg.Wait()
		if got := acknowledged.Load() + unknown.Load(); got != accepted.Load() {
			t.Fatalf("accepted %d, answered %d (%d acknowledged)", accepted.Load(), got, acknowledged.Load())
		}
		if records, _ := seen(t, r); int64(len(records)) < acknowledged.Load() {
			t.Fatalf("applied %d, acknowledged %d", len(records), acknowledged.Load())
		}
		if _, err := l.Read(t.Context(), 0, 100); !errors.Is(err, bifrost.ErrClosed) {
			t.Errorf("read after close: %v", err)
		}
	})
}

func TestLargeAppends(t *testing.T) {
	onEach(t, 2*bifrost.MaxAppendBytes, func(t *testing.T, open func() bifrost.Host) {
		r := newRecorder(&disk{})
		l := start(t, open(), testLog, r)
		for _, size := range []int{0, 1, 4 << 10, 1 << 20, 1<<20 + 1, bifrost.MaxAppendBytes} {
			payload := make([]byte, size)
			for i := range payload { // not compressible
				payload[i] = byte(uint64(i) * uint64(i) * 0x9e3779b97f4a7c15 >> 56)
			}
			mustAppend(t, l, payload)
			records, _ := seen(t, r)
			if got := records[len(records)-1].Data; !bytes.Equal(got, payload) {
				t.Fatalf("a record of %d bytes came back as %d others", size, len(got))
			}
		}
		never := func(protocol.LSN, error) { t.Error("a refused append was answered") }
		tooLarge := make([]byte, bifrost.MaxAppendBytes+1)
		if err := l.Append(never, tooLarge); !errors.Is(err, bifrost.ErrTooLarge) {
			t.Errorf("append of %d bytes: %v", len(tooLarge), err)
		}
		tooMany := make([][]byte, bifrost.MaxAppendRecords+1)
		if err := l.Append(never, tooMany...); !errors.Is(err, bifrost.ErrTooLarge) {
			t.Errorf("append of %d records: %v", len(tooMany), err)
		}
		if err := l.Append(never); err == nil {
			t.Error("append of nothing was accepted")
		}
	})
}

func TestBusyPushesBack(t *testing.T) {
	onEach(t, 1<<20, func(t *testing.T, open func() bifrost.Host) {
		gate := make(chan struct{})
		r := newRecorder(&disk{})
		r.onApply = func([]bifrost.Record) error { <-gate; return nil }
		l := start(t, open(), testLog, r)
		var wg sync.WaitGroup
		accepted := 0
		var err error
		for err == nil && accepted < 100 {
			err = l.Append(func(_ protocol.LSN, err error) {
				defer wg.Done()
				if err != nil {
					t.Errorf("answer: %v", err)
				}
			}, make([]byte, 100<<10))
			if err == nil {
				accepted++
				wg.Add(1)
			}
		}
		if !errors.Is(err, bifrost.ErrBusy) || accepted < 8 || accepted > 10 {
			t.Errorf("accepted %d of 100 KiB before %v; the limit is 1 MiB", accepted, err)
		}
		close(gate)
		wg.Wait()
		mustAppend(t, l, make([]byte, 100<<10))
	})
}

func TestAppendFromDone(t *testing.T) {
	onEach(t, roomy, func(t *testing.T, open func() bifrost.Host) {
		r := newRecorder(&disk{})
		l := start(t, open(), testLog, r)
		finished := make(chan error, 1)
		var next func(n int) func(protocol.LSN, error)
		next = func(n int) func(protocol.LSN, error) {
			return func(_ protocol.LSN, err error) {
				if err == nil && n < 50 {
					err = l.Append(next(n+1), fmt.Append(nil, n))
				} else {
					finished <- err
					return
				}
				if err != nil {
					finished <- err
				}
			}
		}
		if err := l.Append(next(0), []byte("first")); err != nil {
			t.Fatal(err)
		}
		if err := <-finished; err != nil {
			t.Fatal(err)
		}
		if records, _ := seen(t, r); len(records) != 51 {
			t.Fatalf("applied %d records, want 51", len(records))
		}
	})
}

func TestFailingApplierStopsOnlyItself(t *testing.T) {
	onEach(t, roomy, func(t *testing.T, open func() bifrost.Host) {
		h := open()
		d := &disk{}
		bad := newRecorder(d)
		bad.onApply = func(records []bifrost.Record) error {
			if string(records[len(records)-1].Data) == "poison" {
				return errors.New("cannot swallow that")
			}
			return nil
		}
		good := newRecorder(&disk{})
		sick, healthy := start(t, h, testLog, bad), start(t, h, bifrost.MetadataLog, good)
		mustAppend(t, sick, []byte("fine"))
		mustAppend(t, sick, []byte("fine too"))
		_, err := bifrost.AppendWait(t.Context(), sick, []byte("poison"))
		if !errors.Is(err, bifrost.ErrUnknown) {
			t.Fatalf("append of a record that cannot be applied: %v", err)
		}
		_, err = bifrost.AppendWait(t.Context(), sick, []byte("x"))
		if !errors.Is(err, bifrost.ErrClosed) {
			t.Fatalf("append to a stopped replica: %v", err)
		}
		if err := sick.Trim(t.Context(), sick.Tail()); !errors.Is(err, bifrost.ErrClosed) {
			t.Fatalf("trim of a stopped replica: %v", err)
		}
		mustAppend(t, healthy, []byte("fine"))
		if err := h.Stop(testLog); err != nil {
			t.Fatal(err)
		}
		cured := newRecorder(d)
		sick = start(t, h, testLog, cured)
		mustAppend(t, sick, []byte("more"))
		if records, _ := seen(t, cured); len(records) != 4 {
			t.Fatalf("after the cure %d records, want 4", len(records))
		}
	})
}

func TestStopAndStart(t *testing.T) {
	onEach(t, roomy, func(t *testing.T, open func() bifrost.Host) {
		h := open()
		d := &disk{}
		r := newRecorder(d)
		l := start(t, h, testLog, r)
		mustAppend(t, l, []byte("a"))
		if _, err := h.Start(t.Context(), testLog, newRecorder(&disk{})); err == nil {
			t.Fatal("a running log was started again")
		}
		if err := h.Stop(testLog); err != nil {
			t.Fatal(err)
		}
		if err := h.Stop(testLog); err != nil {
			t.Fatalf("stop of a stopped log: %v", err)
		}
		if !r.closed {
			t.Error("the Applier was not closed")
		}
		if _, err := bifrost.AppendWait(t.Context(), l, []byte("b")); err == nil {
			t.Error("a stopped log took an append")
		}
		r = newRecorder(d)
		l = start(t, h, testLog, r)
		mustAppend(t, l, []byte("b"))
		if records, _ := seen(t, r); len(records) != 2 {
			t.Errorf("%d records after the second start, want 2", len(records))
		}
	})
}

func TestAppendWaitGivesUpWithItsContext(t *testing.T) {
	onEach(t, roomy, func(t *testing.T, open func() bifrost.Host) {
		ctx, cancel := context.WithCancel(t.Context())
		gate := make(chan struct{})
		r := newRecorder(&disk{})
		r.onApply = func([]bifrost.Record) error { cancel(); <-gate; return nil }
		l := start(t, open(), testLog, r)
		_, err := bifrost.AppendWait(ctx, l, []byte("late"))
		close(gate)
		if !errors.Is(err, bifrost.ErrUnknown) || !errors.Is(err, context.Canceled) {
			t.Errorf("append given up: %v", err)
		}
	})
}

func TestCloseWhileLogsStartAndStop(t *testing.T) {
	onEach(t, roomy, func(t *testing.T, open func() bifrost.Host) {
		for range 5 {
			h := open()
			var recorders []*recorder
			var wg sync.WaitGroup
			var once sync.Once
			begun := make(chan struct{})
			for p := range uint16(8) {
				r := newRecorder(&disk{})
				recorders = append(recorders, r)
				wg.Go(func() {
					_, err := h.Start(t.Context(), bifrost.PartitionLog(p), r)
					once.Do(func() { close(begun) })
					if err != nil {
						if !errors.Is(err, bifrost.ErrClosed) {
							t.Errorf("start beside close: %v", err)
						}
						return
					}
					if p%2 == 0 {
						if err := h.Stop(bifrost.PartitionLog(p)); err != nil {
							t.Errorf("stop beside close: %v", err)
						}
					}
				})
			}
			<-begun
			mustClose(t, h)
			wg.Wait()
			for _, r := range recorders {
				if seen(t, r); r.leftOpen() {
					t.Error("an Applier was left open")
				}
			}
			_, err := h.Start(t.Context(), testLog, newRecorder(&disk{}))
			if !errors.Is(err, bifrost.ErrClosed) {
				t.Errorf("start on a closed host: %v", err)
			}
		}
	})
}
