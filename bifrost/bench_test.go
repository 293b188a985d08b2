package bifrost_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/protocol"
)

// idle is an Applier without state: it measures the log alone.
type idle struct{ *recorder }

func (idle) Apply([]bifrost.Record) error { return nil }

// BenchmarkAppend measures appends of 256 bytes, each waited for, from conc callers over a number
// of partitions. BenchmarkSync shows what one sync of the disk beneath costs meanwhile.
func BenchmarkAppend(b *testing.B) {
	for _, partitions := range []int{1, 24} {
		for _, conc := range []int{1, 64} {
			b.Run(fmt.Sprintf("conc=%d/partitions=%d", conc, partitions), func(b *testing.B) {
				var entries atomic.Int64
				h := openRaft(b, b.TempDir(), func(c *bifrost.RaftConfig) {
					c.Events.EntryProposed = func(bifrost.LogID, bifrost.EntryInfo) { entries.Add(1) }
				})
				var logs []bifrost.Log
				for p := range partitions {
					logs = append(logs, start(b, h, bifrost.PartitionLog(uint16(p)), idle{newRecorder(&disk{})}))
				}
				b.ResetTimer()
				took := appendFrom(b, logs, conc)
				b.StopTimer()
				slices.Sort(took)
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
				b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
				b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
				b.ReportMetric(float64(b.N)/float64(entries.Load()), "appends/entry")
			})
		}
	}
}

// appendFrom shares b.N appends among conc callers and returns how long each took.
func appendFrom(b *testing.B, logs []bifrost.Log, conc int) []time.Duration {
	took := make([]time.Duration, b.N)
	payload := make([]byte, 256)
	var next atomic.Int64
	var wg sync.WaitGroup
	for c := range conc {
		wg.Go(func() {
			answer := make(chan error, 1)
			done := func(_ protocol.LSN, err error) { answer <- err }
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				began := time.Now()
				err := logs[(int(i)+c)%len(logs)].Append(done, payload)
				if err == nil {
					err = <-answer
				}
				if err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(began)
			}
		})
	}
	wg.Wait()
	return took
}

// BenchmarkSync appends 256 bytes to a file and syncs it.
func BenchmarkSync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "file"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	payload := make([]byte, 256)
	for b.Loop() {
		if _, err := f.Write(payload); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}
