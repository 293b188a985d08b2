package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

func testConfig(fs vfs.FS) Config {
	return Config{Dir: "p7", FS: fs, Partition: 7, Keys: protocol.PartitionRange(7, 24)}
}

func open(t *testing.T, cfg Config) *Store {
	t.Helper()
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeStore(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// fill commits count invocations, one command each, after what is applied already.
func fill(t *testing.T, s *Store, count int) {
	t.Helper()
	for range count {
		tx := s.Begin()
		lsn := tx.Vars.Applied + 5
		st := Status{ID: protocol.InvocationID{Key: protocol.PartitionKey(lsn)}, State: Invoked}
		value := protocol.Inline(bytes.Repeat([]byte{byte(lsn)}, 300))
		err := errors.Join(tx.PutStatus(st),
			tx.PutState(Object{Service: "S", Key: fmt.Sprint(lsn)}, []byte("k"), value),
			tx.SetApplied(lsn), tx.Commit())
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestFlushedRowsSurvive(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := open(t, testConfig(fs))
	defer closeStore(t, s)
	fill(t, s, 20)
	if durable, err := s.DurableLSN(); err != nil || durable != 0 {
		t.Fatalf("before a flush %s is durable, %v", durable, err)
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	flushed := s.vars
	if durable, err := s.DurableLSN(); err != nil || durable != flushed.Applied {
		t.Fatalf("after a flush %s is durable, %v; want %s", durable, err, flushed.Applied)
	}
	fill(t, s, 5)
	crashed := open(t, testConfig(fs.CrashClone(vfs.CrashCloneCfg{})))
	defer closeStore(t, crashed)
	if crashed.vars.Applied != flushed.Applied || crashed.vars.Digest != flushed.Digest {
		t.Fatalf("a crash left %+v, want %+v", crashed.vars, flushed)
	}
	done, err := s.AsyncFlush()
	if err != nil {
		t.Fatal(err)
	}
	<-done
	if durable, err := s.DurableLSN(); err != nil || durable != s.Applied() {
		t.Fatalf("after a flush %s is durable, %v; want %s", durable, err, s.Applied())
	}
}

func TestOpenRefusesOthers(t *testing.T) {
	fs := vfs.NewMem()
	closeStore(t, open(t, testConfig(fs)))
	other := testConfig(fs)
	other.Partition = 8
	if _, err := Open(other); !errors.Is(err, ErrIdentity) {
		t.Errorf("opened as another partition: %v", err)
	}
	other = testConfig(fs)
	other.Keys.Last++
	if _, err := Open(other); !errors.Is(err, ErrIdentity) {
		t.Errorf("opened with another key range: %v", err)
	}
	s := open(t, testConfig(fs))
	e := newRow(0)
	e.uint(1, storeFormat+1)
	if err := s.db.Set(identityKey(), e.b, pebble.NoSync); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	if _, err := Open(testConfig(fs)); !errors.Is(err, ErrFormat) {
		t.Errorf("opened a newer format: %v", err)
	}
}

func TestCorruptRowsAreNoticed(t *testing.T) {
	s := open(t, testConfig(vfs.NewMem()))
	defer closeStore(t, s)
	if err := s.db.Set(statusKey(nil, testID), []byte{rowVersion, 0xFF}, pebble.NoSync); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Reader().GetStatus(testID); !errors.Is(err, ErrCorrupt) {
		t.Errorf("read a broken row: %v", err)
	}
}

func save(t *testing.T, s *Store) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := s.Save(&b, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSaveAndRestore(t *testing.T) {
	s := open(t, testConfig(vfs.NewMem()))
	defer closeStore(t, s)
	fill(t, s, 2000) // several chunks
	stream := save(t, s)
	fs := vfs.NewCrashableMem()
	other := open(t, testConfig(fs))
	defer closeStore(t, other)
	fill(t, other, 3)
	lsn, err := other.Restore(bytes.NewReader(stream), nil)
	if err != nil || lsn != s.Applied() {
		t.Fatalf("restored to %s, %v; want %s", lsn, err, s.Applied())
	}
	crashed := open(t, testConfig(fs.CrashClone(vfs.CrashCloneCfg{})))
	defer closeStore(t, crashed)
	for name, got := range map[string]*Store{"restored": other, "restored and crashed": crashed} {
		if !bytes.Equal(save(t, got), stream) {
			t.Errorf("the %s store holds other rows", name)
		}
	}
	fill(t, other, 1)
	fill(t, s, 1)
	if !bytes.Equal(save(t, other), save(t, s)) {
		t.Error("the stores differ after one more command")
	}
}

// A torn, flipped or foreign stream is refused, and the store is empty afterwards.
func TestRestoreRefusesDamage(t *testing.T) {
	s := open(t, testConfig(vfs.NewMem()))
	defer closeStore(t, s)
	fill(t, s, 20)
	stream := save(t, s)
	damaged := map[string][]byte{"empty": nil}
	for i := 0; i < len(stream); i += 97 {
		damaged[fmt.Sprintf("torn at %d", i)] = stream[:i]
		flipped := bytes.Clone(stream)
		flipped[i] ^= 0x10
		damaged[fmt.Sprintf("flipped at %d", i)] = flipped
	}
	damaged["without its end"] = stream[:len(stream)-12]
	for name, stream := range damaged {
		fs := vfs.NewMem()
		other := open(t, testConfig(fs))
		if lsn, err := other.Restore(bytes.NewReader(stream), nil); err == nil {
			t.Fatalf("%s: restored to %s", name, lsn)
		}
		closeStore(t, other)
		other = open(t, testConfig(fs))
		if other.Applied() != 0 {
			t.Fatalf("%s: reopened at %s", name, other.Applied())
		}
		fill(t, other, 1)
		closeStore(t, other)
	}
	foreign := testConfig(vfs.NewMem())
	foreign.Partition = 9
	other := open(t, foreign)
	defer closeStore(t, other)
	if _, err := other.Restore(bytes.NewReader(stream), nil); !errors.Is(err, ErrIdentity) {
		t.Errorf("restored the stream of another partition: %v", err)
	}
}

func TestSaveAndRestoreStop(t *testing.T) {
	s := open(t, testConfig(vfs.NewMem()))
	defer closeStore(t, s)
	fill(t, s, 2000)
	stream := save(t, s)
	stop := make(chan struct{})
	close(stop)
	if err := s.Save(&bytes.Buffer{}, stop); !errors.Is(err, ErrStopped) {
		t.Errorf("save was not stopped: %v", err)
	}
	if _, err := s.Restore(bytes.NewReader(stream), stop); !errors.Is(err, ErrStopped) {
		t.Errorf("restore was not stopped: %v", err)
	}
}

// A chunk that claims to be huge is refused before memory is taken for it.
func TestRestoreBoundsChunks(t *testing.T) {
	s := open(t, testConfig(vfs.NewMem()))
	defer closeStore(t, s)
	stream := binary.LittleEndian.AppendUint32([]byte(streamMagic), 1<<31)
	if _, err := s.Restore(bytes.NewReader(stream), nil); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a chunk of 2 GiB: %v", err)
	}
}

func TestCheckpoint(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, testConfig(fs))
	defer closeStore(t, s)
	fill(t, s, 50)
	lsn, err := s.Checkpoint("copy")
	if err != nil || lsn != s.Applied() {
		t.Fatalf("checkpoint at %s, %v; want %s", lsn, err, s.Applied())
	}
	want := save(t, s)
	fill(t, s, 10)
	cfg := testConfig(fs)
	cfg.Dir = "copy"
	opened := open(t, cfg)
	defer closeStore(t, opened)
	if !bytes.Equal(save(t, opened), want) {
		t.Error("the checkpoint holds other rows than the store did")
	}
}

func TestStoresShareCaches(t *testing.T) {
	shared := NewShared(SharedConfig{})
	defer shared.Close()
	fs := vfs.NewMem()
	for p := range protocol.PartitionID(24) {
		s := open(t, Config{
			Dir: fmt.Sprint("p", p), FS: fs, Shared: shared, Partition: p,
			Keys: protocol.PartitionRange(p, 24),
		})
		defer closeStore(t, s)
		fill(t, s, 3)
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestScansAndWindows(t *testing.T) {
	s := open(t, testConfig(vfs.NewMem()))
	defer closeStore(t, s)
	tx := s.Begin()
	message := &command.Terminate{ID: testID, Mode: command.TerminateKill}
	var errs []error
	for i := range uint64(10) {
		errs = append(errs,
			tx.PutMessage(&command.Message{Sequence: i + 1, Command: message}),
			tx.PutTimer(command.Timer{Due: protocol.Millis(10 - i), Kind: 1, Invocation: testID}),
			tx.PutStatus(Status{
				ID: protocol.InvocationID{Key: protocol.PartitionKey(i)}, State: State(1 + i%5),
			}))
	}
	errs = append(errs, tx.SetApplied(1), tx.Commit())
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	r := s.Reader()
	if m, err := r.Outbox(4, 3); err != nil || len(m) != 3 || m[0].Sequence != 4 {
		t.Errorf("outbox from 4: %v, %v", m, err)
	}
	var due []protocol.Millis
	for from := (command.Timer{}); ; {
		window, err := r.Timers(from, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, timer := range window {
			due = append(due, timer.Due)
		}
		if len(window) == 0 {
			break
		}
		from = window[len(window)-1]
	}
	if fmt.Sprint(due) != "[1 2 3 4 5 6 7 8 9 10]" {
		t.Errorf("timers in windows fall due at %v", due)
	}
	part, err := collect(r.ScanStatus(protocol.KeyRange{First: 2, Last: 5}))
	if err != nil || len(part) != 4 {
		t.Errorf("a part of the key range has %d rows, %v", len(part), err)
	}
	invoked, err := collect(r.ScanInvoked())
	if err != nil || len(invoked) != 2 || invoked[0].State != Invoked {
		t.Errorf("%d are invoked, %v", len(invoked), err)
	}
}

func TestStateLimit(t *testing.T) {
	s := open(t, testConfig(vfs.NewMem()))
	defer closeStore(t, s)
	tx := s.Begin()
	for _, key := range []string{"b", "a", "c"} {
		if err := tx.PutState(testObject, []byte(key), protocol.Inline([]byte("12345"))); err != nil {
			t.Fatal(err)
		}
	}
	for limit, want := range map[int]int{0: 3, 5: 0, 12: 2, 18: 3} {
		got, partial, err := tx.State(testObject, limit)
		if err != nil || len(got) != want || partial != (want < 3) {
			t.Errorf("limit %d: %d keys, partial %v, %v", limit, len(got), partial, err)
		}
	}
	if err := tx.Discard(); err != nil {
		t.Fatal(err)
	}
	if got, _, err := s.Reader().State(testObject, 0); err != nil || len(got) != 0 {
		t.Errorf("a discarded change is seen: %v, %v", got, err)
	}
}

// Any difference between what two replicas write shows in their digests from then on.
func TestDigestTellsReplicasApart(t *testing.T) {
	digest := func(change func(*Tx) error) uint64 {
		s := open(t, testConfig(vfs.NewMem()))
		defer closeStore(t, s)
		tx := s.Begin()
		if err := errors.Join(change(tx), tx.SetApplied(1), tx.SetApplied(2), tx.Commit()); err != nil {
			t.Fatal(err)
		}
		return s.vars.Digest
	}
	state := func(key, value string) func(*Tx) error {
		return func(tx *Tx) error {
			return tx.PutState(testObject, []byte(key), protocol.Inline([]byte(value)))
		}
	}
	seen := map[uint64]string{}
	for name, change := range map[string]func(*Tx) error{
		"nothing":     func(*Tx) error { return nil },
		"one value":   state("k", "v"),
		"another":     state("k", "w"),
		"another key": state("l", "v"),
		"twice":       func(tx *Tx) error { return errors.Join(state("k", "v")(tx), state("k", "v")(tx)) },
		"and deleted": func(tx *Tx) error {
			return errors.Join(state("k", "v")(tx), tx.DeleteState(testObject, []byte("k")))
		},
		"a counter": func(tx *Tx) error { tx.Vars.LastOutbox++; return nil },
	} {
		d := digest(change)
		if other, ok := seen[d]; ok {
			t.Errorf("%q and %q have the same digest", name, other)
		}
		seen[d] = name
		if digest(change) != d {
			t.Errorf("%q has another digest the second time", name)
		}
	}
}

func TestAppliedOnlyAscends(t *testing.T) {
	s := open(t, testConfig(vfs.NewMem()))
	defer closeStore(t, s)
	fill(t, s, 2)
	tx := s.Begin()
	if err := tx.SetApplied(s.Applied()); err == nil {
		t.Error("a command was applied twice")
	}
	if err := tx.Discard(); err != nil {
		t.Fatal(err)
	}
}

// The same on a real disk, in directories that do not exist yet.
func TestOnDisk(t *testing.T) {
	cfg := testConfig(nil)
	cfg.Dir = t.TempDir() + "/partitions/7"
	s := open(t, cfg)
	fill(t, s, 10)
	lsn, err := s.Checkpoint(t.TempDir() + "/copy")
	if err != nil || lsn != s.Applied() {
		t.Fatalf("checkpoint at %s, %v; want %s", lsn, err, s.Applied())
	}
	want := save(t, s)
	closeStore(t, s)
	s = open(t, cfg)
	defer closeStore(t, s)
	if !bytes.Equal(save(t, s), want) {
		t.Error("the reopened store holds other rows")
	}
}
