package source

import (
	"context"
	"fmt"
	"time"

	"github.com/perdure/perdure/admin/query/table"
	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/partition/leader"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
)

// View is one partition as its leader sees it.
type View struct {
	Keys protocol.KeyRange
	Rows *store.Snapshot // closed by who asked for the view
	// Attempts are those that run; nil if nobody tells.
	Attempts leader.Inspector
}

// Partitions is where rows come from.
type Partitions interface {
	Count() int
	PartitionOf(protocol.PartitionKey) protocol.PartitionID
	// View looks at one partition as of now.
	View(protocol.PartitionID) (View, error)
}

// Config is what a Source needs.
type Config struct {
	Partitions Partitions
	Schema     schema.Source
	// Version is the release that invocations are said to be created with.
	Version string
	Now     func() time.Time
}

// Source implements table.Source. It is used by many queries at once.
type Source struct {
	cfg    Config
	tables []*table.Table
	byName map[string]relation
}

var _ table.Source = (*Source)(nil)

// relation is one table and how its rows are read.
type relation interface {
	describe() *table.Table
	// partitions returns the keys and IDs that narrow a scan; all is true if nothing does.
	partitions(s *Source, q *table.Scan) []uint16
	open(ctx context.Context, s *Source, partition uint16, q *table.Scan) (table.Reader, error)
}

// New makes a source.
func New(cfg Config) *Source {
	s := &Source{cfg: cfg, byName: map[string]relation{}}
	for _, r := range relations() {
		t := r.describe()
		s.tables = append(s.tables, t)
		s.byName[t.Name] = r
	}
	return s
}

// Tables implements table.Source.
func (s *Source) Tables() []*table.Table { return s.tables }

// Partitions implements table.Source.
func (s *Source) Partitions(q *table.Scan) []uint16 {
	r := s.byName[q.Table.Name]
	if r == nil {
		return nil
	}
	return r.partitions(s, q)
}

// Open implements table.Source.
func (s *Source) Open(ctx context.Context, partition uint16, q *table.Scan) (table.Reader, error) {
	r := s.byName[q.Table.Name]
	if r == nil {
		return nil, fmt.Errorf("read table %s: there is none of that name", q.Table.Name)
	}
	reader, err := r.open(ctx, s, partition, q)
	if err != nil {
		return nil, fmt.Errorf("read table %s of partition %d: %w", q.Table.Name, partition, err)
	}
	return reader, nil
}

// all are the partitions of this cluster.
func (s *Source) all() []uint16 {
	list := make([]uint16, s.cfg.Partitions.Count())
	for i := range list {
		list[i] = uint16(i)
	}
	return list
}

// relations are all tables, in the order in which they are listed.
func relations() []relation {
	list := []relation{
		stateTable(), deploymentTable(), inboxTable(), invocationTable(), invocationStateTable(),
		invocationStatusTable(), journalTable(), eventTable(), lockTable(),
	}
	list = append(list, emptyTables("sys_locks")...)
	list = append(list, promiseTable())
	list = append(list, emptyTables("sys_rules", "sys_scheduler")...)
	list = append(list, serviceTable())
	return append(list, emptyTables("sys_user_limits", "sys_vqueue_entry_status", "sys_vqueue_meta",
		"sys_vqueues")...)
}
