package workload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	restate "github.com/restatedev/sdk-go"
	"github.com/restatedev/sdk-go/server"
)

// Names of the services, as registered and called.
const (
	echoService      = "Echo"
	threeStepService = "ThreeStep"
	counterService   = "Counter"
	chainService     = "Chain"
	fanOutService    = "FanOut"
)

const (
	countKey        = "count"
	shutdownTimeout = 2 * time.Second
)

// Serve answers invocations of the benchmark services on listener, as HTTP/2 without TLS, until
// ctx ends. Errors the SDK reports go to log.
func Serve(ctx context.Context, listener net.Listener, log io.Writer) error {
	logger := slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelError})
	handler, err := bindStock(server.NewRestate().WithLogger(logger, true)).
		Bind(restate.NewService(echoService).
			Handler("echo", restate.NewServiceHandler(echo))).
		Bind(restate.NewWorkflow(threeStepService).
			Handler("run", restate.NewWorkflowHandler(threeStep))).
		Bind(restate.NewObject(counterService).
			Handler("add", restate.NewObjectHandler(add)).
			Handler("get", restate.NewObjectSharedHandler(get))).
		Bind(restate.NewService(chainService).
			Handler("run", restate.NewServiceHandler(chain))).
		Bind(restate.NewService(fanOutService).
			Handler("run", restate.NewServiceHandler(fanOut)).
			Handler("leaf", restate.NewServiceHandler(leaf))).
		Handler()
	if err != nil {
		return fmt.Errorf("set up the benchmark services: %w", err)
	}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	srv := &http.Server{Handler: handler, Protocols: &protocols, ReadHeaderTimeout: time.Minute}
	stopped := make(chan struct{})
	release := context.AfterFunc(ctx, func() {
		defer close(stopped)
		shutdownCtx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		if srv.Shutdown(shutdownCtx) != nil {
			_ = srv.Close() // the invocations that are left belong to a server that is gone
		}
	})
	err = srv.Serve(listener)
	if !release() {
		<-stopped
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the benchmark services on %s: %w", listener.Addr(), err)
	}
	return nil
}

func echo(_ restate.Context, input string) (string, error) { return input, nil }

// threeStep runs three durable steps, each building on the one before, and returns their sum.
func threeStep(ctx restate.WorkflowContext, input string) (int, error) {
	sum, value := 0, len(input)
	for range 3 {
		next, err := restate.Run(ctx, func(restate.RunContext) (int, error) {
			return value + 1, nil
		})
		if err != nil {
			return 0, err
		}
		value = next
		sum += value
	}
	return sum, nil
}

// threeStepResult is what threeStep returns for an input of n bytes.
func threeStepResult(n int) int { return 3*n + 6 }

func add(ctx restate.ObjectContext, delta int64) (int64, error) {
	count, err := restate.Get[int64](ctx, countKey)
	if err != nil {
		return 0, err
	}
	count += delta
	restate.Set(ctx, countKey, count)
	return count, nil
}

func get(ctx restate.ObjectSharedContext, _ restate.Void) (int64, error) {
	return restate.Get[int64](ctx, countKey)
}

// chain calls itself durably, one call within the other, left times, and returns how many calls
// were made.
func chain(ctx restate.Context, left int) (int, error) {
	if left <= 0 {
		return 0, nil
	}
	made, err := restate.Service[int](ctx, chainService, "run").Request(left - 1)
	if err != nil {
		return 0, err
	}
	return made + 1, nil
}

// fanOut calls width leaves at once and returns the sum of what they answer.
func fanOut(ctx restate.Context, width int) (int, error) {
	leaves := make([]restate.ResponseFuture[int], width)
	for i := range leaves {
		leaves[i] = restate.Service[int](ctx, fanOutService, "leaf").RequestFuture(i)
	}
	sum := 0
	for _, answer := range leaves {
		value, err := answer.Response()
		if err != nil {
			return 0, err
		}
		sum += value
	}
	return sum, nil
}

func leaf(_ restate.Context, number int) (int, error) { return number + 1, nil }

// leavesResult is what fanOut returns for a width.
func leavesResult(width int) int { return width * (width + 1) / 2 }
