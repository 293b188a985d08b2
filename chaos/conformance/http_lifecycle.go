package main

import (
	"net/http"
	"slices"
	"time"
)

// napping is a deployment whose handler sleeps for an hour and is suspended meanwhile, until awake
// is set: then it answers.
func (c *Case) napping(name, answer string, awake bool) *fake {
	offer := offering(bidi, name, "SERVICE", fakeHandler{Name: "nap"})
	idle := 100
	offer.Services[0].InactivityTimeout = &idle
	return c.newFake(offer, false, map[string]func(*attempt){"nap": func(a *attempt) {
		if awake {
			a.finish(answer)
			return
		}
		a.accept()
		if len(a.entries) == 1 {
			a.send(sleepFrame(time.Now().Add(time.Hour).UnixMilli(), 1))
		}
		a.drain()
		a.send(frame{kind: msgSuspension, payload: message{}.bytes(1, message{1})})
	}})
}

// nap starts an invocation and waits until it is suspended: only then another deployment may take
// it over.
func (c *Case) nap(name string, f *fake) string {
	id := c.send("/"+name+"/nap", "", nil).InvocationID
	c.until("it is suspended", func() bool {
		return f.attempts("nap") > 0 && act(c, id, "pause").status == http.StatusOK
	})
	return id
}

func moreLifecycleChecks() []Check {
	return []Check{
		{ID: "INV-17", Title: "resume tries at once what waits for its next attempt", Run: resumeNow},
		{ID: "INV-18", Title: "resume on the newest deployment", Run: func(c *Case) {
			name := c.unique("Moved")
			old := c.napping(name, ``, false)
			c.register(old, nil)
			id := c.nap(name, old)
			young := c.napping(name, `"young"`, true)
			c.register(young, nil)
			c.want(act(c, id, "resume?deployment=latest"), http.StatusOK)
			c.equal("output", string(c.want(c.attach(id), http.StatusOK).body), `"young"`)
		}},
		{ID: "INV-18", Title: "the pinned deployment is gone", Run: pinnedIsGone},
		{ID: "INV-18", Title: "no other deployment before one is pinned", Run: notPinned},
		{ID: "INV-18", Title: "choices of a deployment that cannot be read", Run: func(c *Case) {
			for _, verb := range []string{"resume", "restart-as-new"} {
				for _, choice := range []string{"", "foo", "LATEST"} {
					r := act(c, unknownInvocation, verb+"?deployment="+choice)
					c.refused(r, http.StatusBadRequest, "", "The query parameter 'deployment' is invalid")
				}
				for _, choice := range []string{"keep", "Keep", "latest", "Latest"} {
					r := act(c, unknownInvocation, verb+"?deployment="+choice)
					c.want(r, http.StatusNotFound)
				}
			}
			for _, from := range []string{"", "x", "-1", "99999999999"} {
				r := act(c, unknownInvocation, "restart-as-new?from="+from)
				c.contains("body", string(c.want(r, http.StatusBadRequest).body),
					"Failed to deserialize query string: from: ")
			}
		}},
		{ID: "INV-11", Title: "what is refused to a completed invocation", Run: func(c *Case) {
			id := c.call(c.path("Basic", "echo"), 1, nil, "idempotency-key", c.id).id()
			const done = "was already completed."
			c.refused(act(c, id, "cancel"), http.StatusConflict, "", done)
			c.refused(act(c, id, "kill"), http.StatusConflict, "", done)
			c.refused(act(c, id, "pause"), http.StatusConflict, "", "is not running, cannot be paused.")
			c.refused(act(c, id, "resume"), http.StatusConflict, "", "is completed, cannot be resumed.")
			r := act(c, id, "restart-as-new?deployment=dp_10CX3nZXlxu4Jxw0SwwTLFP")
			c.refused(r, http.StatusBadRequest, "", "The given deployment was not found")
			for _, from := range []string{"2", "50"} {
				c.want(act(c, id, "restart-as-new?from="+from), http.StatusBadRequest)
			}
			c.want(act(c, id, "purge-journal"), http.StatusOK)
			r = act(c, id, "restart-as-new")
			c.refused(r, http.StatusGone, "", "cannot be restarted because the input is not available")
		}},
		{ID: "INV-14", Title: "what is refused to a running invocation", Run: func(c *Case) {
			id := c.send(c.path("Basic", "sleep"), "", work{Millis: 60_000}).InvocationID
			for _, verb := range []string{"purge", "purge-journal"} {
				c.refused(act(c, id, verb), http.StatusConflict, "", "is not yet completed.")
			}
			c.refused(act(c, id, "restart-as-new"), http.StatusConflict, "", "is still running.")
			c.want(act(c, id, "kill"), http.StatusOK)
		}},
		{ID: "INV-28", Title: "what is refused to a delayed invocation", Run: func(c *Case) {
			id := c.send(c.path("Basic", "echo"), "?delay=1h", 1).InvocationID
			c.refused(act(c, id, "pause"), http.StatusConflict, "", "is not running, cannot be paused.")
			c.refused(act(c, id, "resume"), http.StatusTooEarly, "",
				"is either inboxed or scheduled, cannot be resumed.")
			c.refused(act(c, id, "restart-as-new"), http.StatusTooEarly, "",
				"cannot be restarted because it's not running yet.")
			c.refused(act(c, id, "purge"), http.StatusConflict, "", "is not yet completed.")
			c.want(act(c, id, "kill"), http.StatusOK)
			c.until("it is gone", func() bool { return c.output(id).status == http.StatusNotFound })
		}},
		{ID: "INV-20", Title: "no restart after a command without its completion", Run: func(c *Case) {
			name := c.unique("Cut")
			f := c.napping(name, ``, false)
			c.register(f, nil)
			id := c.nap(name, f)
			c.want(act(c, id, "kill"), http.StatusOK)
			c.want(act(c, id, "restart-as-new?from=1"), http.StatusBadRequest)
			c.want(act(c, id, "restart-as-new?from=0"), http.StatusOK)
		}},
		{ID: "INV-21", Title: "a workflow without journal is gone first", Run: func(c *Case) {
			name := c.unique("Wf")
			f := c.newFake(offering(bidi, name, "WORKFLOW", fakeHandler{Name: "run", Ty: "WORKFLOW"}),
				false, map[string]func(*attempt){"run": func(a *attempt) { a.finish(`1`) }})
			c.register(f, nil)
			id := c.call("/"+name+"/k/run", nil, nil).id()
			c.refused(act(c, id, "restart-as-new"), http.StatusUnprocessableEntity, "", "not supported")
			c.want(act(c, id, "purge-journal"), http.StatusOK)
			c.want(act(c, id, "restart-as-new"), http.StatusGone)
		}},
		{ID: "INV-29", Title: "batches", Run: batches},
		{ID: "DEP-08", Title: "a new address is tried before it is stored", Run: patchIsTried},
		{ID: "DEP-08", Title: "the address of another deployment", Run: func(c *Case) {
			name := c.unique("Onto")
			old := c.napping(name, ``, false)
			c.register(old, nil)
			id := c.nap(name, old)
			young := c.napping(name, `"young"`, true)
			c.register(young, nil)
			c.want(c.rule(http.MethodPatch, "/deployments/"+old.id, map[string]any{"uri": young.url}),
				http.StatusOK)
			c.want(act(c, id, "resume"), http.StatusOK)
			c.equal("output", string(c.want(c.attach(id), http.StatusOK).body), `"young"`)
		}},
		{ID: "DEP-08", Title: "overwriting keeps the revision", Run: func(c *Case) {
			f, name := c.simple("Over", `1`)
			c.register(f, nil)
			f.change(func(m *manifest) {
				m.Services[0].Handlers = append(m.Services[0].Handlers, fakeHandler{Name: "more"})
			})
			at := "/deployments/" + f.id
			c.want(c.rule(http.MethodPatch, at, map[string]any{}), http.StatusOK)
			c.equal("handlers after an empty patch", len(c.service(name).Handlers), 1)
			body := map[string]any{"uri": f.url, "overwrite": true}
			c.want(c.rule(http.MethodPatch, at, body), http.StatusOK)
			info := c.service(name)
			c.equal("handlers", len(info.Handlers), 2)
			c.equal("revision", info.Revision, 1)
		}},
	}
}

// resumeNow has an invocation wait an hour for its second attempt.
func resumeNow(c *Case) {
	name := c.unique("Waits")
	offer := offering(bidi, name, "SERVICE", fakeHandler{Name: "h"})
	hour := 3_600_000
	offer.Services[0].RetryPolicyInitialInterval = &hour
	offer.Services[0].RetryPolicyMaxInterval = &hour
	f := c.newFake(offer, false, map[string]func(*attempt){"h": func(a *attempt) {
		if a.number == 1 {
			a.accept()
			a.send(errorFrame(500, "not now"))
			return
		}
		a.finish(`"second"`)
	}})
	c.register(f, nil)
	id := c.send("/"+name+"/h", "", nil).InvocationID
	c.until("it was tried", func() bool { return f.attempts("h") == 1 })
	c.until("it was tried again", func() bool {
		act(c, id, "resume") // in vain while the first attempt is still on its way
		return f.attempts("h") > 1
	})
	c.equal("output", string(c.want(c.attach(id), http.StatusOK).body), `"second"`)
}

// pinnedIsGone removes the deployment that an invocation is pinned to. The invocation waits until
// it is told to go on elsewhere.
func pinnedIsGone(c *Case) {
	name := c.unique("Gone")
	old := c.napping(name, ``, false)
	c.register(old, nil)
	id := c.nap(name, old)
	at := "/deployments/" + old.id
	c.want(c.rule(http.MethodDelete, at+"?force=true", nil), http.StatusAccepted)
	c.want(act(c, id, "resume"), http.StatusOK)
	c.never("it ended", watchFor, func() bool { return c.output(id).status != 470 })
	young := c.napping(name, `"young"`, true)
	c.register(young, nil)
	c.until("it is paused", func() bool {
		return slices.Contains([]int{http.StatusOK, http.StatusAccepted}, act(c, id, "pause").status)
	})
	c.until("it goes on", func() bool {
		return act(c, id, "resume?deployment=latest").status == http.StatusOK
	})
	c.equal("output", string(c.want(c.attach(id), http.StatusOK).body), `"young"`)
}

// notPinned asks for a certain deployment before the first command has chosen one.
func notPinned(c *Case) {
	name := c.unique("Unpinned")
	offer := offering(bidi, name, "SERVICE", fakeHandler{Name: "h"})
	f := c.newFake(offer, false, map[string]func(*attempt){"h": func(a *attempt) {
		a.accept()
		a.drain()
	}})
	c.register(f, nil)
	id := c.send("/"+name+"/h", "", nil).InvocationID
	c.until("it runs", func() bool { return f.attempts("h") == 1 })
	const text = "is still running or the deployment id is not pinned yet"
	c.refused(act(c, id, "resume?deployment=latest"), http.StatusConflict, "", text)
	c.until("it is paused", func() bool { return act(c, id, "pause").status == http.StatusOK })
	c.refused(act(c, id, "resume?deployment="+f.id), http.StatusConflict, "", text)
	c.want(act(c, id, "kill"), http.StatusOK)
}

func batches(c *Case) {
	type outcome struct {
		Succeeded []any `json:"succeeded"`
		Failed    []struct {
			ID    string `json:"invocation_id"`
			Error string `json:"error"`
		} `json:"failed"`
	}
	perform := func(verb string, body map[string]any) reply {
		return c.rule(http.MethodPost, "/internal/invocations_batch_operations/"+verb, body)
	}
	done := c.call(c.path("Basic", "echo"), 1, nil, "idempotency-key", c.id).id()
	later := c.send(c.path("Basic", "echo"), "?delay=1h", 1).InvocationID
	for _, t := range []struct {
		verb string
		want [2]int // succeeded and failed of: completed, delayed, unknown
	}{
		// In this order: without its journal nothing can be started again.
		{"pause", [2]int{0, 3}}, {"resume", [2]int{0, 3}},
		{"restart-as-new", [2]int{1, 2}}, {"purge-journal", [2]int{1, 2}},
	} {
		verb, want := t.verb, t.want
		var out outcome
		r := perform(verb, map[string]any{"invocation_ids": []string{done, later, unknownInvocation}})
		c.decode(c.want(r, http.StatusOK), &out)
		c.equal(verb, [2]int{len(out.Succeeded), len(out.Failed)}, want)
		for _, f := range out.Failed {
			c.contains(verb+" error", f.Error, f.ID)
		}
	}
	ids := []string{done, "nonsense"}
	c.want(perform("kill", map[string]any{"invocation_ids": ids}), http.StatusUnprocessableEntity)
	many := slices.Repeat([]string{unknownInvocation}, 1001)
	c.refused(perform("kill", map[string]any{"invocation_ids": many}), http.StatusBadRequest, "",
		"Batch size 1001 exceeds maximum allowed size of 1000")
	none := map[string]any{"invocation_ids": []string{}, "deployment": "x"}
	c.want(perform("kill", none), http.StatusOK)
	c.refused(perform("resume", none), http.StatusBadRequest, "",
		"The request field 'deployment' is invalid. Reason: bad format")
	c.want(perform("cancel", map[string]any{}), http.StatusUnprocessableEntity)
	c.want(act(c, later, "kill"), http.StatusOK)
}

func patchIsTried(c *Case) {
	f, name := c.simple("Tried", `"here"`)
	c.register(f, nil)
	at := "/deployments/" + f.id
	r := c.rule(http.MethodPatch, at, map[string]any{"uri": "http://127.0.0.1:1"})
	c.refused(r, http.StatusInternalServerError, "META0003", "META0003")
	other, _ := c.simple("Seven", `"there"`)
	other.change(func(m *manifest) { m.Max = 7 })
	r = c.rule(http.MethodPatch, at, map[string]any{"uri": other.url})
	c.refused(r, http.StatusBadRequest, "META0016", "")
	c.equal("answer", value[string](c, "/"+name+"/h"), "here")
}
