package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	restate "github.com/restatedev/sdk-go"
	"github.com/restatedev/sdk-go/server"
)

// serveHandlers is the process of the deployment that the workloads call. It keeps nothing: what the
// checkers look at is in the answers and in the state of objects, so that only what the server has
// made durable counts.
func serveHandlers(listen string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	quiet := slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError + 4})
	endpoint := server.NewRestate().WithLogger(quiet, true)
	for _, d := range definitions() {
		endpoint.Bind(d)
	}
	if err := endpoint.Start(ctx, listen); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("serve handlers on %s: %w", listen, err)
	}
	return nil
}

func definitions() []restate.ServiceDefinition {
	// Quick retries: what a killed service left is to end soon after it is back.
	retry := restate.WithInvocationRetryPolicy(
		restate.WithInitialRetryInterval(50*time.Millisecond),
		restate.WithMaxRetryInterval(500*time.Millisecond),
		restate.WithMaxRetryAttempts(10_000))
	// What leaves no trace when it has ended cannot be recognised by its trace when it comes again.
	forget, forgetResult := restate.WithJournalRetention(0), restate.WithIdempotencyRetention(0)
	return []restate.ServiceDefinition{
		restate.NewObject("Register", retry).
			Handler("write", restate.NewObjectHandler(writeRegister)).
			Handler("cas", restate.NewObjectHandler(swapRegister)).
			Handler("read", restate.NewObjectHandler(readRegister)).
			Handler("peek", restate.NewObjectSharedHandler(peekRegister)),
		restate.NewObject("List", retry).
			Handler("append", restate.NewObjectHandler(appendList)).
			Handler("read", restate.NewObjectSharedHandler(readList)),
		restate.NewObject("Count", retry).
			Handler("add", restate.NewObjectHandler(addCount)).
			Handler("get", restate.NewObjectSharedHandler(getCount)),
		// Like List and Count, but without a trace.
		restate.NewObject("Trace", retry, forget, forgetResult).
			Handler("append", restate.NewObjectHandler(appendList)).
			Handler("read", restate.NewObjectSharedHandler(readList)),
		restate.NewObject("Forgetful", retry, forget, forgetResult).
			Handler("add", restate.NewObjectHandler(addCount)).
			Handler("get", restate.NewObjectSharedHandler(getCount)),
		restate.NewObject("Held", retry).
			Handler("put", restate.NewObjectHandler(putHeld)).
			Handler("take", restate.NewObjectHandler(takeHeld)).
			Handler("read", restate.NewObjectSharedHandler(readHeld)),
		restate.NewService("Chain", retry).
			Handler("run", restate.NewServiceHandler(runChain)),
		restate.NewObject("Relay", retry, forget, forgetResult).
			Handler("forward", restate.NewObjectHandler(forwardRelay)),
		restate.NewObject("Sender", retry).
			Handler("emit", restate.NewObjectHandler(emitMessages)).
			Handler("sent", restate.NewObjectSharedHandler(sentMessages)),
		restate.NewObject("Alarm", retry).
			Handler("ring", restate.NewObjectHandler(ringAlarm)).
			Handler("read", restate.NewObjectSharedHandler(readList)),
		restate.NewObject("Waiter", retry).
			Handler("wait", restate.NewObjectHandler(waitFor)).
			Handler("pending", restate.NewObjectSharedHandler(pendingWait)),
		restate.NewWorkflow("Flow", retry, restate.WithWorkflowRetention(time.Hour)).
			Handler("run", restate.NewWorkflowHandler(runFlow)).
			Handler("decide", restate.NewWorkflowSharedHandler(decideFlow)),
		restate.NewService("Saga", retry).
			Handler("run", restate.NewServiceHandler(runSaga)),
		restate.NewObject("Gate", retry).
			Handler("enter", restate.NewObjectHandler(enterGate)),
	}
}

type swap struct {
	From int `json:"from"`
	To   int `json:"to"`
}

func writeRegister(ctx restate.ObjectContext, to int) (int, error) {
	restate.Set(ctx, "value", to)
	return to, nil
}

func swapRegister(ctx restate.ObjectContext, s swap) (bool, error) {
	now, err := restate.Get[int](ctx, "value")
	if err != nil || now != s.From {
		return false, err
	}
	restate.Set(ctx, "value", s.To)
	return true, nil
}

func readRegister(ctx restate.ObjectContext, _ restate.Void) (int, error) {
	return restate.Get[int](ctx, "value")
}

func peekRegister(ctx restate.ObjectSharedContext, _ restate.Void) (int, error) {
	return restate.Get[int](ctx, "value")
}

func appendList(ctx restate.ObjectContext, element string) ([]string, error) {
	list, err := restate.Get[[]string](ctx, "list")
	if err != nil {
		return nil, err
	}
	list = append(list, element)
	restate.Set(ctx, "list", list)
	return list, nil
}

func readList(ctx restate.ObjectSharedContext, _ restate.Void) ([]string, error) {
	list, err := restate.Get[[]string](ctx, "list")
	if list == nil {
		list = []string{}
	}
	return list, err
}

func addCount(ctx restate.ObjectContext, n int) (int, error) {
	old, err := restate.Get[int](ctx, "n")
	if err != nil {
		return 0, err
	}
	restate.Set(ctx, "n", old+n)
	return old + n, nil
}

func getCount(ctx restate.ObjectSharedContext, _ restate.Void) (int, error) {
	return restate.Get[int](ctx, "n")
}

// putHeld and takeHeld come in any order: what was taken is never put afterwards.
func putHeld(ctx restate.ObjectContext, id string) (bool, error) {
	taken, err := restate.Get[bool](ctx, "taken-"+id)
	if err != nil || taken {
		return false, err
	}
	restate.Set(ctx, "held-"+id, true)
	return true, nil
}

func takeHeld(ctx restate.ObjectContext, id string) (restate.Void, error) {
	restate.Set(ctx, "taken-"+id, true)
	restate.Clear(ctx, "held-"+id)
	return restate.Void{}, nil
}

func readHeld(ctx restate.ObjectSharedContext, _ restate.Void) ([]string, error) {
	keys, err := restate.Keys(ctx)
	held := []string{}
	for _, k := range keys {
		if id, ok := strings.CutPrefix(k, "held-"); ok {
			held = append(held, id)
		}
	}
	slices.Sort(held)
	return held, err
}

// link is a task that leaves its ID in three lists, on the way over several partitions.
type link struct {
	ID    string   `json:"id"`
	Lists []string `json:"lists"`
}

// runChain calls one list itself, sends to the second, and has a relay call the third.
func runChain(ctx restate.Context, l link) (int, error) {
	first, err := restate.Object[[]string](ctx, "Trace", l.Lists[0], "append").Request(l.ID)
	if err != nil {
		return 0, err
	}
	restate.ObjectSend(ctx, "Trace", l.Lists[1], "append").Send(l.ID)
	third, err := restate.Object[int](ctx, "Relay", l.Lists[2], "forward").Request(l)
	return len(first) + third, err
}

func forwardRelay(ctx restate.ObjectContext, l link) (int, error) {
	if err := restate.Sleep(ctx, time.Millisecond); err != nil {
		return 0, err
	}
	list, err := restate.Object[[]string](ctx, "Trace", l.Lists[2], "append").Request(l.ID)
	return len(list), err
}

type emission struct {
	To    string `json:"to"`
	Count int    `json:"count"`
}

// emitMessages sends numbered messages; the sender is named in each, since senders share lists.
func emitMessages(ctx restate.ObjectContext, e emission) (int, error) {
	sent, err := restate.Get[int](ctx, "sent")
	if err != nil {
		return 0, err
	}
	for range e.Count {
		sent++
		restate.ObjectSend(ctx, "Trace", e.To, "append").Send(fmt.Sprintf("%s:%d", restate.Key(ctx), sent))
	}
	restate.Set(ctx, "sent", sent)
	return sent, nil
}

func sentMessages(ctx restate.ObjectSharedContext, _ restate.Void) (int, error) {
	return restate.Get[int](ctx, "sent")
}

// ringAlarm notes when it was first run; the clock is that of the machine, which all processes share.
func ringAlarm(ctx restate.ObjectContext, id string) (restate.Void, error) {
	at, err := now(ctx)
	if err != nil {
		return restate.Void{}, err
	}
	list, err := restate.Get[[]string](ctx, "list")
	if err != nil {
		return restate.Void{}, err
	}
	restate.Set(ctx, "list", append(list, fmt.Sprintf("%s@%d", id, at)))
	return restate.Void{}, nil
}

// now is the time of a durable step.
func now(ctx restate.Context) (int64, error) {
	return restate.Run(ctx, func(restate.RunContext) (int64, error) { return time.Now().UnixNano(), nil })
}

func waitFor(ctx restate.ObjectContext, _ restate.Void) (string, error) {
	awakeable := restate.Awakeable[string](ctx)
	restate.Set(ctx, "pending", awakeable.Id())
	return awakeable.Result()
}

func pendingWait(ctx restate.ObjectSharedContext, _ restate.Void) (string, error) {
	return restate.Get[string](ctx, "pending")
}

type flowResult struct {
	Token    string `json:"token"` // drawn once for each run
	Decision string `json:"decision"`
}

func runFlow(ctx restate.WorkflowContext, list string) (flowResult, error) {
	token, err := restate.Run(ctx, func(restate.RunContext) (string, error) {
		return fmt.Sprintf("%016x", time.Now().UnixNano()), nil
	})
	if err != nil {
		return flowResult{}, err
	}
	restate.ObjectSend(ctx, "Trace", list, "append").Send(restate.Key(ctx))
	decision, err := restate.Promise[string](ctx, "decision").Result()
	return flowResult{token, decision}, err
}

// decideFlow may be called again by a client whose answer was lost: the first decision stands.
func decideFlow(ctx restate.WorkflowSharedContext, value string) (bool, error) {
	return restate.Promise[string](ctx, "decision").Resolve(value) == nil, nil
}

// runSaga puts something, waits for longer than any run, and takes it back when it is cancelled.
func runSaga(ctx restate.Context, l link) (string, error) {
	_, err := restate.Object[bool](ctx, "Held", l.Lists[0], "put").Request(l.ID)
	if err == nil {
		err = restate.Sleep(ctx, time.Hour)
	}
	if err == nil {
		return "", restate.TerminalErrorf("nobody cancelled saga %s", l.ID)
	}
	// Not a call that is waited for: a client whose answer was lost cancels again, which would cancel that.
	restate.ObjectSend(ctx, "Held", l.Lists[0], "take").Send(l.ID)
	return "", err
}

type hold struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// enterGate holds its key from the first durable step to the last. Attempts of a node that is cut
// off may run at the same time, but only one of them can make steps durable.
func enterGate(ctx restate.ObjectContext, millis int) (hold, error) {
	from, err := now(ctx)
	if err == nil {
		err = restate.Sleep(ctx, time.Duration(millis)*time.Millisecond)
	}
	if err != nil {
		return hold{}, err
	}
	to, err := now(ctx)
	return hold{from, to}, err
}
