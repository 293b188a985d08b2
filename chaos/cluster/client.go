package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/chaos/cluster/check"
	"github.com/perdure/perdure/chaos/cluster/history"
)

const (
	// callTimeout is how long a client waits for one answer.
	callTimeout = 10 * time.Second
	// repeatPause is between two tries of what is repeated until it succeeds.
	repeatPause = 30 * time.Millisecond
)

// Clients call the cluster and record what they are told.
type Clients struct {
	cluster *Cluster
	rec     *history.Recorder
	next    atomic.Int64 // numbers of clients

	mu      sync.Mutex
	avoided map[int]bool   // nodes that are not called; guarded by mu
	working map[int]int    // requests under way, by node; guarded by mu
	refused []string       // answers that no fault explains; guarded by mu
	errors  map[string]int // failed tries by reason; guarded by mu
}

func newClients(c *Cluster, rec *history.Recorder) *Clients {
	return &Clients{cluster: c, rec: rec, avoided: map[int]bool{}, working: map[int]int{}, errors: map[string]int{}}
}

// avoid says whether clients leave a node alone from now on.
func (c *Clients) avoid(n *Node, yes bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.avoided[n.index] = yes
}

func (c *Clients) count(n *Node, by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.working[n.index] += by
}

// busy is how many requests are under way on a node.
func (c *Clients) busy(n *Node) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.working[n.index]
}

// node chooses a node, another one than the last if there is any.
func (c *Clients) node(rng *rand.Rand, last *Node) *Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	var free []*Node
	for _, n := range c.cluster.nodes {
		if !c.avoided[n.index] && n != last {
			free = append(free, n)
		}
	}
	if len(free) == 0 {
		return c.cluster.nodes[rng.IntN(len(c.cluster.nodes))]
	}
	return free[rng.IntN(len(free))]
}

// request is one call as a client means it.
type request struct {
	workload, kind, key string
	method, path        string // POST if empty
	body                any    // nil: none
	idempotency         string // a key; "" if there is none
	admin               bool   // to the admin API
	// want are statuses other than 2xx that are answers, too.
	want []int
	// again are statuses that are answers, too, once an earlier try was left without one: they say that
	// it had succeeded.
	again []int
	// quiet requests are no operations of the history: they only look.
	quiet bool
}

// reply is what came back.
type reply struct {
	status     int
	body       []byte
	invocation string // its ID
	span       check.Span
	node       *Node
	err        error // there was no answer that says what happened
	outcome    history.Outcome
}

// ok tells whether there is an answer.
func (r reply) ok() bool { return r.err == nil && r.outcome == history.OK }

// into reads the answer.
func (r reply) into(v any) error {
	if !r.ok() {
		return r.err
	}
	if err := json.Unmarshal(r.body, v); err != nil {
		return fmt.Errorf("read the answer %q: %w", r.body, err)
	}
	return nil
}

// client is one that does one thing at a time.
type client struct {
	*Clients
	id  int
	rng *rand.Rand
	// life is how long it repeats what it has begun.
	life context.Context
}

func (c *Clients) new(life context.Context, seed uint64) *client {
	id := int(c.next.Add(1))
	return &client{c, id, rand.New(rand.NewPCG(seed, uint64(id))), life}
}

// once sends a request to one node, once.
func (c *client) once(n *Node, r request) reply {
	start := c.rec.Now()
	a := c.try(n, r)
	return c.record(r, a, start, 1)
}

// anywhere is once, on any node.
func (c *client) anywhere(r request) reply { return c.once(c.node(c.rng, nil), r) }

// persist repeats a request, on one node after the other, until there is an answer or the client's
// life ends. The request must be one that may be repeated.
func (c *client) persist(r request) reply {
	start := c.rec.Now()
	var n *Node
	for tries := 1; ; tries++ {
		n = c.node(c.rng, n)
		a := c.try(n, r)
		if a.ok() || c.life.Err() != nil || a.status/100 == 4 {
			if !a.ok() {
				a.outcome = history.Unknown // an earlier try may have succeeded
			}
			return c.record(r, a, start, tries)
		}
		if a.outcome == history.Unknown {
			r.want, r.again = append(slices.Clone(r.want), r.again...), nil
		}
		pause(c.life, repeatPause)
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (c *client) record(r request, a reply, start time.Duration, tries int) reply {
	a.span = check.Span{Client: c.id, Start: start, End: c.rec.Now(), Unknown: !a.ok()}
	if r.quiet {
		return a
	}
	input, _ := json.Marshal(r.body)
	o := history.Operation{
		Workload: r.workload, Kind: r.kind, Key: r.key, Client: c.id, Node: a.node.name,
		Input: string(input), Output: string(a.body), Start: a.span.Start, End: a.span.End,
		Outcome: a.outcome, Tries: tries,
	}
	if a.err != nil {
		o.Error = a.err.Error()
	}
	c.rec.Add(o)
	return a
}

// try sends the request once and says what is known after it.
func (c *client) try(n *Node, r request) reply {
	// A request that was begun is carried through when life ends, but not for ever.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.life), callTimeout)
	defer cancel()
	c.count(n, 1)
	defer c.count(n, -1)
	a := reply{node: n}
	status, header, body, err := c.send(ctx, n, r)
	a.status, a.body = status, body
	switch {
	case err != nil:
		a.err, a.outcome = err, history.Unknown
		if unsent(err) {
			a.outcome = history.Failed
		}
	case status/100 == 2 || contains(r.want, status):
		a.outcome, a.invocation = history.OK, header.Get("x-restate-id")
		return a
	case status/100 == 4:
		a.err, a.outcome = fmt.Errorf("%d: %s", status, body), history.Failed
		c.refuse(fmt.Sprintf("%s %s on %s: %v", r.method, r.path, n.name, a.err))
	default:
		a.err, a.outcome = fmt.Errorf("%d: %s", status, body), history.Unknown
	}
	c.mu.Lock()
	c.errors[reason(a)]++
	c.mu.Unlock()
	return a
}

// reason is an error without what changes from one to the next.
func reason(a reply) string {
	var timeout net.Error
	switch {
	case a.status != 0:
		return fmt.Sprintf("status %d", a.status)
	case unsent(a.err):
		return "connection refused"
	case errors.As(a.err, &timeout) && timeout.Timeout():
		return "no answer in time"
	default:
		return "connection lost"
	}
}

// refuse notes an answer that should not be.
func (c *Clients) refuse(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused = append(c.refused, text)
}

func (c *client) send(ctx context.Context, n *Node, r request) (int, http.Header, []byte, error) {
	var payload io.Reader
	if r.body != nil {
		b, err := json.Marshal(r.body)
		if err != nil {
			return 0, nil, nil, fmt.Errorf("encode a request: %w", err)
		}
		payload = bytes.NewReader(b)
	}
	method, base := r.method, n.place.ingress
	if method == "" {
		method = http.MethodPost
	}
	if r.admin {
		base = n.place.admin
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+base+r.path, payload)
	if err != nil {
		return 0, nil, nil, err
	}
	// A connection that breaks must show: the library would send some requests again by itself.
	req.GetBody = nil
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.idempotency != "" {
		req.Header["Idempotency-Key"] = []string{r.idempotency}
	}
	resp, err := c.cluster.http.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, bytes.TrimSpace(got), err
}

// unsent reports whether a request surely reached nobody.
func unsent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

func contains(list []int, n int) bool {
	for _, x := range list {
		if x == n {
			return true
		}
	}
	return false
}
