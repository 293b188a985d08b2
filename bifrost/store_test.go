package bifrost_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/bifrost/nodelog"
)

// TestOneSyncPerAppend: what one caller appends, one after the other, costs one sync each, and no
// sync more for what Raft notes beside it.
func TestOneSyncPerAppend(t *testing.T) {
	var syncs atomic.Int64
	h := openRaft(t, t.TempDir(), func(c *bifrost.RaftConfig) {
		c.Events.Synced = func(nodelog.SyncInfo) { syncs.Add(1) }
	})
	l := start(t, h, testLog, newRecorder(&disk{}))
	mustAppend(t, l, []byte("the leader's own entry is behind us"))
	before := syncs.Load()
	for range 100 {
		mustAppend(t, l, []byte("x"))
	}
	if n := syncs.Load() - before; n != 100 {
		t.Fatalf("%d syncs for 100 appends", n)
	}
}

// TestADamagedLogIsRefused: the text says which file, and the server is not started.
func TestADamagedLogIsRefused(t *testing.T) {
	dir := t.TempDir()
	h := openRaft(t, dir)
	l := start(t, h, testLog, newRecorder(&disk{}))
	for range 10 {
		mustAppend(t, l, []byte("an entry that will not be the same"))
	}
	mustClose(t, h)
	files, err := filepath.Glob(filepath.Join(dir, "*", "*", "segments", "*.wal"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no segments: %v", err)
	}
	damaged := 0
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if i := strings.Index(string(data), "not be the same"); i >= 0 {
			damaged++
			data[i] ^= 1
			writeFile(t, name, string(data))
		}
	}
	if damaged != 1 {
		t.Fatalf("the entries are in %d segments", damaged)
	}
	h, err = bifrost.OpenRaft(bifrost.RaftConfig{Dir: dir})
	if err == nil {
		_ = h.Close()
	}
	if !errors.Is(err, nodelog.ErrCorrupt) || !strings.Contains(err.Error(), ".wal at byte") {
		t.Fatalf("damaged log: %v", err)
	}
}

// TestAFullDiskRefusesAppends: the limit is set so high that any disk is too small.
func TestAFullDiskRefusesAppends(t *testing.T) {
	var levels []bifrost.SpaceLevel
	h := openRaft(t, t.TempDir(), func(c *bifrost.RaftConfig) {
		c.MinFreeBytes = 1 << 60
		c.Events.Space = func(s bifrost.SpaceInfo) { levels = append(levels, s.Level) }
	})
	l := start(t, h, testLog, newRecorder(&disk{}))
	err := l.Append(nil, []byte("x"))
	if !errors.Is(err, bifrost.ErrDiskFull) || !errors.Is(err, bifrost.ErrBusy) ||
		!strings.Contains(err.Error(), "free some space") {
		t.Fatalf("append: %v", err)
	}
	if err := h.Admit(); !errors.Is(err, bifrost.ErrDiskFull) {
		t.Fatalf("admit: %v", err)
	}
	if len(levels) != 1 || levels[0] != bifrost.SpaceFull {
		t.Fatalf("told of %v", levels)
	}
}
