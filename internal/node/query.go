package node

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"github.com/perdure/perdure/admin"
	"github.com/perdure/perdure/admin/query"
	"github.com/perdure/perdure/admin/query/exec"
	"github.com/perdure/perdure/admin/query/scatter"
	tables "github.com/perdure/perdure/admin/query/source"
	"github.com/perdure/perdure/partition"
	"github.com/perdure/perdure/protocol"
)

// scanPath is where nodes ask each other for rows, and workPath for what comes of rows, on the port for
// other nodes.
const (
	scanPath = "/cluster/scan"
	workPath = "/cluster/work"
)

// localTables are the tables of partitions that are led here.
func (n *Node) localTables() *tables.Source {
	return tables.New(tables.Config{
		Partitions: views{n.partitions.Load(), n.directory.Partitions()}, Schema: n.registry,
		Version: admin.DefaultVersion, Now: time.Now,
	})
}

// queryEngine answers SQL about all partitions and what is registered. It computes for other nodes too,
// so that what they ask for and the queries here have their limits together.
func (n *Node) queryEngine() *query.Engine {
	n.querying.Do(func() { n.engine = n.newQueryEngine() })
	return n.engine
}

func (n *Node) newQueryEngine() *query.Engine {
	cfg := n.cfg.Admin.QueryEngine
	return query.New(query.Config{
		Tables: scatter.NewSource(scatter.Config{
			Local: n.localTables(), Leaders: scanLeaders{n}, Client: n.certificates.http(),
			Path: scanPath, WorkPath: workPath,
		}),
		MemoryBytes:    int64(cfg.MemorySize),
		StatementBytes: int64(min(cfg.QueryMemorySize, cfg.MemorySize)),
		Statements:     cfg.ConcurrentQueriesLimit,
		Time:           cfg.QueryTimeout.Std(),
		Rows:           int64(cfg.RowLimit),
		Parallel:       n.queryParallelism(),
		Pace:           n.queryPace(),
		Version:        "Perdure " + n.version,
	})
}

// queryParallelism is how many processors compute for queries: all of them by default, as long as there
// is nothing else to do.
func (n *Node) queryParallelism() int {
	if set := n.cfg.Admin.QueryEngine.QueryParallelism; set > 0 {
		return set
	}
	return runtime.GOMAXPROCS(0)
}

// queryPace has the turns of all queries here, and of scans for those of other nodes.
func (n *Node) queryPace() *exec.Pace {
	n.pacing.Do(func() {
		n.pace = exec.NewPace(n.queryParallelism(), func() bool { return n.activity.busyAt(time.Now()) })
	})
	return n.pace
}

// serveScan gives other nodes the rows of partitions that are led here.
func (n *Node) serveScan(w http.ResponseWriter, r *http.Request) {
	if !n.scannable(w) {
		return
	}
	n.scans.Do(func() { n.scanServer = scatter.NewServer(n.localTables(), n.queryPace()) })
	n.scanServer.ServeHTTP(w, r)
}

// serveWork computes for other nodes what comes of rows of partitions that are led here.
func (n *Node) serveWork(w http.ResponseWriter, r *http.Request) {
	if !n.scannable(w) {
		return
	}
	n.works.Do(func() { n.workServer = scatter.NewWorkServer(n.localTables(), n.queryEngine()) })
	n.workServer.ServeHTTP(w, r)
}

// scannable answers that there are no partitions yet, if so.
func (n *Node) scannable(w http.ResponseWriter) bool {
	if n.partitions.Load() == nil || n.agent.Load() == nil {
		http.Error(w, "the node is starting", http.StatusServiceUnavailable)
		return false
	}
	return true
}

// scanLeaders says where partitions are led.
type scanLeaders struct{ node *Node }

// Leader implements scatter.Leaders.
func (l scanLeaders) Leader(p uint16) (address string, here bool, err error) {
	d := l.node.directory
	by, known := d.Leader(protocol.PartitionID(p))
	switch {
	case !known:
		return "", false, errors.New("no leader is known")
	case by == d.Self():
		return "", true, nil
	}
	at, known := d.Address(by)
	if !known {
		return "", false, fmt.Errorf("node %s leads it, and its address is not known", by)
	}
	return l.node.certificates.scheme() + at, false, nil
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
