package source_test

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/perdure/perdure/admin/query"
	"github.com/perdure/perdure/admin/query/source"
	"github.com/perdure/perdure/admin/query/table"
	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// How many invocations the benchmark asks about, over how many partitions:
// go test ./admin/query/source -run none -bench Invocations -invocations 1000000
var (
	invocations    = flag.Int("invocations", 50_000, "invocations that the benchmark asks about")
	benchPartitons = flag.Int("partitions", 24, "partitions they are in")
)

// stores are partitions without logs: rows are written into them directly.
type stores struct{ list []*store.Store }

func (s *stores) Count() int { return len(s.list) }

func (s *stores) PartitionOf(k protocol.PartitionKey) protocol.PartitionID {
	return protocol.PartitionOf(k, len(s.list))
}

func (s *stores) View(p protocol.PartitionID) (source.View, error) {
	return source.View{
		Keys: protocol.PartitionRange(p, len(s.list)), Rows: s.list[p].Snapshot(),
	}, nil
}

// noSchema has nothing registered.
type noSchema struct{ schema.Source }

func openStores(b testing.TB, count int) *stores {
	b.Helper()
	s := &stores{}
	shared := store.NewShared(store.SharedConfig{BlockCacheBytes: 256 << 20, OpenFiles: 1000})
	for p := range count {
		id := protocol.PartitionID(p)
		opened, err := store.Open(store.Config{
			Dir: fmt.Sprintf("%s/%04d", b.TempDir(), p), Partition: id,
			Keys: protocol.PartitionRange(id, count), Shared: shared,
		})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = opened.Close() })
		s.list = append(s.list, opened)
	}
	return s
}

// invocationAt is the nth invocation: a tenth has not ended, over twenty services.
func invocationAt(n int) store.Status {
	var id protocol.InvocationID
	// Keys are spread evenly; ids are unique.
	id.Key = protocol.PartitionKey(uint64(n) * 0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(id.UUID[:8], uint64(n)*0xd1342543de82ef95)
	binary.BigEndian.PutUint64(id.UUID[8:], uint64(n))
	at := protocol.Millis(1_767_225_600_000 + uint64(n)*7)
	s := store.Status{
		ID: id, State: store.Completed, CreatedAt: at, ModifiedAt: at + 20, RunningAt: at + 1,
		CompletedAt: at + 20, EntryCount: 5, CommandCount: 3, OutputIndex: 4,
		CompletionRetention: 24 * time.Hour, JournalRetention: 24 * time.Hour,
		Target: protocol.Target{
			Service: fmt.Sprintf("Service%02d", n%20), Handler: fmt.Sprintf("handler%d", n%3),
			Kind: protocol.KindService,
		},
		Source:     command.Source{Kind: command.SourceIngress},
		Deployment: protocol.DeploymentID{1, 2, 3}, ProtocolVersion: 6, RandomSeed: uint64(n),
		Result: &protocol.Result{},
	}
	if n%10 == 0 {
		s.State, s.CompletedAt, s.Result = store.Suspended, 0, nil
	}
	return s
}

func fill(b *testing.B, s *stores, count int) {
	b.Helper()
	txs := make([]*store.Tx, len(s.list))
	sizes := make([]int, len(s.list))
	for n := range count {
		row := invocationAt(n)
		p := s.PartitionOf(row.ID.Key)
		if txs[p] == nil {
			txs[p] = s.list[p].Begin()
		}
		if err := txs[p].PutStatus(row); err != nil {
			b.Fatal(err)
		}
		if sizes[p]++; sizes[p]%1000 == 0 {
			if err := txs[p].Commit(); err != nil {
				b.Fatal(err)
			}
			txs[p] = nil
		}
	}
	for p, tx := range txs {
		if tx != nil {
			if err := tx.Commit(); err != nil {
				b.Fatal(err)
			}
		}
		if err := s.list[p].Flush(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInvocations asks about many invocations what the console, the command line and people ask.
func BenchmarkInvocations(b *testing.B) {
	s := openStores(b, *benchPartitons)
	fill(b, s, *invocations)
	e := query.New(query.Config{Tables: source.New(source.Config{
		Partitions: s, Schema: noSchema{}, Version: "1", Now: time.Now,
	})})
	one := invocationAt(*invocations / 2)
	hundred := ""
	for n := range 100 {
		row := invocationAt(n * (*invocations / 100))
		hundred += ",'" + row.ID.String() + "'"
	}
	for _, c := range [][2]string{
		{"by-id", "SELECT * FROM sys_invocation WHERE id = '" + one.ID.String() + "'"},
		{"100-ids", "SELECT id, status FROM sys_invocation WHERE id IN (" + hundred[1:] + ")"},
		{"limit-100", "SELECT * FROM sys_invocation WHERE status = 'suspended' LIMIT 100"},
		{"filter-rare-limit-100", "SELECT id FROM sys_invocation WHERE target_service_name = 'Service07' " +
			"AND target_handler_name = 'handler1' AND status = 'completed' LIMIT 100"},
		{"cli-list", "SELECT id FROM sys_invocation inv WHERE status != 'completed' " +
			"ORDER BY inv.created_at DESC, inv.id LIMIT 100"},
		{"cli-count", "SELECT COUNT(1) FROM (SELECT * FROM sys_invocation inv LIMIT 50000) " +
			"WHERE status != 'completed'"},
		{"count", "SELECT count(*) FROM sys_invocation"},
		{"count-filtered", "SELECT count(*) FROM sys_invocation WHERE status = 'suspended'"},
		{"group", "SELECT target_service_name, status, count(*), min(created_at) FROM sys_invocation " +
			"GROUP BY target_service_name, status"},
		{"services-status", "SELECT target_service_name, target_handler_name, status, COUNT(1), " +
			"MIN(created_at), FIRST_VALUE(id ORDER BY created_at ASC) FROM sys_invocation " +
			"GROUP BY target_service_name, target_handler_name, status ORDER BY target_handler_name"},
		{"newest-250", "SELECT id FROM sys_invocation ORDER BY modified_at DESC LIMIT 250"},
		{"like", "SELECT count(*) FROM sys_invocation_status WHERE target LIKE '%7/handler1'"},
	} {
		b.Run(c[0], func(b *testing.B) { ask(b, e, c[1]) })
	}
}

func ask(b *testing.B, e *query.Engine, text string) {
	b.Helper()
	var took []time.Duration
	rows := 0
	for b.Loop() {
		began := time.Now()
		s, err := e.Prepare(text)
		if err != nil {
			b.Fatal(err)
		}
		rows = 0
		err = s.Run(context.Background(), nil, func([]table.Value) error { rows++; return nil })
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "worst-ms")
	b.ReportMetric(float64(rows), "rows")
	b.ReportMetric(float64(m.Sys)/(1<<20), "MiB")
}
