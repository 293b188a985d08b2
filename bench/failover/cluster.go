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
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	poll     = 20 * time.Millisecond
	patience = 2 * time.Minute
	pause    = 3 * time.Second // of a node that is paused
	// observed is how long callers are watched from the loss on.
	observed = 4 * time.Second
)

type node struct {
	name, fabric, admin, ingress string
	dir                          string
	program, env                 []string
	cmd                          *exec.Cmd
	ended                        chan struct{}
}

type clusterOf struct{ nodes []*node }

func newCluster(s settings) (*clusterOf, error) {
	c := &clusterOf{}
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	var seeds []string
	for i := range s.nodes {
		n := &node{name: "n" + strconv.Itoa(i+1), dir: s.dir, program: s.program}
		for _, to := range []*string{&n.fabric, &n.admin, &n.ingress} {
			l, err := listen()
			if err != nil {
				return nil, err
			}
			held = append(held, l)
			*to = l.Addr().String()
		}
		seeds = append(seeds, strconv.Quote("http://"+n.fabric))
		c.nodes = append(c.nodes, n)
	}
	for _, n := range c.nodes {
		n.env = append(os.Environ(), "PERDURE_CLUSTER_NAME=failover", "PERDURE_NODE_NAME="+n.name,
			"PERDURE_BASE_DIR="+s.dir, "PERDURE_LISTEN_MODE=tcp", "PERDURE_BIND_ADDRESS="+n.fabric,
			"PERDURE_ADMIN__BIND_ADDRESS="+n.admin, "PERDURE_INGRESS__BIND_ADDRESS="+n.ingress,
			"PERDURE_METADATA_CLIENT__ADDRESSES=["+strings.Join(seeds[:min(3, len(seeds))], ",")+"]",
			"PERDURE_DEFAULT_REPLICATION=3", "PERDURE_LOCATION=bench."+n.name,
			"PERDURE_DEFAULT_NUM_PARTITIONS="+strconv.Itoa(s.partitions))
	}
	return c, nil
}

// Ports of nodes lie below those that outgoing connections take while a node is away.
const firstPort, lastPort = 20000, 32000

func listen() (l net.Listener, err error) {
	for range 100 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return l, nil
		}
	}
	return nil, err
}

func (n *node) start() error {
	log, err := os.OpenFile(n.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	n.cmd = exec.Command(n.program[0], n.program[1:]...)
	n.cmd.Env, n.cmd.Stdout, n.cmd.Stderr = n.env, log, log
	if err := n.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", n.name, err)
	}
	cmd, ended := n.cmd, make(chan struct{})
	n.ended = ended
	go func() {
		_ = cmd.Wait() // its log says why
		close(ended)
	}()
	return nil
}

func (n *node) signal(s syscall.Signal) error { return n.cmd.Process.Signal(s) }

func (c *clusterOf) killAll() {
	for _, n := range c.nodes {
		if n.cmd != nil {
			_ = n.cmd.Process.Kill() // it may have ended
			<-n.ended
		}
	}
}

// firstCall registers the service and calls it, as soon as that goes.
func (c *clusterOf) firstCall(ctx context.Context, service string) error {
	body, err := json.Marshal(map[string]string{"uri": service})
	if err != nil {
		return err
	}
	n := c.nodes[0]
	return until(ctx, "the first answered call", func() bool {
		resp, err := http.Post("http://"+n.admin+"/deployments", "application/json", bytes.NewReader(body))
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		if resp.StatusCode/100 != 2 {
			return false
		}
		resp, err = http.Post("http://"+n.ingress+"/Echo/echo", "application/json", strings.NewReader(`"x"`))
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func until(ctx context.Context, what string, ok func() bool) error {
	for deadline := time.Now().Add(patience); !ok(); {
		if time.Now().After(deadline) {
			return errors.New("waited too long for " + what)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(poll):
		}
	}
	return nil
}

// status is what is needed of the cluster's status.
type status struct {
	Nodes []struct {
		Name  string `json:"name"`
		Alive bool   `json:"alive"`
		Leads int    `json:"leads"`
	} `json:"nodes"`
	Under      int `json:"under_replicated"`
	Moving     int `json:"moving"`
	Leaderless int `json:"leaderless"`
	Partitions []struct {
		Leader int `json:"leader"`
		Wanted int `json:"wanted_leader"`
	} `json:"partitions"`
}

func (n *node) status() (s status, err error) {
	resp, err := http.Get("http://" + n.admin + "/cluster/status")
	if err != nil {
		return s, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	return s, err
}

// awaitSettled waits until all nodes are up, lead about equally much, and everything is led by whom
// it should be.
func (c *clusterOf) awaitSettled(ctx context.Context) error {
	return until(ctx, "the cluster to be at rest", func() bool {
		s, err := c.nodes[0].status()
		if err != nil || len(s.Nodes) != len(c.nodes) || s.Under+s.Moving+s.Leaderless > 0 ||
			len(s.Partitions) == 0 {
			return false
		}
		for _, p := range s.Partitions {
			if p.Leader != p.Wanted {
				return false
			}
		}
		for _, n := range s.Nodes {
			if !n.Alive || n.Leads < len(s.Partitions)/len(s.Nodes)-1 {
				return false
			}
		}
		return true
	})
}

// outcome is what callers noticed of one loss.
type outcome struct {
	at       time.Time
	led      int // partitions the node led
	any, key time.Duration
}

// lose takes a node away, watches what callers notice, and takes it back.
func (c *clusterOf) lose(ctx context.Context, l *load, n *node, mode string) (o outcome, err error) {
	s, err := n.status()
	if err != nil {
		return o, err
	}
	for _, x := range s.Nodes {
		if x.Name == n.name {
			o.led = x.Leads
		}
	}
	l.leave(n)
	from := time.Now()
	o.at = from
	switch mode {
	case "kill":
		err = n.signal(syscall.SIGKILL)
	case "stop":
		err = n.signal(syscall.SIGTERM)
	case "pause":
		err = n.signal(syscall.SIGSTOP)
	default:
		err = fmt.Errorf("unknown mode %q", mode)
	}
	if err != nil {
		return o, err
	}
	select {
	case <-time.After(observed):
	case <-ctx.Done():
		return o, ctx.Err()
	}
	o.any, o.key = l.gaps(from, time.Now())
	if mode == "pause" {
		err = n.signal(syscall.SIGCONT)
	} else {
		<-n.ended
		err = n.start()
	}
	if err == nil {
		err = c.awaitSettled(ctx)
	}
	l.leave(nil)
	return o, err
}
