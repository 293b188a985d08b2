package load

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"time"
)

// Limits of a generator.
const (
	MaxClients = 1024      // each has its own histogram, about 150 KiB
	MaxRate    = 1_000_000 // requests per second in an open loop

	maxErrors = 1000 // a phase ends after this many: the server is gone, or it is the wrong one
)

// Request is one call and what its answer must be.
type Request struct {
	Path string
	Body []byte

	// Check returns an error when the body of a 200 answer is not what the call must return. It
	// must not keep the bytes.
	Check func(answer []byte) error
}

// Source makes the next request of one client. It is called by many goroutines at once, but by
// only one for each client number, from 0.
type Source func(client int) Request

// Config describes a Generator.
type Config struct {
	Address string        // host:port of the server
	Clients int           // connections, each with one request in flight; 1 to MaxClients
	Rate    float64       // requests per second in an open loop; 0 is a closed loop
	Timeout time.Duration // per request; default 60 s
}

// Phase says when a run ends: after a time, or after a number of requests, whichever is set and
// comes first. Requests in flight at the end are waited for and counted. There is one at least, however
// late the machine comes to it: a run without any would look as if nothing had failed.
type Phase struct {
	Duration time.Duration
	Requests uint64
}

// Generator drives one server over a fixed set of connections, which it keeps between phases so
// that a warm-up also warms the connections. A phase that meets too many errors ends early.
type Generator struct {
	cfg     Config
	clients []*Client
}

// NewGenerator checks cfg and returns a Generator. Close releases its connections.
func NewGenerator(cfg Config) (*Generator, error) {
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Minute
	}
	var problems []error
	if cfg.Clients < 1 || cfg.Clients > MaxClients {
		problems = append(problems,
			fmt.Errorf("%d clients: give a number from 1 to %d", cfg.Clients, MaxClients))
	}
	if !(cfg.Rate >= 0 && cfg.Rate <= MaxRate) { // also refuses NaN
		problems = append(problems,
			fmt.Errorf("a rate of %g: give a number from 0 to %d", cfg.Rate, MaxRate))
	}
	if cfg.Timeout < 0 || cfg.Timeout > MaxLatency {
		problems = append(problems,
			fmt.Errorf("a timeout of %s: give a time from 0 to %s", cfg.Timeout, MaxLatency))
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("set up the load: %w", errors.Join(problems...))
	}
	g := &Generator{cfg: cfg}
	for range cfg.Clients {
		g.clients = append(g.clients, NewClient(cfg.Address, cfg.Timeout))
	}
	return g, nil
}

// Close releases the connections.
func (g *Generator) Close() {
	for _, client := range g.clients {
		client.Close()
	}
}

// Run sends requests from source until the phase is over and returns what was measured. When ctx
// ends, so does the phase; the requests it cut off are counted as errors.
func (g *Generator) Run(ctx context.Context, phase Phase, source Source) *Result {
	if g.cfg.Rate > 0 {
		// The client that waits for its moment blocks a thread; the others keep their processors.
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1))
	}
	start := time.Now()
	plan := &schedule{start: start, phase: phase, rate: g.cfg.Rate}
	results := make([]*Result, len(g.clients))
	var running sync.WaitGroup
	for i, client := range g.clients {
		results[i] = newResult()
		running.Go(func() {
			for ctx.Err() == nil {
				due, more := plan.next(ctx)
				if !more {
					return
				}
				if err := send(ctx, client, due, source(i), results[i]); err != nil {
					plan.failed.Add(1)
				}
			}
		})
	}
	running.Wait()
	total := newResult()
	for _, result := range results {
		total.Merge(result)
	}
	total.Elapsed = time.Since(start)
	return total
}

// send makes one request and records how it went.
func send(
	ctx context.Context, client *Client, due time.Time, req Request, into *Result,
) error {
	into.recordLag(time.Since(due))
	status, answer, err := client.Post(ctx, req.Path, req.Body)
	took := time.Since(due)
	switch {
	case err != nil:
	case status != http.StatusOK:
		err = fmt.Errorf("%s answered %d, want 200: %s", req.Path, status, shorten(answer))
	default:
		err = req.Check(answer)
	}
	if err != nil {
		into.recordError(err)
		return err
	}
	into.recordLatency(took)
	return nil
}

const maxShownBytes = 200 // of an unexpected answer

func shorten(answer []byte) string {
	if len(answer) > maxShownBytes {
		return string(answer[:maxShownBytes]) + "..."
	}
	return string(answer)
}
