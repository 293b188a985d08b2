package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/restatedev/sdk-go/server"

	"github.com/perdure/perdure/chaos/process"
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
	service := newService()
	if err := serveService(ctx, service, addresses[3]); err != nil {
		return err
	}
	s := &serverProcess{options: o, ingress: addresses[0], admin: addresses[1], fabric: addresses[2]}
	defer s.kill()
	if _, err := s.start(ctx); err != nil {
		return err
	}
	if err := s.register(addresses[3]); err != nil {
		return err
	}
	c := newClients("http://" + s.ingress)
	if err := torment(ctx, o, s, c); err != nil {
		return err
	}
	if err := c.verify(service); err != nil {
		return fmt.Errorf("after %d kills with seed %d: %w", o.rounds, o.seed, err)
	}
	if err := s.stalls(ctx); err != nil {
		return err
	}
	total := 0
	for _, n := range c.added {
		total += n
	}
	fmt.Fprintf(o.out, "%d kills: %d increments and %d workflows, %d requests repeated; "+
		"nothing lost, nothing twice, everything ended\n", o.rounds, total, len(c.workflows), c.retries)
	return nil
}

// torment runs the clients while the server is killed and started again.
func torment(ctx context.Context, o options, s *serverProcess, c *clients) error {
	ctx, stop := context.WithCancel(ctx)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		c.run(ctx, o.clients)
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
		if err := s.stalls(ctx); err != nil {
			return fmt.Errorf("round %d: %w", round+1, err)
		}
		s.kill()
		took, err := s.start(ctx)
		if err != nil {
			return fmt.Errorf("restart in round %d: %w", round+1, err)
		}
		if (round+1)%10 == 0 {
			fmt.Fprintf(o.out, "round %d: back after %v\n", round+1, took.Round(time.Millisecond))
		}
		c.mu.Lock()
		errs := c.errs
		c.mu.Unlock()
		if len(errs) > 0 {
			return fmt.Errorf("round %d: %w", round+1, errs[0])
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

func serveService(ctx context.Context, s *service, address string) error {
	app := server.NewRestate().WithLogger(slog.NewTextHandler(io.Discard, nil), true)
	for _, d := range s.definitions() {
		app.Bind(d)
	}
	go func() { _ = app.Start(ctx, address) }()
	return poll(ctx, 10*time.Second, func() error {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// serverProcess is the server under torment.
type serverProcess struct {
	options
	ingress, admin, fabric string
	proc                   *process.Process
}

// start runs the server and reports how long it took until it could serve.
func (s *serverProcess) start(ctx context.Context) (took time.Duration, err error) {
	began := time.Now()
	env := []string{"PERDURE_LISTEN_MODE=tcp", "PERDURE_BIND_ADDRESS=" + s.fabric,
		"PERDURE_INGRESS__BIND_ADDRESS=" + s.ingress, "PERDURE_ADMIN__BIND_ADDRESS=" + s.admin}
	s.proc, err = process.Start(s.dir+".log", nil, env, s.binary,
		"serve", "--base-dir", s.dir, "--node-name", "n1")
	if err != nil {
		return 0, err
	}
	err = s.proc.Await(ctx, "the server", func(ctx context.Context) bool {
		return process.Healthy(ctx, "http://"+s.ingress+"/restate/health")
	})
	if err != nil {
		s.kill()
	}
	return time.Since(began), err
}

func (s *serverProcess) kill() { s.proc.Kill() }

// stalls asks the server whether it has found an invocation that nothing would ever wake.
func (s *serverProcess) stalls(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.admin+"/internal/stalls", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask for stalls: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("ask for stalls: %w", err)
	}
	var found struct {
		Stalls []json.RawMessage `json:"stalls"`
	}
	if err := json.Unmarshal(text, &found); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ask for stalls: %s: %s", resp.Status, text)
	}
	if len(found.Stalls) > 0 {
		return fmt.Errorf("the server found %d stalled invocations: %s", len(found.Stalls), text)
	}
	return nil
}

func (s *serverProcess) register(service string) error {
	body := fmt.Sprintf(`{"uri":"http://%s"}`, service)
	resp, err := http.Post("http://"+s.admin+"/deployments", "application/json",
		bytes.NewReader([]byte(body)))
	if err != nil {
		return fmt.Errorf("register the service: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		text, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("register the service: %s: %s", resp.Status, text)
	}
	return nil
}

// poll calls f until it succeeds.
func poll(ctx context.Context, patience time.Duration, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}
