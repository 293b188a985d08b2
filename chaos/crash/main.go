package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/perdure/perdure/chaos/process"
	"github.com/perdure/perdure/chaos/workload"
)

// options of one run.
type options struct {
	binary  string // server program; empty: build it
	dir     string // data directory
	rounds  int
	clients int
	minUp   time.Duration // the server lives at least this long in a round
	maxUp   time.Duration
	seed    uint64
	out     io.Writer
}

func main() {
	o := options{out: os.Stdout}
	flag.StringVar(&o.binary, "server", "", "perdure program (default: build ./cmd/perdure)")
	flag.StringVar(&o.dir, "dir", "", "data directory (default: a temporary one)")
	flag.IntVar(&o.rounds, "rounds", 100, "how often to kill the server")
	flag.IntVar(&o.clients, "clients", 8, "clients of each kind")
	flag.DurationVar(&o.minUp, "min-up", 200*time.Millisecond, "shortest life of the server")
	flag.DurationVar(&o.maxUp, "max-up", 1500*time.Millisecond, "longest life of the server")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the lifetimes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	}
}

// run kills the server o.rounds times under load and checks what is left.
func run(ctx context.Context, o options) error {
	cleanup, err := o.complete()
	defer cleanup()
	if err != nil {
		return err
	}
	addresses, err := process.FreeAddresses(4)
	if err != nil {
		return err
	}
	service := workload.NewService()
	if err := service.Serve(ctx, addresses[3]); err != nil {
		return err
	}
	s := &workload.Server{Binary: o.binary, Dir: o.dir, Log: o.dir + ".log",
		Ingress: addresses[0], Admin: addresses[1], Fabric: addresses[2]}
	defer s.Kill()
	if _, err := s.Start(ctx); err != nil {
		return err
	}
	if err := s.Register(addresses[3]); err != nil {
		return err
	}
	c := workload.NewClients(s.Ingress)
	if err := torment(ctx, o, s, c); err != nil {
		return err
	}
	if err := c.Verify(service); err != nil {
		return fmt.Errorf("after %d kills with seed %d: %w", o.rounds, o.seed, err)
	}
	if err := s.Stalls(ctx); err != nil {
		return err
	}
	fmt.Fprintf(o.out, "%d kills: %v; nothing lost, nothing twice, everything ended\n", o.rounds, c)
	return nil
}

// torment runs the clients while the server is killed and started again.
func torment(ctx context.Context, o options, s *workload.Server, c *workload.Clients) error {
	ctx, stop := context.WithCancel(ctx)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		c.Run(ctx, o.clients)
	}()
	defer func() {
		stop()
		<-finished
	}()
	rng := rand.New(rand.NewPCG(o.seed, 0))
	for round := range o.rounds {
		up := o.minUp + time.Duration(rng.Int64N(int64(o.maxUp-o.minUp)))
		select {
		case <-time.After(up):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := s.Stalls(ctx); err != nil {
			return fmt.Errorf("round %d: %w", round+1, err)
		}
		s.Kill()
		took, err := s.Start(ctx)
		if err != nil {
			return fmt.Errorf("restart in round %d: %w", round+1, err)
		}
		if (round+1)%10 == 0 {
			fmt.Fprintf(o.out, "round %d: back after %v\n", round+1, took.Round(time.Millisecond))
		}
		if err := c.Err(); err != nil {
			return fmt.Errorf("round %d: %w", round+1, err)
		}
	}
	return nil
}

// complete builds the server and makes a directory where none is given.
func (o *options) complete() (cleanup func(), err error) {
	if o.binary != "" && o.dir != "" {
		return func() {}, nil
	}
	tmp, err := os.MkdirTemp("", "perdure-crash-")
	if err != nil {
		return func() {}, fmt.Errorf("make a temporary folder: %w", err)
	}
	cleanup = func() { _ = os.RemoveAll(tmp) }
	if o.dir == "" {
		o.dir = filepath.Join(tmp, "data")
	}
	if o.binary == "" {
		o.binary, err = process.GoBuild(context.Background(), "./cmd/perdure", tmp)
		if err != nil {
			return cleanup, fmt.Errorf("build the server: %w", err)
		}
	}
	return cleanup, nil
}
