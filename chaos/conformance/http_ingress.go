package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// httpChecks hold the ingress and the admin API to the statuses, headers and bodies that
// clients rely on.
func httpChecks() []Check {
	return slices.Concat(callHTTPChecks(), targetHTTPChecks(), errorHTTPChecks(),
		inputHTTPChecks(), ownServerChecks(), ownNetworkChecks(),
		adminChecks(), deploymentChecks(), moreAdminChecks(), moreLifecycleChecks())
}

func callHTTPChecks() []Check {
	return []Check{
		{ID: "ING-01", Title: "old paths, with a trailing slash too", Run: func(c *Case) {
			echo := c.path("Basic", "echo")
			c.equal("answer", answer[int](c, echo+"/", 1), 1)
			sent := c.send(c.path("Store", c.id, "add"), "", 2)
			c.equal("status", sent.Status, "Accepted")
			c.equal("executionTime", sent.ExecutionTime, "")
			c.want(c.attach(sent.InvocationID), http.StatusOK)
		}},
		{ID: "ING-02", Title: "paths of 1.7", Run: func(c *Case) {
			c.equal("service", answer[int](c, "/restate/call"+c.path("Basic", "echo"), 1), 1)
			key := "/restate/call" + c.path("Store", c.id, "add")
			c.equal("object", answer[int](c, key, 2), 2)
			r := c.ask(http.MethodPost, "/restate/send"+c.path("Store", c.id, "add"), 3)
			var s sent
			c.decode(c.want(r, http.StatusAccepted), &s)
			c.equal("status", s.Status, "Accepted")
			var sum int
			c.attached(s.InvocationID, &sum)
			c.equal("sum", sum, 5)
		}},
		{ID: "ING-03", Title: "delay in both notations", Run: delays},
		{ID: "ING-03", Title: "delay on a call, and a bad delay", Run: func(c *Case) {
			echo := c.path("Basic", "echo")
			r := c.ask(http.MethodPost, echo+"?delay=1s", 1)
			c.fails(r, http.StatusBadRequest, "ingress", "")
			r = c.ask(http.MethodPost, echo+"/send?delay=soon", 1)
			c.fails(r, http.StatusBadRequest, "ingress", "")
		}},
		{ID: "ING-04", Title: "a repeated send was accepted previously", Run: func(c *Case) {
			add := c.path("Store", c.id, "add")
			first := c.send(add, "?delay=PT300S", 1, "idempotency-key", "k")
			again := c.send(add, "", 1, "idempotency-key", "k")
			c.equal("status", again.Status, "PreviouslyAccepted")
			c.equal("invocation", again.InvocationID, first.InvocationID)
			c.equal("executionTime", again.ExecutionTime, first.ExecutionTime)
			path := "/invocations/" + first.InvocationID + "/kill"
			c.want(c.rule(http.MethodPatch, path, nil), http.StatusOK)
		}},
		{ID: "ING-06", Title: "x-restate-id on calls, sends and failures", Run: func(c *Case) {
			ids := []string{
				c.call(c.path("Basic", "echo"), 1, nil).id(),
				c.send(c.path("Basic", "echo"), "", 1).InvocationID,
				c.ask(http.MethodPost, c.path("Basic", "fail"), failure{Code: 500}).id(),
			}
			for _, id := range ids {
				c.isID(id)
			}
		}},
		{ID: "ING-07", Title: "percent-encoded keys", Run: func(c *Case) {
			key := "a/b c?ü%" + c.id
			c.equal("sum", answer[int](c, c.path("Store", key, "add"), 4), 4)
			in := request{Service: c.sdk.service("Store"), Key: key, Handler: "add", Input: 1}
			c.equal("from a handler", answer[int](c, c.path("Comm", "call"), in), 5)
		}},
		{ID: "ING-07", Title: "an empty key is a key", Run: func(c *Case) {
			path := c.ingress + "/" + c.sdk.service("Store") + "//get"
			var total int
			c.decode(c.want(c.do(http.MethodPost, path, nil), http.StatusOK), &total)
		}},
		{ID: "ING-09", Title: "request headers reach the handler", Run: requestHeaders},
		{ID: "ING-14", Title: "HTTP/2 without TLS on the same port", Run: func(c *Case) {
			req, err := http.NewRequestWithContext(c.ctx, http.MethodPost,
				c.ingress+c.path("Basic", "echo"), strings.NewReader(`"h2"`))
			c.must("build request", err)
			req.Header.Set("content-type", "application/json")
			r := c.roundTrip(c.h2, req)
			c.equal("body", string(c.want(r, http.StatusOK).body), `"h2"`)
		}},
		{ID: "INV-07", Title: "idempotency-expires is a day away", Run: func(c *Case) {
			first := c.call(c.path("Basic", "echo"), 1, nil, "idempotency-key", c.id)
			expiresInADay(c, c.want(c.output(first.id()), http.StatusOK))
			expiresInADay(c, c.want(c.attach(first.id()), http.StatusOK))
		}},
	}
}

func delays(c *Case) {
	for _, query := range []string{"delay=PT300S", "delay=300s", "delay=300%20sec",
		"Delay=300000ms", "delay=5m"} {
		s := c.send(c.path("Basic", "echo"), "?"+query, 1)
		at, err := time.Parse(time.RFC3339Nano, s.ExecutionTime)
		c.must(query+": executionTime", err)
		if left := time.Until(at); left < 250*time.Second || left > 301*time.Second {
			c.failf("%s: executionTime %s is not 300 s away", query, s.ExecutionTime)
		}
		c.contains("executionTime", s.ExecutionTime, "Z")
		path := "/invocations/" + s.InvocationID + "/kill"
		c.want(c.rule(http.MethodPatch, path, nil), http.StatusOK)
	}
	short := c.send(c.path("Basic", "echo"), "?delay=200ms", 1)
	c.want(c.attach(short.InvocationID), http.StatusOK)
}

func requestHeaders(c *Case) {
	r := c.ask(http.MethodGet, c.path("Basic", "headers")+"?q=1", nil,
		"X-Mixed-Case", "Kept", "idempotency-key", c.id, "x-twice", "one", "x-twice", "two")
	var seen map[string]string
	c.decode(c.want(r, http.StatusOK), &seen)
	c.equal("x-mixed-case", seen["x-mixed-case"], "Kept")
	c.equal("x-twice", seen["x-twice"], "one")
	c.equal("x-restate-ingress-path", seen["x-restate-ingress-path"],
		c.path("Basic", "headers")+"?q=1")
	for _, name := range []string{"idempotency-key", "host", "connection"} {
		if v, ok := seen[name]; ok {
			c.failf("the handler sees %s: %s", name, v)
		}
	}
}

func targetHTTPChecks() []Check {
	return []Check{
		{ID: "INV-04", Title: "attach waits, under every path", Run: func(c *Case) {
			sleep := c.path("Basic", "sleep")
			s := c.send(sleep, "", work{Millis: 400}, "idempotency-key", c.id)
			body := map[string]any{"target": "invocation", "invocationId": s.InvocationID}
			for _, r := range []reply{
				c.attach(s.InvocationID),
				c.ask(http.MethodGet, "/restate/invocation/"+s.InvocationID+"/attach", nil),
				c.ask(http.MethodGet, "/restate/invocation"+sleep+"/"+c.id+"/attach", nil),
				c.ask(http.MethodPost, "/restate/attach", body),
			} {
				c.equal(r.request, string(c.want(r, http.StatusOK).body), "400")
			}
		}},
		{ID: "INV-05", Title: "output is 470 until it is there", Run: func(c *Case) {
			sleep := c.path("Basic", "sleep")
			s := c.send(sleep, "", work{Millis: 2000}, "idempotency-key", c.id)
			c.fails(c.output(s.InvocationID), 470, "ingress", "not completed yet")
			c.want(c.attach(s.InvocationID), http.StatusOK)
			body := map[string]any{"target": "idempotentInvocation",
				"service": c.sdk.service("Basic"), "handler": "sleep", "idempotencyKey": c.id}
			for _, r := range []reply{
				c.output(s.InvocationID),
				c.ask(http.MethodGet, "/restate/invocation/"+s.InvocationID+"/output", nil),
				c.ask(http.MethodGet, "/restate/invocation"+sleep+"/"+c.id+"/output", nil),
				c.ask(http.MethodPost, "/restate/output", body),
			} {
				c.equal(r.request, string(c.want(r, http.StatusOK).body), "2000")
			}
		}},
		{ID: "INV-05", Title: "an invocation nobody knows", Run: func(c *Case) {
			r := c.output(unknownInvocation)
			c.fails(r, http.StatusNotFound, "ingress", "invocation not found")
			c.fails(c.attach(unknownInvocation), http.StatusNotFound, "invocation", "not found")
			c.fails(c.output("inv_bad"), http.StatusBadRequest, "ingress", "")
			c.fails(c.attach("inv_bad"), http.StatusBadRequest, "ingress", "")
		}},
		{ID: "INV-06", Title: "lookup of every kind of target", Run: lookups},
		{ID: "SVC-07", Title: "workflow attach and output", Run: func(c *Case) {
			at := "/restate/workflow" + c.path("Order", c.id)
			s := c.send(c.path("Order", c.id, "run"), "", purchase{ID: c.id, Wait: true})
			c.fails(c.ask(http.MethodGet, at+"/output", nil), 470, "ingress", "not completed yet")
			c.call(c.path("Order", c.id, "go"), "x", nil)
			var out receipt
			c.decode(c.want(c.ask(http.MethodGet, at+"/attach", nil), http.StatusOK), &out)
			c.equal("attach", out.Go, "x")
			c.decode(c.want(c.ask(http.MethodGet, at+"/output", nil), http.StatusOK), &out)
			c.equal("output", out.Go, "x")
			body := map[string]any{"target": "workflow",
				"workflowName": c.sdk.service("Order"), "workflowKey": c.id}
			r := c.ask(http.MethodPost, "/restate/attach", body)
			c.equal("invocation", c.want(r, http.StatusOK).id(), s.InvocationID)
		}},
		{ID: "SVC-07", Title: "a workflow that never ran", Run: func(c *Case) {
			at := "/restate/workflow" + c.path("Order", c.id)
			r := c.ask(http.MethodGet, at+"/attach", nil)
			p := c.fails(r, http.StatusNotFound, "invocation", "not found")
			c.equal("message", p.Message, "not found")
			if r.id() == "" {
				c.failf("%s: no x-restate-id", r)
			}
			r = c.ask(http.MethodGet, at+"/output", nil)
			c.fails(r, http.StatusNotFound, "ingress", "invocation not found")
		}},
		{ID: "EVT-01", Title: "awakeables nobody waits for, and bad ones", Run: func(c *Case) {
			const unknown = "sign_163EpMZcTKzTnb_-5_VZWgrIG7ZrTNCJzAAAAEQ"
			for _, verb := range []string{"resolve", "reject"} {
				path := "/restate/awakeables/" + unknown + "/" + verb
				r := c.want(c.ask(http.MethodPost, path, "x"), http.StatusAccepted)
				c.equal("body", len(r.body), 0)
				r = c.ask(http.MethodPost, "/restate/awakeables/nonsense/"+verb, "x")
				c.fails(r, http.StatusBadRequest, "ingress", "bad awakeable id")
				r = c.ask(http.MethodGet, path, nil)
				c.want(r, http.StatusMethodNotAllowed)
			}
		}},
		{ID: "UPG-08", Title: "awakeables of old protocols are accepted", Run: func(c *Case) {
			path := "/restate/a/prom_163EpMZcTKzTnb_-5_VZWgrIG7ZrTNCJzAAAAAQ/resolve"
			c.want(c.ask(http.MethodPost, path, "x"), http.StatusAccepted)
		}},
	}
}

// lookups compares the ID of a target before and after it is called.
func lookups(c *Case) {
	idempotent := map[string]any{"target": "idempotentInvocation",
		"service": c.sdk.service("Store"), "key": c.id, "handler": "add", "idempotencyKey": "k"}
	before := c.lookup(idempotent)
	r := c.call(c.path("Store", c.id, "add"), 1, nil, "idempotency-key", "k")
	c.equal("idempotent call", r.id(), before)
	c.equal("lookup afterwards", c.lookup(idempotent), before)

	workflow := map[string]any{"target": "workflow",
		"workflowName": c.sdk.service("Order"), "workflowKey": c.id}
	before = c.lookup(workflow)
	r = c.call(c.path("Order", c.id, "run"), purchase{ID: c.id}, nil)
	c.equal("workflow", r.id(), before)

	known := map[string]any{"target": "invocation", "invocationId": before}
	c.equal("invocation", c.lookup(known), before)
}

func errorHTTPChecks() []Check {
	return []Check{
		{ID: "ING-05", Title: "unknown service and handler", Run: func(c *Case) {
			r := c.ask(http.MethodPost, "/Nobody"+"/h", 1)
			p := c.fails(r, http.StatusNotFound, "ingress", "")
			c.equal("message", p.Message, "service 'Nobody' not found, "+
				"make sure to register the service before calling it.")
			r = c.ask(http.MethodPost, c.path("Basic", "nothing"), 1)
			p = c.fails(r, http.StatusNotFound, "ingress", "")
			c.equal("message", p.Message, fmt.Sprintf("the service '%s' exists, but the "+
				"handler 'nothing' was not found, check that the handler exists in the "+
				"latest registered service version.", c.sdk.service("Basic")))
		}},
		{ID: "ING-05", Title: "bad paths and unknown verbs", Run: func(c *Case) {
			for _, path := range []string{"/", "/" + c.sdk.service("Basic")} {
				r := c.ask(http.MethodPost, path, 1)
				c.fails(r, http.StatusBadRequest, "ingress", "bad path")
			}
			for _, path := range []string{"/restate/nonsense", "/openapi/x"} {
				c.fails(c.ask(http.MethodGet, path, nil), http.StatusNotFound, "ingress",
					"not found")
			}
		}},
		{ID: "ING-05", Title: "wrong methods", Run: func(c *Case) {
			echo := c.path("Basic", "echo")
			for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch} {
				r := c.ask(method, echo, 1)
				c.fails(r, http.StatusMethodNotAllowed, "ingress", "method not allowed")
			}
			r := c.ask(http.MethodPost, "/restate/attach/"+unknownInvocation, nil)
			c.fails(r, http.StatusMethodNotAllowed, "ingress", "method not allowed")
		}},
		{ID: "ING-05", Title: "idempotency key on a workflow run", Run: func(c *Case) {
			r := c.ask(http.MethodPost, c.path("Order", c.id, "run"), purchase{ID: c.id},
				"idempotency-key", "k")
			c.fails(r, http.StatusBadRequest, "ingress", "")
		}},
		{ID: "ING-05", Title: "a header that is not ASCII", Run: func(c *Case) {
			r := c.ask(http.MethodPost, c.path("Basic", "echo"), 1, "x-odd", "grün")
			c.want(r, http.StatusBadRequest)
		}},
		{ID: "ING-05", Title: "a body that is no target", Run: func(c *Case) {
			r := c.ask(http.MethodPost, "/restate/lookup", "x")
			c.fails(r, http.StatusInternalServerError, "ingress", "cannot read body:")
		}},
		{ID: "ING-05", Title: "scope without virtual queues", Run: func(c *Case) {
			r := c.ask(http.MethodPost, "/restate/scope/s/call"+c.path("Basic", "echo"), 1)
			c.fails(r, http.StatusBadRequest, "ingress", "vqueues")
			r = c.ask(http.MethodPost, c.path("Basic", "echo"), 1, "x-restate-limit-key", "a")
			c.fails(r, http.StatusBadRequest, "ingress", "")
		}},
		{ID: "ING-08", Title: "input validation", Run: inputs},
		{ID: "ING-10", Title: "health lists the services", Run: func(c *Case) {
			var health struct {
				Services []string `json:"services"`
			}
			r := c.ask(http.MethodGet, "/restate/health", nil)
			c.decode(c.want(r, http.StatusOK), &health)
			for _, name := range []string{"Basic", "Comm", "Store", "Waiter", "Order"} {
				if !slices.Contains(health.Services, c.sdk.service(name)) {
					c.failf("%s: %s is missing", r, c.sdk.service(name))
				}
			}
		}},
		{ID: "ING-11", Title: "CORS preflight and answer", Run: cors},
		{ID: "ING-12", Title: "a body over the limit", Run: tooLarge},
		{ID: "ING-12", Title: "a large body below the limit", Run: func(c *Case) {
			big := bytes.Repeat([]byte("0123456789abcdef"), 1<<17)
			r := c.do(http.MethodPost, c.ingress+c.path("Basic", "echoBytes"),
				bytes.NewReader(big), "content-type", "application/octet-stream")
			c.equal("same bytes", bytes.Equal(c.want(r, http.StatusOK).body, big), true)
		}},
	}
}

// tooLarge asks over HTTP/2, where an early answer does not break the connection.
func tooLarge(c *Case) {
	big := make([]byte, 33<<20)
	post := func(body io.Reader) reply {
		req, err := http.NewRequestWithContext(c.ctx, http.MethodPost,
			c.ingress+c.path("Basic", "echoBytes"), body)
		c.must("build request", err)
		req.Header.Set("content-type", "application/octet-stream")
		return c.roundTrip(c.h2, req)
	}
	r := c.want(post(bytes.NewReader(big)), http.StatusRequestEntityTooLarge)
	c.equal("body", string(r.body), "length limit exceeded")
	// The length of this reader is unknown to the client, so it announces none.
	r = post(io.MultiReader(bytes.NewReader(big)))
	c.fails(r, http.StatusRequestEntityTooLarge, "ingress", "cannot read body")
}

func inputs(c *Case) {
	post := func(body, kind string) reply {
		var header []string
		if kind != "" {
			header = []string{"content-type", kind}
		}
		target := c.ingress + c.path("Basic", "echo")
		return c.do(http.MethodPost, target, strings.NewReader(body), header...)
	}
	p := c.fails(post(`1`, "text/plain"), http.StatusBadRequest, "ingress", "")
	c.equal("message", p.Message, "input validation error: Content-type 'text/plain' "+
		"does not match 'application/json'")
	p = c.fails(post(`1`, ""), http.StatusBadRequest, "ingress", "")
	c.equal("message", p.Message, "input validation error: Empty content-type")
	c.want(post(`1`, "application/json; charset=utf-8"), http.StatusOK)
}

func cors(c *Case) {
	path := c.path("Basic", "echo")
	r := c.ask(http.MethodOptions, path, nil, "origin", "https://site.example",
		"access-control-request-method", "POST", "access-control-request-headers", "x-a,x-b")
	c.want(r, http.StatusOK)
	for name, want := range map[string]string{
		"access-control-allow-origin":      "https://site.example",
		"access-control-allow-credentials": "true",
		"access-control-allow-methods":     "POST",
		"access-control-allow-headers":     "x-a,x-b",
	} {
		c.equal(name, r.header.Get(name), want)
	}
	r = c.call(path, 1, nil, "origin", "https://site.example")
	c.equal("origin", r.header.Get("access-control-allow-origin"), "https://site.example")
	c.equal("expose", r.header.Get("access-control-expose-headers"), "")
	vary := strings.ToLower(strings.Join(r.header.Values("vary"), ","))
	for _, name := range []string{"origin", "access-control-request-method",
		"access-control-request-headers"} {
		c.contains("vary", vary, name)
	}
}
