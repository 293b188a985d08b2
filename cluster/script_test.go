package cluster

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/cluster/placement"
	"github.com/perdure/perdure/protocol"
)

// The scripts draw nodes and let the controller plan and the leaders of groups take their steps, in
// turn, until nothing is left to do. After every single change the rules of safety are checked.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		w := &world{behind: map[Replica]bool{}, dead: map[NodeID]bool{}}
		datadriven.RunTest(t, path, w.command)
	})
}

// world is a cluster without clock and network.
type world struct {
	nodes  Nodes
	layout Layout
	groups []worldGroup
	count  int // partitions
	dead   map[NodeID]bool
	behind map[Replica]bool // learners that do not catch up
	out    strings.Builder
}

// worldGroup is the group of one partition.
type worldGroup struct {
	members bifrost.Members
	leader  Replica // 0: none
}

func (w *world) command(t *testing.T, d *datadriven.TestData) string {
	w.out.Reset()
	switch d.Cmd {
	case "cluster": // cluster partitions=4 replication=3 zones=0
		var r placement.Replication
		d.ScanArgs(t, "partitions", &w.count)
		d.ScanArgs(t, "replication", &r.Node)
		d.MaybeScanArgs(t, "zones", &r.Zone)
		w.layout = Layout{Replication: r, Voters: []NodeID{1}}
	case "node": // node id=2 zone=b state=draining dead
		w.node(t, d)
	case "remove": // remove id=2
		var id int
		d.ScanArgs(t, "id", &id)
		w.nodes.Nodes = slices.DeleteFunc(w.nodes.Nodes, func(n Node) bool { return n.ID == NodeID(id) })
	case "replication":
		d.ScanArgs(t, "node", &w.layout.Replication.Node)
	case "freeze":
		w.layout.Frozen = !d.HasArg("off")
	case "pin": // pin p=0 nodes=(1,2,4) or leader=2
		w.pin(t, d)
	case "behind": // behind replica=4
		var id int
		d.ScanArgs(t, "replica", &id)
		w.behind[Replica(id)] = !d.HasArg("off")
	case "run":
		w.run(t, d.HasArg("quiet"))
	default:
		t.Fatalf("unknown command %s", d.Cmd)
	}
	if d.Cmd == "run" {
		w.print()
	}
	return w.out.String()
}

func (w *world) node(t *testing.T, d *datadriven.TestData) {
	var id int
	d.ScanArgs(t, "id", &id)
	i := slices.IndexFunc(w.nodes.Nodes, func(n Node) bool { return n.ID == NodeID(id) })
	if i < 0 {
		w.nodes.LastID = max(w.nodes.LastID, NodeID(id))
		w.nodes.Nodes = append(w.nodes.Nodes, Node{
			ID: NodeID(id), State: Active, Roles: []string{roleWorker, roleMetadata},
		})
		i = len(w.nodes.Nodes) - 1
	}
	n := &w.nodes.Nodes[i]
	d.MaybeScanArgs(t, "zone", &n.Location)
	var state string
	if d.MaybeScanArgs(t, "state", &state) {
		n.State = NodeState(state)
	}
	if d.HasArg("dead") {
		w.dead[n.ID] = true
	}
	if d.HasArg("alive") {
		delete(w.dead, n.ID)
	}
	for p := range w.groups {
		if g := &w.groups[p]; g.leader == 0 || !w.alive(g.leader) || w.elect(g) == 0 {
			g.leader = w.elect(g)
		}
	}
}

// governed tells whether the metadata can be written.
func (w *world) governed() bool {
	living := 0
	for _, n := range w.layout.Voters {
		if !w.dead[n] {
			living++
		}
	}
	return 2*living > len(w.layout.Voters)
}

func (w *world) pin(t *testing.T, d *datadriven.TestData) {
	var p, leader int
	d.ScanArgs(t, "p", &p)
	part := &w.layout.Partitions[p]
	if d.MaybeScanArgs(t, "leader", &leader) {
		part.Leader, part.LeaderPinned = NodeID(leader), leader != 0
	}
	for _, a := range d.CmdArgs {
		if a.Key == "nodes" {
			part.Pinned = nil
			for _, v := range a.Vals {
				var id int
				_, _ = fmt.Sscan(v, &id)
				part.Pinned = append(part.Pinned, NodeID(id))
			}
		}
	}
}

func (w *world) alive(r Replica) bool { return !w.dead[NodeID(r.Node())] }

// elect finds a leader if a majority lives.
func (w *world) elect(g *worldGroup) Replica {
	var living []Replica
	for _, r := range g.members.Voters {
		if w.alive(r) {
			living = append(living, r)
		}
	}
	if 2*len(living) <= len(g.members.Voters) {
		return 0
	}
	return living[0]
}

func (w *world) view() view {
	return view{
		nodes: w.nodes, partitions: w.count, alive: func(n NodeID) bool { return !w.dead[n] },
		reported: func(p protocol.PartitionID) (bifrost.Members, bool) {
			if int(p) >= len(w.groups) || w.groups[p].leader == 0 {
				return bifrost.Members{}, false
			}
			return w.groups[p].members, true
		},
	}
}

// run plans and steps until nothing changes.
func (w *world) run(t *testing.T, quiet bool) {
	const most = 1000
	for round := 0; ; round++ {
		if round == most {
			t.Fatalf("still busy after %d rounds", most)
		}
		before := w.layout.clone()
		changed := w.governed() && w.view().plan(&w.layout)
		w.checkPlan(t, before)
		for p := len(w.groups); p < len(w.layout.Partitions); p++ {
			g := worldGroup{members: bifrost.Members{Voters: w.layout.Partitions[p].Founders}}
			g.leader = w.elect(&g)
			w.groups = append(w.groups, g)
		}
		for p := range w.groups {
			line := w.step(t, p)
			if line != "" {
				changed = true
				if !quiet {
					fmt.Fprintln(&w.out, line)
				}
			}
		}
		if !changed {
			return
		}
	}
}

// checkPlan: a plan moves a partition by one replica at most, and few partitions at a time.
func (w *world) checkPlan(t *testing.T, before Layout) {
	t.Helper()
	moving := 0
	for p := range before.Partitions {
		was, is := before.Partitions[p], w.layout.Partitions[p]
		if d := len(is.Replicas) - len(was.Replicas); d < -1 || d > 1 {
			t.Fatalf("partition %d went from %v to %v at once", p, was.Replicas, is.Replicas)
		}
		if g := w.groups[p]; g.leader != 0 && !settled(want{voters: is.Replicas}, g.members) {
			moving++
		}
		if !slices.Equal(was.Founders, is.Founders) {
			t.Fatalf("partition %d was given other founders", p)
		}
	}
	if moving > maxMoving {
		t.Fatalf("%d partitions move at once", moving)
	}
}

// step takes the next step of one group, as its leader does.
func (w *world) step(t *testing.T, p int) string {
	t.Helper()
	g, want := &w.groups[p], want{voters: w.layout.Partitions[p].Replicas}
	if g.leader == 0 {
		return ""
	}
	s := nextStep(group{
		want: want, have: g.members, self: g.leader, alive: w.alive,
		asked:  func(Replica) int { return 0 },
		caught: func(r Replica) bool { return w.alive(r) && !w.behind[r] },
	})
	m := &g.members
	text := ""
	switch s.kind {
	case stepNone:
		if to := w.layout.Partitions[p].Leader; to != 0 && to != NodeID(g.leader.Node()) {
			for _, r := range m.Voters {
				if NodeID(r.Node()) == to && w.alive(r) {
					g.leader, text = r, "led by"
					s.replica = r
				}
			}
		}
	case stepAdd:
		m.Learners, text = append(m.Learners, s.replica), "add"
	case stepPromote:
		m.Learners = slices.DeleteFunc(m.Learners, func(r Replica) bool { return r == s.replica })
		m.Voters, text = append(m.Voters, s.replica), "promote"
	case stepRemove:
		isIt := func(r Replica) bool { return r == s.replica }
		m.Learners, m.Voters = slices.DeleteFunc(m.Learners, isIt), slices.DeleteFunc(m.Voters, isIt)
		text = "remove"
		if s.replica == g.leader {
			t.Fatalf("partition %d: the leader removed itself", p)
		}
		if living := w.elect(g); living == 0 {
			t.Fatalf("partition %d: removing %v leaves no majority of %v", p, s.replica, m.Voters)
		}
	case stepHandOver:
		g.leader, text = s.replica, "hand over to"
	}
	if text == "" {
		return ""
	}
	return fmt.Sprintf("%d: %s %v", p, text, s.replica)
}

// print shows where everything is: the leader has a star, learners are in brackets.
func (w *world) print() {
	for p, g := range w.groups {
		var parts []string
		all := slices.Concat(g.members.Voters, g.members.Learners)
		slices.Sort(all)
		for _, r := range all {
			text := r.String()
			if slices.Contains(g.members.Learners, r) {
				text = "(" + text + ")"
			}
			if r == g.leader {
				text += "*"
			}
			parts = append(parts, text)
		}
		fmt.Fprintf(&w.out, "%d on %s\n", p, strings.Join(parts, " "))
	}
	fmt.Fprintf(&w.out, "metadata on %v\n", w.layout.Voters)
	if err := w.layout.Replication.Enough(w.view().eligible(roleWorker)); err != nil {
		fmt.Fprintln(&w.out, err)
	}
}
