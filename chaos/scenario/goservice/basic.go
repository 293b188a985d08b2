package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	restate "github.com/restatedev/sdk-go"
)

// suspendAfter is short, so that Basic/suspending is suspended within one check.
const suspendAfter = 100 * time.Millisecond

type basic struct{ fx *effects }

type failure struct {
	Code     int               `json:"code"`
	Message  string            `json:"message"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

func (f failure) terminal() error {
	opts := []restate.TerminalErrorOption{restate.WithErrorCode(restate.Code(f.Code))}
	if len(f.Metadata) > 0 {
		opts = append(opts, restate.WithMetadataMap(f.Metadata))
	}
	return restate.ToTerminalError(errors.New(f.Message), opts...)
}

type work struct {
	ID          string `json:"id"`
	Times       int    `json:"times,omitempty"`
	MaxAttempts int    `json:"maxAttempts,omitempty"`
	Millis      int    `json:"millis,omitempty"`
}

func (w work) pause() time.Duration { return time.Duration(w.Millis) * time.Millisecond }

type report struct {
	Value    int `json:"value"`
	Attempts int `json:"attempts"`
}

func (b basic) definition(name string) restate.ServiceDefinition {
	retry := restate.WithInvocationRetryPolicy(
		restate.WithInitialRetryInterval(50*time.Millisecond),
		restate.WithMaxRetryInterval(500*time.Millisecond))
	return restate.NewService(name, retry,
		restate.WithDocumentation("Answers, failures and durable steps."),
		restate.WithMetadata("area", "conformance")).
		Handler("echo", restate.NewServiceHandler(b.echo)).
		Handler("echoBytes", restate.NewServiceHandler(b.echoBytes, restate.WithBinary)).
		Handler("ping", restate.NewServiceHandler(b.ping)).
		Handler("headers", restate.NewServiceHandler(b.headers)).
		Handler("fail", restate.NewServiceHandler(b.fail)).
		Handler("failTimes", restate.NewServiceHandler(b.failTimes)).
		Handler("runThenFail", restate.NewServiceHandler(b.runThenFail)).
		Handler("runRetry", restate.NewServiceHandler(b.runRetry)).
		Handler("runFail", restate.NewServiceHandler(b.runFail)).
		Handler("sleep", restate.NewServiceHandler(b.sleep)).
		Handler("suspending", restate.NewServiceHandler(b.suspending,
			restate.WithInactivityTimeout(suspendAfter))).
		Handler("random", restate.NewServiceHandler(b.random)).
		Handler("steps", restate.NewServiceHandler(b.steps)).
		Handler("compensate", restate.NewServiceHandler(b.compensate)).
		Handler("effects", restate.NewServiceHandler(b.effects)).
		Handler("hidden", restate.NewServiceHandler(b.echo, restate.WithIngressPrivate(true)))
}

func (basic) echo(_ restate.Context, in json.RawMessage) (json.RawMessage, error) {
	return in, nil
}

func (basic) echoBytes(_ restate.Context, in []byte) ([]byte, error) { return in, nil }

func (basic) ping(restate.Context, restate.Void) (restate.Void, error) {
	return restate.Void{}, nil
}

func (basic) headers(ctx restate.Context, _ restate.Void) (map[string]string, error) {
	return ctx.Request().Headers.ToMap(), nil
}

func (basic) fail(_ restate.Context, in failure) (restate.Void, error) {
	return restate.Void{}, in.terminal()
}

// failTimes fails the first w.Times attempts in a way that is retried.
func (b basic) failTimes(_ restate.Context, w work) (report, error) {
	n := b.fx.bump(w.ID)
	if n <= w.Times {
		return report{}, fmt.Errorf("attempt %d of %s fails on purpose", n, w.ID)
	}
	return report{Attempts: n}, nil
}

// runThenFail does one durable step and fails after it w.Times times.
func (b basic) runThenFail(ctx restate.Context, w work) (report, error) {
	value, err := restate.Run(ctx, func(restate.RunContext) (int, error) {
		return b.fx.add(w.ID)
	}, restate.WithName("step"))
	if err != nil {
		return report{}, err
	}
	n := b.fx.bump(w.ID + "-attempts")
	if n <= w.Times {
		return report{}, fmt.Errorf("attempt %d of %s fails on purpose", n, w.ID)
	}
	return report{Value: value, Attempts: n}, nil
}

// runRetry has a durable step that fails w.Times times under a retry policy of its own.
func (b basic) runRetry(ctx restate.Context, w work) (int, error) {
	opts := []restate.RunOption{restate.WithInitialRetryInterval(10 * time.Millisecond)}
	if w.MaxAttempts > 0 {
		opts = append(opts, restate.WithMaxRetryAttempts(uint(w.MaxAttempts)))
	}
	return restate.Run(ctx, func(restate.RunContext) (int, error) {
		n := b.fx.bump(w.ID)
		if n <= w.Times {
			return 0, fmt.Errorf("step %s fails on purpose", w.ID)
		}
		return n, nil
	}, opts...)
}

// runFail has a durable step that ends with a terminal failure, and returns that failure.
func (basic) runFail(ctx restate.Context, in failure) (failure, error) {
	_, err := restate.Run(ctx, func(restate.RunContext) (int, error) { return 0, in.terminal() })
	if err == nil {
		return failure{}, restate.TerminalErrorf("the step succeeded")
	}
	return failure{Code: int(err.Code()), Message: err.Message()}, nil
}

func (basic) sleep(ctx restate.Context, w work) (int, error) {
	if err := restate.Sleep(ctx, w.pause()); err != nil {
		return 0, err
	}
	return w.Millis, nil
}

// suspending returns how often it was entered: twice or more when the sleep suspended it.
func (b basic) suspending(ctx restate.Context, w work) (int, error) {
	entered := b.fx.bump(w.ID)
	if err := restate.Sleep(ctx, w.pause()); err != nil {
		return 0, err
	}
	return entered, nil
}

// random fails once and returns the UUID drawn by the first and by the last attempt.
func (b basic) random(ctx restate.Context, w work) ([]string, error) {
	drawn := restate.UUID(ctx).String()
	first := b.fx.first(w.ID, drawn)
	if b.fx.bump(w.ID) == 1 {
		return nil, fmt.Errorf("first attempt of %s fails on purpose", w.ID)
	}
	return []string{first, drawn}, nil
}

func (b basic) steps(ctx restate.Context, w work) (string, error) {
	if err := step(ctx, b.fx, w.ID+"-1"); err != nil {
		return "", err
	}
	if err := step(ctx, b.fx, w.ID+"-2"); err != nil {
		return "", err
	}
	if err := restate.Sleep(ctx, w.pause()); err != nil {
		return "", err
	}
	if err := step(ctx, b.fx, w.ID+"-3"); err != nil {
		return "", err
	}
	return w.ID, nil
}

// compensate does a step, waits for an hour, and undoes the step when it is cancelled,
// whether the cancellation shows in the step or in the wait.
func (b basic) compensate(ctx restate.Context, w work) (string, error) {
	err := step(ctx, b.fx, w.ID+"-do")
	if err == nil {
		err = restate.Sleep(ctx, time.Hour)
	}
	if err == nil {
		return w.ID, nil
	}
	if undoing := step(ctx, b.fx, w.ID+"-undo"); undoing != nil {
		return "", undoing
	}
	return "", err
}

func (b basic) effects(_ restate.Context, id string) (int, error) { return b.fx.get(id), nil }

// step performs one durable, counted side effect.
func step(ctx restate.Context, fx *effects, name string) restate.TerminalError {
	_, err := restate.Run(ctx, func(restate.RunContext) (int, error) {
		return fx.add(name)
	}, restate.WithName(name))
	return err
}
