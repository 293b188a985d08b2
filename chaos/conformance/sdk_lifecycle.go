package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"
)

func lifecycleChecks() []Check {
	return []Check{
		{ID: "INV-02", Title: "idempotency key at the ingress", Run: func(c *Case) {
			add := c.path("Store", c.id, "add")
			first := c.call(add, 1, nil, "idempotency-key", "k")
			second := c.call(add, 1, nil, "idempotency-key", "k")
			c.equal("answer", second.body, first.body)
			c.equal("invocation", second.id(), first.id())
			c.equal("expiry on the first answer", first.header.Get("idempotency-expires"), "")
			expiresInADay(c, second)
			c.equal("total", value[int](c, c.path("Store", c.id, "get")), 1)
		}},
		{ID: "INV-03", Title: "the same key on another handler is another call", Run: func(c *Case) {
			c.call(c.path("Store", c.id, "append"), "x", nil, "idempotency-key", "k")
			c.call(c.path("Store", c.id, "add"), 1, nil, "idempotency-key", "k")
			c.call(c.path("Store", c.id+"-b", "add"), 1, nil, "idempotency-key", "k")
			c.equal("total", value[int](c, c.path("Store", c.id, "get")), 1)
			c.equal("total", value[int](c, c.path("Store", c.id+"-b", "get")), 1)
		}},
		{ID: "INV-12", Title: "kill ends at once, without compensation", Run: func(c *Case) {
			id := c.send(c.path("Basic", "compensate"), "", work{ID: c.id}).InvocationID
			c.until("the first step is done", func() bool { return c.effects(c.id+"-do") >= 1 })
			c.want(c.rule(http.MethodPatch, "/invocations/"+id+"/kill", nil), 200)
			c.fails(c.attach(id), http.StatusConflict, "invocation", "killed")
			c.ran("undone", c.id+"-undo", 0)
		}},
		{ID: "INV-13", Title: "kill reaches child calls", Run: func(c *Case) {
			parent, child := callingParent(c)
			c.want(c.rule(http.MethodPatch, "/invocations/"+parent+"/kill", nil), 200)
			c.fails(c.attach(parent), http.StatusConflict, "invocation", "killed")
			c.fails(c.attach(child), http.StatusConflict, "invocation", "killed")
			c.ran("undone", c.id+"-undo", 0)
		}},
		{ID: "INV-16", Title: "pause and resume", Run: func(c *Case) {
			in := work{ID: c.id, Times: 1 << 20}
			id := c.send(c.path("Basic", "failTimes"), "", in).InvocationID
			tries := func() int { return answer[int](c, c.path("Basic", "effects"), c.id) }
			c.until("it is retried", func() bool { return tries() >= 2 })
			r := c.rule(http.MethodPatch, "/invocations/"+id+"/pause", nil)
			if r.status != http.StatusAccepted && r.status != http.StatusOK {
				c.failf("%s", r)
			}
			// The retry that was due while pausing may still run.
			settled := tries()
			c.until("retries stop", func() bool {
				before := settled
				wait(c, 700*time.Millisecond)
				settled = tries()
				return settled == before
			})
			c.want(c.rule(http.MethodPatch, "/invocations/"+id+"/resume", nil), 200)
			c.until("it is retried again", func() bool { return tries() > settled })
			c.want(c.rule(http.MethodPatch, "/invocations/"+id+"/kill", nil), 200)
		}},
		{ID: "INV-19", Title: "restart as new", Run: func(c *Case) {
			first := c.call(c.path("Store", c.id, "add"), 5, nil)
			r := c.rule(http.MethodPatch, "/invocations/"+first.id()+"/restart-as-new", nil)
			var out struct {
				ID string `json:"new_invocation_id"`
			}
			c.decode(c.want(r, http.StatusOK), &out)
			if out.ID == first.id() {
				c.failf("%s: the new invocation has the old ID", r)
			}
			var sum int
			c.attached(out.ID, &sum)
			c.equal("sum", sum, 10)
		}},
		{ID: "INV-20", Title: "restart from a prefix of the journal", Run: func(c *Case) {
			first := c.call(c.path("Basic", "steps"), work{ID: c.id, Millis: 10}, nil)
			// 0 is the input, 1 the first step, 2 its result.
			path := "/invocations/" + first.id() + "/restart-as-new?from="
			r := c.rule(http.MethodPatch, path+"2", nil)
			var out struct {
				ID string `json:"new_invocation_id"`
			}
			c.decode(c.want(r, http.StatusOK), &out)
			var text string
			c.attached(out.ID, &text)
			c.equal("answer", text, c.id)
			c.ran("runs of the first step", c.id+"-1", 1)
			c.ran("runs of the second step", c.id+"-2", 2)
			c.want(c.rule(http.MethodPatch, path+"99", nil), http.StatusBadRequest)
		}},
		{ID: "INV-21", Title: "a workflow is not restarted", Run: func(c *Case) {
			first := c.call(c.path("Order", c.id, "run"), purchase{ID: c.id}, nil)
			r := c.rule(http.MethodPatch, "/invocations/"+first.id()+"/restart-as-new", nil)
			c.want(r, http.StatusUnprocessableEntity)
		}},
		{ID: "INV-32", Title: "a client that leaves cancels nothing", Run: leavingClient},
	}
}

func wait(c *Case, d time.Duration) {
	select {
	case <-c.ctx.Done():
	case <-time.After(d):
	}
}

// expiresInADay expects the idempotency-expires header one retention from now.
func expiresInADay(c *Case, r reply) {
	text := r.header.Get("idempotency-expires")
	at, err := time.Parse(time.RFC3339Nano, text)
	c.must(r.request+" idempotency-expires", err)
	if left := time.Until(at); left < 23*time.Hour || left > 25*time.Hour {
		c.failf("%s: idempotency-expires %s is not a day away", r, text)
	}
	c.contains("idempotency-expires", text, "+00:00")
}

func leavingClient(c *Case) {
	body, err := json.Marshal(work{ID: c.id, Millis: 3000})
	c.must("encode request", err)
	ctx, leave := context.WithCancel(c.ctx)
	defer leave()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost,
		c.ingress+c.path("Basic", "steps"), bytes.NewReader(body))
	c.must("build request", err)
	req.Header.Set("content-type", "application/json")
	ended := make(chan error, 1)
	go func() {
		_, err := roundTrip(c.client, req)
		ended <- err
	}()
	c.until("the second step is done", func() bool { return c.effects(c.id+"-2") >= 1 })
	leave()
	if err := <-ended; err == nil {
		c.failf("the call ended before its client left")
	}
	c.until("the last step is done", func() bool { return c.effects(c.id+"-3") >= 1 })
}
