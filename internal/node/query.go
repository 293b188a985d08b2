package node

import (
	"time"

	"github.com/perdure/perdure/admin"
	"github.com/perdure/perdure/admin/query"
	tables "github.com/perdure/perdure/admin/query/source"
	"github.com/perdure/perdure/partition"
	"github.com/perdure/perdure/protocol"
)

// queryEngine answers SQL about what is led here and what is registered.
func (n *Node) queryEngine() *query.Engine {
	cfg := n.cfg.Admin.QueryEngine
	return query.New(query.Config{
		Tables: tables.New(tables.Config{
			Partitions: views{n.partitions.Load(), n.directory.Partitions()}, Schema: n.registry,
			Version: admin.DefaultVersion, Now: time.Now,
		}),
		MemoryBytes:    int64(cfg.MemorySize),
		StatementBytes: int64(min(cfg.QueryMemorySize, cfg.MemorySize)),
		Statements:     cfg.ConcurrentQueriesLimit,
		Time:           cfg.QueryTimeout.Std(),
		Rows:           int64(cfg.RowLimit),
		Parallel:       cfg.QueryParallelism,
		Version:        "Perdure " + n.version,
	})
}

// views are the partitions of a host as queries see them.
type views struct {
	host  *partition.Host
	count int
}

// Count implements source.Partitions.
func (v views) Count() int { return v.count }

// PartitionOf implements source.Partitions.
func (v views) PartitionOf(k protocol.PartitionKey) protocol.PartitionID {
	return v.host.PartitionOf(k)
}

// View implements source.Partitions.
func (v views) View(p protocol.PartitionID) (tables.View, error) {
	view, err := v.host.View(p)
	if err != nil {
		return tables.View{}, err
	}
	return tables.View{Keys: view.Keys, Rows: view.Rows, Attempts: view.Attempts}, nil
}
