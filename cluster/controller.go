package cluster

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/cluster/placement"
	"github.com/perdure/perdure/protocol"
)

// Roles that matter to placement, as the configuration spells them.
const (
	roleWorker   = "worker"
	roleMetadata = "metadata-server"
)

const (
	maxVoters = 5 // of the metadata
	// maxMoving is how many partitions have a replica on the move at once.
	maxMoving     = 8
	controlPeriod = 250 * time.Millisecond
)

// ControllerConfig says what a Controller works with. All fields but Fault are required.
type ControllerConfig struct {
	Store     Store
	Directory *Directory
	Groups    Groups
	Fault     func(error)
}

// Controller decides where everything should be. It runs on every node and works on the one that
// leads the metadata.
type Controller struct {
	cfg  ControllerConfig
	self NodeID
	wake chan struct{}
}

// NewController makes a controller; Run runs it.
func NewController(cfg ControllerConfig) *Controller {
	if cfg.Fault == nil {
		cfg.Fault = func(error) {}
	}
	return &Controller{cfg: cfg, self: cfg.Directory.Self(), wake: make(chan struct{}, 1)}
}

// Poke makes the controller look at once: the metadata has another leader.
func (c *Controller) Poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Run works until ctx ends.
func (c *Controller) Run(ctx context.Context) {
	for {
		layoutChanged, nodesChanged := c.cfg.Store.Watch(LayoutKey), c.cfg.Store.Watch(NodesKey)
		if l, ok := c.cfg.Groups.LeaderOf(bifrost.MetadataLog); ok && l.Leads {
			err := c.pass(ctx)
			if err != nil && ctx.Err() == nil && !errors.Is(err, bifrost.ErrChangeRefused) &&
				!errors.Is(err, bifrost.ErrBusy) {
				c.cfg.Fault(err)
			}
		}
		var tick <-chan time.Time // a node that is alone does not wake up for nothing
		if nodes, err := ReadNodes(c.cfg.Store); err != nil || len(nodes.Nodes) > 1 {
			tick = time.After(controlPeriod)
		}
		select {
		case <-ctx.Done():
			return
		case <-layoutChanged:
		case <-nodesChanged:
		case <-c.wake:
		case <-tick:
		}
	}
}

// pass looks once at everything.
func (c *Controller) pass(ctx context.Context) error {
	nodes, err := ReadNodes(c.cfg.Store)
	if err != nil {
		return err
	}
	layout, ok, err := ReadLayout(c.cfg.Store)
	if err != nil || !ok {
		return err
	}
	now := time.Now()
	v := view{
		nodes: nodes, partitions: c.cfg.Directory.Partitions(),
		alive:    func(n NodeID) bool { return c.cfg.Directory.Alive(n, now) },
		reported: func(p protocol.PartitionID) (bifrost.Members, bool) { return c.report(p, now) },
	}
	next := layout.clone()
	if v.plan(&next) {
		err := UpdateLayout(ctx, c.cfg.Store, func(l *Layout) error {
			if !v.plan(l) { // somebody may have changed it meanwhile
				return errUnchanged
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(nodes.Nodes) == 1 && len(layout.Voters) == 1 && nodes.LastID == 1 {
		return nil // a node that has always been alone
	}
	return errors.Join(c.buryLost(ctx, nodes, layout), c.tendMetadata(ctx, nodes, layout))
}

// buryLost removes lost nodes from the registry once everything they held is elsewhere.
func (c *Controller) buryLost(ctx context.Context, nodes Nodes, l Layout) error {
	gone := func(n Node) bool { return n.State == Lost && holds(l, n.ID) == 0 }
	if !slices.ContainsFunc(nodes.Nodes, gone) {
		return nil
	}
	return UpdateNodes(ctx, c.cfg.Store, func(ns *Nodes) error {
		ns.Nodes = slices.DeleteFunc(ns.Nodes, gone)
		return nil
	})
}

// holds counts the partitions that should have a replica on n, and its vote on the metadata.
func holds(l Layout, n NodeID) (count int) {
	for _, p := range l.Partitions {
		if _, ok := p.ReplicaOn(n); ok {
			count++
		}
	}
	if slices.Contains(l.Voters, n) {
		count++
	}
	return count
}

func (c *Controller) report(p protocol.PartitionID, now time.Time) (bifrost.Members, bool) {
	l, _, ok := c.cfg.Directory.reported(p, now)
	return l.members(), ok && len(l.Voters) > 0
}

// tendMetadata takes one step towards the members the metadata group should have: every node has a
// replica, the voters are those of the layout.
func (c *Controller) tendMetadata(ctx context.Context, nodes Nodes, l Layout) error {
	have, err := c.cfg.Groups.Members(ctx, bifrost.MetadataLog)
	if err != nil {
		return err
	}
	var w want
	for _, n := range nodes.Nodes {
		r := bifrost.NewReplicaID(uint64(n.ID), 0)
		switch {
		case slices.Contains(l.Voters, n.ID):
			w.voters = append(w.voters, r)
		case n.State != Lost:
			w.learners = append(w.learners, r)
		}
	}
	tail, _ := c.cfg.Groups.Tail(bifrost.MetadataLog)
	next := nextStep(group{
		want: w, have: have, self: bifrost.NewReplicaID(uint64(c.self), 0),
		caught: func(r Replica) bool {
			theirs, ok := c.cfg.Directory.metadataTail(NodeID(r.Node()))
			return ok && bifrost.EntriesBetween(theirs, tail) <= closeEntries
		},
		alive: func(r Replica) bool { return c.cfg.Directory.Alive(NodeID(r.Node()), time.Now()) },
	})
	if next.kind == stepNone {
		return nil
	}
	defer c.Poke()
	return takeStep(ctx, c.cfg.Groups, bifrost.MetadataLog, have, next)
}

// view is what planning goes by.
type view struct {
	nodes      Nodes
	partitions int
	alive      func(NodeID) bool
	// reported are the members a partition's group has, if its leader has said so lately.
	reported func(protocol.PartitionID) (bifrost.Members, bool)
}

// eligible are the nodes of a role on which something may be placed.
func (v view) eligible(role string) (out []placement.Node) {
	for _, n := range v.nodes.Nodes {
		if n.State == Active && slices.Contains(n.Roles, role) {
			out = append(out, placement.Node{
				ID: uint64(n.ID), Region: n.Region(), Zone: n.Zone(), Alive: v.alive(n.ID),
			})
		}
	}
	return out
}

// plan changes the layout by what is to be done next. It reports whether it changed anything.
func (v view) plan(l *Layout) (changed bool) {
	changed = v.planVoters(l)
	workers := v.eligible(roleWorker)
	if len(l.Partitions) == 0 {
		if l.Replication.Enough(workers) != nil || v.partitions == 0 {
			return changed
		}
		v.found(l, workers)
		return true
	}
	changed = v.planReplicas(l, workers) || changed
	return v.planLeaders(l, workers) || changed
}

// planVoters chooses who decides about the metadata.
func (v view) planVoters(l *Layout) bool {
	var current []uint64
	for _, n := range l.Voters {
		current = append(current, uint64(n))
	}
	var next []NodeID
	for _, id := range placement.Voters(v.eligible(roleMetadata), current, maxVoters) {
		next = append(next, NodeID(id))
	}
	if len(next) == 0 || slices.Equal(next, l.Voters) {
		return false
	}
	l.Voters = next
	return true
}

// found gives every partition its first replicas.
func (v view) found(l *Layout, workers []placement.Node) {
	sets := placement.Replicas(workers, l.Replication, make([][]uint64, v.partitions))
	leaders := placement.Leaders(workers, sets, make([]uint64, v.partitions))
	for i, set := range sets {
		var p Partition
		for _, n := range set {
			p.Founders = append(p.Founders, bifrost.NewReplicaID(n, 0))
		}
		p.Replicas = slices.Clone(p.Founders)
		p.Leader = NodeID(leaders[i])
		l.Partitions = append(l.Partitions, p)
	}
}

// planReplicas moves partitions one replica at a time.
func (v view) planReplicas(l *Layout, workers []placement.Node) (changed bool) {
	current := make([][]uint64, len(l.Partitions))
	for i, p := range l.Partitions {
		current[i] = p.nodes()
	}
	targets := placement.Replicas(workers, l.Replication, current)
	moving := 0
	for i, p := range l.Partitions {
		if have, ok := v.reported(protocol.PartitionID(i)); ok && !settled(want{voters: p.Replicas}, have) {
			moving++
		}
	}
	for i := range l.Partitions {
		p := &l.Partitions[i]
		target := v.target(*l, *p, targets[i])
		have, ok := v.reported(protocol.PartitionID(i))
		if moving >= maxMoving || !ok || !settled(want{voters: p.Replicas}, have) {
			continue
		}
		if move(p, target) {
			moving++
			changed = true
		}
	}
	return changed
}

// target is where an operator or a frozen layout wants a partition, or else where planning does.
func (v view) target(l Layout, p Partition, planned []uint64) []uint64 {
	stays := func(n uint64) bool {
		found, ok := v.nodes.Find(NodeID(n))
		return ok && found.State == Active
	}
	if len(p.Pinned) > 0 {
		var pinned []uint64
		for _, n := range p.Pinned {
			if stays(uint64(n)) {
				pinned = append(pinned, uint64(n))
			}
		}
		if len(pinned) == len(p.Pinned) {
			return pinned
		}
		return planned // a node of them leaves
	}
	if l.Frozen && len(p.Replicas) >= l.Replication.Size() &&
		!slices.ContainsFunc(p.nodes(), func(n uint64) bool { return !stays(n) }) {
		return p.nodes()
	}
	return planned
}

// move brings a partition one replica closer to its target: what is missing comes first.
func move(p *Partition, target []uint64) bool {
	for _, n := range target {
		if _, ok := p.ReplicaOn(NodeID(n)); !ok {
			p.Replicas = append(p.Replicas, bifrost.NewReplicaID(n, p.Removed))
			return true
		}
	}
	for i, r := range p.Replicas {
		if len(target) > 0 && !slices.Contains(target, r.Node()) {
			p.Replicas = slices.Delete(p.Replicas, i, i+1)
			p.Removed++
			return true
		}
	}
	return false
}

// planLeaders says who should lead. A partition on the move keeps whoever leads it.
func (v view) planLeaders(l *Layout, workers []placement.Node) (changed bool) {
	if l.Frozen {
		return false
	}
	sets, current := make([][]uint64, len(l.Partitions)), make([]uint64, len(l.Partitions))
	for i, p := range l.Partitions {
		current[i] = uint64(p.Leader)
		have, ok := v.reported(protocol.PartitionID(i))
		if ok && !settled(want{voters: p.Replicas}, have) {
			continue
		}
		if p.LeaderPinned {
			if slices.Contains(p.nodes(), uint64(p.Leader)) {
				continue // also while it is away: then whoever is elected leads, until it is back
			}
			l.Partitions[i].LeaderPinned, changed = false, true
		}
		sets[i] = p.nodes()
	}
	for i, leader := range placement.Leaders(workers, sets, current) {
		if sets[i] == nil {
			continue
		}
		if p := &l.Partitions[i]; p.Leader != NodeID(leader) && leader != 0 {
			p.Leader, changed = NodeID(leader), true
		}
	}
	return changed
}
