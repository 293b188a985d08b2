package workload

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	restate "github.com/restatedev/sdk-go"
	"github.com/restatedev/sdk-go/server"
)

const steps = 3

// Service is what the server calls. It remembers which steps ran, in what order.
type Service struct {
	mu  sync.Mutex
	ran map[string][]int // guarded by mu; steps of each workflow as they ran
}

// NewService makes a service.
func NewService() *Service { return &Service{ran: make(map[string][]int)} }

// Serve answers the server at an address until ctx ends. It returns once it can be reached.
func (s *Service) Serve(ctx context.Context, address string) error {
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

func (s *Service) definitions() []restate.ServiceDefinition {
	return []restate.ServiceDefinition{
		restate.NewObject("Counter").
			Handler("add", restate.NewObjectHandler(s.add)).
			Handler("get", restate.NewObjectSharedHandler(s.get)),
		restate.NewWorkflow("Steps").Handler("run", restate.NewWorkflowHandler(s.steps)),
	}
}

func (s *Service) add(ctx restate.ObjectContext, n int) (int, error) {
	old, err := restate.Get[int](ctx, "n")
	if err != nil {
		return 0, err
	}
	restate.Set(ctx, "n", old+n)
	return old + n, nil
}

func (s *Service) get(ctx restate.ObjectSharedContext, _ restate.Void) (int, error) {
	return restate.Get[int](ctx, "n")
}

func (s *Service) steps(ctx restate.WorkflowContext, _ restate.Void) (int, error) {
	sum := 0
	for i := range steps {
		n, err := restate.Run(ctx, func(run restate.RunContext) (int, error) {
			// An attempt that outlives its server may wake up late, when the next server's attempt is
			// steps ahead. No server can stop it; it stops itself, as real side effects should.
			if err := run.Err(); err != nil {
				return 0, err
			}
			s.note(restate.Key(ctx), i)
			return i + 1, nil
		})
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

func (s *Service) note(workflow string, step int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ran[workflow] = append(s.ran[workflow], step)
}

// verify checks the order in which a workflow's steps ran: each at least once, none after a later
// one.
func (s *Service) verify(workflow string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ran := s.ran[workflow]
	next := 0
	for _, step := range ran {
		switch {
		case step == next:
			next++
		case step != next-1:
			return fmt.Errorf("workflow %s ran its steps as %v: a finished step ran again", workflow, ran)
		}
	}
	if next != steps {
		return fmt.Errorf("workflow %s ended after steps %v, want all of %d", workflow, ran, steps)
	}
	return nil
}
