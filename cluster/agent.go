package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/protocol"
)

// Groups are the replicas of logs on this node; *bifrost.RaftHost is one.
type Groups interface {
	Members(ctx context.Context, id bifrost.LogID) (bifrost.Members, error)
	AddLearner(ctx context.Context, id bifrost.LogID, seen bifrost.Members, r Replica) error
	Promote(ctx context.Context, id bifrost.LogID, seen bifrost.Members, r Replica) error
	Remove(ctx context.Context, id bifrost.LogID, seen bifrost.Members, r Replica) error
	Transfer(id bifrost.LogID, to Replica) error
	Campaign(id bifrost.LogID) error
	Forget(ctx context.Context, id bifrost.LogID, r Replica) error
	LeaderOf(id bifrost.LogID) (bifrost.Leadership, bool)
	Tail(id bifrost.LogID) (protocol.LSN, bool)
}

var _ Groups = (*bifrost.RaftHost)(nil)

// Partitions are the partitions on this node; *partition.Host is one.
type Partitions interface {
	Open(ctx context.Context, p protocol.PartitionID) error
	Shut(p protocol.PartitionID) error
	Remove(p protocol.PartitionID) error
	IsOpen(p protocol.PartitionID) bool
}

// Limits of what an agent does at once.
const (
	maxOpening  = 8 // replicas opened at once
	maxChanging = 8 // groups whose members are changed at once
	// closeEntries is how many entries of the log a learner may be behind to be promoted.
	closeEntries = 1024
	handOverPoll = 20 * time.Millisecond
)

// AgentConfig says what an Agent works with. All fields but the last two are
// required.
type AgentConfig struct {
	Generation uint64
	Store      Store
	Directory  *Directory
	Groups     Groups
	Partitions Partitions
	// Notify sends a notice to another node; it does not wait.
	Notify func(node uint64, notice []byte)
	// Removed is called once when this node is no longer in the registry.
	Removed func()
	// Fault is told what failed and is tried again. It must not block.
	Fault func(error)
}

// Agent does on its node what the layout says: it runs the replicas that should be here, changes the
// members of the groups that are led from here, hands leadership to where it should be, and tells
// other nodes how things are.
type Agent struct {
	cfg  AgentConfig
	self NodeID
	wake chan struct{}
	down chan NodeID // nodes whose process has ended
	gone sync.Once

	mu       sync.Mutex
	local    map[protocol.PartitionID]Replica  // replicas that run here; guarded by mu
	opening  map[protocol.PartitionID]bool     // guarded by mu
	members  map[bifrost.LogID]bifrost.Members // of groups led from here; guarded by mu
	changing map[bifrost.LogID]bool            // guarded by mu
	leads    map[bifrost.LogID]*tenure         // groups led from here; guarded by mu
	failed   map[bifrost.LogID]bool            // replicas that stopped for good; guarded by mu
	stopping bool                              // guarded by mu
	busy     bool                              // something is on the move; guarded by mu
	work     sync.WaitGroup
}

// NewAgent makes an agent; Run runs it.
func NewAgent(cfg AgentConfig) *Agent {
	if cfg.Fault == nil {
		cfg.Fault = func(error) {}
	}
	if cfg.Removed == nil {
		cfg.Removed = func() {}
	}
	return &Agent{
		cfg: cfg, self: cfg.Directory.Self(), wake: make(chan struct{}, 1),
		down:    make(chan NodeID, maxDown),
		local:   map[protocol.PartitionID]Replica{},
		opening: map[protocol.PartitionID]bool{},
		members: map[bifrost.LogID]bifrost.Members{}, changing: map[bifrost.LogID]bool{},
		leads: map[bifrost.LogID]*tenure{}, failed: map[bifrost.LogID]bool{},
	}
}

// Poke makes the agent look at once: a leader has changed.
func (a *Agent) Poke() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// Run works until ctx ends.
func (a *Agent) Run(ctx context.Context) {
	defer a.work.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	byTimer := false
	for {
		layoutChanged, nodesChanged := a.cfg.Store.Watch(LayoutKey), a.cfg.Store.Watch(NodesKey)
		a.look(ctx)
		a.tell(time.Now())
		if interval := a.interval(); interval > 0 {
			timer.Reset(interval)
		} else if !byTimer {
			timer.Reset(noticeInterval) // once after something has happened: it may have been half done
		}
		byTimer = false
		select {
		case <-ctx.Done():
			return
		case <-layoutChanged:
		case <-nodesChanged:
		case <-a.wake:
			// Leaders change many at a time: a moment gathers them.
			sleep(ctx, gather)
		case n := <-a.down:
			a.work.Go(func() { a.succeed(ctx, n) })
		case <-timer.C:
			byTimer = true
		}
	}
}

const gather = 3 * time.Millisecond

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// interval is when to look again if nothing happens; 0 is never, for a node that is alone.
func (a *Agent) interval() time.Duration {
	if len(a.cfg.Directory.Nodes().Nodes) < 2 {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy {
		return busyInterval
	}
	return noticeInterval
}

// look compares what is with what should be, and starts what brings them together.
func (a *Agent) look(ctx context.Context) {
	nodes, err := ReadNodes(a.cfg.Store)
	if err != nil {
		a.cfg.Fault(err)
		return
	}
	a.cfg.Directory.SetNodes(nodes)
	if _, ok := nodes.Find(a.self); !ok && len(nodes.Nodes) > 0 {
		a.gone.Do(a.cfg.Removed)
		return
	}
	layout, ok, err := ReadLayout(a.cfg.Store)
	if err != nil {
		a.cfg.Fault(err)
		return
	}
	if !ok {
		return
	}
	moving := a.runReplicas(ctx, layout)
	moving = a.tendGroups(ctx, layout, len(nodes.Nodes)) || moving
	a.mu.Lock()
	a.busy = moving
	a.mu.Unlock()
}

// runReplicas opens and shuts replicas. It reports whether some are not as they should be.
func (a *Agent) runReplicas(ctx context.Context, l Layout) (moving bool) {
	for i, p := range l.Partitions {
		id := protocol.PartitionID(i)
		r, here := p.ReplicaOn(a.self)
		a.mu.Lock()
		running, open := a.local[id]
		idle := !a.opening[id] && len(a.opening) < maxOpening
		due := here != open || here && running != r
		start := idle && due && !a.stopping
		if start {
			a.opening[id] = true
		}
		a.mu.Unlock()
		moving = moving || due
		if start {
			a.work.Go(func() { a.fit(ctx, id, r, here) })
		}
	}
	return moving
}

// fit opens or shuts one replica, and looks again after that.
func (a *Agent) fit(ctx context.Context, id protocol.PartitionID, r Replica, here bool) {
	a.mu.Lock()
	running, open := a.local[id]
	a.mu.Unlock()
	var err error
	switch {
	case open:
		err = a.retire(ctx, id, running)
	case here:
		if err = a.cfg.Partitions.Open(ctx, id); err == nil {
			a.mu.Lock()
			a.local[id] = r
			a.mu.Unlock()
		}
	}
	a.mu.Lock()
	delete(a.opening, id)
	a.mu.Unlock()
	if err != nil && ctx.Err() == nil {
		a.cfg.Fault(err)
		sleep(ctx, busyInterval)
	}
	a.Poke()
}

// retire removes a replica that is no longer wanted, once its group has let it go.
func (a *Agent) retire(ctx context.Context, id protocol.PartitionID, r Replica) error {
	report, _, ok := a.cfg.Directory.reported(id, time.Now())
	if !ok || len(report.Voters) == 0 || report.members().Has(r) {
		sleep(ctx, busyInterval)
		return nil
	}
	err := a.cfg.Partitions.Shut(id)
	if err == nil {
		err = a.cfg.Groups.Forget(ctx, logOf(id), r)
	}
	if err == nil {
		err = a.cfg.Partitions.Remove(id)
	}
	if err != nil {
		return fmt.Errorf("retire replica %v of partition %d: %w", r, id, err)
	}
	a.mu.Lock()
	delete(a.local, id)
	a.mu.Unlock()
	return nil
}

// RemoveStrays deletes stores of partitions that have no replica here: their removal was cut off.
// It is called before Run.
func (a *Agent) RemoveStrays() error {
	l, _, err := ReadLayout(a.cfg.Store)
	if err != nil {
		return err
	}
	var errs []error
	for i, p := range l.Partitions {
		if _, here := p.ReplicaOn(a.self); !here {
			errs = append(errs, a.cfg.Partitions.Remove(protocol.PartitionID(i)))
		}
	}
	return errors.Join(errs...)
}

// tendGroups looks after the groups that are led from here. It reports whether some are on the move.
func (a *Agent) tendGroups(ctx context.Context, l Layout, nodes int) (moving bool) {
	a.mu.Lock()
	local := maps.Clone(a.local)
	a.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(local)) {
		if int(id) >= len(l.Partitions) {
			continue
		}
		p, log := l.Partitions[id], logOf(id)
		leads, ok := a.cfg.Groups.LeaderOf(log)
		if ok {
			a.cfg.Directory.SawLeader(id, leads)
		}
		if !ok || !leads.Leads {
			a.forgetMembers(log)
			continue
		}
		if nodes < 2 && len(p.Replicas) == 1 && len(p.Founders) == 1 && p.Removed == 0 {
			continue // a node that has always been alone
		}
		a.noteTenure(log, leads.Term)
		if a.hasFailed(log) {
			a.passOn(ctx, log)
			moving = true
			continue
		}
		w := want{voters: p.Replicas}
		g := group{
			want: w, self: local[id],
			caught: func(r Replica) bool { return a.caughtUp(id, r) },
			alive:  func(r Replica) bool { return a.cfg.Directory.Alive(NodeID(r.Node()), time.Now()) },
			asked:  func(r Replica) int { return a.asked(log, r) },
		}
		moving = a.tend(ctx, log, g, p.Leader) || moving
	}
	return moving
}

// Failed tells the agent that the replica of a log here has stopped for good, until the next start. It
// still votes; should it lead, it hands over. It does not wait.
func (a *Agent) Failed(log bifrost.LogID) {
	a.mu.Lock()
	a.failed[log] = true
	a.mu.Unlock()
	a.Poke()
}

func (a *Agent) hasFailed(log bifrost.LogID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failed[log]
}

func (a *Agent) forgetMembers(log bifrost.LogID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.members, log)
	delete(a.leads, log)
}

func (a *Agent) noteTenure(log bifrost.LogID, term uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t := a.leads[log]; t == nil || t.term != term {
		a.leads[log] = newTenure(term, time.Now())
	}
}

// tend takes the next step of one group in the background, if there is one.
func (a *Agent) tend(ctx context.Context, log bifrost.LogID, g group, leader NodeID) (moving bool) {
	a.mu.Lock()
	have, known := a.members[log]
	idle := !a.changing[log] && len(a.changing) < maxChanging && !a.stopping
	a.mu.Unlock()
	g.have = have
	next := step{}
	if known {
		next = nextStep(g)
		moving = !settled(g.want, have)
		if next.kind == stepNone {
			next = a.preferred(log, g, leader)
		}
	}
	switch {
	case known && next.kind == stepHandOver:
		a.handOver(ctx, log, next.replica)
		return moving
	case !idle || known && next.kind == stepNone:
		return moving || !known
	}
	a.mu.Lock()
	a.changing[log] = true
	a.mu.Unlock()
	a.work.Go(func() {
		a.take(ctx, log, have, next)
		a.mu.Lock()
		delete(a.changing, log)
		a.mu.Unlock()
		a.Poke()
	})
	return true
}

// preferred hands the leadership to the node that should have it.
func (a *Agent) preferred(log bifrost.LogID, g group, leader NodeID) step {
	now := time.Now()
	led := a.ledFor(log, now)
	if leader == 0 || leader == a.self || led < settledTerm || !a.cfg.Directory.fresh(leader, now) {
		return step{}
	}
	for _, r := range g.have.Voters {
		if NodeID(r.Node()) == leader && g.caught(r) {
			return step{stepHandOver, r}
		}
	}
	return step{}
}

// take takes one step, and learns who the members are after it.
func (a *Agent) take(ctx context.Context, log bifrost.LogID, have bifrost.Members, s step) {
	err := takeStep(ctx, a.cfg.Groups, log, have, s)
	a.fault(ctx, err)
	now, err := a.cfg.Groups.Members(ctx, log)
	if err != nil {
		a.fault(ctx, err)
		a.forgetMembers(log)
		sleep(ctx, busyInterval)
		return
	}
	a.mu.Lock()
	a.members[log] = now
	a.mu.Unlock()
}

// fault reports what is not merely a matter of the moment.
func (a *Agent) fault(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil && !errors.Is(err, bifrost.ErrChangeRefused) &&
		!errors.Is(err, bifrost.ErrBusy) && !errors.Is(err, bifrost.ErrClosed) {
		a.cfg.Fault(err)
	}
}

func takeStep(ctx context.Context, g Groups, log bifrost.LogID, have bifrost.Members, s step) error {
	switch s.kind {
	case stepAdd:
		return g.AddLearner(ctx, log, have, s.replica)
	case stepPromote:
		return g.Promote(ctx, log, have, s.replica)
	case stepRemove:
		return g.Remove(ctx, log, have, s.replica)
	default:
		return nil
	}
}

// caughtUp tells whether a replica elsewhere has come close to the one here.
func (a *Agent) caughtUp(p protocol.PartitionID, r Replica) bool {
	theirs, ok := a.cfg.Directory.tail(p, r)
	ours, here := a.cfg.Groups.Tail(logOf(p))
	return ok && here && bifrost.EntriesBetween(theirs, ours) <= closeEntries
}

// notice is what this node says about itself now.
func (a *Agent) notice(now time.Time) Notice {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := Notice{
		Node: a.self, Generation: a.cfg.Generation, Millis: now.UnixMilli(), Stopping: a.stopping,
	}
	for _, p := range slices.Sorted(maps.Keys(a.local)) {
		log := logOf(p)
		tail, ok := a.cfg.Groups.Tail(log)
		if !ok {
			continue
		}
		n.Replicas = append(n.Replicas, Running{p, a.local[p], tail})
		if l, ok := a.cfg.Groups.LeaderOf(log); ok && l.Leads {
			m := a.members[log]
			n.Leading = append(n.Leading, Leading{p, l.Term, m.Voters, m.Learners})
		}
	}
	tail, _ := a.cfg.Groups.Tail(bifrost.MetadataLog)
	n.Metadata = Running{Replica: bifrost.NewReplicaID(uint64(a.self), 0), Tail: tail}
	if l, ok := a.cfg.Groups.LeaderOf(bifrost.MetadataLog); ok {
		n.Leads = l.Leads
	}
	return n
}

// tell sends the notice to all others, and keeps it here.
func (a *Agent) tell(now time.Time) {
	n := a.notice(now)
	a.cfg.Directory.Heard(n, now)
	b, err := n.encode()
	if err != nil {
		a.cfg.Fault(err)
		return
	}
	for _, other := range a.cfg.Directory.Nodes().Nodes {
		if other.ID != a.self {
			a.cfg.Notify(uint64(other.ID), b)
		}
	}
}

// Hear takes the notice of another node.
func (a *Agent) Hear(from uint64, b []byte) {
	n, err := decodeNotice(from, b)
	if err != nil {
		a.cfg.Fault(err)
		return
	}
	a.cfg.Directory.Heard(n, time.Now())
}

// Open reports how many replicas should run here and how many do.
func (a *Agent) Open() (open, wanted int, err error) {
	l, _, err := ReadLayout(a.cfg.Store)
	if err != nil {
		return 0, 0, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, p := range l.Partitions {
		if r, here := p.ReplicaOn(a.self); here {
			wanted++
			if a.local[protocol.PartitionID(i)] == r {
				open++
			}
		}
	}
	return open, wanted, nil
}
