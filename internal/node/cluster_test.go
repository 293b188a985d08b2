package node

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	restate "github.com/restatedev/sdk-go"
	"github.com/restatedev/sdk-go/server"
)

// startServices runs a workflow of three steps, a counter, and a service that adds to the counter by
// a call to another partition.
func startServices(t *testing.T) (uri string) {
	t.Helper()
	steps := func(ctx restate.WorkflowContext, value int) (int, error) {
		for range 3 {
			var err error
			value, err = restate.Run(ctx, func(restate.RunContext) (int, error) { return value + 1, nil })
			if err != nil {
				return 0, err
			}
		}
		return value, nil
	}
	add := func(ctx restate.ObjectContext, by int) (int, error) {
		sum, err := restate.Get[int](ctx, "sum")
		restate.Set(ctx, "sum", sum+by)
		return sum + by, err
	}
	get := func(ctx restate.ObjectSharedContext, _ restate.Void) (int, error) {
		return restate.Get[int](ctx, "sum")
	}
	relay := func(ctx restate.Context, key string) (int, error) {
		return restate.Object[int](ctx, "Counter", key, "add").Request(1)
	}
	handler, err := server.NewRestate().WithLogger(slog.DiscardHandler, true).
		Bind(restate.NewWorkflow("Steps").Handler("run", restate.NewWorkflowHandler(steps))).
		Bind(restate.NewObject("Counter").Handler("add", restate.NewObjectHandler(add)).
			Handler("get", restate.NewObjectSharedHandler(get))).
		Bind(restate.NewService("Relay").Handler("add", restate.NewServiceHandler(relay))).Handler()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: handler, Protocols: new(http.Protocols)}
	s.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return "http://" + l.Addr().String()
}

// workload calls through nodes until it is stopped: workflows, and additions to counters with an
// idempotency key. Every call must be answered with success.
type workload struct {
	t       *testing.T
	name    string // its workflows and counters are its own
	stopped chan struct{}
	callers sync.WaitGroup
	calls   atomic.Int64 // answered
	added   [loadCounters]atomic.Int64
	failure atomic.Pointer[string]
}

const loadCounters = 20

// startLoad starts two callers per node.
func startLoad(t *testing.T, name string, nodes ...*testNode) *workload {
	l := &workload{t: t, name: name, stopped: make(chan struct{})}
	for i := range 2 * len(nodes) {
		n := nodes[i%len(nodes)]
		l.callers.Go(func() {
			for round := 0; ; round++ {
				select {
				case <-l.stopped:
					return
				default:
				}
				if err := l.call(n, i, round); err != nil {
					text := fmt.Sprintf("call %d of caller %d through %s: %v", round, i, n.name, err)
					l.failure.CompareAndSwap(nil, &text)
					return
				}
				l.calls.Add(1)
			}
		})
	}
	return l
}

func (l *workload) call(n *testNode, caller, round int) error {
	base := "http://" + n.ingress
	if round%2 == 0 {
		answer, err := post(fmt.Sprintf("%s/Steps/%s-%d-%d/run", base, l.name, caller, round), "0", "")
		if err == nil && answer != "3" {
			err = fmt.Errorf("the workflow gave %s", answer)
		}
		return err
	}
	counter := (caller + round) % loadCounters
	key := fmt.Sprintf("%s-%d-%d", l.name, caller, round)
	var err error
	if round%4 == 1 {
		_, err = post(fmt.Sprintf("%s/Counter/%s%d/add", base, l.name, counter), "1", key)
	} else {
		_, err = post(base+"/Relay/add", fmt.Sprintf("%q", fmt.Sprint(l.name, counter)), key)
	}
	if err == nil {
		l.added[counter].Add(1)
	}
	return err
}

func post(url, body, idempotencyKey string) (string, error) {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if idempotencyKey != "" {
		req.Header.Set("Idempotency-Key", idempotencyKey)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, b)
	}
	return string(b), err
}

// more waits until as many more calls were answered.
func (l *workload) more(count int64) {
	l.t.Helper()
	from := l.calls.Load()
	eventually(l.t, fmt.Sprintf("%d more calls", count), func() bool {
		return l.calls.Load() >= from+count || l.failure.Load() != nil
	})
}

// stop ends the load and checks that nothing failed, was lost or was doubled.
func (l *workload) stop(through *testNode) {
	l.t.Helper()
	close(l.stopped)
	l.callers.Wait()
	if f := l.failure.Load(); f != nil {
		l.t.Fatalf("after %d calls: %s", l.calls.Load(), *f)
	}
	for i := range l.added {
		sum, err := post(fmt.Sprintf("http://%s/Counter/%s%d/get", through.ingress, l.name, i), "", "")
		if want := fmt.Sprint(l.added[i].Load()); err != nil || sum != want {
			l.t.Errorf("counter %d is %s (%v), want %s", i, sum, err, want)
		}
	}
}

// invocations counts the invocations of the whole cluster by SQL; ok is false if some could not be
// read.
func (n *testNode) invocations() (count int, ok bool) {
	var answer struct {
		Rows []struct{ N int }
	}
	body, ok := n.ask("SELECT count(*) AS n FROM sys_invocation WHERE target LIKE '%/%'")
	if !ok || json.Unmarshal(body, &answer) != nil {
		return 0, false
	}
	return answer.Rows[0].N, true
}

// ask asks the node in SQL.
func (n *testNode) ask(text string) (body []byte, ok bool) {
	req, err := http.NewRequest(http.MethodPost, "http://"+n.admin+"/query",
		strings.NewReader(`{"query": "`+text+`"}`))
	if err != nil {
		return nil, false
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, false
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		n.cluster.t.Logf("%s answers %s: %s", n.name, resp.Status, body)
		return nil, false
	}
	return body, true
}

// awaitComputedElsewhere waits until a node has others compute what it is asked; not all nodes lead all
// partitions.
func (c *testCluster) awaitComputedElsewhere(nodes ...*testNode) {
	c.t.Helper()
	eventually(c.t, "a query to be computed by several nodes", func() bool {
		return slices.ContainsFunc(nodes, func(n *testNode) bool {
			body, ok := n.ask("EXPLAIN ANALYZE SELECT count(*) FROM sys_invocation")
			return ok && strings.Contains(string(body), "computed by another node")
		})
	})
}

// awaitSameCount waits until all nodes see the same invocations, most of which are led elsewhere.
func (c *testCluster) awaitSameCount(nodes ...*testNode) {
	c.t.Helper()
	eventually(c.t, "every node to see the same invocations", func() bool {
		first, ok := nodes[0].invocations()
		for _, n := range nodes[1:] {
			count, read := n.invocations()
			ok = ok && read && count == first
		}
		return ok && first >= 60
	})
}

// Three nodes form a cluster by configuration alone, serve through each, survive the loss of one,
// and take it back.
func TestThreeNodesSurviveTheLossOfOne(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	c.start(c.nodes...)
	c.awaitSettled(3, c.nodes...)
	c.nodes[0].register(startServices(t))

	l := startLoad(t, "first", c.nodes...)
	l.more(60)
	l.stop(c.nodes[1])
	c.awaitSameCount(c.nodes...)
	c.awaitComputedElsewhere(c.nodes...)

	l = startLoad(t, "second", c.nodes[0], c.nodes[1])
	l.more(20)
	c.nodes[2].kill()
	l.more(100)
	if n, ok := c.nodes[0].invocations(); !ok || n < 180 {
		t.Errorf("with a node lost, SQL sees %d invocations of 180 or more: %v", n, ok)
	}
	c.start(c.nodes[2])
	c.awaitSettled(3, c.nodes...)
	l.more(20)
	l.stop(c.nodes[2])
}
