package node

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/perdure/perdure/cluster"
)

// serverBinary is the server as it is shipped: several of them at once, built like this test with the
// race detector, would be too much for a small machine. What runs in this process is watched by it.
var serverBinary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "perdure-node-test")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "perdure")
	out, err := exec.Command("go", "build", "-o", binary, "github.com/perdure/perdure/cmd/perdure").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the server: %w\n%s", err, out)
	}
	return binary, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if binary, err := serverBinary(); built.Load() && err == nil {
		_ = os.RemoveAll(filepath.Dir(binary)) // a temporary folder
	}
	os.Exit(code)
}

var built atomic.Bool // serverBinary was asked for

const patience = 60 * time.Second // for what should take a second

// eventually polls until ok or patience ends.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for: %s", patience, what)
		}
	}
}

// testCluster is a cluster of processes.
type testCluster struct {
	t      *testing.T
	binary string
	dir    string
	env    []string // of all nodes
	nodes  []*testNode
}

// testNode is one of its nodes, which may run or not.
type testNode struct {
	cluster                *testCluster
	name                   string
	fabric, admin, ingress string // host and port
	env                    []string
	cmd                    *exec.Cmd
	ended                  chan struct{}
}

// newCluster makes a cluster of count nodes, none of which runs yet.
func newCluster(t *testing.T, count int, env ...string) *testCluster {
	t.Helper()
	built.Store(true)
	binary, err := serverBinary()
	if err != nil {
		t.Fatal(err)
	}
	c := &testCluster{t: t, binary: binary, dir: t.TempDir(), env: env}
	for range count {
		c.add()
	}
	return c
}

// add adds a node, in a zone of its own, that does not run yet.
func (c *testCluster) add(env ...string) *testNode {
	c.t.Helper()
	n := &testNode{cluster: c, name: fmt.Sprintf("n%d", len(c.nodes)+1), env: env}
	n.fabric, n.admin, n.ingress = freeAddress(c.t), freeAddress(c.t), freeAddress(c.t)
	c.nodes = append(c.nodes, n)
	c.t.Cleanup(n.kill)
	return n
}

// freeAddress is a loopback address nobody listens on, with a port below those that outgoing
// connections take: the node that has it may be away for a while.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no free port")
	return ""
}

func (c *testCluster) seeds(nodes ...*testNode) string {
	var urls []string
	for _, n := range nodes {
		urls = append(urls, fmt.Sprintf("%q", "http://"+n.fabric))
	}
	return "[" + strings.Join(urls, ",") + "]"
}

// start starts nodes that know the first three, or as many as there are, as seeds.
func (c *testCluster) start(nodes ...*testNode) {
	c.t.Helper()
	for _, n := range nodes {
		n.start(c.seeds(c.nodes[:min(3, len(c.nodes))]...))
	}
}

func (n *testNode) start(seeds string) {
	t := n.cluster.t
	t.Helper()
	log, err := os.OpenFile(n.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	n.cmd = exec.Command(n.cluster.binary, "serve")
	n.cmd.SysProcAttr = childAttributes()
	n.cmd.Env = append(os.Environ(), "PERDURE_LOG_DISABLE_ANSI_CODES=true", "PERDURE_CLUSTER_NAME=test",
		"PERDURE_NODE_NAME="+n.name, "PERDURE_BASE_DIR="+n.cluster.dir, "PERDURE_LISTEN_MODE=tcp",
		"PERDURE_BIND_ADDRESS="+n.fabric, "PERDURE_ADMIN__BIND_ADDRESS="+n.admin,
		"PERDURE_INGRESS__BIND_ADDRESS="+n.ingress, "PERDURE_METADATA_CLIENT__ADDRESSES="+seeds,
		"PERDURE_DEFAULT_REPLICATION=3", "PERDURE_DEFAULT_NUM_PARTITIONS=6",
		"PERDURE_LOCATION=test."+n.name)
	n.cmd.Env = append(append(n.cmd.Env, n.cluster.env...), n.env...)
	n.cmd.Stdout, n.cmd.Stderr = log, log
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd, ended := n.cmd, make(chan struct{})
	n.ended = ended
	go func() {
		_ = cmd.Wait() // how it ended is in its state
		close(ended)
	}()
}

func (n *testNode) logPath() string { return filepath.Join(n.cluster.dir, n.name+".log") }

// said tells whether the node has logged a text since it was first started.
func (n *testNode) said(text string) bool {
	b, err := os.ReadFile(n.logPath())
	return err == nil && strings.Contains(string(b), text)
}

// kill is kill -9.
func (n *testNode) kill() {
	if n.cmd != nil {
		_ = n.cmd.Process.Kill() // it may have ended
		<-n.ended
	}
	if n.cluster.t.Failed() {
		if b, err := os.ReadFile(n.logPath()); err == nil {
			n.cluster.t.Logf("%s said:\n%s", n.name, b[max(0, len(b)-6000):])
		}
	}
}

// stop is SIGTERM, which must be followed by a clean end.
func (n *testNode) stop() {
	n.cluster.t.Helper()
	n.signal(syscall.SIGTERM)
	n.awaitEnd(0)
}

// pause is SIGSTOP, resume takes it back.
func (n *testNode) pause() { n.signal(syscall.SIGSTOP) }

func (n *testNode) resume() { n.signal(syscall.SIGCONT) }

func (n *testNode) signal(s os.Signal) {
	n.cluster.t.Helper()
	if err := n.cmd.Process.Signal(s); err != nil {
		n.cluster.t.Fatal(err)
	}
}

// awaitEnd waits until the node has ended with an exit code.
func (n *testNode) awaitEnd(code int) {
	n.cluster.t.Helper()
	select {
	case <-n.ended:
	case <-time.After(patience):
		n.cluster.t.Fatalf("%s does not end", n.name)
	}
	if got := n.cmd.ProcessState.ExitCode(); got != code {
		n.cluster.t.Fatalf("%s ended with %d, want %d", n.name, got, code)
	}
}

// status is what the node says about the cluster; ok is false if it says nothing.
func (n *testNode) status() (s cluster.Status, ok bool) {
	resp, err := http.Get("http://" + n.admin + "/cluster/status")
	if err != nil {
		return s, false
	}
	defer resp.Body.Close()
	return s, resp.StatusCode == http.StatusOK && json.NewDecoder(resp.Body).Decode(&s) == nil
}

// settled tells whether everything is where it should be and has caught up, with as many nodes.
func settled(s cluster.Status, nodes int) bool {
	if len(s.Nodes) != nodes || s.Waiting != "" || s.Under+s.Moving+s.Leaderless > 0 ||
		len(s.Partitions) == 0 {
		return false
	}
	for _, p := range s.Partitions {
		for _, r := range p.Replicas {
			if r.Role != "voter" || !r.Alive || r.Lag < 0 || r.Lag > 100 {
				return false
			}
		}
	}
	return true
}

// awaitSettled waits until nodes see a cluster of count nodes at rest.
func (c *testCluster) awaitSettled(count int, nodes ...*testNode) {
	c.t.Helper()
	for _, n := range nodes {
		var last cluster.Status
		c.t.Cleanup(func() {
			if c.t.Failed() {
				c.t.Logf("%s saw %+v", n.name, last)
			}
		})
		eventually(c.t, n.name+" to see the cluster settled", func() bool {
			s, ok := n.status()
			last = s
			return ok && settled(s, count) && n.healthy()
		})
	}
}

func (n *testNode) healthy() bool {
	resp, err := http.Get("http://" + n.ingress + "/restate/health")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// order gives an order to the cluster through the node, which must be taken.
func (n *testNode) order(path, body string) {
	n.cluster.t.Helper()
	if status, answer := call(n.cluster.t, "http://"+n.admin+"/cluster/"+path, body); status != 200 {
		n.cluster.t.Fatalf("%s: %d %s", path, status, answer)
	}
}

// register makes a deployment known through the node.
func (n *testNode) register(uri string) {
	n.cluster.t.Helper()
	body, err := json.Marshal(map[string]string{"uri": uri})
	if err != nil {
		n.cluster.t.Fatal(err)
	}
	status, answer := call(n.cluster.t, "http://"+n.admin+"/deployments", string(body))
	if status != http.StatusCreated {
		n.cluster.t.Fatalf("register: %d %s", status, answer)
	}
}
