package nodelog

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lni/dragonboat/v4/raftio"
	pb "github.com/lni/dragonboat/v4/raftpb"
	"github.com/lni/vfs"
)

// BenchmarkSave saves entries of 256 bytes on a real disk, as the library's two step workers do: each
// saves what has come for its replicas, waits, and saves again. conc=1 is one worker with one replica's
// entry at a time. The commit index that follows each entry, alone, is part of an operation, as it is
// when a follower has to answer first.
func BenchmarkSave(b *testing.B) {
	for _, shards := range []int{1, 24} {
		for _, workers := range []int{1, 2} {
			for name, open := range map[string]func(*testing.B) (raftio.ILogDB, func() int64){
				"ours": openForBench, "builtin": openBuiltInForBench,
			} {
				if workers > shards {
					continue
				}
				b.Run(fmt.Sprintf("shards=%d/workers=%d/log=%s", shards, workers, name), func(b *testing.B) {
					l, syncs := open(b)
					saveFrom(b, l, shards, workers, syncs)
				})
			}
		}
	}
}

func openForBench(b *testing.B) (raftio.ILogDB, func() int64) {
	l, err := Open(Config{Dir: b.TempDir()})
	must(b, err)
	b.Cleanup(func() { must(b, l.Close()) })
	return l, l.syncs.Load
}

func openBuiltInForBench(b *testing.B) (raftio.ILogDB, func() int64) {
	l := openBuiltIn(b, vfs.Default, b.TempDir())
	b.Cleanup(func() { must(b, l.Close()) })
	return l, nil
}

// saveFrom shares b.N entries among workers; each worker has its own replicas and saves one entry of
// each of them at a time.
func saveFrom(b *testing.B, l raftio.ILogDB, shards, workers int, syncs func() int64) {
	took := make([][]time.Duration, workers)
	payload := make([]byte, 256)
	before := int64(0)
	if syncs != nil {
		before = syncs()
	}
	b.ResetTimer()
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			var uds []pb.Update
			for s := w; s < shards; s += workers {
				uds = append(uds, pb.Update{ShardID: uint64(s + 1), ReplicaID: 1})
			}
			for i := uint64(1); i*uint64(shards) <= uint64(b.N+shards); i++ {
				for j := range uds {
					uds[j].State = pb.State{Term: 1, Vote: 1, Commit: i - 1}
					uds[j].EntriesToSave = []pb.Entry{{Index: i, Term: 1, Type: pb.EncodedEntry, Cmd: payload}}
				}
				began := time.Now()
				must(b, l.SaveRaftState(uds, uint64(w+1)))
				for j := range uds {
					uds[j].State.Commit = i
					uds[j].EntriesToSave = nil
				}
				must(b, l.SaveRaftState(uds, uint64(w+1)))
				took[w] = append(took[w], time.Since(began))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	all := slices.Concat(took...)
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-us")
	if syncs != nil { // the other is counted from outside, by strace
		b.ReportMetric(float64(syncs()-before)/float64(len(all)), "syncs/save")
	}
}
