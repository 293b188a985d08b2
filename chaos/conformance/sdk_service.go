package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"sync"
)

func serviceChecks() []Check {
	return []Check{
		{ID: "SVC-01", Title: "stateless service handler", Run: func(c *Case) {
			var out string
			r := c.call(c.path("Basic", "echo"), "x"+c.id, &out)
			c.equal("answer", out, "x"+c.id)
			c.equal("content-type", r.header.Get("content-type"), "application/json")
			c.isID(r.id())
		}},
		{ID: "SVC-03", Title: "one exclusive call per key at a time", Run: exclusive},
		{ID: "SVC-03", Title: "calls of one key keep their order", Run: func(c *Case) {
			path := c.path("Store", c.id, "append")
			var last string
			for i := range 8 {
				last = c.send(path, "", fmt.Sprint(i)).InvocationID
			}
			var list []string
			c.attached(last, &list)
			c.equal("list", list, []string{"0", "1", "2", "3", "4", "5", "6", "7"})
		}},
		{ID: "SVC-04", Title: "shared handler beside an exclusive one", Run: func(c *Case) {
			c.call(c.path("Store", c.id, "add"), 7, nil)
			held := c.send(c.path("Store", c.id, "hold"), "", work{Millis: 60_000})
			c.equal("total", value[int](c, c.path("Store", c.id, "get")), 7)
			c.want(c.output(held.InvocationID), 470)
			c.want(c.rule(http.MethodPatch, "/invocations/"+held.InvocationID+"/kill", nil), 200)
		}},
		{ID: "SVC-05", Title: "keys do not block each other", Run: func(c *Case) {
			held := c.send(c.path("Store", c.id, "hold"), "", work{Millis: 60_000})
			c.equal("total", answer[int](c, c.path("Store", c.id+"-other", "add"), 3), 3)
			c.want(c.output(held.InvocationID), 470)
			c.want(c.rule(http.MethodPatch, "/invocations/"+held.InvocationID+"/kill", nil), 200)
		}},
		{ID: "SVC-06", Title: "workflow runs once per key", Run: workflowOnce},
		{ID: "SVC-07", Title: "shared handlers during and after the run", Run: workflowShared},
		{ID: "SVC-09", Title: "a call to the own key waits, kill frees the key", Run: deadlock},
		{ID: "SVC-10", Title: "handler without input and output", Run: func(c *Case) {
			r := c.want(c.ask(http.MethodGet, c.path("Basic", "ping"), nil), http.StatusOK)
			c.equal("body", len(r.body), 0)
			c.equal("content-type", r.header.Get("content-type"), "")
			r = c.ask(http.MethodPost, c.path("Basic", "ping"), "input")
			c.fails(r, http.StatusBadRequest, "ingress", "input validation error")
		}},
		{ID: "SVC-10", Title: "binary input and output", Run: func(c *Case) {
			raw := []byte{0, 1, 0xfe, 0xff, '\n', 0}
			r := c.do(http.MethodPost, c.ingress+c.path("Basic", "echoBytes"),
				bytes.NewReader(raw), "content-type", "application/octet-stream")
			c.equal("body", c.want(r, http.StatusOK).body, raw)
			c.equal("content-type", r.header.Get("content-type"), "application/octet-stream")
		}},
		{ID: "SVC-11", Title: "documentation and metadata in the admin API", Run: func(c *Case) {
			var service struct {
				Documentation string            `json:"documentation"`
				Metadata      map[string]string `json:"metadata"`
			}
			r := c.rule(http.MethodGet, "/services/"+c.sdk.service("Basic"), nil)
			c.decode(c.want(r, http.StatusOK), &service)
			c.equal("documentation", service.Documentation, "Answers, failures and durable steps.")
			c.equal("metadata area", service.Metadata["area"], "conformance")
		}},
		{ID: "SEC-06", Title: "a private handler is for handlers only", Run: func(c *Case) {
			r := c.ask(http.MethodPost, c.path("Basic", "hidden"), "x")
			c.fails(r, http.StatusBadRequest, "ingress", "not public")
			in := request{Service: c.sdk.service("Basic"), Handler: "hidden", Input: "x"}
			c.equal("answer", answer[string](c, c.path("Comm", "call"), in), "x")
		}},
	}
}

// exclusive adds from many clients at once: every sum must be seen exactly once.
func exclusive(c *Case) {
	const calls = 20
	sums := make([]int, calls)
	errs := make([]error, calls)
	var wg sync.WaitGroup
	for i := range calls {
		wg.Go(func() {
			one := &Case{Env: c.Env, sdk: c.sdk, id: c.id}
			errs[i] = one.try(c.ctx, func(one *Case) {
				sums[i] = answer[int](one, one.path("Store", one.id, "add"), 1)
			})
		})
	}
	wg.Wait()
	for _, err := range errs {
		c.must("add", err)
	}
	slices.Sort(sums)
	for i, sum := range sums {
		c.equal("sums in order", sum, i+1)
	}
}

func workflowOnce(c *Case) {
	run := c.path("Order", c.id, "run")
	first := c.call(run, purchase{ID: c.id}, nil)
	again := c.ask(http.MethodPost, run, purchase{ID: c.id})
	c.fails(again, http.StatusConflict, "invocation", "already invoked")
	second := c.send(run, "", purchase{ID: c.id})
	c.equal("status", second.Status, "PreviouslyAccepted")
	c.equal("invocation", second.InvocationID, first.id())
	for _, step := range []string{"-1", "-2", "-3"} {
		c.ran("runs of step "+step, c.id+step, 1)
	}
}

func workflowShared(c *Case) {
	run := c.send(c.path("Order", c.id, "run"), "", purchase{ID: c.id, Wait: true})
	status := c.path("Order", c.id, "status")
	c.until("the workflow waits", func() bool { return value[string](c, status) == "waiting" })
	c.equal("peek before", value[*string](c, c.path("Order", c.id, "peek")), (*string)(nil))
	c.call(c.path("Order", c.id, "go"), "ahead", nil)
	var out receipt
	c.attached(run.InvocationID, &out)
	c.equal("receipt", out, receipt{ID: c.id, Go: "ahead"})
	c.equal("status after", value[string](c, status), "done")
	c.equal("peek after", value[string](c, c.path("Order", c.id, "peek")), "ahead")
}

func deadlock(c *Case) {
	stuck := c.send(c.path("Store", c.id, "selfCall"), "", nil)
	c.never("the call to the own key ends", watchFor, func() bool {
		return c.output(stuck.InvocationID).status != 470
	})
	c.want(c.rule(http.MethodPatch, "/invocations/"+stuck.InvocationID+"/kill", nil), 200)
	c.fails(c.attach(stuck.InvocationID), http.StatusConflict, "invocation", "killed")
	// The key is free. The kill of the inner call comes after that of the outer one, so the
	// inner one may have had the key, and added 1, before.
	if sum := answer[int](c, c.path("Store", c.id, "add"), 1); sum != 1 && sum != 2 {
		c.failf("total: got %d, want 1, or 2 with the inner call", sum)
	}
}

func stateChecks() []Check {
	var checks []Check
	for _, service := range []string{"Store", "LazyStore"} {
		id, kind := "STA-03", "eager"
		if service == "LazyStore" {
			id, kind = "STA-04", "lazy"
		}
		checks = append(checks, []Check{
			{ID: "STA-01", Title: kind + " get, set and clear", Run: func(c *Case) {
				at := func(h string) string { return c.path(service, c.id, h) }
				c.equal("never set", answer[any](c, at("read"), "k"), nil)
				c.call(at("set"), entry{Key: "k", Value: map[string]any{"n": 1.5}}, nil)
				got := answer[any](c, at("read"), "k")
				c.equal("read", got, map[string]any{"n": 1.5})
				c.call(at("clear"), "k", nil)
				c.equal("cleared", answer[any](c, at("read"), "k"), nil)
			}},
			{ID: "STA-02", Title: kind + " list and clear all keys", Run: func(c *Case) {
				at := func(h string) string { return c.path(service, c.id, h) }
				for _, key := range []string{"b", "a", "c"} {
					c.call(at("set"), entry{Key: key, Value: key}, nil)
				}
				keys := value[[]string](c, at("keys"))
				c.equal("keys", keys, []string{"a", "b", "c"})
				c.call(at("clearAll"), nil, nil)
				c.equal("keys after", value[[]string](c, at("keys")), []string{})
			}},
			{ID: id, Title: kind + " state is seen by the next call", Run: func(c *Case) {
				for i := 1; i <= 3; i++ {
					sum := answer[int](c, c.path(service, c.id, "add"), 5)
					c.equal("total", sum, 5*i)
				}
			}},
		}...)
	}
	return append(checks,
		Check{ID: "STA-07", Title: "state edited from outside", Run: editState},
		Check{ID: "STA-08", Title: "a stale version changes nothing", Run: staleEdit})
}

// edit asks the admin API to replace the whole state of the case's Store key.
func edit(c *Case, state map[string]string, version string) reply {
	bytesOf := map[string][]int{}
	for key, text := range state {
		for _, b := range []byte(text) {
			bytesOf[key] = append(bytesOf[key], int(b))
		}
	}
	body := map[string]any{"object_key": c.id, "new_state": bytesOf}
	if version != "" {
		body["version"] = version
	}
	return c.rule(http.MethodPost, "/services/"+c.sdk.service("Store")+"/state", body)
}

func editState(c *Case) {
	c.call(c.path("Store", c.id, "set"), entry{Key: "gone", Value: 1}, nil)
	c.want(edit(c, map[string]string{"total": "41"}, ""), http.StatusAccepted)
	c.until("the edit is applied", func() bool {
		return value[int](c, c.path("Store", c.id, "get")) == 41
	})
	c.equal("keys", value[[]string](c, c.path("Store", c.id, "keys")), []string{"total"})
	c.equal("sum", answer[int](c, c.path("Store", c.id, "add"), 1), 42)
}

func staleEdit(c *Case) {
	c.call(c.path("Store", c.id, "add"), 6, nil)
	c.want(edit(c, map[string]string{"total": "1"}, "c3RhbGU"), http.StatusAccepted)
	// An exclusive call is queued behind the edit, so what it sees is final.
	c.equal("sum", answer[int](c, c.path("Store", c.id, "add"), 1), 7)
	// The version of a state is the hash of its entries, by index, key and value.
	version := func(total string) string {
		h := sha256.New()
		h.Write(append(make([]byte, 8), 1))
		fmt.Fprintf(h, "total\x02%s\x03", total)
		return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
	}
	c.want(edit(c, map[string]string{"total": "1"}, version("6")), http.StatusAccepted)
	c.equal("sum", answer[int](c, c.path("Store", c.id, "add"), 1), 8)
	c.want(edit(c, map[string]string{"total": "20"}, version("8")), http.StatusAccepted)
	c.equal("sum", answer[int](c, c.path("Store", c.id, "add"), 1), 21)
}
