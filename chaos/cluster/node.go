package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/perdure/perdure/chaos/process"
)

const (
	askTimeout  = 2 * time.Second // for a question to a node
	stopTimeout = time.Minute     // after SIGTERM
)

// Node is one server process and what it keeps.
type Node struct {
	cluster *Cluster
	index   int
	name    string
	zone    string
	place   place
	proc    *process.Process // nil or ended: it is down
	wiped   int              // how often its data was thrown away
}

func (n *Node) String() string { return n.name + " (zone " + n.zone + ")" }

// dir is where the node keeps its data.
func (n *Node) dir() string {
	return filepath.Join(n.cluster.opts.Dir, n.name+"-"+strconv.Itoa(n.wiped))
}

// launch starts the process and does not wait for it.
func (n *Node) launch() (err error) {
	c := n.cluster
	var addresses []string
	for _, other := range c.nodes[:min(seeds, len(c.nodes))] {
		addresses = append(addresses, "http://"+other.place.fabric)
	}
	copies := min(3, len(c.nodes))
	replication := c.opts.Replication
	switch {
	case replication != "":
	case copies == 3 && c.opts.Zones >= 3:
		replication = "{zone: 3, node: 3}"
	default:
		replication = strconv.Itoa(copies)
	}
	settings := [][2]string{
		{"CLUSTER_NAME", "chaos"},
		{"NODE_NAME", n.name},
		{"LOCATION", "region." + n.zone},
		{"BASE_DIR", n.dir()},
		{"LISTEN_MODE", "tcp"},
		{"BIND_ADDRESS", n.place.fabric},
		{"INGRESS__BIND_ADDRESS", n.place.ingress},
		{"ADMIN__BIND_ADDRESS", n.place.admin},
		{"DEFAULT_NUM_PARTITIONS", strconv.Itoa(c.opts.Partitions)},
		{"DEFAULT_REPLICATION", replication},
		{"LOG_FILTER", logFilter},
		{"LOG_DISABLE_ANSI_CODES", "true"},
		{"WORKER__CLEANUP_INTERVAL", "5s"},
	}
	if len(c.nodes) > 1 {
		settings = append(settings, [2]string{"METADATA_CLIENT__ADDRESSES", quoted(addresses)},
			[2]string{"NETWORKING__ALLOW_PLAINTEXT", "true"})
	} else {
		settings = append(settings, [2]string{"AUTO_PROVISION", "true"})
	}
	env := []string{"GOTRACEBACK=all"}
	for _, s := range settings {
		env = append(env, "PERDURE_"+s[0]+"="+s[1])
	}
	n.proc, err = n.place.start(n.log(), env, c.opts.Binary, "serve", "--no-logo")
	if err != nil {
		return fmt.Errorf("start node %s: %w", n.name, err)
	}
	return nil
}

func (n *Node) log() string { return filepath.Join(n.cluster.opts.Dir, n.name+".log") }

// restart starts the process again and waits until it serves.
func (n *Node) restart(ctx context.Context) error {
	if err := n.launch(); err != nil {
		return err
	}
	return n.cluster.awaitServing(ctx, startWithin, n)
}

func (n *Node) kill() { n.proc.Kill() }

// stop asks the process to end, and kills it when it does not. It reports how long that took.
func (n *Node) stop() (time.Duration, error) {
	began := time.Now()
	if err := n.proc.Terminate(); err != nil {
		return 0, err
	}
	select {
	case <-n.proc.Done():
		n.kill() // closes its log
		return time.Since(began), nil
	case <-time.After(stopTimeout):
		n.kill()
		return 0, fmt.Errorf("node %s has not stopped %v after SIGTERM", n.name, stopTimeout)
	}
}

// wipe throws the data of a node that is down away.
func (n *Node) wipe() error {
	if err := os.RemoveAll(n.dir()); err != nil {
		return fmt.Errorf("wipe %s: %w", n.name, err)
	}
	n.wiped++
	return nil
}

// running tells whether the process has not ended.
func (n *Node) running() bool {
	if n.proc == nil {
		return false
	}
	select {
	case <-n.proc.Done():
		return false
	default:
		return true
	}
}

// ready says why the node does not serve.
func (n *Node) ready(ctx context.Context) error {
	if !n.running() {
		return errors.New("the process has ended")
	}
	return n.get(ctx, "http://"+n.place.ingress+"/restate/health")
}

func (n *Node) get(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	status, _, body, err := ask(ctx, n.cluster.http, http.MethodGet, url, "")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%d: %s", status, body)
	}
	return err
}

// admin asks the node's admin API.
func (n *Node) admin(ctx context.Context, method, path, body string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 2*askTimeout)
	defer cancel()
	status, _, got, err := ask(ctx, n.cluster.http, method, "http://"+n.place.admin+path, body)
	switch {
	case err != nil:
		return fmt.Errorf("%s %s on %s: %w", method, path, n.name, err)
	case status/100 == 4:
		return fmt.Errorf("%w: %s %s on %s: %d: %s", errRefused, method, path, n.name, status, got)
	case status/100 != 2:
		return fmt.Errorf("%s %s on %s: %d: %s", method, path, n.name, status, got)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(got, into); err != nil {
		return fmt.Errorf("read the answer to %s %s: %w", method, path, err)
	}
	return nil
}
