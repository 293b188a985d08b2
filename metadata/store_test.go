package metadata

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/bifrost/memlog"
	"github.com/perdure/perdure/protocol"
)

func open(t *testing.T, host bifrost.Host, dir string, trimBytes int) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Host: host, Dir: dir, TrimBytes: trimBytes,
		Background: func(err error) { t.Errorf("in the background: %v", err) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func mustSwap(t *testing.T, s *Store, key string, expected uint64, value string) {
	t.Helper()
	if err := s.CompareAndSwap(t.Context(), key, expected, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

func wantValue(t *testing.T, s *Store, key, value string, version uint64) {
	t.Helper()
	b, v, ok := s.Get(key)
	if !ok || string(b) != value || v != version {
		t.Fatalf("%s = %q version %d (%t), want %q version %d", key, b, v, ok, value, version)
	}
}

func TestCompareAndSwap(t *testing.T) {
	s := open(t, memlog.NewHost(), t.TempDir(), 0)
	if _, _, ok := s.Get("a"); ok {
		t.Fatal("found a key nobody wrote")
	}
	mustSwap(t, s, "a", 0, "one")
	wantValue(t, s, "a", "one", 1)
	if err := s.CompareAndSwap(t.Context(), "a", 0, []byte("x")); !errors.Is(err, ErrConflict) {
		t.Fatalf("second creation: %v, want ErrConflict", err)
	}
	mustSwap(t, s, "a", 1, "two")
	wantValue(t, s, "a", "two", 2)
	for _, bad := range []string{"", strings.Repeat("k", MaxKeyBytes+1)} {
		if err := s.CompareAndSwap(t.Context(), bad, 0, nil); err == nil {
			t.Fatalf("a key of %d bytes was taken", len(bad))
		}
	}
	big := make([]byte, MaxValueBytes+1)
	if err := s.CompareAndSwap(t.Context(), "big", 0, big); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("value of %d bytes: %v, want ErrTooLarge", len(big), err)
	}
}

func TestWatch(t *testing.T) {
	s := open(t, memlog.NewHost(), t.TempDir(), 0)
	a, b := s.Watch("a"), s.Watch("b")
	mustSwap(t, s, "a", 0, "x")
	select {
	case <-a:
	case <-time.After(10 * time.Second):
		t.Fatal("the watcher of a was not woken")
	}
	select {
	case <-b:
		t.Fatal("the watcher of b was woken by a change of a")
	default:
	}
	again := s.Watch("a")
	if err := s.CompareAndSwap(t.Context(), "a", 0, nil); !errors.Is(err, ErrConflict) {
		t.Fatal(err)
	}
	select {
	case <-again:
		t.Fatal("a refused swap woke the watcher")
	default:
	}
}

// TestConcurrentIncrements: no increment is lost when many writers race.
func TestConcurrentIncrements(t *testing.T) {
	s := open(t, memlog.NewHost(), t.TempDir(), 512)
	const writers, each = 8, 25
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for n := 0; n < each; {
				b, version, _ := s.Get("n")
				i, _ := strconv.Atoi(string(b))
				err := s.CompareAndSwap(t.Context(), "n", version, fmt.Append(nil, i+1))
				switch {
				case err == nil:
					n++
				case !errors.Is(err, ErrConflict):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	wantValue(t, s, "n", fmt.Sprint(writers*each), writers*each)
}

// TestRestart: values survive a restart, from the file, the log, or both, and trimming in between.
func TestRestart(t *testing.T) {
	for _, trimBytes := range []int{1, 100, 1 << 20} {
		t.Run(fmt.Sprint("trim=", trimBytes), func(t *testing.T) {
			host, dir := memlog.NewHost(), t.TempDir()
			for round := range 5 {
				s, err := Open(t.Context(), Config{Host: host, Dir: dir, TrimBytes: trimBytes})
				if err != nil {
					t.Fatal(err)
				}
				if round > 0 {
					wantValue(t, s, "a", fmt.Sprint(round*10-1), uint64(round*10))
				}
				for i := range 10 {
					mustSwap(t, s, "a", uint64(round*10+i), fmt.Sprint(round*10+i))
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if err := host.Close(); err != nil {
					t.Fatal(err)
				}
				host = host.Reopen()
			}
		})
	}
}

func TestOpenRefusesDamage(t *testing.T) {
	dir := t.TempDir()
	b := exampleMachine().encode()
	b[len(b)-3] ^= 1
	if err := os.WriteFile(filepath.Join(dir, snapshotFile), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{Host: memlog.NewHost(), Dir: dir}); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("open on a damaged file: %v, want ErrCorrupt", err)
	}
}

// flaky fails appends as scripted before passing the rest on.
type flaky struct {
	bifrost.Log
	mu     sync.Mutex
	script []func(l bifrost.Log, done func(protocol.LSN, error), payloads [][]byte) error
}

func (f *flaky) Append(done func(protocol.LSN, error), payloads ...[]byte) error {
	f.mu.Lock()
	var step func(bifrost.Log, func(protocol.LSN, error), [][]byte) error
	if len(f.script) > 0 {
		step, f.script = f.script[0], f.script[1:]
	}
	f.mu.Unlock()
	if step != nil {
		return step(f.Log, done, payloads)
	}
	return f.Log.Append(done, payloads...)
}

func busy(bifrost.Log, func(protocol.LSN, error), [][]byte) error { return bifrost.ErrBusy }

func notLeader(bifrost.Log, func(protocol.LSN, error), [][]byte) error { return bifrost.ErrNotLeader }

// lostBefore loses the record, lostAfter only the acknowledgement.
func lostBefore(_ bifrost.Log, done func(protocol.LSN, error), _ [][]byte) error {
	done(0, bifrost.ErrUnknown)
	return nil
}

func lostAfter(l bifrost.Log, done func(protocol.LSN, error), payloads [][]byte) error {
	return l.Append(func(protocol.LSN, error) { done(0, bifrost.ErrUnknown) }, payloads...)
}

func TestUncertainAppends(t *testing.T) {
	s := open(t, memlog.NewHost(), t.TempDir(), 0)
	f := &flaky{Log: s.log}
	s.log = f
	version := uint64(0)
	for name, step := range map[string]func(bifrost.Log, func(protocol.LSN, error), [][]byte) error{
		"busy": busy, "lost before": lostBefore, "lost after": lostAfter,
	} {
		f.script = append(f.script, step, step)
		if err := s.CompareAndSwap(t.Context(), "a", version, []byte(name)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		version++ // exactly once, though the record may be in the log three times
		wantValue(t, s, "a", name, version)
	}
	f.script = append(f.script, notLeader)
	err := s.CompareAndSwap(t.Context(), "a", version, nil)
	if !errors.Is(err, bifrost.ErrNotLeader) || errors.Is(err, bifrost.ErrUnknown) {
		t.Fatalf("not the leader: %v", err)
	}
	f.script = append(f.script, lostBefore, notLeader)
	err = s.CompareAndSwap(t.Context(), "a", version, nil)
	if !errors.Is(err, bifrost.ErrNotLeader) || !errors.Is(err, bifrost.ErrUnknown) {
		t.Fatalf("lost, then not the leader: %v, want both", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.script = append(f.script, busy)
	if err := s.CompareAndSwap(ctx, "a", version, nil); !errors.Is(err, bifrost.ErrBusy) {
		t.Fatalf("busy with an ended context: %v", err)
	}
	wantValue(t, s, "a", string(mustGet(s, "a")), version)
}

func mustGet(s *Store, key string) []byte {
	b, _, _ := s.Get(key)
	return b
}

func TestSaveRestore(t *testing.T) {
	s := open(t, memlog.NewHost(), t.TempDir(), 0)
	mustSwap(t, s, "a", 0, "x")
	mustSwap(t, s, "b", 0, "y")
	var b bytes.Buffer
	if err := (applier{s}).Save(&b, nil); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	other := &Store{cfg: Config{Dir: dir}, machine: newMachine(), watchers: map[string]chan struct{}{}}
	woken := other.Watch("a")
	lsn, err := (applier{other}).Restore(&b, nil)
	if err != nil || lsn != s.machine.applied {
		t.Fatalf("restored to %v, %v; want %v", lsn, err, s.machine.applied)
	}
	wantValue(t, other, "a", "x", 1)
	<-woken
	m, err := loadFile(dir)
	if err != nil || m.applied != lsn || len(m.entries) != 2 {
		t.Fatalf("the restored state is not durable: %+v, %v", m, err)
	}
	if err := (applier{other}).Apply([]bifrost.Record{{LSN: lsn + 1, Data: []byte{99}}}); err == nil {
		t.Fatal("a record nobody understands was applied")
	}
	stop := make(chan struct{})
	close(stop)
	if err := (applier{s}).Save(&b, stop); err == nil {
		t.Fatal("saved although asked to stop")
	}
}

func TestCluster(t *testing.T) {
	s := open(t, memlog.NewHost(), t.TempDir(), 0)
	if _, ok, err := s.Cluster(); ok || err != nil {
		t.Fatalf("before the first: %t, %v", ok, err)
	}
	made := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	want := Cluster{Name: "c", Partitions: 24, CreatedAt: made, Features: []string{"f"}}
	if got, err := s.EnsureCluster(t.Context(), want); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("created %+v, %v; want %+v", got, err, want)
	}
	golden(t, "cluster.json", string(mustGet(s, ClusterKey))+"\n")
	got, err := s.EnsureCluster(t.Context(), Cluster{Name: "c", Partitions: 4})
	if err != nil || got.Partitions != 24 {
		t.Fatalf("the stored number of partitions must win: %+v, %v", got, err)
	}
	if _, err := s.EnsureCluster(t.Context(), Cluster{Name: "other", Partitions: 4}); err == nil {
		t.Fatal("another cluster's name was accepted")
	}
	if _, err := s.EnsureCluster(t.Context(), Cluster{Name: "c"}); err == nil {
		t.Fatal("a cluster without partitions was accepted")
	}
}
