package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
)

const (
	// manySends is enough for some to be on their way when a process is killed.
	manySends = 20
	// outlasting is how many milliseconds sleeps last that a kill shall interrupt: longer
	// than all checks together need to get ready.
	outlasting = 4000
)

// survivors outlive the sudden death of the server, and of the services.
func survivors() []Survivor {
	return []Survivor{
		{
			ID: "SVC-02", Title: "workflow goes on, finished steps are not run again",
			Before: func(c *Case) {
				in := purchase{ID: c.id, Millis: outlasting, Wait: true}
				run := c.send(c.path("Order", c.id, "run"), "", in)
				c.kept["run"] = run.InvocationID
				c.until("the first step is stored", func() bool {
					return value[string](c, c.path("Order", c.id, "status")) == "started"
				})
			},
			After: func(c *Case) {
				c.call(c.path("Order", c.id, "go"), "after", nil)
				var out receipt
				c.attached(c.kept["run"], &out)
				c.equal("receipt", out, receipt{ID: c.id, Go: "after"})
				for _, step := range []string{"-1", "-2", "-3"} {
					c.equal("runs of step "+step, c.effects(c.id+step), 1)
				}
			},
		},
		{
			ID: "RUN-05", Title: "sleep ends, steps before it are not run again",
			Before: func(c *Case) {
				in := work{ID: c.id, Millis: outlasting}
				c.kept["run"] = c.send(c.path("Basic", "steps"), "", in).InvocationID
				// The second step starts only once the result of the first is stored.
				c.until("the second step has run", func() bool {
					return c.effects(c.id+"-2") == 1
				})
			},
			After: func(c *Case) {
				var out string
				c.attached(c.kept["run"], &out)
				c.equal("answer", out, c.id)
				c.equal("runs of the first step", c.effects(c.id+"-1"), 1)
				c.equal("runs of the last step", c.effects(c.id+"-3"), 1)
			},
		},
		{
			ID: "EVT-01", Title: "awakeable is resolved afterwards",
			Before: func(c *Case) {
				c.kept["run"], c.kept["awakeable"] = waiting(c, 0)
			},
			After: func(c *Case) {
				path := "/restate/awakeables/" + c.kept["awakeable"] + "/resolve"
				c.want(c.ask(http.MethodPost, path, "late"), http.StatusAccepted)
				var out string
				c.attached(c.kept["run"], &out)
				c.equal("value", out, "late")
			},
		},
		{
			ID: "EVT-06", Title: "awakeable resolved before is not lost",
			Before: func(c *Case) {
				run, id := waiting(c, outlasting)
				c.kept["run"] = run
				path := "/restate/awakeables/" + id + "/resolve"
				c.want(c.ask(http.MethodPost, path, "before"), http.StatusAccepted)
			},
			After: func(c *Case) {
				var out string
				c.attached(c.kept["run"], &out)
				c.equal("value", out, "before")
			},
		},
		{
			ID: "RUN-07", Title: "delayed send arrives once",
			Before: func(c *Case) {
				sent := c.send(c.path("Store", c.id, "add"), fmt.Sprintf("?delay=%dms", outlasting), 1)
				c.kept["send"] = sent.InvocationID
			},
			After: func(c *Case) {
				var sum int
				c.attached(c.kept["send"], &sum)
				c.equal("sum", sum, 1)
				c.equal("total", value[int](c, c.path("Store", c.id, "get")), 1)
			},
		},
		{
			ID: "STA-01", Title: "state is kept",
			Before: func(c *Case) { c.call(c.path("Store", c.id, "add"), 11, nil) },
			After: func(c *Case) {
				c.equal("total", value[int](c, c.path("Store", c.id, "get")), 11)
			},
		},
		{
			ID: "SVC-03", Title: "the queue of a key is kept",
			Before: func(c *Case) {
				c.send(c.path("Store", c.id, "hold"), "", work{Millis: outlasting})
				for _, item := range []string{"a", "b", "c"} {
					sent := c.send(c.path("Store", c.id, "append"), "", item)
					c.kept["last"] = sent.InvocationID
				}
			},
			After: func(c *Case) {
				var list []string
				c.attached(c.kept["last"], &list)
				c.equal("list", list, []string{"a", "b", "c"})
			},
		},
		{
			ID: "INV-02", Title: "idempotent result is kept",
			Before: func(c *Case) {
				r := c.call(c.path("Store", c.id, "add"), 4, nil, "idempotency-key", "k")
				c.kept["id"] = r.id()
			},
			After: func(c *Case) {
				var sum int
				r := c.call(c.path("Store", c.id, "add"), 4, &sum, "idempotency-key", "k")
				c.equal("sum", sum, 4)
				c.equal("invocation", r.id(), c.kept["id"])
				c.attached(c.kept["id"], &sum)
				c.equal("output", sum, 4)
			},
		},
		{
			ID: "COM-06", Title: "a caller gets its answer",
			Before: func(c *Case) {
				in := request{Service: c.sdk.service("Basic"), Handler: "steps",
					Input: work{ID: c.id, Millis: outlasting}}
				c.kept["run"] = c.send(c.path("Comm", "call"), "", in).InvocationID
				c.until("the callee's second step has run", func() bool {
					return c.effects(c.id+"-2") == 1
				})
			},
			After: func(c *Case) {
				var out string
				c.attached(c.kept["run"], &out)
				c.equal("answer", out, c.id)
				c.equal("runs of the first step", c.effects(c.id+"-1"), 1)
			},
		},
		{
			ID: "COM-13", Title: "sends are neither lost nor doubled",
			Before: func(c *Case) {
				in := request{Service: c.sdk.service("Store"), Key: c.id, Handler: "add",
					Input: 1}
				for range manySends {
					// The caller is accepted; its own send may be cut anywhere.
					c.send(c.path("Comm", "send"), "", in)
				}
			},
			After: func(c *Case) {
				total := func() int { return value[int](c, c.path("Store", c.id, "get")) }
				c.until("all sends have arrived", func() bool { return total() >= manySends })
				c.never("one too many", watchFor, func() bool { return total() > manySends })
			},
		},
		{
			ID: "INV-02", Title: "a call cut off is found again by its key",
			Before: func(c *Case) {
				body, err := json.Marshal(work{ID: c.id, Millis: outlasting})
				c.must("encode request", err)
				// The call outlives this half of the check, and may end with its connection.
				req, err := http.NewRequest(http.MethodPost,
					c.ingress+c.path("Basic", "steps"), bytes.NewReader(body))
				c.must("build request", err)
				req.Header.Set("content-type", "application/json")
				req.Header.Set("idempotency-key", c.id)
				go func() { _, _ = roundTrip(c.client, req) }()
				c.until("the second step has run", func() bool {
					return c.effects(c.id+"-2") == 1
				})
			},
			After: func(c *Case) {
				var out string
				in := work{ID: c.id, Millis: outlasting}
				c.call(c.path("Basic", "steps"), in, &out, "idempotency-key", c.id)
				c.equal("answer", out, c.id)
				c.equal("runs of the first step", c.effects(c.id+"-1"), 1)
				c.equal("runs of the last step", c.effects(c.id+"-3"), 1)
			},
		},
	}
}
