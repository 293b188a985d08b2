package operate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/cluster"
	"github.com/perdure/perdure/cluster/placement"
)

// fakeCluster answers with one status after the other, the last one again and again.
type fakeCluster struct {
	mu       sync.Mutex
	statuses []cluster.Status
	orders   []string
	refusal  string
}

func (f *fakeCluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Method == http.MethodPost {
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body) // it is short
		f.orders = append(f.orders, r.URL.EscapedPath()+" "+body.String())
	}
	if f.refusal != "" {
		http.Error(w, f.refusal, http.StatusConflict)
		return
	}
	s := f.statuses[0]
	if len(f.statuses) > 1 {
		f.statuses = f.statuses[1:]
	}
	_ = json.NewEncoder(w).Encode(s)
}

func (f *fakeCluster) start(t *testing.T) Client {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return Client{s.URL}
}

// status is a cluster of two nodes and one partition, whose replica on node 2 is in a role.
func status(role string, holds int, change ...func(*cluster.Status)) cluster.Status {
	s := cluster.Status{
		Cluster: "c", Fingerprint: "f", Replication: placement.Replication{Node: 2},
		Nodes: []cluster.NodeStatus{
			{Node: cluster.Node{ID: 1, Name: "n1", State: cluster.Active, Generation: 1}, Alive: true,
				Leads: 1, Replicas: 1, Metadata: "leader"},
			{Node: cluster.Node{ID: 2, Name: "n2", State: cluster.Draining, Generation: 1, Location: "r.b"},
				Alive: true, Holds: holds, Metadata: "voter"},
		},
		Partitions: []cluster.PartitionStatus{{
			Leader: 1, Wanted: 1, Term: 2, Settled: true,
			Replicas: []cluster.ReplicaStatus{{Node: 1, Replica: "1", Role: "voter", Alive: true}},
		}},
	}
	if role != "" {
		p := &s.Partitions[0]
		p.Replicas = append(p.Replicas, cluster.ReplicaStatus{Node: 2, Replica: "2", Role: role, Alive: true})
		if role == "leaving" {
			p.Settled, s.Moving = false, 1
		}
	}
	for _, f := range change {
		f(&s)
	}
	return s
}

func TestADrainIsWatchedToItsEnd(t *testing.T) {
	f := &fakeCluster{statuses: []cluster.Status{
		status("voter", 1), status("leaving", 0), status("", 0, func(s *cluster.Status) { s.Under = 1 }),
		status("", 0),
	}}
	var out bytes.Buffer
	err := Watch(t.Context(), f.start(t), &out, Drained(map[cluster.NodeID]bool{2: true}))
	if err != nil {
		t.Fatal(err)
	}
	want := `1 replicas to go; all 1 partitions are well
1 replicas to go; of 1 partitions 1 moving
nothing is left there; of 1 partitions 1 with too few replicas alive
nothing is left there, and every one of the 1 partitions has a leader and all its replicas elsewhere, level with it
`
	if out.String() != want {
		t.Errorf("printed\n%swant\n%s", out.String(), want)
	}
}

func TestRefusalsEndTheWatch(t *testing.T) {
	f := &fakeCluster{refusal: "no such thing"}
	c := f.start(t)
	var refused *RefusedError
	if err := Watch(t.Context(), c, &bytes.Buffer{}, Rest); !errors.As(err, &refused) {
		t.Errorf("watch: %v", err)
	}
	_, err := c.Order(t.Context(), map[string]bool{"force": true}, "nodes", "a/b", "drain")
	if !errors.As(err, &refused) || err.Error() != "no such thing" {
		t.Errorf("order: %v", err)
	}
	if len(f.orders) != 1 || f.orders[0] != `/cluster/nodes/a%2Fb/drain {"force":true}` {
		t.Errorf("ordered %q", f.orders)
	}
}

func TestStatusForPeople(t *testing.T) {
	var out bytes.Buffer
	s := status("leaving", 1, func(s *cluster.Status) {
		s.Nodes[1].Alive, s.Nodes[1].HeardMillis = false, 7000
	})
	if err := WriteStatus(&out, s, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"cluster c (f), replication 2: of 1 partitions 1 moving", "draining, silent for 7s, holds 1", "r.b",
		"N1, N2 leaving",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q:\n%s", want, out.String())
		}
	}
	out.Reset()
	if err := WriteStatus(&out, status("voter", 0), false); err != nil || strings.Contains(out.String(), "TERM") {
		t.Errorf("partitions that are well are listed (%v):\n%s", err, out.String())
	}
}

// Each node is restarted only when all is well, the leader of the metadata last, and one that runs
// the release already not at all.
func TestRollingRestart(t *testing.T) {
	back := func(ids ...int) func(*cluster.Status) {
		return func(s *cluster.Status) {
			for _, id := range ids {
				s.Nodes[id-1].Generation++
			}
		}
	}
	release := func(s *cluster.Status) { s.Nodes[1].Release = "v1" }
	f := &fakeCluster{statuses: []cluster.Status{
		status("voter", 0), // who is there
		status("voter", 0), // whom to ask
		status("voter", 0, func(s *cluster.Status) { s.Under = 1 }),
		status("voter", 0), // n2 can be spared
		status("voter", 0), // its generation
		status("voter", 0), // whom to ask
		status("voter", 0), // not back
		status("voter", 0, back(2)),
		status("voter", 0, back(2)), // n1 can be spared
		status("voter", 0, back(2)),
		status("voter", 0, back(2)),
		status("voter", 0, back(1, 2)),
	}}
	var out bytes.Buffer
	r := Rolling{Clients: []Client{f.start(t)}, Command: []string{"echo", "restart", "{name}"}, Out: &out}
	if err := r.Run(t.Context()); err != nil {
		t.Fatalf("%v after\n%s", err, out.String())
	}
	first, second := strings.Index(out.String(), "\nrestart n2"), strings.Index(out.String(), "\nrestart n1")
	if first < 0 || second < first {
		t.Errorf("printed\n%s", out.String())
	}
	f.statuses = []cluster.Status{status("voter", 0, release, func(s *cluster.Status) { s.Nodes[0].Release = "v1" })}
	out.Reset()
	r.Release = "v1"
	if err := r.Run(t.Context()); err != nil || strings.Count(out.String(), "runs v1 already") != 2 {
		t.Errorf("%v, printed\n%s", err, out.String())
	}
	r.Release, r.Command = "", []string{"false"}
	if err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "run the command again to go on") {
		t.Errorf("a restart that failed: %v", err)
	}
}

// eventually polls until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for: %s", what)
		}
	}
}

func TestLocalStartsAndStopsAllNodes(t *testing.T) {
	dir := t.TempDir()
	script := `trap 'rm "$PERDURE_BASE_DIR/$PERDURE_NODE_NAME"; exit 0' TERM
echo "$PERDURE_LOCATION $PERDURE_BIND_ADDRESS" > "$PERDURE_BASE_DIR/$PERDURE_NODE_NAME"
while :; do sleep 0.01; done`
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- Local{Program: []string{"sh", "-c", script}, Nodes: 5, Zones: 3, Dir: dir, Out: &bytes.Buffer{}}.Run(ctx)
	}()
	said := func(node string) string {
		b, _ := os.ReadFile(filepath.Join(dir, node)) // not there yet is nothing said
		return strings.TrimSpace(string(b))
	}
	for node, want := range map[string]string{
		"n1": "local.zone-1 127.0.0.1:5122", "n3": "local.zone-3 127.0.0.1:5124", "n5": "local.zone-2 127.0.0.1:5126",
	} {
		eventually(t, node+" to start", func() bool { return said(node) != "" })
		if said(node) != want {
			t.Errorf("%s was told %q, want %q", node, said(node), want)
		}
	}
	for _, node := range []string{"n2", "n4"} {
		eventually(t, node+" to start", func() bool { return said(node) != "" })
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	for _, node := range []string{"n1", "n2", "n3", "n4", "n5"} {
		if said(node) != "" {
			t.Errorf("%s was not asked to end", node)
		}
	}
}

func TestLocalTellsWhichNodeEndedAndWhy(t *testing.T) {
	script := `[ "$PERDURE_NODE_NAME" = n2 ] && { echo "the port is taken"; exit 3; }; exec sleep 60`
	err := Local{
		Program: []string{"sh", "-c", script}, Nodes: 3, Zones: 3, Dir: t.TempDir(), Out: &bytes.Buffer{},
	}.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "node n2 ended: exit status 3") ||
		!strings.Contains(err.Error(), "the port is taken") {
		t.Errorf("got %v", err)
	}
	for _, l := range []Local{{Nodes: 0, Zones: 1}, {Nodes: 10, Zones: 1}, {Nodes: 3, Zones: 4}} {
		if err := l.Run(t.Context()); err == nil {
			t.Errorf("%d nodes in %d zones were started", l.Nodes, l.Zones)
		}
	}
}
