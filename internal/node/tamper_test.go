package node

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"
)

// tamperer stands between two nodes and has them take each other for something else: their clocks are
// off, or they speak another protocol. What it changes keeps its length, so that nothing else breaks.
type tamperer struct {
	address string // to listen on
	target  string

	mu       sync.Mutex
	skew     time.Duration // guarded by mu; added to clocks
	protocol int           // guarded by mu; 0: as it is
	conns    []net.Conn    // guarded by mu
}

// tamper stands before the node that listens on target.
func tamper(t *testing.T, target string) *tamperer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &tamperer{address: l.Addr().String(), target: target}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { m.pass(in) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		m.cut()
		serving.Wait()
	})
	return m
}

// set changes what is pretended, and ends all connections.
func (m *tamperer) set(skew time.Duration, protocol int) {
	m.mu.Lock()
	m.skew, m.protocol = skew, protocol
	m.mu.Unlock()
	m.cut()
}

func (m *tamperer) cut() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.conns {
		_ = c.Close()
	}
	m.conns = nil
}

// pass carries a connection both ways.
func (m *tamperer) pass(in net.Conn) {
	out, err := net.Dial("tcp", m.target)
	if err != nil {
		_ = in.Close() // as if nobody listened
		return
	}
	m.mu.Lock()
	m.conns = append(m.conns, in, out)
	m.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { m.copy(out, in) })
	both.Go(func() { m.copy(in, out) })
	both.Wait()
}

func (m *tamperer) copy(to, from net.Conn) {
	defer to.Close()
	b := make([]byte, 64<<10) // a greeting is one write, and fits
	for {
		n, err := from.Read(b)
		if n > 0 {
			if _, err := to.Write(m.change(b[:n])); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

var (
	millisText   = regexp.MustCompile(`"millis":\d{13}`)
	protocolText = regexp.MustCompile(`"protocol":\d`)
)

func (m *tamperer) change(b []byte) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.skew != 0 {
		b = millisText.ReplaceAllFunc(b, func(found []byte) []byte {
			at, err := strconv.ParseInt(string(found[len(`"millis":`):]), 10, 64)
			if err != nil {
				return found
			}
			return fmt.Appendf(nil, `"millis":%d`, at+m.skew.Milliseconds())
		})
	}
	if m.protocol != 0 {
		b = protocolText.ReplaceAll(b, fmt.Appendf(nil, `"protocol":%d`, m.protocol))
	}
	return b
}

// wrongNodes are what a node can be that must not be let in, and what is to be said about it.
var wrongNodes = []struct {
	name     string
	skew     time.Duration
	protocol int
	says     []string
}{
	{"a clock that is fast", 7 * time.Second, 0, []string{"the clock of node ", "at most 5s is allowed", "synchronise the clocks"}},
	{"a clock that is slow", -7 * time.Second, 0, []string{"the clock of node ", "at most 5s is allowed", "synchronise the clocks"}},
	{"another protocol", 0, 7, []string{"with protocol 7", "run "}},
}

// Processes whose clocks are more than 5 s apart, or whose releases speak different protocols, do not
// form a cluster: who wants to join ends and has written nothing while the others go on, and who comes
// back ends and has changed nothing.
func TestNodesThatDoNotFitAreRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	first, second := c.nodes[0], c.nodes[1]
	between := tamper(t, first.fabric)
	first.env = append(first.env, "PERDURE_DEFAULT_REPLICATION=1", "PERDURE_ADVERTISED_ADDRESS=http://"+between.address)
	first.start("[]")
	c.awaitSettled(1, first)
	first.register(startServices(t))
	l := startLoad(t, "fit", first)

	ends := func(t *testing.T, says []string) {
		t.Helper()
		second.start(c.seeds(&testNode{fabric: between.address}))
		second.awaitEnd(1)
		for _, text := range says {
			if !second.said(text) {
				t.Errorf("it does not say %q", text)
			}
		}
		if err := os.Truncate(second.logPath(), 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range wrongNodes {
		t.Run("joins: "+tt.name, func(t *testing.T) {
			between.set(tt.skew, tt.protocol)
			ends(t, tt.says)
			if files, _ := os.ReadDir(filepath.Join(c.dir, second.name, "log")); len(files) > 0 {
				t.Errorf("it has written %v", files)
			}
			l.more(10)
			if s, _ := first.status(); len(s.Nodes) != 1 || s.Leaderless > 0 {
				t.Errorf("the cluster has become %+v", s)
			}
		})
	}

	between.set(0, 0)
	l.more(30)
	l.stop(first)
	second.start(c.seeds(&testNode{fabric: between.address}))
	c.awaitSettled(2, first, second)
	t.Run("drifts", func(t *testing.T) {
		between.set(7*time.Second, 0)
		eventually(t, "the refusal to be reported", func() bool {
			return second.said("another node refuses this one") || second.said("synchronise the clocks")
		})
		between.set(0, 0)
		c.awaitSettled(2, first, second)
	})
	second.stop()
	identity, err := os.ReadFile(filepath.Join(c.dir, second.name, "node.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range wrongNodes {
		t.Run("comes back: "+tt.name, func(t *testing.T) {
			between.set(tt.skew, tt.protocol)
			ends(t, tt.says)
			after, err := os.ReadFile(filepath.Join(c.dir, second.name, "node.json"))
			if err != nil || string(after) != string(identity) {
				t.Errorf("its identity became %s (%v), it was %s", after, err, identity)
			}
		})
	}
	between.set(0, 0)
	second.start(c.seeds(&testNode{fabric: between.address}))
	c.awaitSettled(2, first, second)
	c.awaitSameCount(first, second)
}
