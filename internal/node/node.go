package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/admin/console"
	"github.com/perdure/perdure/admin/query"
	"github.com/perdure/perdure/admin/query/exec"
	"github.com/perdure/perdure/admin/query/scatter"
	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/cluster"
	"github.com/perdure/perdure/ingress"
	"github.com/perdure/perdure/internal/clock"
	"github.com/perdure/perdure/invoker"
	"github.com/perdure/perdure/invoker/endpoint"
	"github.com/perdure/perdure/metadata"
	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/partition"
	"github.com/perdure/perdure/partition/explain"
	"github.com/perdure/perdure/partition/leader"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
)

// Node is everything that runs in one process. Its parts are started in the order of its fields and
// stopped in the opposite one.
type Node struct {
	cfg     Config
	log     *slog.Logger
	version string
	began   time.Time

	console    *console.Console // nil: none is named
	lock       *os.File         // on the data directory
	metrics    *metrics
	fabric     *endpointServer
	logs       *bifrost.RaftHost
	metadata   *metadata.Store
	registry   *schema.Registry
	client     *endpoint.Client
	invoker    *invoker.Invoker
	tracing    *tracing // nil: no collector
	remote     *partition.Remote
	partitions atomic.Pointer[partition.Host]
	admin      *endpointServer
	ingress    *endpointServer
	postgres   *postgresServer // nil: not configured

	activity   activity
	pacing     sync.Once
	pace       *exec.Pace // of queries; made by the first that asks for it
	scans      sync.Once
	scanServer *scatter.Server // made by the first scan of another node
	works      sync.Once
	workServer *scatter.WorkServer // made by the first work for another node
	querying   sync.Once
	engine     *query.Engine

	membership

	failed chan error // the first failure that ends the node
}

// Run runs a node until ctx ends or it fails, and drains it.
func Run(ctx context.Context, cfg Config, log *slog.Logger, version string) error {
	n := &Node{
		cfg: cfg, log: log, version: version, began: time.Now(), failed: make(chan error, 1),
		metrics:    newMetrics(cfg.ClusterName, cfg.NodeName),
		membership: membership{instance: cluster.NewToken(), provision: make(chan struct{})},
	}
	starting, cancel := context.WithTimeout(ctx, cfg.InitializationTimeout.Std())
	err := n.start(starting)
	cancel()
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		log.Info("stopping before all is ready")
		return n.stop()
	}
	if err != nil {
		return errors.Join(err, n.stop())
	}
	if err := n.awaitReady(ctx); err == nil {
		log.Info("ready", "ingress", n.ingress.address, "admin", n.admin.address,
			"node", cfg.NodeName, "took", time.Since(n.began).Round(time.Millisecond), "version", version)
	}
	select {
	case <-ctx.Done():
		log.Info("stopping")
	case err = <-n.failed:
	}
	return errors.Join(err, n.stop())
}

// start starts every part; listeners come first, so that a port that is taken is found out before
// anything is written.
func (n *Node) start(ctx context.Context) error {
	if err := n.openConsole(); err != nil {
		return err
	}
	if err := os.MkdirAll(n.cfg.NodeDir(), 0o755); err != nil {
		return fmt.Errorf("make the data directory: %w; choose another with --base-dir", err)
	}
	if err := n.lockDir(); err != nil {
		return err
	}
	if err := n.startFabric(); err != nil {
		return err
	}
	id, err := n.identify(ctx)
	if err != nil {
		return err
	}
	if err := n.startLogs(id); err != nil {
		return err
	}
	shared, err := n.startMetadata(ctx, id)
	if err != nil {
		return err
	}
	if err := n.startTracing(); err != nil {
		return err
	}
	if err := n.startInvoker(); err != nil {
		return err
	}
	if err := n.startPartitions(shared.Partitions); err != nil {
		return err
	}
	if err := n.startAgent(id); err != nil {
		return err
	}
	return n.startPublic()
}

func (n *Node) startLogs(id cluster.Identity) (err error) {
	if err := n.startTransport(id); err != nil {
		return err
	}
	n.logs, err = bifrost.OpenRaft(n.raftConfig(id))
	if err != nil {
		return fmt.Errorf("open the logs: %w", err)
	}
	return nil
}

func (n *Node) logEvents() bifrost.Events {
	events := n.metrics.logEvents()
	events.Failed = func(id bifrost.LogID, err error) {
		n.metrics.faults.Inc()
		n.log.Error("a replica stopped", "log", id.String(), "error", err)
		if a := n.agent.Load(); a != nil {
			a.Failed(id)
		}
	}
	events.Space = n.onSpace
	return events
}

// onSpace says when the disk runs out of space, and when that is over.
func (n *Node) onSpace(s bifrost.SpaceInfo) {
	attrs := []any{"level", s.Level.String(), "free_mib", s.FreeBytes >> 20, "total_mib", s.TotalBytes >> 20}
	switch s.Level {
	case bifrost.SpaceOK:
		n.log.Info("the disk has enough free space again", attrs...)
	case bifrost.SpaceLow:
		n.log.Warn("the disk is nearly full: new invocations are refused; free some space", attrs...)
	case bifrost.SpaceFull:
		n.log.Error("the disk is full: invocations do not go on; free some space", attrs...)
	}
}

func (n *Node) startMetadata(ctx context.Context, id cluster.Identity) (
	shared metadata.Cluster, err error,
) {
	defer n.seek(ctx, id)()
	n.metadata, err = metadata.Open(ctx, metadata.Config{
		Host: n.logs, Dir: filepath.Join(n.cfg.NodeDir(), "metadata"),
		Background: n.fault("metadata"),
	})
	if err != nil {
		return shared, err
	}
	before, _, err := n.metadata.Cluster()
	if err != nil {
		return shared, err
	}
	shared, err = n.metadata.EnsureCluster(ctx, metadata.Cluster{
		Name: n.cfg.ClusterName, Partitions: n.cfg.DefaultNumPartitions, CreatedAt: time.Now(),
	})
	if err != nil {
		return shared, err
	}
	if err := n.enter(ctx, id, before, shared); err != nil {
		return shared, err
	}
	n.entered.Store(true)
	n.registry, err = schema.NewRegistry(n.metadata, n.cfg.schemaDefaults(), n.fault("schema"))
	return shared, err
}

// fault logs what was retried or left as it was.
func (n *Node) fault(part string) func(error) {
	return func(err error) { n.log.Warn("fault", "part", part, "error", err) }
}

func (n *Node) startInvoker() error {
	clientConfig, err := n.cfg.clientConfig()
	if err != nil {
		return err
	}
	if n.client, err = endpoint.New(clientConfig); err != nil {
		return fmt.Errorf("configure requests to deployments: %w", err)
	}
	events := n.tracing.invokerEvents(n.metrics.invokerEvents())
	counted := events.AttemptFailed
	events.AttemptFailed = func(e invoker.AttemptFailed) {
		counted(e)
		n.log.Warn("an attempt failed", "invocation", e.Invocation.String(),
			"target", e.Target.String(), "code", e.DocCode, "error", e.Err, "retry", e.RetryCount,
			"next", e.NextRetry)
	}
	n.invoker, err = invoker.New(n.cfg.invokerConfig(), n.registry, n.client, events)
	return err
}

func (n *Node) startPartitions(count int) error {
	n.remote = partition.NewRemote(n.directory, n.links)
	host, err := partition.NewHost(partition.Config{
		Dir: filepath.Join(n.cfg.NodeDir(), "partitions"), Count: count, Node: n.cfg.NodeName,
		Logs: n.logs, Clock: clock.Real{}, Admit: n.logs.Admit,
		NewAttempts: func(p protocol.PartitionID, epoch protocol.Epoch, proposer *leader.Proposer,
			rows *store.Store,
		) leader.Attempts {
			return inspectable{n.invoker.Lead(p, epoch, attemptStore{rows}, attemptProposer{proposer})}
		},
		Remote: n.remote,
		Events: n.partitionEvents(),
	})
	if err != nil {
		return err
	}
	n.partitions.Store(host)
	host.Run()
	return nil
}

func (n *Node) partitionEvents() partition.Events {
	failed := func(p protocol.PartitionID, err error) {
		n.metrics.faults.Inc()
		n.log.Warn("fault", "partition", p, "error", err)
	}
	return partition.Events{
		Applied: func(p protocol.PartitionID, records int, took time.Duration) {
			n.activity.records.Add(int64(records))
			n.metrics.applied(p, records, took)
		},
		Failed: failed,
		Stalled: func(p protocol.PartitionID, f explain.Finding) {
			n.metrics.stalls.Inc()
			n.log.Error("an invocation is stalled: see perdure explain", "partition", p,
				"invocation", f.ID.String(), "target", f.Target.String(), "state", f.State.String(),
				"repair", string(f.Repair))
		},
		Trimmed: func(p protocol.PartitionID, through protocol.LSN) {
			n.log.Debug("trimmed", "partition", p, "lsn", through.String())
		},
		Leader: leader.Events{
			Gained: func(p protocol.PartitionID, epoch protocol.Epoch) {
				n.metrics.leaders.Inc()
				n.log.Debug("leading", "partition", p, "epoch", uint64(epoch))
			},
			Lost: func(p protocol.PartitionID, epoch protocol.Epoch, err error) {
				n.metrics.leaders.Dec()
				n.metrics.leadersLost.Inc()
				n.log.Debug("no longer leading", "partition", p, "epoch", uint64(epoch), "error", err)
			},
			Failed:     failed,
			TimerFired: func(protocol.PartitionID) { n.metrics.timersFired.Inc() },
		},
	}
}

// ready reports whether every partition can serve: it has a leader, and if that is here, the leader
// is up.
func (n *Node) ready() bool { return n.notReady() == nil }

func (n *Node) notReady() error {
	h := n.partitions.Load()
	if h == nil || n.agent.Load() == nil {
		return errors.New("the node is starting")
	}
	if err := cluster.Serving(n.metadata, n.directory); err != nil {
		return err
	}
	for p := range protocol.PartitionID(n.directory.Partitions()) {
		if by, _ := n.directory.Leader(p); by != n.directory.Self() {
			continue
		}
		l, err := h.Leader(p)
		if err == nil {
			if _, leads := l.Leading(); !leads {
				err = leader.ErrNotLeader
			}
		}
		if err != nil {
			return fmt.Errorf("partition %d: %w", p, err)
		}
	}
	return nil
}

const (
	readyPoll   = 5 * time.Millisecond // how often a starting node looks whether it is ready
	readyReport = 10 * time.Second     // how often it says what it waits for
)

// awaitReady waits until the node is ready, has failed, or ctx ends.
func (n *Node) awaitReady(ctx context.Context) error {
	ticker := time.NewTicker(readyPoll)
	defer ticker.Stop()
	reported := time.Now()
	for {
		err := n.notReady()
		if err == nil {
			return nil
		}
		if time.Since(reported) > readyReport {
			reported = time.Now()
			n.log.Warn("waiting for the partitions", "for", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case failure := <-n.failed:
			n.fail(failure) // Run looks for it too
			return failure
		case <-ticker.C:
		}
	}
}

// startPublic serves ingress, admin and PostgreSQL clients. Requests that come before every partition is ready wait for
// theirs.
func (n *Node) startPublic() (err error) {
	client := partition.NewClient(n.partitions.Load())
	in := ingress.New(ingress.Config{
		RequestSizeLimit:   int64(n.cfg.Ingress.RequestSizeLimit),
		ConcurrentRequests: n.cfg.Ingress.ConcurrentAPIRequestsLimit,
		BodyMemoryLimit:    int64(n.cfg.Worker.DataServiceMemoryLimit),
	}, n.registry, client, n.ready, n.tracing.ingressEvents(n.metrics.ingressEvents()))
	n.ingress, err = n.serve("ingress", n.cfg.Ingress.Listener, in, n.cfg.Ingress.HTTP2MaxConcurrentStreams)
	if err != nil {
		return err
	}
	engine := n.queryEngine()
	n.admin, err = n.serve("admin", n.cfg.Admin.Listener, n.adminHandler(client, engine), 0)
	if err != nil {
		return err
	}
	return n.startPostgres(engine)
}

func (n *Node) serve(name string, l Listener, h http.Handler, streams int) (*endpointServer, error) {
	e, err := listen(name, l, n.cfg.SocketPath(name), h, streams, n.log)
	if err != nil {
		return nil, err
	}
	e.serve(n.fail)
	return e, nil
}

// fail ends the node.
func (n *Node) fail(err error) {
	select {
	case n.failed <- err:
	default: // it is ending already
	}
}

// stop drains and stops every part that was started, last first.
func (n *Node) stop() error {
	var errs []error
	n.handOver()
	for _, e := range []*endpointServer{n.ingress, n.admin} {
		if e != nil {
			e.shutdown()
		}
	}
	n.postgres.close()
	n.stopMembership()
	if h := n.partitions.Load(); h != nil {
		errs = append(errs, h.Close())
	}
	if n.invoker != nil {
		n.invoker.Close()
	}
	n.tracing.close()
	if n.client != nil {
		n.client.Close()
	}
	if n.registry != nil {
		n.registry.Close()
	}
	if n.metadata != nil {
		errs = append(errs, n.metadata.Close())
	}
	if n.logs != nil {
		errs = append(errs, n.logs.Close())
	}
	if n.fabric != nil {
		n.fabric.shutdown()
	}
	errs = append(errs, n.closeTransport())
	if n.lock != nil {
		errs = append(errs, n.lock.Close())
	}
	if n.console != nil {
		errs = append(errs, n.console.Close())
	}
	return errors.Join(errs...)
}
