package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/perdure/perdure/chaos/process"
	"github.com/perdure/perdure/chaos/workload"
)

// errIncapable means that no power can be cut here.
var errIncapable = errors.New("this command needs root on Linux, mkfs.ext4 and loop mounts")

// options of one run.
type options struct {
	binary  string // server program; empty: build it
	cuts    int
	fills   int // how often to fill the disk first
	clients int
	minUp   time.Duration // the server lives at least this long between cuts
	maxUp   time.Duration
	seed    uint64
	out     io.Writer
}

func main() {
	o := options{out: os.Stdout}
	flag.StringVar(&o.binary, "server", "", "perdure program (default: build ./cmd/perdure)")
	flag.IntVar(&o.cuts, "cuts", 50, "how often to cut the power")
	flag.IntVar(&o.fills, "fills", 2, "how often to fill the disk before the first cut")
	flag.IntVar(&o.clients, "clients", 8, "clients of each kind")
	flag.DurationVar(&o.minUp, "min-up", 200*time.Millisecond, "shortest time between two cuts")
	flag.DurationVar(&o.maxUp, "max-up", 1500*time.Millisecond, "longest time between two cuts")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of these times")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "powercut:", err)
		os.Exit(1)
	}
}

// run cuts the power o.cuts times under load and checks what is left.
func run(ctx context.Context, o options) (err error) {
	tmp, err := os.MkdirTemp("", "perdure-powercut-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	d, err := newDisk(ctx, tmp)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.unmount(context.WithoutCancel(ctx))) }()
	if o.binary == "" {
		if o.binary, err = process.GoBuild(ctx, "./cmd/perdure", tmp); err != nil {
			return fmt.Errorf("build the server: %w", err)
		}
	}
	addresses, err := process.FreeAddresses(4)
	if err != nil {
		return err
	}
	service := workload.NewService()
	if err := service.Serve(ctx, addresses[3]); err != nil {
		return err
	}
	s := &workload.Server{Binary: o.binary, Dir: filepath.Join(d.dir, "data"),
		Log:     filepath.Join(tmp, "server.log"),
		Ingress: addresses[0], Admin: addresses[1], Fabric: addresses[2]}
	defer s.Kill()
	if _, err := s.Start(ctx); err != nil {
		return err
	}
	if err := s.Register(addresses[3]); err != nil {
		return err
	}
	c := workload.NewClients(s.Ingress)
	if err := torment(ctx, o, d, s, c); err != nil {
		return err
	}
	if err := c.Verify(service); err != nil {
		return fmt.Errorf("after %d cuts with seed %d: %w", o.cuts, o.seed, err)
	}
	if err := s.Stalls(ctx); err != nil {
		return err
	}
	fmt.Fprintf(o.out, "disk filled %d times, %d power cuts: %v; nothing lost, nothing twice, everything "+
		"ended\n", o.fills, o.cuts, c)
	return nil
}

// torment runs the clients while the power is cut again and again.
func torment(ctx context.Context, o options, d *disk, s *workload.Server, c *workload.Clients) error {
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
	for i := range o.fills {
		if err := fillUp(ctx, d, s); err != nil {
			return fmt.Errorf("fill %d: %w", i+1, err)
		}
	}
	rng := rand.New(rand.NewPCG(o.seed, 0))
	for i := range o.cuts {
		select {
		case <-time.After(o.minUp + time.Duration(rng.Int64N(int64(o.maxUp-o.minUp)))):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := s.Stalls(ctx); err != nil {
			return fmt.Errorf("before cut %d: %w", i+1, err)
		}
		took, err := cycle(ctx, d, s)
		if err != nil {
			return fmt.Errorf("cut %d: %w", i+1, err)
		}
		if (i+1)%10 == 0 {
			fmt.Fprintf(o.out, "cut %d: back after %v\n", i+1, took.Round(time.Millisecond))
		}
		if err := c.Err(); err != nil {
			return fmt.Errorf("after cut %d: %w", i+1, err)
		}
	}
	return nil
}

// leaveFree is what a full disk has left: less than what the server keeps for work under way, enough
// for what it has begun to write.
const leaveFree = 16 << 20

// fillUp fills the disk until the server refuses new work, and makes space again. The server lives
// through it.
func fillUp(ctx context.Context, d *disk, s *workload.Server) error {
	undo, err := d.fill(leaveFree)
	if err != nil {
		return err
	}
	err = s.Await(ctx, "to refuse new work", func(ctx context.Context) bool { return refuses(ctx, s) })
	if err = errors.Join(err, undo()); err != nil {
		return err
	}
	return s.Await(ctx, "to take new work", func(ctx context.Context) bool { return !refuses(ctx, s) })
}

// refuses tells whether a call is turned away because the disk is full.
func refuses(ctx context.Context, s *workload.Server) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.Ingress+"/Counter/other/add/send",
		strings.NewReader("1"))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return err == nil && resp.StatusCode == http.StatusServiceUnavailable &&
		strings.Contains(string(text), "nearly full")
}

// cycle cuts the power and gives it back.
func cycle(ctx context.Context, d *disk, s *workload.Server) (time.Duration, error) {
	if err := d.cut(); err != nil {
		return 0, err
	}
	s.Kill()
	if err := d.unmount(ctx); err != nil {
		return 0, err
	}
	if err := d.mount(ctx); err != nil {
		return 0, fmt.Errorf("mount after a power cut: %w", err)
	}
	return s.Start(ctx)
}
