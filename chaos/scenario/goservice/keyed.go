package main

import (
	"encoding/json"
	"slices"
	"time"

	restate "github.com/restatedev/sdk-go"
)

// store is the object with state; its lazy twin asks the server for each value.
type store struct{}

type entry struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value,omitempty"`
}

func (s store) definition(name string, lazy bool) restate.ServiceDefinition {
	return restate.NewObject(name, restate.WithEnableLazyState(lazy)).
		Handler("add", restate.NewObjectHandler(s.add)).
		Handler("get", restate.NewObjectSharedHandler(s.get)).
		Handler("append", restate.NewObjectHandler(s.append)).
		Handler("set", restate.NewObjectHandler(s.set)).
		Handler("read", restate.NewObjectSharedHandler(s.read)).
		Handler("keys", restate.NewObjectSharedHandler(s.keys)).
		Handler("clear", restate.NewObjectHandler(s.clear)).
		Handler("clearAll", restate.NewObjectHandler(s.clearAll)).
		Handler("hold", restate.NewObjectHandler(s.hold)).
		Handler("selfCall", restate.NewObjectHandler(func(
			ctx restate.ObjectContext, _ restate.Void,
		) (int, error) {
			return restate.Object[int](ctx, name, restate.Key(ctx), "add").Request(1)
		}))
}

func (store) add(ctx restate.ObjectContext, n int) (int, error) {
	total, err := restate.Get[int](ctx, "total")
	if err != nil {
		return 0, err
	}
	restate.Set(ctx, "total", total+n)
	return total + n, nil
}

func (store) get(ctx restate.ObjectSharedContext, _ restate.Void) (int, error) {
	return restate.Get[int](ctx, "total")
}

func (store) append(ctx restate.ObjectContext, item string) ([]string, error) {
	list, err := restate.Get[[]string](ctx, "list")
	if err != nil {
		return nil, err
	}
	list = append(list, item)
	restate.Set(ctx, "list", list)
	return list, nil
}

func (store) set(ctx restate.ObjectContext, in entry) (restate.Void, error) {
	restate.Set(ctx, in.Key, in.Value)
	return restate.Void{}, nil
}

func (store) read(ctx restate.ObjectSharedContext, key string) (json.RawMessage, error) {
	value, err := restate.Get[*json.RawMessage](ctx, key)
	if err != nil {
		return nil, err
	}
	if value == nil {
		return json.RawMessage("null"), nil
	}
	return *value, nil
}

func (store) keys(ctx restate.ObjectSharedContext, _ restate.Void) ([]string, error) {
	keys, err := restate.Keys(ctx)
	if err != nil {
		return nil, err
	}
	if keys == nil {
		keys = []string{}
	}
	slices.Sort(keys)
	return keys, nil
}

func (store) clear(ctx restate.ObjectContext, key string) (restate.Void, error) {
	restate.Clear(ctx, key)
	return restate.Void{}, nil
}

func (store) clearAll(ctx restate.ObjectContext, _ restate.Void) (restate.Void, error) {
	restate.ClearAll(ctx)
	return restate.Void{}, nil
}

func (store) hold(ctx restate.ObjectContext, w work) (int, error) {
	if err := restate.Sleep(ctx, w.pause()); err != nil {
		return 0, err
	}
	return w.Millis, nil
}

// waiter publishes what it waits for as state, so that a shared handler can tell.
type waiter struct{ prefix string }

func (w waiter) definition(name string) restate.ServiceDefinition {
	return restate.NewObject(name).
		Handler("await", restate.NewObjectHandler(w.await)).
		Handler("awaitSignal", restate.NewObjectHandler(w.awaitSignal)).
		Handler("handOver", restate.NewObjectHandler(w.handOver)).
		Handler("pending", restate.NewObjectSharedHandler(w.pending))
}

// await publishes an awakeable, sleeps, and only then waits for it.
func (waiter) await(ctx restate.ObjectContext, w work) (string, error) {
	awakeable := restate.Awakeable[string](ctx)
	restate.Set(ctx, "pending", awakeable.Id())
	if w.Millis > 0 {
		if err := restate.Sleep(ctx, w.pause()); err != nil {
			return "", err
		}
	}
	return awakeable.Result()
}

// awaitSignal sleeps, then waits for the signals "one" and "two" and joins their values.
func (waiter) awaitSignal(ctx restate.ObjectContext, w work) (string, error) {
	if w.Millis > 0 {
		if err := restate.Sleep(ctx, w.pause()); err != nil {
			return "", err
		}
	}
	one, err := restate.Signal[string](ctx, "one").Result()
	if err != nil {
		return "", err
	}
	two, err := restate.Signal[string](ctx, "two").Result()
	if err != nil {
		return "", err
	}
	return one + "," + two, nil
}

// handOver gives an awakeable to another service, which resolves it.
func (w waiter) handOver(ctx restate.ObjectContext, value string) (string, error) {
	awakeable := restate.Awakeable[string](ctx)
	restate.ServiceSend(ctx, w.prefix+"Comm", "resolve").
		Send(completion{ID: awakeable.Id(), Value: value})
	return awakeable.Result()
}

func (waiter) pending(ctx restate.ObjectSharedContext, _ restate.Void) (string, error) {
	return restate.Get[string](ctx, "pending")
}

// order is the workflow: step, sleep, step, maybe a promise, step.
type order struct{ fx *effects }

type purchase struct {
	ID     string `json:"id"`
	Millis int    `json:"millis,omitempty"`
	Wait   bool   `json:"wait,omitempty"`
}

type receipt struct {
	ID string `json:"id"`
	Go string `json:"go"`
}

func (o order) definition(name string) restate.ServiceDefinition {
	return restate.NewWorkflow(name, restate.WithWorkflowRetention(time.Hour)).
		Handler("run", restate.NewWorkflowHandler(o.run)).
		Handler("status", restate.NewWorkflowSharedHandler(o.status)).
		Handler("go", restate.NewWorkflowSharedHandler(o.proceed)).
		Handler("refuse", restate.NewWorkflowSharedHandler(o.refuse)).
		Handler("peek", restate.NewWorkflowSharedHandler(o.peek))
}

func (o order) run(ctx restate.WorkflowContext, in purchase) (receipt, error) {
	if err := step(ctx, o.fx, in.ID+"-1"); err != nil {
		return receipt{}, err
	}
	restate.Set(ctx, "status", "started") // visible: the first step is durable
	if in.Millis > 0 {
		if err := restate.Sleep(ctx, time.Duration(in.Millis)*time.Millisecond); err != nil {
			return receipt{}, err
		}
	}
	if err := step(ctx, o.fx, in.ID+"-2"); err != nil {
		return receipt{}, err
	}
	result := receipt{ID: in.ID}
	if in.Wait {
		restate.Set(ctx, "status", "waiting")
		value, err := restate.Promise[string](ctx, "go").Result()
		if err != nil {
			return receipt{}, err
		}
		result.Go = value
	}
	if err := step(ctx, o.fx, in.ID+"-3"); err != nil {
		return receipt{}, err
	}
	restate.Set(ctx, "status", "done")
	return result, nil
}

func (order) status(ctx restate.WorkflowSharedContext, _ restate.Void) (string, error) {
	return restate.Get[string](ctx, "status")
}

func (order) proceed(ctx restate.WorkflowSharedContext, value string) (restate.Void, error) {
	return restate.Void{}, restate.Promise[string](ctx, "go").Resolve(value)
}

func (order) refuse(ctx restate.WorkflowSharedContext, message string) (restate.Void, error) {
	reason := restate.TerminalErrorf("%s", message)
	return restate.Void{}, restate.Promise[string](ctx, "go").Reject(reason)
}

func (order) peek(ctx restate.WorkflowSharedContext, _ restate.Void) (*string, error) {
	return restate.Promise[*string](ctx, "go").Peek()
}
