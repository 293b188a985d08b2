package bifrost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lni/dragonboat/v4"
	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/raftio"
	sm "github.com/lni/dragonboat/v4/statemachine"

	"github.com/perdure/perdure/bifrost/transport"
)

// Fixed sizes of the library's engine.
const (
	// execShards is how many goroutines run Raft and commit to the node's log, sharing its syncs.
	// It is part of the data format.
	execShards     = 2
	snapshotShards = 8
	closeShards    = 4
)

// applyShards is how many goroutines apply. More than there are cores lets one slow Applier hold up
// few others; each wakes up five times a second even when there is nothing to do.
func applyShards() uint64 { return uint64(max(8, 2*runtime.GOMAXPROCS(0))) }

const (
	// sweepInterval is how soon a dropped append is noticed; sweepIdle is after how many looks at an
	// idle node the sweeper goes to sleep.
	sweepInterval = 20 * time.Millisecond
	sweepIdle     = 50
	// unloadTimeout bounds the wait for the library to let go of a replica.
	unloadTimeout = 30 * time.Second
)

// RaftHost runs logs replicated with Raft. It is the Host of production.
type RaftHost struct {
	cfg    RaftConfig
	logger *slog.Logger
	lock   *os.File
	budget budget
	space  *space
	nextID atomic.Uint64 // of batches; starts at random so that restarts do not repeat them

	sweeping atomic.Bool
	wake     chan struct{}
	deliver  raftio.MessageHandler // into the library
	stopped  chan struct{}         // closed when the sweeper is to end
	swept    chan struct{}         // closed when it has

	// mu is held for moments only: a use of nodes may wait for an apply goroutine, and that one takes
	// mu to propose what comes next.
	mu     sync.RWMutex
	nodes  *dragonboat.NodeHost
	closed bool
	uses   sync.WaitGroup // of nodes, which does not bear calls while or after it closes
	logs   map[LogID]*raftLog
}

var _ Host = (*RaftHost)(nil)

// OpenRaft opens the log directory and gets ready to start logs. It refuses a directory that is in
// use, that belongs to another node, or that was not written by this server; a host that has
// changed its name is fine.
func OpenRaft(cfg RaftConfig) (*RaftHost, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	cfg.Dir = dir
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the log directory: %w", err)
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	h := &RaftHost{
		cfg: cfg, logger: cfg.Logger, lock: lock,
		budget: budget{limit: cfg.MaxBytesInFlight},
		wake:   make(chan struct{}, 1), stopped: make(chan struct{}), swept: make(chan struct{}),
		logs: map[LogID]*raftLog{},
	}
	h.space = newSpace(cfg.Dir, cfg.MinFreeBytes, cfg.Events.Space)
	h.nextID.Store(rand.Uint64())
	if err := h.openNodes(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	go h.sweep()
	return h, nil
}

// openNodes claims the directory and starts the library on it.
func (h *RaftHost) openNodes() error {
	hostName, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("find the host's name: %w", err)
	}
	err = claimDir(h.cfg.Dir, identity{
		Format: identityFormat, Cluster: h.cfg.Cluster, Replica: h.cfg.Node,
		Address: transport.Address(h.cfg.Node), ExecShards: execShards, HostName: hostName,
	})
	if err != nil {
		return err
	}
	routeLibraryLog(h.logger)
	nodes, err := dragonboat.NewNodeHost(h.libraryConfig())
	if err != nil {
		return fmt.Errorf("open log directory %s: %w", h.cfg.Dir, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.nodes = nodes
	return nil
}

func (h *RaftHost) libraryConfig() config.NodeHostConfig {
	store := config.GetTinyMemLogDBConfig() // of which only the number of shards is used, in a check
	store.Shards = 1
	c := config.NodeHostConfig{
		DeploymentID:      h.cfg.Cluster,
		NodeHostDir:       h.cfg.Dir,
		RTTMillisecond:    uint64(h.cfg.Tick / time.Millisecond),
		RaftAddress:       transport.Address(h.cfg.Node),
		RaftEventListener: leaderListener{h},
		Expert: config.ExpertConfig{
			Engine: config.EngineConfig{ExecShards: execShards, CommitShards: 1,
				ApplyShards: applyShards(), SnapshotShards: snapshotShards, CloseShards: closeShards},
			LogDB: store, LogDBFactory: storeFactory{h},
		},
	}
	var reach config.TransportFactory = soloTransport{}
	if h.cfg.Transport != nil {
		reach = transport.Factory{Transport: h.cfg.Transport}
	}
	c.Expert.TransportFactory = tapped{reach, h}
	return c
}

// replicaConfig is the library's configuration of one log's replica here.
func (h *RaftHost) replicaConfig(l *raftLog) config.Config {
	return config.Config{
		ShardID: uint64(l.id), ReplicaID: uint64(l.group.Replica),
		// A replica that joins keeps this setting when it is promoted: the log says what it is.
		IsNonVoting: l.group.joins(),
		ElectionRTT: h.cfg.ElectionTicks, HeartbeatRTT: h.cfg.HeartbeatTicks,
		PreVote: true, CheckQuorum: true, OrderedConfigChange: true,
		SnapshotEntries:    0,       // no snapshots of its own accord
		CompactionOverhead: 1 << 62, // nor cuts: only Trim cuts
	}
}

// Start implements Host. It returns once the Applier is open and found to fit the log.
func (h *RaftHost) Start(ctx context.Context, id LogID, a Applier) (Log, error) {
	applied, err := a.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the state of log %s: %w", id, err)
	}
	group, err := h.cfg.Group(id)
	if err == nil {
		err = group.check(h.cfg.Node)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start log %s: %w", id, err), a.Close())
	}
	l := newRaftLog(h, id, group, a, applied)
	if err := h.start(ctx, l); err != nil {
		return nil, errors.Join(fmt.Errorf("start log %s: %w", id, err), l.finish())
	}
	return l, nil
}

func (h *RaftHost) start(ctx context.Context, l *raftLog) error {
	if err := h.enlist(l); err != nil {
		return err
	}
	create := func(uint64, uint64) sm.IOnDiskStateMachine { return l.machine }
	err := l.whileOpen(func(nodes *dragonboat.NodeHost) error {
		return nodes.StartOnDiskReplica(l.group.targets(), l.group.joins(), create, h.replicaConfig(l))
	})
	if err != nil {
		h.delist(l)
		return err
	}
	select {
	case <-l.machine.opened:
		err = l.machine.refused
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-h.stopped:
		return ErrClosed
	}
	if err != nil {
		err = errors.Join(err, h.unload(l))
		h.delist(l)
	} else if h.cfg.Alone {
		go h.elect(l)
	}
	return err
}

// enlist makes l known under its ID.
func (h *RaftHost) enlist(l *raftLog) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return ErrClosed
	}
	if h.logs[l.id] != nil {
		return errors.New("it runs already: stop it first")
	}
	h.logs[l.id] = l
	return nil
}

func (h *RaftHost) delist(l *raftLog) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.logs, l.id)
}

func (h *RaftHost) find(id LogID) *raftLog {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.logs[id]
}

// Stop implements Host.
func (h *RaftHost) Stop(id LogID) error {
	l := h.find(id)
	if l == nil {
		return nil
	}
	l.batcher.refuse(ErrClosed)
	l.ended.Store(true)
	if err := h.unload(l); errors.Is(err, ErrClosed) {
		return nil // Close does the rest
	} else if err != nil {
		return fmt.Errorf("stop log %s: %w", id, err)
	}
	err := l.finish()
	h.delist(l)
	return err
}

// unload makes the library let go of a replica.
func (h *RaftHost) unload(l *raftLog) error {
	err := l.whileOpen(func(nodes *dragonboat.NodeHost) error {
		return nodes.StopReplica(uint64(l.id), uint64(l.group.Replica))
	})
	// A replica that sees itself leave its group is let go of without being asked to.
	if err != nil && !errors.Is(err, dragonboat.ErrShardNotFound) {
		return err
	}
	select {
	case <-l.machine.closed:
		return nil
	case <-time.After(unloadTimeout):
		return fmt.Errorf("the replica did not stop within %v: its Applier hangs", unloadTimeout)
	}
}

// Close implements Host.
func (h *RaftHost) Close() error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	logs := h.logs
	h.logs = map[LogID]*raftLog{}
	h.mu.Unlock()

	for _, l := range logs {
		l.batcher.refuse(ErrClosed)
	}
	h.uses.Wait()
	h.nodes.Close() // returns when all apply goroutines have ended
	close(h.stopped)
	<-h.swept
	var errs []error
	for _, l := range logs {
		errs = append(errs, l.finish())
	}
	return errors.Join(append(errs, h.lock.Close())...)
}

// busy wakes the sweeper if it sleeps.
func (h *RaftHost) busy() {
	if h.sweeping.Load() {
		return
	}
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// sweep looks, while entries are under way, for those that the library has given up. One goroutine
// does that for all logs; successful appends never wait for it.
func (h *RaftHost) sweep() {
	defer close(h.swept)
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	for idle := 0; ; {
		select {
		case <-h.stopped:
			return
		case <-ticker.C:
		case <-h.wake:
			h.sweeping.Store(true)
			ticker.Reset(sweepInterval)
			idle = 0
			continue
		}
		if h.sweepLogs() {
			idle = 0
		} else if idle++; idle == sweepIdle {
			// Off before the last look: an entry that comes between the two wakes us.
			ticker.Stop()
			h.sweeping.Store(false)
			if h.sweepLogs() {
				h.busy()
			}
		}
	}
}

func (h *RaftHost) sweepLogs() (busy bool) {
	h.mu.RLock()
	logs := make([]*raftLog, 0, len(h.logs))
	for _, l := range h.logs {
		logs = append(logs, l)
	}
	h.mu.RUnlock()
	for _, l := range logs {
		busy = l.batcher.sweep() || busy
	}
	return busy
}

// leaderListener is told by the library about leaders, one event at a time for all logs.
type leaderListener struct{ host *RaftHost }

func (e leaderListener) LeaderUpdated(info raftio.LeaderInfo) {
	l := e.host.find(LogID(info.ShardID))
	if l == nil {
		return
	}
	leads := info.LeaderID == uint64(l.group.Replica)
	l.setLeader(leads, info.Term)
	if info.LeaderID != raftio.NoLeader && !leads {
		l.batcher.loseAll() // another leader may replace what this one had not committed
	}
	if e.host.cfg.OnLeader != nil {
		e.host.cfg.OnLeader(l.id, Leadership{
			Leads: leads, Term: info.Term, Leader: ReplicaID(info.LeaderID),
		})
	}
}
