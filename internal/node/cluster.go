package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/bifrost/transport"
	"github.com/perdure/perdure/cluster"
	"github.com/perdure/perdure/cluster/link"
	"github.com/perdure/perdure/cluster/mux"
	"github.com/perdure/perdure/cluster/placement"
	"github.com/perdure/perdure/metadata"
	"github.com/perdure/perdure/protocol"
)

// membership is this node's part in its cluster.
type membership struct {
	// instance tells this data directory apart; it is made before the node has an identity.
	instance  string
	identity  atomic.Pointer[cluster.Identity] // nil until the node has one
	address   string                           // host:port for other nodes
	provision chan struct{}                    // closed when somebody asks for a new cluster
	provided  sync.Once
	entered   atomic.Bool // the registry can be read and written

	certificates *certificates // nil: no TLS between nodes
	mux          *mux.Mux
	directory    *cluster.Directory
	transport    *transport.Transport
	links        *link.Links
	agent        atomic.Pointer[cluster.Agent]
	controller   atomic.Pointer[cluster.Controller]

	statusMu  sync.Mutex
	statusNow cluster.Status // guarded by statusMu
	statusAt  time.Time      // guarded by statusMu

	stop    context.CancelFunc
	loops   sync.WaitGroup // end with stop
	serving sync.WaitGroup // end with mux and transport
}

// Multi-zone timing of elections: a lost leader is replaced within a second, and a slow disk or a
// pause of a few hundred milliseconds elects nobody. Ticks and heartbeats are what a cluster costs that
// has nothing to do: they are as rare as five heartbeats before an election allow.
const (
	raftTick       = 20 * time.Millisecond
	raftElection   = 20 // ticks
	raftHeartbeat  = 4  // ticks
	aloneTick      = 100 * time.Millisecond
	aloneElection  = 3
	aloneHeartbeat = 1

	// handOverTimeout is how long a stopping node waits for others to take over.
	handOverTimeout = 10 * time.Second
)

// startTransport makes what reaches the other nodes.
func (n *Node) startTransport(id cluster.Identity) (err error) {
	n.transport, err = transport.New(transport.Config{
		Self: uint64(id.Node), Generation: id.Generation, Cluster: id.String(), Release: n.version,
		Prefix: mux.Raft, Resolve: n.directory.Resolve, TLS: n.certificates.client(),
		Admit: func(h transport.Hello) error {
			if n.directory.Removed(cluster.NodeID(h.Node)) {
				return fmt.Errorf("%v was removed from the cluster", cluster.NodeID(h.Node))
			}
			return cluster.CheckClock(fmt.Sprintf("node %d", h.Node), time.UnixMilli(h.Millis), time.Now())
		},
		Notice: func(from uint64, notice []byte) {
			if a := n.agent.Load(); a != nil {
				a.Hear(from, notice)
			}
		},
		Events: transport.Events{
			Connected: func(other uint64) { n.log.Debug("connected", "other", other) },
			Disconnected: func(other uint64, err error) {
				n.lost(cluster.NodeID(other), err)
				var refused *transport.RefusedError
				if errors.As(err, &refused) {
					n.log.Error("another node refuses this one", "other", other, "error", err)
					n.serving.Go(n.checkStanding)
					return
				}
				n.log.Debug("disconnected", "other", other, "error", err)
			},
			Refused: func(remote net.Addr, err error) {
				n.log.Warn("a connection was refused", "remote", remote.String(), "error", err)
			},
		},
	})
	if err != nil {
		return err
	}
	n.links = n.newLinks()
	n.watchCluster()
	if n.mux != nil {
		n.serveBranch(mux.Raft, n.transport.Serve)
		n.serveBranch(mux.Link, n.links.Serve)
	}
	return nil
}

// serveBranch serves one of the protocols that share the port for other nodes.
func (n *Node) serveBranch(prefix string, serve func(net.Listener) error) {
	l := n.mux.Listen(prefix, nil)
	n.serving.Go(func() {
		if err := serve(l); err != nil {
			n.fail(err)
		}
	})
}

// checkStanding ends the node if others know that it is none of theirs any more. It may not learn that
// from the metadata: it leaves their group at the same time.
func (n *Node) checkStanding() {
	id := n.identity.Load()
	if id == nil {
		return
	}
	for other, address := range id.Addresses {
		hello, err := n.askHello(context.Background(), *id, n.certificates.scheme()+address)
		if other != id.Node && err == nil && hello.Refused != "" {
			n.fail(fmt.Errorf("%s (data directory %s)", hello.Refused, n.cfg.NodeDir()))
			return
		}
	}
}

// lost takes note of a broken connection. A port that refuses one, of a node that does not talk to
// this one either, belongs to a process that has ended.
func (n *Node) lost(other cluster.NodeID, err error) {
	n.directory.Broke(other)
	if a := n.agent.Load(); a != nil && errors.Is(err, syscall.ECONNREFUSED) &&
		!n.transport.Hears(uint64(other)) {
		a.Down(other)
	}
}

// raftConfig is how the logs of this node are kept.
func (n *Node) raftConfig(id cluster.Identity) bifrost.RaftConfig {
	cfg := bifrost.RaftConfig{
		Dir: filepath.Join(n.cfg.NodeDir(), "log"), Logger: n.log.With("part", "log"),
		Events: n.logEvents(), OnLeader: n.onLeader,
		Node: uint64(id.Node), Transport: n.transport,
		Tick: raftTick, ElectionTicks: raftElection, HeartbeatTicks: raftHeartbeat,
		Group: func(log bifrost.LogID) (bifrost.Group, error) {
			return cluster.Group(n.metadata, id.Node, log)
		},
	}
	if n.alone(id) {
		cfg.Tick, cfg.ElectionTicks, cfg.HeartbeatTicks = aloneTick, aloneElection, aloneHeartbeat
		cfg.Alone = true
	}
	return cfg
}

// alone says that this node has no company and is not configured to get any.
func (n *Node) alone(id cluster.Identity) bool {
	return len(id.Addresses) <= 1 && len(n.cfg.MetadataClient.Addresses) == 0 &&
		n.cfg.replication().Size() == 1
}

// onLeader passes on what the logs say about leaders.
func (n *Node) onLeader(log bifrost.LogID, l bifrost.Leadership) {
	if p, ok := bifrost.PartitionOfLog(log); ok {
		n.directory.SawLeader(protocol.PartitionID(p), l)
		if h := n.partitions.Load(); h != nil {
			h.LeaderEvent(log, l.Leads)
		}
	} else if c := n.controller.Load(); c != nil {
		c.Poke()
	}
	if a := n.agent.Load(); a != nil {
		a.Poke()
	}
}

// replication is the default replication as placement understands it.
func (c Config) replication() placement.Replication {
	r := c.DefaultReplication
	return placement.Replication{Node: r.Node, Zone: r.Zone, Region: r.Region}
}

// enter makes the node known to its cluster, once the metadata can be read.
func (n *Node) enter(ctx context.Context, id cluster.Identity, before, now metadata.Cluster) error {
	n.directory.SetPartitions(now.Partitions)
	if err := cluster.Register(ctx, n.metadata, id, n.joinRequest()); err != nil {
		return err
	}
	if id.Node == 1 {
		existing := before.Name != "" // it was alone before there were layouts
		err := cluster.Provision(ctx, n.metadata, n.cfg.replication(), now.Partitions, existing)
		if err != nil {
			return err
		}
	}
	nodes, err := cluster.ReadNodes(n.metadata)
	if err != nil {
		return err
	}
	n.directory.SetNodes(nodes)
	return nil
}

// startAgent starts what runs the replicas here, and what decides where replicas are.
func (n *Node) startAgent(id cluster.Identity) error {
	fault := n.fault("cluster")
	agent := cluster.NewAgent(cluster.AgentConfig{
		Generation: id.Generation, Store: n.metadata, Directory: n.directory, Groups: n.logs,
		Partitions: n.partitions.Load(), Notify: n.transport.Notify, Fault: fault,
		Removed: func() {
			n.fail(fmt.Errorf("%v was removed from the cluster: empty its data directory %s before you "+
				"start it again, it joins as a new node", id.Node, n.cfg.NodeDir()))
		},
	})
	if err := agent.RemoveStrays(); err != nil {
		return err
	}
	controller := cluster.NewController(cluster.ControllerConfig{
		Store: n.metadata, Directory: n.directory, Groups: n.logs, Fault: fault,
	})
	ctx, stop := context.WithCancel(context.Background())
	n.membership.stop = stop
	n.agent.Store(agent)
	n.controller.Store(controller)
	n.loops.Go(func() { agent.Run(ctx) })
	n.loops.Go(func() { controller.Run(ctx) })
	n.loops.Go(func() { n.keepAddresses(ctx) })
	n.loops.Go(func() { n.remote.Run(ctx) })
	return nil
}

// keepAddresses keeps where the other nodes are for the next start.
func (n *Node) keepAddresses(ctx context.Context) {
	for {
		changed := n.metadata.Watch(cluster.NodesKey)
		id := *n.identity.Load()
		nodes, err := cluster.ReadNodes(n.metadata)
		if err == nil && len(nodes.Nodes) > 0 {
			for other := range id.Addresses {
				if _, ok := nodes.Find(other); !ok {
					n.transport.Forget(uint64(other))
				}
			}
			id.Addresses = map[cluster.NodeID]string{}
			for _, other := range nodes.Nodes {
				id.Addresses[other.ID] = other.Address
			}
			if err = id.Save(n.cfg.NodeDir()); err == nil {
				n.identity.Store(&id)
			}
		}
		if err != nil {
			n.fault("cluster")(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// handOver gives leadership to other nodes before this one stops.
func (n *Node) handOver() {
	a := n.agent.Load()
	if a == nil || len(n.directory.Nodes().Nodes) < 2 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(),
		min(handOverTimeout, n.cfg.ShutdownTimeout.Std()/2))
	defer cancel()
	began := time.Now()
	left := a.HandOver(ctx)
	n.log.Info("handed over", "left", left, "took", time.Since(began).Round(time.Millisecond))
}

// stopMembership stops the loops; the logs are closed after it.
func (n *Node) stopMembership() {
	if n.membership.stop != nil {
		n.membership.stop()
		n.loops.Wait()
	}
}

// closeTransport ends what reaches other nodes, after the logs were closed.
func (n *Node) closeTransport() (err error) {
	if n.transport != nil {
		n.links.Close()
		err = n.transport.Close()
	}
	if n.mux != nil {
		err = errors.Join(err, n.mux.Close())
	}
	n.serving.Wait()
	return err
}

// hostPort is the host and port of an URL.
func hostPort(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	if u.Port() != "" {
		return u.Host, nil
	}
	return net.JoinHostPort(u.Hostname(), fmt.Sprint(DefaultFabricPort)), nil
}
