package main

import (
	"encoding/json"
	"time"

	restate "github.com/restatedev/sdk-go"
)

type comm struct{ prefix string }

// request names a handler of any service and what to send it.
type request struct {
	Service        string            `json:"service"`
	Key            string            `json:"key,omitempty"`
	Handler        string            `json:"handler"`
	Input          json.RawMessage   `json:"input,omitempty"`
	Headers        map[string]string `json:"headers,omitempty"`
	IdempotencyKey string            `json:"idempotencyKey,omitempty"`
	DelayMillis    int               `json:"delayMillis,omitempty"`
}

type answer struct {
	ID     string          `json:"id"`
	Output json.RawMessage `json:"output,omitempty"`
}

type completion struct {
	ID      string `json:"id"`
	Name    string `json:"name,omitempty"`
	Value   string `json:"value,omitempty"`
	Message string `json:"message,omitempty"`
}

type contest struct {
	CallMillis  int `json:"callMillis"`
	TimerMillis int `json:"timerMillis"`
}

func (c comm) definition(name string) restate.ServiceDefinition {
	return restate.NewService(name).
		Handler("call", restate.NewServiceHandler(c.call)).
		Handler("callID", restate.NewServiceHandler(c.callID)).
		Handler("send", restate.NewServiceHandler(c.send)).
		Handler("fanOut", restate.NewServiceHandler(c.fanOut)).
		Handler("race", restate.NewServiceHandler(c.race)).
		Handler("settle", restate.NewServiceHandler(c.settle)).
		Handler("attach", restate.NewServiceHandler(c.attach)).
		Handler("cancel", restate.NewServiceHandler(c.cancel)).
		Handler("resolve", restate.NewServiceHandler(c.resolve)).
		Handler("reject", restate.NewServiceHandler(c.reject)).
		Handler("signal", restate.NewServiceHandler(c.signal))
}

// client reaches a handler by name, with bytes in and out.
func client(ctx restate.Context, r request) restate.Client[any, []byte] {
	if r.Key == "" {
		return restate.Service[[]byte](ctx, r.Service, r.Handler, restate.WithBinary)
	}
	return restate.Object[[]byte](ctx, r.Service, r.Key, r.Handler, restate.WithBinary)
}

func start(ctx restate.Context, r request) restate.ResponseFuture[[]byte] {
	var opts []restate.RequestOption
	if len(r.Headers) > 0 {
		opts = append(opts, restate.WithHeaders(r.Headers))
	}
	if r.IdempotencyKey != "" {
		opts = append(opts, restate.WithIdempotencyKey(r.IdempotencyKey))
	}
	return client(ctx, r).RequestFuture([]byte(r.Input), opts...)
}

func (comm) call(ctx restate.Context, r request) (json.RawMessage, error) {
	out, err := start(ctx, r).Response()
	return jsonOrNull(out), err
}

// callID returns the invocation ID of the call, learned before the call has ended, as well.
func (comm) callID(ctx restate.Context, r request) (answer, error) {
	future := start(ctx, r)
	id := future.GetInvocationId()
	out, err := future.Response()
	return answer{ID: id, Output: jsonOrNull(out)}, err
}

func (comm) send(ctx restate.Context, r request) (answer, error) {
	var opts []restate.SendOption
	if len(r.Headers) > 0 {
		opts = append(opts, restate.WithHeaders(r.Headers))
	}
	if r.IdempotencyKey != "" {
		opts = append(opts, restate.WithIdempotencyKey(r.IdempotencyKey))
	}
	if r.DelayMillis > 0 {
		opts = append(opts, restate.WithDelay(time.Duration(r.DelayMillis)*time.Millisecond))
	}
	sent := client(ctx, r).Send([]byte(r.Input), opts...)
	return answer{ID: sent.GetInvocationId()}, nil
}

// fanOut calls Basic/echo count times at once and adds up the answers.
func (c comm) fanOut(ctx restate.Context, count int) (int, error) {
	futures := make([]restate.Future, count)
	for i := range futures {
		futures[i] = restate.Service[int](ctx, c.prefix+"Basic", "echo").RequestFuture(i)
	}
	sum := 0
	for future, cancelled := range restate.Wait(ctx, futures...) {
		if cancelled != nil {
			return 0, cancelled
		}
		n, err := future.(restate.ResponseFuture[int]).Response()
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// race tells whether a call of Basic/sleep or a timer ended first.
func (c comm) race(ctx restate.Context, in contest) (string, error) {
	call := restate.Service[int](ctx, c.prefix+"Basic", "sleep").
		RequestFuture(work{Millis: in.CallMillis})
	timer := restate.After(ctx, time.Duration(in.TimerMillis)*time.Millisecond)
	winner, err := restate.WaitFirst(ctx, call, timer)
	if err != nil {
		return "", err
	}
	if winner == timer {
		return "timer", nil
	}
	return "call", nil
}

// settle waits for a call that fails and one that does not.
func (c comm) settle(ctx restate.Context, _ restate.Void) ([]string, error) {
	failing := restate.Service[restate.Void](ctx, c.prefix+"Basic", "fail").
		RequestFuture(failure{Code: 418, Message: "settled"})
	fine := restate.Service[int](ctx, c.prefix+"Basic", "echo").RequestFuture(1)
	for _, cancelled := range restate.Wait(ctx, failing, fine) {
		if cancelled != nil {
			return nil, cancelled
		}
	}
	outcome := []string{"fulfilled", "fulfilled"}
	if _, err := failing.Response(); err != nil {
		outcome[0] = "rejected"
	}
	if _, err := fine.Response(); err != nil {
		outcome[1] = "rejected"
	}
	return outcome, nil
}

func (comm) attach(ctx restate.Context, id string) (json.RawMessage, error) {
	out, err := restate.AttachInvocation[[]byte](ctx, id, restate.WithBinary).Response()
	return jsonOrNull(out), err
}

func (comm) cancel(ctx restate.Context, id string) (restate.Void, error) {
	restate.CancelInvocation(ctx, id)
	return restate.Void{}, nil
}

func (comm) resolve(ctx restate.Context, in completion) (restate.Void, error) {
	restate.ResolveAwakeable(ctx, in.ID, in.Value)
	return restate.Void{}, nil
}

func (comm) reject(ctx restate.Context, in completion) (restate.Void, error) {
	restate.RejectAwakeable(ctx, in.ID, restate.TerminalErrorf("%s", in.Message))
	return restate.Void{}, nil
}

func (comm) signal(ctx restate.Context, in completion) (restate.Void, error) {
	restate.ResolveSignal(ctx, in.ID, in.Name, in.Value)
	return restate.Void{}, nil
}

func jsonOrNull(out []byte) json.RawMessage {
	if len(out) == 0 {
		return json.RawMessage("null")
	}
	return out
}
