package bifrost_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/perdure/perdure/bifrost"
)

const patience = 30 * time.Second

func openRaft(t testing.TB, dir string, change ...func(*bifrost.RaftConfig)) *bifrost.RaftHost {
	t.Helper()
	cfg := bifrost.RaftConfig{Dir: dir}
	for _, f := range change {
		f(&cfg)
	}
	h, err := bifrost.OpenRaft(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return h
}

// eventually polls until ok or patience ends.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for: %s", patience, what)
		}
	}
}

func start(t testing.TB, h bifrost.Host, id bifrost.LogID, a bifrost.Applier) bifrost.Log {
	t.Helper()
	l, err := h.Start(t.Context(), id, a)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a leader", func() bool { leads, _ := l.Leader(); return leads })
	return l
}

func TestSmoke(t *testing.T) {
	began := time.Now()
	h := openRaft(t, t.TempDir())
	t.Log("open", time.Since(began))
	for p := range uint16(24) {
		l, err := h.Start(t.Context(), bifrost.PartitionLog(p), newRecorder(&disk{}))
		if err != nil {
			t.Fatal(err)
		}
		_ = l
	}
	t.Log("started", time.Since(began))
	l := start(t, h, bifrost.MetadataLog, newRecorder(&disk{}))
	t.Log("leader", time.Since(began))
	for i := range 5 {
		lsn, err := bifrost.AppendWait(context.Background(), l, []byte(fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		t.Log(lsn, time.Since(began))
	}
	recs, err := l.Read(t.Context(), 0, 1<<20)
	t.Log(recs, err)
}
