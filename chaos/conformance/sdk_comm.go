package main

import (
	"fmt"
	"net/http"
	"strings"
)

func callChecks() []Check {
	return []Check{
		{ID: "COM-01", Title: "call and response", Run: func(c *Case) {
			in := request{Service: c.sdk.service("Basic"), Handler: "echo", Input: c.id}
			c.equal("answer", answer[string](c, c.path("Comm", "call"), in), c.id)
		}},
		{ID: "COM-01", Title: "a callee's failure ends the caller", Run: func(c *Case) {
			in := request{Service: c.sdk.service("Basic"), Handler: "fail",
				Input: failure{Code: 418, Message: "deep " + c.id}}
			r := c.ask(http.MethodPost, c.path("Comm", "call"), in)
			c.fails(r, http.StatusTeapot, "invocation", "deep "+c.id)
		}},
		{ID: "COM-02", Title: "one-way send", Run: func(c *Case) {
			in := request{Service: c.sdk.service("Store"), Key: c.id, Handler: "add", Input: 3}
			sent := answer[completion](c, c.path("Comm", "send"), in)
			c.arrived(sent.ID)
			var sum int
			c.attached(sent.ID, &sum)
			c.equal("sum", sum, 3)
			c.equal("total", value[int](c, c.path("Store", c.id, "get")), 3)
		}},
		{ID: "COM-03", Title: "calls by key", Run: func(c *Case) {
			for i := 1; i <= 3; i++ {
				key := fmt.Sprintf("%s/ü %d", c.id, i)
				in := request{Service: c.sdk.service("Store"), Key: key, Handler: "add", Input: i}
				c.equal("sum", answer[int](c, c.path("Comm", "call"), in), i)
				c.equal("total", value[int](c, c.path("Store", key, "get")), i)
			}
		}},
		{ID: "COM-03", Title: "call of a workflow", Run: func(c *Case) {
			in := request{Service: c.sdk.service("Order"), Key: c.id, Handler: "run",
				Input: purchase{ID: c.id}}
			c.equal("receipt", answer[receipt](c, c.path("Comm", "call"), in), receipt{ID: c.id})
			r := c.ask(http.MethodPost, c.path("Comm", "call"), in)
			c.fails(r, http.StatusConflict, "invocation", "already invoked")
		}},
		{ID: "COM-04", Title: "call headers", Run: func(c *Case) {
			in := request{Service: c.sdk.service("Basic"), Handler: "headers",
				Headers: map[string]string{"x-case": c.id}}
			got := answer[map[string]string](c, c.path("Comm", "call"), in)
			c.equal("header", got["x-case"], c.id)
		}},
		{ID: "COM-05", Title: "idempotency key on calls and sends", Run: func(c *Case) {
			in := request{Service: c.sdk.service("Store"), Key: c.id, Handler: "add",
				Input: 2, IdempotencyKey: "ik-" + c.id}
			for range 3 {
				c.equal("sum", answer[int](c, c.path("Comm", "call"), in), 2)
			}
			one := answer[completion](c, c.path("Comm", "send"), in)
			two := answer[completion](c, c.path("Comm", "send"), in)
			c.equal("invocation", two.ID, one.ID)
			c.equal("total", value[int](c, c.path("Store", c.id, "get")), 2)
		}},
		{ID: "COM-06", Title: "attach from a handler", Run: func(c *Case) {
			id := c.send(c.path("Basic", "sleep"), "", work{Millis: 400}).InvocationID
			c.equal("answer", answer[int](c, c.path("Comm", "attach"), id), 400)
			r := c.ask(http.MethodPost, c.path("Comm", "attach"), unknownInvocation)
			c.fails(r, http.StatusNotFound, "invocation", "not found")
		}},
		{ID: "COM-08", Title: "invocation ID of a call", Run: func(c *Case) {
			in := request{Service: c.sdk.service("Basic"), Handler: "echo", Input: 5}
			var out struct {
				ID     string `json:"id"`
				Output int    `json:"output"`
			}
			c.call(c.path("Comm", "callID"), in, &out)
			c.equal("output", out.Output, 5)
			c.isID(out.ID)
		}},
		{ID: "COM-09", Title: "cancel from a handler", Run: func(c *Case) {
			id := c.send(c.path("Basic", "compensate"), "", work{ID: c.id}).InvocationID
			c.until("the first step is done", func() bool { return c.effects(c.id+"-do") >= 1 })
			c.call(c.path("Comm", "cancel"), id, nil)
			c.want(c.attach(id), http.StatusConflict)
			c.ran("undone", c.id+"-undo", 1)
		}},
		{ID: "COM-12", Title: "untyped calls keep bytes", Run: func(c *Case) {
			in := request{Service: c.sdk.service("Basic"), Handler: "echoBytes",
				Input: map[string]any{"t": "é\u0001"}}
			got := answer[map[string]any](c, c.path("Comm", "call"), in)
			c.equal("answer", got, map[string]any{"t": "é\u0001"})
		}},
		{ID: "ERR-01", Title: "many calls at once", Run: func(c *Case) {
			c.equal("sum", answer[int](c, c.path("Comm", "fanOut"), 20), 190)
		}},
		{ID: "ERR-01", Title: "race of a call and a timer", Run: func(c *Case) {
			race := c.path("Comm", "race")
			c.equal("winner", answer[string](c, race, contest{50, 10_000}), "call")
			c.equal("winner", answer[string](c, race, contest{10_000, 50}), "timer")
		}},
		{ID: "ERR-01", Title: "waiting for all, failed or not", Run: func(c *Case) {
			got := value[[]string](c, c.path("Comm", "settle"))
			c.equal("outcomes", got, []string{"rejected", "fulfilled"})
		}},
	}
}

// unknownInvocation is a well-formed ID that nobody has.
const unknownInvocation = "inv_151ekK9xzEcb6ZLmGwxcyOyuD4coBjF0e0"

func eventChecks() []Check {
	return []Check{
		{ID: "EVT-01", Title: "awakeable resolved over HTTP", Run: func(c *Case) {
			run, id := waiting(c, 0)
			if !strings.HasPrefix(id, "sign_1") {
				c.failf("awakeable ID %q does not start with sign_1", id)
			}
			r := c.ask(http.MethodPost, "/restate/awakeables/"+id+"/resolve", "v"+c.id)
			c.want(r, http.StatusAccepted)
			var out string
			c.attached(run, &out)
			c.equal("value", out, "v"+c.id)
		}},
		{ID: "EVT-01", Title: "awakeable rejected over HTTP", Run: func(c *Case) {
			run, id := waiting(c, 0)
			r := c.do(http.MethodPost, c.ingress+"/restate/a/"+id+"/reject",
				strings.NewReader("no "+c.id))
			c.want(r, http.StatusAccepted)
			c.fails(c.attach(run), http.StatusInternalServerError, "invocation", "no "+c.id)
		}},
		{ID: "EVT-02", Title: "awakeable resolved by a handler", Run: func(c *Case) {
			run, id := waiting(c, 0)
			c.call(c.path("Comm", "resolve"), completion{ID: id, Value: c.id}, nil)
			var out string
			c.attached(run, &out)
			c.equal("value", out, c.id)
		}},
		{ID: "EVT-02", Title: "awakeable rejected by a handler", Run: func(c *Case) {
			run, id := waiting(c, 0)
			c.call(c.path("Comm", "reject"), completion{ID: id, Message: "no " + c.id}, nil)
			c.fails(c.attach(run), http.StatusInternalServerError, "invocation", "no "+c.id)
		}},
		{ID: "EVT-02", Title: "awakeable handed to another service", Run: func(c *Case) {
			got := answer[string](c, c.path("Waiter", c.id, "handOver"), "v"+c.id)
			c.equal("value", got, "v"+c.id)
		}},
		{ID: "EVT-03", Title: "a durable promise completes once", Run: func(c *Case) {
			run := c.send(c.path("Order", c.id, "run"), "", purchase{ID: c.id, Wait: true})
			c.call(c.path("Order", c.id, "go"), "one", nil)
			r := c.ask(http.MethodPost, c.path("Order", c.id, "go"), "two")
			c.fails(r, http.StatusConflict, "invocation", "already completed")
			var out receipt
			c.attached(run.InvocationID, &out)
			c.equal("value", out.Go, "one")
		}},
		{ID: "EVT-03", Title: "a rejected promise fails the run", Run: func(c *Case) {
			run := c.send(c.path("Order", c.id, "run"), "", purchase{ID: c.id, Wait: true})
			c.call(c.path("Order", c.id, "refuse"), "no "+c.id, nil)
			r := c.attach(run.InvocationID)
			c.fails(r, http.StatusInternalServerError, "invocation", "no "+c.id)
			c.ran("third step", c.id+"-3", 0)
		}},
		{ID: "EVT-03", Title: "a promise resolved before the run", Run: func(c *Case) {
			c.call(c.path("Order", c.id, "go"), "early", nil)
			out := answer[receipt](c, c.path("Order", c.id, "run"),
				purchase{ID: c.id, Wait: true})
			c.equal("value", out.Go, "early")
		}},
		{ID: "EVT-04", Title: "named signals", Run: func(c *Case) {
			run := c.send(c.path("Waiter", c.id, "awaitSignal"), "", work{})
			signalTwice(c, run.InvocationID)
		}},
		{ID: "EVT-05", Title: "signals before anybody waits", Run: func(c *Case) {
			run := c.send(c.path("Waiter", c.id, "awaitSignal"), "", work{Millis: 1000})
			signalTwice(c, run.InvocationID)
		}},
		{ID: "EVT-06", Title: "awakeable resolved before it is awaited", Run: func(c *Case) {
			run, id := waiting(c, 1000)
			r := c.ask(http.MethodPost, "/restate/awakeables/"+id+"/resolve", "early")
			c.want(r, http.StatusAccepted)
			var out string
			c.attached(run, &out)
			c.equal("value", out, "early")
		}},
	}
}

// waiting starts Waiter/await and returns its invocation and the awakeable it published.
func waiting(c *Case, millis int) (run, awakeable string) {
	run = c.send(c.path("Waiter", c.id, "await"), "", work{Millis: millis}).InvocationID
	c.until("the awakeable is published", func() bool {
		awakeable = value[string](c, c.path("Waiter", c.id, "pending"))
		return awakeable != ""
	})
	return run, awakeable
}

// signalTwice sends both signals, the one that is awaited last first.
func signalTwice(c *Case, run string) {
	for _, name := range []string{"two", "one"} {
		in := completion{ID: run, Name: name, Value: name + c.id}
		c.call(c.path("Comm", "signal"), in, nil)
	}
	var out string
	c.attached(run, &out)
	c.equal("values", out, "one"+c.id+",two"+c.id)
}
