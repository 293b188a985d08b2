package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/bifrost"
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

	metrics    *metrics
	fabric     *endpointServer
	logs       *bifrost.RaftHost
	metadata   *metadata.Store
	registry   *schema.Registry
	client     *endpoint.Client
	invoker    *invoker.Invoker
	partitions atomic.Pointer[partition.Host]
	admin      *endpointServer
	ingress    *endpointServer

	failed chan error // the first failure that ends the node
}

// Run runs a node until ctx ends or it fails, and drains it.
func Run(ctx context.Context, cfg Config, log *slog.Logger, version string) error {
	n := &Node{
		cfg: cfg, log: log, version: version, began: time.Now(), failed: make(chan error, 1),
		metrics: newMetrics(cfg.ClusterName, cfg.NodeName),
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
	log.Info("ready", "ingress", n.ingress.address, "admin", n.admin.address,
		"node", cfg.NodeName, "took", time.Since(n.began).Round(time.Millisecond), "version", version)
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
	if err := os.MkdirAll(n.cfg.NodeDir(), 0o755); err != nil {
		return fmt.Errorf("make the data directory: %w; choose another with --base-dir", err)
	}
	if err := n.startFabric(); err != nil {
		return err
	}
	if err := n.startLogs(); err != nil {
		return err
	}
	cluster, err := n.startMetadata(ctx)
	if err != nil {
		return err
	}
	if err := n.startInvoker(); err != nil {
		return err
	}
	if err := n.startPartitions(ctx, cluster.Partitions); err != nil {
		return err
	}
	if err := n.startPublic(); err != nil {
		return err
	}
	return n.awaitReady(ctx)
}

func (n *Node) startLogs() (err error) {
	n.logs, err = bifrost.OpenRaft(bifrost.RaftConfig{
		Dir:    filepath.Join(n.cfg.NodeDir(), "log"),
		Logger: n.log.With("part", "log"),
		Events: n.logEvents(),
		OnLeader: func(id bifrost.LogID, l bifrost.Leadership) {
			if h := n.partitions.Load(); h != nil {
				h.LeaderEvent(id, l.Leads)
			}
		},
	})
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
	}
	return events
}

func (n *Node) startMetadata(ctx context.Context) (cluster metadata.Cluster, err error) {
	n.metadata, err = metadata.Open(ctx, metadata.Config{
		Host: n.logs, Dir: filepath.Join(n.cfg.NodeDir(), "metadata"),
		Background: n.fault("metadata"),
	})
	if err != nil {
		return cluster, err
	}
	cluster, err = n.metadata.EnsureCluster(ctx, metadata.Cluster{
		Name: n.cfg.ClusterName, Partitions: n.cfg.DefaultNumPartitions, CreatedAt: time.Now(),
	})
	if err != nil {
		return cluster, err
	}
	n.registry, err = schema.NewRegistry(n.metadata, n.cfg.schemaDefaults(), n.fault("schema"))
	return cluster, err
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
	events := n.metrics.invokerEvents()
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

func (n *Node) startPartitions(ctx context.Context, count int) error {
	host, err := partition.NewHost(partition.Config{
		Dir: filepath.Join(n.cfg.NodeDir(), "partitions"), Count: count, Node: n.cfg.NodeName,
		Logs: n.logs, Clock: clock.Real{},
		NewAttempts: func(p protocol.PartitionID, epoch protocol.Epoch, proposer *leader.Proposer,
			rows *store.Store,
		) leader.Attempts {
			return inspectable{n.invoker.Lead(p, epoch, attemptStore{rows}, attemptProposer{proposer})}
		},
		Events: n.partitionEvents(),
	})
	if err != nil {
		return err
	}
	n.partitions.Store(host)
	return host.Start(ctx)
}

func (n *Node) partitionEvents() partition.Events {
	failed := func(p protocol.PartitionID, err error) {
		n.metrics.faults.Inc()
		n.log.Warn("fault", "partition", p, "error", err)
	}
	return partition.Events{
		Applied: n.metrics.applied,
		Failed:  failed,
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

// ready reports whether every partition can serve.
func (n *Node) ready() bool {
	h := n.partitions.Load()
	if h == nil {
		return false
	}
	_, ready := h.Ready()
	return ready
}

// readyPoll is how often a starting node looks whether it is ready.
const readyPoll = 5 * time.Millisecond

func (n *Node) awaitReady(ctx context.Context) error {
	ticker := time.NewTicker(readyPoll)
	defer ticker.Stop()
	for !n.ready() {
		select {
		case <-ctx.Done():
			serving, _ := n.partitions.Load().Ready()
			return fmt.Errorf("wait for all partitions to serve: %d do: %w", serving, ctx.Err())
		case err := <-n.failed:
			return err
		case <-ticker.C:
		}
	}
	return nil
}

// startPublic serves ingress and admin. Requests that come before every partition is ready wait for
// theirs.
func (n *Node) startPublic() (err error) {
	client := partition.NewClient(n.partitions.Load())
	in := ingress.New(ingress.Config{
		RequestSizeLimit:   int64(n.cfg.Ingress.RequestSizeLimit),
		ConcurrentRequests: n.cfg.Ingress.ConcurrentAPIRequestsLimit,
		BodyMemoryLimit:    int64(n.cfg.Worker.DataServiceMemoryLimit),
	}, n.registry, client, n.ready, n.metrics.ingressEvents())
	n.ingress, err = n.serve("ingress", n.cfg.Ingress.Listener, in, n.cfg.Ingress.HTTP2MaxConcurrentStreams)
	if err != nil {
		return err
	}
	n.admin, err = n.serve("admin", n.cfg.Admin.Listener, n.adminHandler(client), 0)
	return err
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
	for _, e := range []*endpointServer{n.ingress, n.admin} {
		if e != nil {
			e.shutdown()
		}
	}
	if h := n.partitions.Load(); h != nil {
		errs = append(errs, h.Close())
	}
	if n.invoker != nil {
		n.invoker.Close()
	}
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
	return errors.Join(errs...)
}
