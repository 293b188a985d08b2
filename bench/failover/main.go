package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/perdure/perdure/bench/workload"
)

// settings are what the command line says.
type settings struct {
	program    []string
	nodes      int
	partitions int
	keys       int
	kills      int
	mode       string
	dir        string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "failover:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var s settings
	program := flag.String("program", "bin/perdure serve", "the server's command line")
	flag.IntVar(&s.nodes, "nodes", 3, "number of nodes")
	flag.IntVar(&s.partitions, "partitions", 24, "number of partitions")
	flag.IntVar(&s.keys, "keys", 48, "number of counters; each has one caller")
	flag.IntVar(&s.kills, "kills", 20, "how many nodes are lost, one after the other")
	flag.StringVar(&s.mode, "mode", "kill", "how: kill (kill -9), pause (SIGSTOP for 3s) or stop (SIGTERM)")
	flag.StringVar(&s.dir, "dir", "", "where data is kept (default: a temporary directory)")
	flag.Parse()
	s.program = strings.Fields(*program)
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "failover")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		s.dir = dir
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	serving, stopServing := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- workload.Serve(serving, listener, os.Stderr) }()
	defer func() {
		stopServing()
		<-ended
	}()
	return measure(ctx, s, "http://"+listener.Addr().String())
}

func measure(ctx context.Context, s settings, service string) error {
	c, err := newCluster(s)
	if err != nil {
		return err
	}
	defer c.killAll()
	began := time.Now()
	for _, n := range c.nodes {
		if err := n.start(); err != nil {
			return err
		}
	}
	if err := c.firstCall(ctx, service); err != nil {
		return err
	}
	fmt.Printf("cold start of %d nodes to the first answered call: %v\n", s.nodes,
		time.Since(began).Round(time.Millisecond))
	if err := c.awaitSettled(ctx); err != nil {
		return err
	}
	l := startLoad(c.nodes, s.keys)
	var any, key []time.Duration
	for i := range s.kills {
		victim := c.nodes[i%len(c.nodes)]
		o, err := c.lose(ctx, l, victim, s.mode)
		if err != nil {
			return fmt.Errorf("loss %d, of %s: %w", i+1, victim.name, err)
		}
		fmt.Printf("%s loss %2d: %s, leader of %2d partitions: no success for %4d ms, one key for %4d ms\n",
			o.at.Format(time.TimeOnly), i+1, victim.name, o.led, o.any.Milliseconds(), o.key.Milliseconds())
		any, key = append(any, o.any), append(key, o.key)
	}
	calls, failed := l.stop()
	for what, d := range map[string][]time.Duration{"without any success": any, "gap of one key": key} {
		slices.Sort(d)
		fmt.Printf("%s: median %v, worst %v\n", what, d[len(d)/2].Round(time.Millisecond),
			d[len(d)-1].Round(time.Millisecond))
	}
	fmt.Printf("%d calls answered, %d failed\n", calls, len(failed))
	for _, f := range failed[:min(5, len(failed))] {
		fmt.Println(" ", f)
	}
	return l.check(ctx, c.nodes[0])
}

func (n *node) logPath() string { return filepath.Join(n.dir, n.name+".log") }
