package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/chaos/cluster/network"
	"github.com/perdure/perdure/chaos/process"
)

// Ports on hosts of their own.
const (
	fabricPort  = 5122
	ingressPort = 8080
	adminPort   = 9070
	servicePort = 9080
)

const (
	// seeds is how many nodes are named to all.
	seeds = 3
	// startWithin is how long a node or the cluster may take until it serves.
	startWithin = 3 * time.Minute
	// orderWithin is how long an order to the cluster is repeated.
	orderWithin = time.Minute
	pollEvery   = 25 * time.Millisecond
	// logFilter is how much the nodes tell.
	logFilter = "warn,perdure=info"
)

// clusterOptions say what to build.
type clusterOptions struct {
	Nodes, Zones, Partitions int
	Binary                   string // the server
	Dir                      string // data and logs of all processes
	Seed                     uint64
	Replication              string // of partitions; "": over all zones, if there are three
	Loopback                 bool   // no network of its own, even where there could be one
	ZoneDelay                time.Duration
}

// Cluster is nodes, a service and a network between them.
type Cluster struct {
	opts    clusterOptions
	net     *network.Network // nil on loopback
	why     error            // why there is none
	nodes   []*Node
	service *Service
	http    *http.Client
	weather *weather
}

// newCluster makes the network and the places of all processes, and starts none.
func newCluster(o clusterOptions) (*Cluster, error) {
	c := &Cluster{opts: o}
	if o.Loopback {
		c.why = errors.New("it was asked for")
	} else {
		c.net, c.why = network.Open(o.Nodes+2, o.Seed)
	}
	places, err := c.places()
	if err != nil {
		return nil, err
	}
	for i := range o.Nodes {
		n := &Node{
			cluster: c, index: i, name: "n" + strconv.Itoa(i+1), place: places[i],
			zone: string(rune('a' + i%o.Zones)),
		}
		c.nodes = append(c.nodes, n)
	}
	c.service = &Service{cluster: c, place: places[o.Nodes]}
	client := places[o.Nodes+1]
	c.http = &http.Client{Transport: &http.Transport{
		DialContext: client.dial, MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute,
	}}
	c.weather = newWeather(c)
	c.weather.clear()
	return c, nil
}

// place is where one process lives.
type place struct {
	host                            *network.Host // nil on loopback
	fabric, ingress, admin, service string        // addresses, host and port
}

func (p place) dial(ctx context.Context, proto, address string) (net.Conn, error) {
	if p.host == nil {
		return new(net.Dialer).DialContext(ctx, proto, address)
	}
	return p.host.Dial(ctx, proto, address)
}

// start starts a process at the place.
func (p place) start(logPath string, env []string, name string, args ...string) (
	proc *process.Process, err error,
) {
	if p.host == nil {
		return process.Start(logPath, nil, env, name, args...)
	}
	p.host.Do(func() { proc, err = process.Start(logPath, nil, env, name, args...) })
	return proc, err
}

// places are those of the nodes, the service and the clients.
func (c *Cluster) places() (all []place, err error) {
	count := c.opts.Nodes + 2
	if c.net != nil {
		for _, h := range c.net.Hosts() {
			at := func(port int) string { return net.JoinHostPort(h.Addr.String(), strconv.Itoa(port)) }
			all = append(all, place{h, at(fabricPort), at(ingressPort), at(adminPort), at(servicePort)})
		}
		return all, nil
	}
	free, err := process.FreeAddresses(4 * count)
	if err != nil {
		return nil, err
	}
	for i := range count {
		at := free[4*i:]
		all = append(all, place{nil, at[0], at[1], at[2], at[3]})
	}
	return all, nil
}

// start starts everything and waits until it serves.
func (c *Cluster) start(ctx context.Context) error {
	if err := c.service.start(ctx); err != nil {
		return err
	}
	for _, n := range c.nodes {
		if err := n.launch(); err != nil {
			return err
		}
	}
	if err := c.awaitServing(ctx, startWithin, c.nodes...); err != nil {
		return err
	}
	return c.register(ctx)
}

// Close kills everything.
func (c *Cluster) Close() error {
	for _, n := range c.nodes {
		n.proc.Kill()
	}
	c.service.proc.Kill()
	c.http.CloseIdleConnections()
	if c.net != nil {
		return c.net.Close()
	}
	return nil
}

// awaitServing waits until nodes say that every partition has a leader.
func (c *Cluster) awaitServing(ctx context.Context, within time.Duration, nodes ...*Node) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for _, n := range nodes {
		err := poll(ctx, func() error { return n.ready(ctx) })
		if err != nil {
			return fmt.Errorf("node %s does not serve after %v: %w; its last words:\n%s", n.name, within, err, n.proc.Tail())
		}
	}
	return nil
}

// register tells the cluster where the service is.
func (c *Cluster) register(ctx context.Context) error {
	body := fmt.Sprintf(`{"uri":"http://%s","force":true}`, c.service.place.service)
	return c.persist(ctx, http.MethodPost, "/deployments", body, nil)
}

// errRefused marks what the cluster will not do however often it is asked.
var errRefused = errors.New("refused")

// persist asks the admin API of one node after the other until one does what it is told.
func (c *Cluster) persist(ctx context.Context, method, path, body string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, orderWithin)
	defer cancel()
	at := 0
	return poll(ctx, func() error {
		n := c.nodes[at%len(c.nodes)]
		at++
		return n.admin(ctx, method, path, body, into)
	})
}

// order gives an order to the cluster.
func (c *Cluster) order(ctx context.Context, path, body string) error {
	return c.persist(ctx, http.MethodPost, "/cluster/"+path, body, nil)
}

// status is how the cluster is, as the first node sees it that answers.
func (c *Cluster) status(ctx context.Context) (s Status, err error) {
	err = c.persist(ctx, http.MethodGet, "/cluster/status", "", &s)
	return s, err
}

// Status is the part of the cluster's status that matters here.
type Status struct {
	Nodes []struct {
		ID       int    `json:"id"`
		Name     string `json:"name"`
		State    string `json:"state"`
		Alive    bool   `json:"alive"`
		Holds    int    `json:"holds"`
		Leads    int    `json:"leads"`
		Metadata string `json:"metadata"`
	} `json:"nodes"`
	Partitions []struct {
		ID       int       `json:"id"`
		Leader   int       `json:"leader"`
		Replicas []Replica `json:"replicas"`
	} `json:"partitions"`
	Under      int    `json:"under_replicated"`
	Moving     int    `json:"moving"`
	Leaderless int    `json:"leaderless"`
	Waiting    string `json:"waiting"`
}

// Replica is one copy of a partition.
type Replica struct {
	Node int    `json:"node"`
	Role string `json:"role"`
	Lag  int64  `json:"lag"` // entries of the log behind the leader; -1: nobody knows
}

// settled says what is not as it should be.
func (s Status) settled() error {
	switch {
	case s.Waiting != "":
		return errors.New(s.Waiting)
	case s.Under > 0 || s.Moving > 0 || s.Leaderless > 0:
		return fmt.Errorf("%d partitions have too few replicas, %d are moving, %d have no leader",
			s.Under, s.Moving, s.Leaderless)
	}
	return nil
}

// level says which replica has not caught up with its leader.
func (s Status) level() error {
	for _, p := range s.Partitions {
		for _, r := range p.Replicas {
			if r.Role == "voter" && (r.Lag < 0 || r.Lag > levelEntries) {
				return fmt.Errorf("partition %d on node %d is %d entries behind its leader", p.ID, r.Node, r.Lag)
			}
		}
	}
	return s.settled()
}

// levelEntries is how far behind the leader a replica may be, as others know: it tells them once a
// second where it is. Hardly anything happens once all clients have ended.
const levelEntries = 8

// awaitSettled waits until all replicas are where they should be.
func (c *Cluster) awaitSettled(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var last Status
	err := poll(ctx, func() error {
		s, err := c.status(ctx)
		if err != nil {
			return err
		}
		last = s
		return s.settled()
	})
	if err != nil {
		text, _ := json.Marshal(last)
		return fmt.Errorf("the cluster is not settled after %v: %w; its last status: %s", within, err, text)
	}
	return nil
}

// leads counts the partitions that each node leads, by index; the node that leads the metadata counts
// one more.
func (c *Cluster) leads(ctx context.Context) ([]int, error) {
	s, err := c.status(ctx)
	if err != nil {
		return nil, err
	}
	count := make([]int, len(c.nodes))
	for _, n := range s.Nodes {
		i := c.indexOf(n.Name)
		if i < 0 {
			continue
		}
		count[i] = n.Leads
		if n.Metadata == "leader" {
			count[i]++
		}
	}
	return count, nil
}

func (c *Cluster) indexOf(name string) int {
	for i, n := range c.nodes {
		if n.name == name {
			return i
		}
	}
	return -1
}

// stalls asks all nodes for invocations that nothing will ever wake.
func (c *Cluster) stalls(ctx context.Context) (found []string, err error) {
	for _, n := range c.nodes {
		var page struct {
			Stalls []json.RawMessage `json:"stalls"`
		}
		if err := n.admin(ctx, http.MethodGet, "/internal/stalls", "", &page); err != nil {
			return nil, fmt.Errorf("ask %s for stalls: %w", n.name, err)
		}
		for _, s := range page.Stalls {
			found = append(found, n.name+": "+string(s))
		}
	}
	return found, nil
}

// Service is the deployment's process.
type Service struct {
	cluster *Cluster
	place   place
	proc    *process.Process
}

func (s *Service) start(ctx context.Context) (err error) {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	s.proc, err = s.place.start(filepath.Join(s.cluster.opts.Dir, "service.log"), []string{serveEnv + "=" + s.place.service}, self)
	if err != nil {
		return err
	}
	return s.proc.Await(ctx, "the service", func(ctx context.Context) bool {
		conn, err := s.place.dial(ctx, "tcp", s.place.service)
		return err == nil && conn.Close() == nil
	})
}

// serveEnv tells this program, when it is started, to serve the handlers and where.
const serveEnv = "CHAOS_CLUSTER_SERVE"

// poll calls f until it succeeds, is refused, or ctx ends.
func poll(ctx context.Context, f func() error) error {
	for {
		err := f()
		if err == nil || errors.Is(err, errRefused) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pollEvery):
		}
	}
}

// ask sends one request and reads the answer.
func ask(ctx context.Context, client *http.Client, method, url, body string) (int, http.Header, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, nil, nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, bytes.TrimSpace(got), err
}

// quoted is a list of strings as configuration wants it.
func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strconv.Quote(s)
	}
	return "[" + strings.Join(out, ",") + "]"
}
