package cluster

import (
	"testing"
	"time"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/protocol"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return noon.Add(d) }

func testDirectory(onSkew func(NodeID, time.Duration)) *Directory {
	d := NewDirectory(1, 2, map[NodeID]string{2: "old:2"}, onSkew)
	return d
}

func notice(n NodeID, when time.Time) Notice {
	return Notice{Node: n, Generation: 1, Millis: when.UnixMilli()}
}

func changed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// A node is alive while it tells about itself, is gone when its connection breaks or it says so, and
// is back when it is heard of again.
func TestWhoIsAlive(t *testing.T) {
	d := testDirectory(nil)
	if !d.Alive(1, noon) || d.Alive(2, noon) {
		t.Fatal("wrong before anything was heard")
	}
	d.Heard(notice(2, noon), noon)
	for after, want := range map[time.Duration]bool{0: true, suspectAfter - 1: true, suspectAfter: false} {
		if d.Alive(2, at(after)) != want {
			t.Errorf("alive after %v: %v", after, !want)
		}
	}
	if d.fresh(2, at(freshNotice)) || !d.fresh(2, at(freshNotice-1)) {
		t.Error("wrong about what is fresh")
	}
	watch := d.Watch()
	d.Broke(2)
	if d.Alive(2, at(1)) || !changed(watch) {
		t.Error("alive although its connection broke")
	}
	watch = d.Watch()
	d.Heard(notice(2, at(time.Second)), at(time.Second))
	if !d.Alive(2, at(time.Second)) || !changed(watch) {
		t.Error("not alive although heard of again")
	}
	n := notice(2, at(2*time.Second))
	n.Stopping = true
	d.Heard(n, at(2*time.Second))
	if d.Alive(2, at(2*time.Second)) {
		t.Error("alive although it stops")
	}
	n.Generation, n.Stopping = 0, false // of its former life, late
	d.Heard(n, at(3*time.Second))
	if d.Alive(2, at(3*time.Second)) {
		t.Error("a former life was believed")
	}
}

// The latest term decides who leads; none is known is news too.
func TestWhoLeads(t *testing.T) {
	d := testDirectory(nil)
	saw := func(n uint64, term uint64) {
		d.SawLeader(0, bifrost.Leadership{Term: term, Leader: bifrost.NewReplicaID(n, 0)})
	}
	want := func(n NodeID) {
		t.Helper()
		if got, ok := d.Leader(0); got != n || ok != (n != 0) {
			t.Errorf("led by %v, want %v", got, n)
		}
	}
	want(0)
	saw(2, 3)
	want(2)
	saw(1, 2) // late
	want(2)
	saw(0, 4)
	want(0)
	saw(3, 4)
	want(3)
	saw(0, 4) // lost from view
	want(0)
	saw(3, 4)
	want(3)
	n := notice(2, noon)
	n.Leading = []Leading{{Partition: 0, Term: 5}}
	d.Heard(n, noon)
	want(2)
	d.SetNodes(Nodes{Nodes: []Node{{ID: 1}, {ID: 3}}})
	want(0) // the leader was removed
}

func TestAddresses(t *testing.T) {
	d := testDirectory(nil)
	if a, ok := d.Address(2); a != "old:2" || !ok {
		t.Errorf("from before: %q, %v", a, ok)
	}
	watch := d.Watch()
	ns := Nodes{Nodes: []Node{{ID: 1, Address: "a:1"}, {ID: 2, Address: "b:2"}}}
	d.SetNodes(ns)
	if a, ok := d.Resolve(2); a != "b:2" || !ok || !changed(watch) {
		t.Errorf("registered: %q, %v", a, ok)
	}
	watch = d.Watch()
	d.SetNodes(ns)
	if changed(watch) {
		t.Error("the same registry is news")
	}
	d.SetNodes(Nodes{LastID: 2, Nodes: []Node{{ID: 1, Address: "a:1"}}})
	if !d.Removed(2) || d.Removed(1) || d.Removed(3) {
		t.Error("wrong about who was removed")
	}
	if _, ok := d.Address(9); ok {
		t.Error("an unknown node has an address")
	}
}

// A clock that is too far off is complained about once; a notice that was under way is no reason.
func TestClocksThatAreOff(t *testing.T) {
	told := map[NodeID]time.Duration{}
	d := testDirectory(func(n NodeID, skew time.Duration) {
		if _, twice := told[n]; twice {
			t.Errorf("told twice about %v", n)
		}
		told[n] = skew
	})
	for i := range 10 {
		now := at(time.Duration(i) * time.Second)
		d.Heard(notice(2, now.Add(6*time.Second)), now)
		d.Heard(notice(3, now.Add(-4*time.Second)), now)
	}
	if told[2] != 6*time.Second || len(told) != 1 {
		t.Errorf("told %v", told)
	}
	if err := CheckClock("node x", at(0), at(5*time.Second)); err != nil {
		t.Errorf("five seconds: %v", err)
	}
	if err := CheckClock("node x", at(0), at(5*time.Second+1)); err == nil {
		t.Error("more than five seconds pass")
	}
}

func TestNoticesAreRead(t *testing.T) {
	n := notice(2, noon)
	n.Replicas = []Running{{protocol.PartitionID(1), 2, 99}}
	b, err := n.encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodeNotice(2, b); err != nil || got.Replicas[0].Tail != 99 {
		t.Errorf("read %+v, %v", got, err)
	}
	if _, err := decodeNotice(3, b); err == nil {
		t.Error("a notice of another node was taken")
	}
	if _, err := decodeNotice(2, []byte("{")); err == nil {
		t.Error("half a notice was taken")
	}
}

// Where a node says it is counts until the registry has news of it, whatever that is.
func TestANodeThatHasMoved(t *testing.T) {
	d := testDirectory(nil)
	where := func(n NodeID, want string) {
		t.Helper()
		if got, _ := d.Address(n); got != want {
			t.Errorf("%v is at %q, want %q", n, got, want)
		}
		if got := d.Whereabouts()[n]; got != want && n != d.self {
			t.Errorf("others are told that %v is at %q, want %q", n, got, want)
		}
	}
	watch := d.Watch()
	if !d.Found(2, "new:2") || !changed(watch) || d.Found(2, "new:2") {
		t.Error("wrong about what is new")
	}
	where(2, "new:2")
	if d.Found(1, "other:1") || d.Found(3, "new:3") || d.Found(2, "") {
		t.Error("took over what is not for it")
	}
	d.SetNodes(Nodes{LastID: 2, Nodes: []Node{{ID: 1, Address: "new:1"}, {ID: 2, Address: "old:2"}}})
	where(2, "new:2") // the registry has not heard of it yet
	where(1, "new:1")
	d.SetNodes(Nodes{LastID: 2, Nodes: []Node{{ID: 1, Address: "new:1"}, {ID: 2, Address: "newer:2"}}})
	where(2, "newer:2")
	if !d.Found(2, "old:2") || !d.Found(2, "newer:2") {
		t.Error("a node that goes back is not noticed")
	}
	where(2, "newer:2")
}
