package cluster

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/bifrost/transport"
	"github.com/perdure/perdure/cluster/placement"
	"github.com/perdure/perdure/protocol"
)

var clusterOne = Identity{Cluster: "one", Fingerprint: "f", Node: 1, Name: "n1", Instance: "i1"}

func request(name, instance string) JoinRequest {
	return JoinRequest{
		Cluster: "one", Name: name, Instance: instance, Address: name + ":5122", Location: "r.z",
		Roles: []string{roleWorker, roleMetadata}, Protocol: transport.Protocol, Release: "v1",
		Millis: time.Now().UnixMilli(),
	}
}

// begun is the metadata of a cluster whose first node has registered.
func begun(t *testing.T) (*memoryStore, *Directory) {
	t.Helper()
	s := newStore()
	if err := Register(t.Context(), s, clusterOne, request("n1", "i1")); err != nil {
		t.Fatal(err)
	}
	d := NewDirectory(1, 4, nil, nil)
	d.mustRefresh(s)
	return s, d
}

func wantRefusal(t *testing.T, err error, texts ...string) {
	t.Helper()
	var refused *RefusedError
	if !errors.As(err, &refused) {
		t.Fatalf("got %v, want a refusal", err)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q lacks %q", err, text)
		}
	}
}

func TestJoiningTwiceGivesOneNode(t *testing.T) {
	s, d := begun(t)
	first, err := Join(t.Context(), s, d, clusterOne, request("n2", "i2"))
	if err != nil || first.Node != 2 || first.Fingerprint != "f" || len(first.Addresses) != 2 {
		t.Fatalf("joined as %+v, %v", first, err)
	}
	again, err := Join(t.Context(), s, d, clusterOne, request("n2", "i2"))
	if err != nil || again.Node != first.Node {
		t.Fatalf("joined again as %+v, %v", again, err)
	}
	third, err := Join(t.Context(), s, d, clusterOne, request("n3", "i3"))
	if err != nil || third.Node != 3 {
		t.Fatalf("joined as %+v, %v", third, err)
	}
}

func TestJoiningIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*JoinRequest)
		want   []string
	}{
		"another cluster": {
			func(r *JoinRequest) { r.Cluster = "two" }, []string{`"one"`, `"two"`, "correct cluster-name"},
		},
		"a name that is taken": {
			func(r *JoinRequest) { r.Name = "n1" },
			[]string{`"n1" is registered already, as N1 at n1:5122`, "choose another node-name", "remove N1 --lost"},
		},
		"another protocol": {
			func(r *JoinRequest) { r.Protocol++ }, []string{`release "v1"`, "run the cluster's release"},
		},
		"a clock that is off": {
			func(r *JoinRequest) { r.Millis += 6000 }, []string{"the clock of node n2", "synchronise"},
		},
		"a clock that is behind": {
			func(r *JoinRequest) { r.Millis -= 6000 }, []string{"the clock of node n2", "synchronise"},
		},
		"no address": {func(r *JoinRequest) { r.Address = "" }, []string{"lacks"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, d := begun(t)
			r := request("n2", "i2")
			c.change(&r)
			_, err := Join(t.Context(), s, d, clusterOne, r)
			wantRefusal(t, err, c.want...)
			if nodes, _ := ReadNodes(s); len(nodes.Nodes) != 1 || nodes.LastID != 1 {
				t.Errorf("the registry changed: %+v", nodes)
			}
		})
	}
}

// A node whose data is wiped, copied, or was given up must not come back under its old number.
func TestObjections(t *testing.T) {
	ns := Nodes{LastID: 4, Nodes: []Node{
		{ID: 1, Instance: "i1", State: Active}, {ID: 2, Instance: "i2", State: Lost},
		{ID: 4, Instance: "i4", State: Draining},
	}}
	for _, c := range []struct {
		node     NodeID
		instance string
		want     string
	}{
		{1, "i1", ""},
		{4, "i4", ""},
		{1, "copy", "give each node its own"},
		{2, "i2", "was declared lost"},
		{3, "i3", "was removed from the cluster"},
		{9, "i9", "give each node its own"},
	} {
		got := Objection(ns, c.node, c.instance)
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("node %v, instance %s: %q, want %q", c.node, c.instance, got, c.want)
		}
	}
	if got := Objection(Nodes{}, 1, "i1"); got != "" {
		t.Errorf("before anybody has registered: %q", got)
	}
}

func TestRegisterTakesOverWhatChanged(t *testing.T) {
	s, d := begun(t)
	if _, err := Join(t.Context(), s, d, clusterOne, request("n2", "i2")); err != nil {
		t.Fatal(err)
	}
	id := Identity{Cluster: "one", Fingerprint: "f", Node: 2, Name: "n2", Instance: "i2", Generation: 5}
	r := request("n2", "i2")
	r.Address, r.Location, r.Release = "elsewhere:1", "r.y", "v2"
	if err := Register(t.Context(), s, id, r); err != nil {
		t.Fatal(err)
	}
	nodes, err := ReadNodes(s)
	n, _ := nodes.Find(2)
	if err != nil || n.Address != "elsewhere:1" || n.Zone() != "r.y" || n.Release != "v2" || n.Generation != 5 {
		t.Errorf("registered as %+v, %v", n, err)
	}
	id.Node = 7
	wantRefusal(t, Register(t.Context(), s, id, r), "give each node its own")
}

func TestProvisionHappensOnce(t *testing.T) {
	s := newStore()
	for _, size := range []int{3, 5} {
		err := Provision(t.Context(), s, placement.Replication{Node: size}, 4, false)
		if err != nil {
			t.Fatal(err)
		}
	}
	l, ok, err := ReadLayout(s)
	if !ok || err != nil || l.Replication.Node != 3 || len(l.Partitions) != 0 {
		t.Errorf("layout %+v, %v, %v", l, ok, err)
	}
	if err := Serving(s, NewStatic(1, 4)); !errors.Is(err, ErrNoPartition) {
		t.Errorf("serving: %v", err)
	}
}

// A node from before there were layouts has all partitions already.
func TestProvisionOfWhatIsThere(t *testing.T) {
	s := newStore()
	if err := Provision(t.Context(), s, placement.Replication{Node: 1}, 3, true); err != nil {
		t.Fatal(err)
	}
	l, _, err := ReadLayout(s)
	if err != nil || len(l.Partitions) != 3 {
		t.Fatalf("layout %+v, %v", l, err)
	}
	table := NewStatic(1, 3)
	if err := Serving(s, table); err == nil || !strings.Contains(err.Error(), "3 of 3 partitions have no leader") {
		t.Errorf("serving: %v", err)
	}
	for p := range 3 {
		table.SetLeader(protocol.PartitionID(p), 1)
	}
	if err := Serving(s, table); err != nil {
		t.Errorf("serving: %v", err)
	}
}

func TestIdentityOfADirectory(t *testing.T) {
	dir := t.TempDir()
	if _, ok, err := LoadIdentity(dir); ok || err != nil {
		t.Fatalf("an empty directory has an identity: %v", err)
	}
	want := clusterOne
	want.Addresses = map[NodeID]string{1: "a:1", 2: "b:2"}
	if err := want.Save(dir); err != nil {
		t.Fatal(err)
	}
	got, ok, err := LoadIdentity(dir)
	if !ok || err != nil || got.String() != "one/f" || got.Addresses[2] != "b:2" {
		t.Fatalf("read %+v, %v", got, err)
	}
	for _, c := range []struct{ cluster, node, want string }{
		{"two", "n1", "correct cluster-name or base-dir"}, {"one", "n2", "correct node-name or base-dir"},
	} {
		if err := got.Check(dir, c.cluster, c.node); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("cluster %s, node %s: %v", c.cluster, c.node, err)
		}
	}
	for text, want := range map[string]string{
		"{": "damaged", `{"format":1}`: "damaged",
		`{"format":2,"node":1,"instance":"i"}`: "run a newer release",
	} {
		if err := os.WriteFile(filepath.Join(dir, identityFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := LoadIdentity(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// Two who change at once both get through, one after the other.
func TestUpdatesDoNotOverwriteEachOther(t *testing.T) {
	s, _ := begun(t)
	for range 20 {
		done := make(chan error, 2)
		for range 2 {
			go func() {
				done <- UpdateNodes(context.Background(), s, func(ns *Nodes) error {
					ns.LastID++
					return nil
				})
			}()
		}
		if err := errors.Join(<-done, <-done); err != nil {
			t.Fatal(err)
		}
	}
	if ns, err := ReadNodes(s); err != nil || ns.LastID != 41 {
		t.Errorf("counted to %d, %v; want 41", ns.LastID, err)
	}
}
