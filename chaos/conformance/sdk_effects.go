package main

import (
	"net/http"
	"time"
)

func effectChecks() []Check {
	return []Check{
		{ID: "RUN-01", Title: "a stored step is not run again", Calm: countsInMemory, Run: func(c *Case) {
			in := work{ID: c.id, Times: 2}
			got := answer[attempts](c, c.path("Basic", "runThenFail"), in)
			c.equal("answer", got, attempts{Value: 1, Attempts: 3})
			c.ran("runs of the step", c.id, 1)
			c.equal("count in memory", answer[int](c, c.path("Basic", "effects"), c.id), 1)
		}},
		{ID: "RUN-02", Title: "a failing step is retried by its policy", Calm: countsInMemory, Run: func(c *Case) {
			in := work{ID: c.id, Times: 2}
			c.equal("tries", answer[int](c, c.path("Basic", "runRetry"), in), 3)
		}},
		{ID: "RUN-02", Title: "a step out of attempts fails for good", Calm: countsInMemory, Run: func(c *Case) {
			in := work{ID: c.id, Times: 100, MaxAttempts: 3}
			r := c.ask(http.MethodPost, c.path("Basic", "runRetry"), in)
			c.fails(r, http.StatusInternalServerError, "invocation", "fails on purpose")
			c.equal("tries", answer[int](c, c.path("Basic", "effects"), c.id), 3)
		}},
		{ID: "RUN-04", Title: "a step's terminal failure is its result", Run: func(c *Case) {
			in := failure{Code: 417, Message: "no " + c.id}
			c.equal("failure", answer[failure](c, c.path("Basic", "runFail"), in), in)
		}},
		{ID: "RUN-05", Title: "sleep", Run: func(c *Case) {
			start := time.Now()
			c.equal("answer", answer[int](c, c.path("Basic", "sleep"), work{Millis: 300}), 300)
			if took := time.Since(start); took < 300*time.Millisecond {
				c.failf("a sleep of 300 ms ended after %s", took)
			}
		}},
		{ID: "RUN-07", Title: "a delayed send waits", Run: func(c *Case) {
			start := time.Now()
			in := request{Service: c.sdk.service("Store"), Key: c.id, Handler: "add",
				Input: 1, DelayMillis: 2000}
			sent := answer[completion](c, c.path("Comm", "send"), in)
			c.equal("total at once", value[int](c, c.path("Store", c.id, "get")), 0)
			c.arrived(sent.ID)
			var sum int
			c.attached(sent.ID, &sum)
			c.equal("sum", sum, 1)
			if took := time.Since(start); took < 2*time.Second {
				c.failf("a call delayed by 2 s ended after %s", took)
			}
		}},
		{ID: "RUN-08", Title: "random values repeat in every attempt", Run: func(c *Case) {
			drawn := answer[[]string](c, c.path("Basic", "random"), work{ID: c.id})
			c.equal("values drawn", len(drawn), 2)
			c.equal("second attempt", drawn[1], drawn[0])
			other := answer[[]string](c, c.path("Basic", "random"), work{ID: c.id + "-other"})
			c.equal("values drawn", len(other), 2)
			if other[0] == drawn[0] {
				c.failf("two invocations drew the same UUID %s", drawn[0])
			}
		}},
		{ID: "ERR-12", Title: "a long wait suspends and resumes", Calm: countsInMemory, Run: func(c *Case) {
			in := work{ID: c.id, Millis: 1200}
			if n := answer[int](c, c.path("Basic", "suspending"), in); n < 2 {
				c.failf("the handler was entered %d times: it was never suspended", n)
			}
		}},
	}
}

func errorChecks() []Check {
	return []Check{
		{ID: "ERR-05", Title: "a terminal failure's code is the status", Run: func(c *Case) {
			in := failure{Code: 418, Message: "teapot " + c.id}
			r := c.ask(http.MethodPost, c.path("Basic", "fail"), in)
			p := c.fails(r, http.StatusTeapot, "invocation", in.Message)
			c.equal("message", p.Message, in.Message)
			if r.id() == "" {
				c.failf("%s: no x-restate-id", r)
			}
		}},
		{ID: "ERR-06", Title: "a retryable failure is retried", Calm: countsInMemory, Run: func(c *Case) {
			in := work{ID: c.id, Times: 3}
			got := answer[attempts](c, c.path("Basic", "failTimes"), in)
			c.equal("attempts", got.Attempts, 4)
		}},
		{ID: "ERR-07", Title: "failure metadata reaches the client", Run: func(c *Case) {
			in := failure{Code: 409, Message: "taken", Metadata: map[string]string{"by": c.id}}
			r := c.ask(http.MethodPost, c.path("Basic", "fail"), in)
			p := c.fails(r, http.StatusConflict, "invocation", "taken")
			c.equal("metadata", p.Metadata, in.Metadata)
		}},
		{ID: "ERR-08", Title: "cancel runs compensations", Run: func(c *Case) {
			id := c.send(c.path("Basic", "compensate"), "", work{ID: c.id}).InvocationID
			c.until("the first step is done", func() bool { return c.effects(c.id+"-do") >= 1 })
			c.want(c.rule(http.MethodPatch, "/invocations/"+id+"/cancel", nil), 202)
			r := c.attach(id)
			c.want(r, http.StatusConflict)
			c.ran("undone", c.id+"-undo", 1)
		}},
		{ID: "ERR-09", Title: "cancel reaches child calls", Run: func(c *Case) {
			parent, child := callingParent(c)
			c.want(c.rule(http.MethodPatch, "/invocations/"+parent+"/cancel", nil), 202)
			c.want(c.attach(parent), http.StatusConflict)
			c.want(c.attach(child), http.StatusConflict)
			c.ran("undone", c.id+"-undo", 1)
		}},
	}
}

// callingParent starts a call of Basic/compensate by Comm/call, waits until the child has
// done its step and returns both invocation IDs.
func callingParent(c *Case) (parent, child string) {
	in := request{Service: c.sdk.service("Basic"), Handler: "compensate",
		Input: work{ID: c.id}, IdempotencyKey: c.id}
	parent = c.send(c.path("Comm", "call"), "", in).InvocationID
	c.until("the child's step is done", func() bool { return c.effects(c.id+"-do") >= 1 })
	return parent, c.lookup(map[string]any{"target": "idempotentInvocation",
		"service": in.Service, "handler": in.Handler, "idempotencyKey": c.id})
}

// lookup returns the invocation ID of a target.
func (c *Case) lookup(target map[string]any) string {
	var out struct {
		InvocationID string `json:"invocationId"`
	}
	r := c.ask(http.MethodPost, "/restate/lookup", target)
	c.decode(c.want(r, http.StatusOK), &out)
	c.isID(out.InvocationID)
	return out.InvocationID
}
