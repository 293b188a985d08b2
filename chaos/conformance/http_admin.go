package main

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// adminProblem is the JSON of every error of the admin API.
type adminProblem struct {
	Message     string  `json:"message"`
	RestateCode *string `json:"restate_code"`
}

// refused expects an error answer of the admin API.
func (c *Case) refused(r reply, status int, code, part string) {
	c.want(r, status)
	var p adminProblem
	c.decode(r, &p)
	got := ""
	if p.RestateCode != nil {
		got = *p.RestateCode
	}
	c.equal(r.request+" restate_code", got, code)
	c.contains(r.request+" message", p.Message, part)
}

func adminChecks() []Check {
	return []Check{
		{ID: "ADM-01", Title: "versioned prefixes", Run: func(c *Case) {
			for _, prefix := range []string{"", "/v2", "/v3", "/v4"} {
				c.want(c.rule(http.MethodGet, prefix+"/services", nil), http.StatusOK)
			}
			r := c.want(c.rule(http.MethodGet, "/v1/services", nil), http.StatusBadRequest)
			c.contains("body", string(r.body), "Unsupported Admin API version V1")
			c.want(c.rule(http.MethodGet, "/v5/services", nil), http.StatusNotFound)
		}},
		{ID: "ADM-02", Title: "version", Run: func(c *Case) {
			var v struct {
				Version  string          `json:"version"`
				Min      int             `json:"min_admin_api_version"`
				Max      int             `json:"max_admin_api_version"`
				Ingress  string          `json:"ingress_endpoint"`
				Features map[string]bool `json:"features"`
			}
			c.decode(c.want(c.rule(http.MethodGet, "/version", nil), http.StatusOK), &v)
			if !strings.HasPrefix(v.Version, "1.7.") {
				c.failf("version %q does not start with 1.7.", v.Version)
			}
			c.equal("versions", []int{v.Min, v.Max}, []int{2, 4})
			c.contains("ingress_endpoint", v.Ingress, "http://")
			if on, ok := v.Features["vqueues"]; !ok || on {
				c.failf("features.vqueues is not false: %v", v.Features)
			}
			for _, name := range []string{"protocol_v7", "scoped_virtual_objects",
				"unique_random_seeds", "invoker_yield", "kafka_scope", "vqueues_async_refill",
				"scoped_state_table_migration", "preflight_invocation_termination_retention",
				"vqueues_migration_skip_completed", "vqueue_obsolete_cleanup",
				"scoped_promise_table_migration"} {
				if _, ok := v.Features[name]; !ok {
					c.failf("features lacks %s: %v", name, v.Features)
				}
			}
		}},
		{ID: "ADM-03", Title: "unknown paths, methods and bodies", Run: func(c *Case) {
			r := c.want(c.rule(http.MethodGet, "/nonsense", nil), http.StatusNotFound)
			c.equal("body", len(r.body), 0)
			r = c.want(c.rule(http.MethodPut, "/services", nil), http.StatusMethodNotAllowed)
			c.contains("allow", r.header.Get("allow"), "GET")
			json := []string{"content-type", "application/json"}
			post := func(body string, header ...string) reply {
				return c.do(http.MethodPost, c.admin+"/deployments", strings.NewReader(body),
					header...)
			}
			c.want(post(`{"uri":`, json...), http.StatusBadRequest)
			c.want(post(`{"uri":5}`, json...), http.StatusUnprocessableEntity)
			c.want(post(`{"uri":"http://x"}`), http.StatusUnsupportedMediaType)
		}},
		{ID: "ADM-04", Title: "services and handlers", Run: services},
		{ID: "ADM-04", Title: "the SDKs offer the same handlers", Run: sameServices},
		{ID: "DEP-19", Title: "service options by PATCH", Run: patchService},
		{ID: "COM-11", Title: "a private service is for handlers only", Run: privateService},
		{ID: "INV-27", Title: "options of a handler and of its service", Run: handlerOptions},
		{ID: "STA-07", Title: "state of a plain service is refused", Run: func(c *Case) {
			body := map[string]any{"object_key": "k", "new_state": map[string][]int{"a": {1}}}
			r := c.rule(http.MethodPost, "/services/"+c.sdk.service("Basic")+"/state", body)
			c.refused(r, http.StatusBadRequest, "", "Service")
		}},
		{ID: "ADM-06", Title: "bad and unknown invocation IDs", Run: func(c *Case) {
			for _, verb := range []string{"cancel", "kill", "purge", "purge-journal", "pause",
				"resume", "restart-as-new"} {
				r := c.rule(http.MethodPatch, "/invocations/nonsense/"+verb, nil)
				c.refused(r, http.StatusBadRequest, "",
					"The request field 'invocation_id' is invalid. Reason: bad format")
				r = c.rule(http.MethodPatch, "/invocations/"+unknownInvocation+"/"+verb, nil)
				c.want(r, http.StatusNotFound)
			}
		}},
		{ID: "INV-11", Title: "cancel by state of the invocation", Run: func(c *Case) {
			done := c.call(c.path("Basic", "echo"), 1, nil)
			c.want(act(c, done.id(), "cancel"), http.StatusConflict)
			later := c.send(c.path("Basic", "echo"), "?delay=1h", 1)
			c.want(act(c, later.InvocationID, "cancel"), http.StatusOK)
			c.until("it is gone", func() bool {
				return c.output(later.InvocationID).status == http.StatusNotFound
			})
			sleeping := c.send(c.path("Basic", "sleep"), "", work{Millis: 60_000})
			c.until("it has started", func() bool {
				return act(c, sleeping.InvocationID, "cancel").status == http.StatusAccepted
			})
			c.want(c.attach(sleeping.InvocationID), http.StatusConflict)
		}},
		{ID: "INV-12", Title: "kill by state of the invocation", Run: func(c *Case) {
			done := c.call(c.path("Basic", "echo"), 1, nil)
			c.want(act(c, done.id(), "kill"), http.StatusConflict)
			sleeping := c.send(c.path("Basic", "sleep"), "", work{Millis: 60_000})
			c.want(act(c, sleeping.InvocationID, "kill"), http.StatusOK)
			c.fails(c.attach(sleeping.InvocationID), http.StatusConflict, "invocation", "killed")
		}},
		{ID: "INV-14", Title: "purge", Run: func(c *Case) {
			done := c.call(c.path("Basic", "echo"), 1, nil, "idempotency-key", c.id)
			sleeping := c.send(c.path("Basic", "sleep"), "", work{Millis: 60_000})
			c.want(act(c, sleeping.InvocationID, "purge"), http.StatusConflict)
			c.want(act(c, sleeping.InvocationID, "kill"), http.StatusOK)
			c.want(act(c, done.id(), "purge"), http.StatusOK)
			c.until("the result is gone", func() bool {
				return c.output(done.id()).status == http.StatusNotFound
			})
		}},
		{ID: "INV-15", Title: "purge of the journal keeps the result", Run: func(c *Case) {
			done := c.call(c.path("Basic", "echo"), 7, nil, "idempotency-key", c.id)
			c.want(act(c, done.id(), "purge-journal"), http.StatusOK)
			c.equal("output", string(c.want(c.output(done.id()), 200).body), "7")
		}},
		{ID: "INV-28", Title: "a waiter of a cancelled delayed call",
			Calm: "a waiter that lost its answer asks too late", Run: cancelScheduled},
		{ID: "INV-29", Title: "batch kill", Run: func(c *Case) {
			one := c.send(c.path("Basic", "sleep"), "", work{Millis: 60_000}).InvocationID
			body := map[string]any{"invocation_ids": []string{one, unknownInvocation}}
			r := c.rule(http.MethodPost, "/internal/invocations_batch_operations/kill", body)
			var out struct {
				Succeeded []string `json:"succeeded"`
				Failed    []struct {
					ID string `json:"invocation_id"`
				} `json:"failed"`
			}
			c.decode(c.want(r, http.StatusOK), &out)
			c.equal("succeeded", out.Succeeded, []string{one})
			c.equal("failed", len(out.Failed), 1)
			c.fails(c.attach(one), http.StatusConflict, "invocation", "killed")
		}},
		{ID: "INV-11", Title: "the old DELETE of an invocation", Run: func(c *Case) {
			id := c.send(c.path("Basic", "sleep"), "", work{Millis: 60_000}).InvocationID
			r := c.rule(http.MethodDelete, "/invocations/"+id+"?mode=kill", nil)
			c.want(r, http.StatusAccepted)
			c.fails(c.attach(id), http.StatusConflict, "invocation", "killed")
		}},
		{ID: "OBS-09", Title: "admin health", Run: func(c *Case) {
			r := c.want(c.rule(http.MethodGet, "/health", nil), http.StatusOK)
			c.equal("body", len(r.body), 0)
		}},
		{ID: "ADM-07", Title: "OpenAPI document", Run: func(c *Case) {
			var doc struct {
				OpenAPI string         `json:"openapi"`
				Paths   map[string]any `json:"paths"`
			}
			c.decode(c.want(c.rule(http.MethodGet, "/openapi", nil), http.StatusOK), &doc)
			c.contains("openapi", doc.OpenAPI, "3.1")
			for path, methods := range documented {
				described, _ := doc.Paths[path].(map[string]any)
				for _, method := range methods {
					if described[method] == nil {
						c.failf("%s of %s is not among the %d documented paths", method, path,
							len(doc.Paths))
					}
				}
			}
		}},
		{ID: "DEP-22", Title: "OpenAPI document of a service", Run: func(c *Case) {
			name := c.sdk.service("Store")
			r := c.rule(http.MethodGet, "/services/"+name+"/openapi", nil)
			var doc struct {
				OpenAPI string                    `json:"openapi"`
				Paths   map[string]map[string]any `json:"paths"`
				Servers []struct {
					URL string `json:"url"`
				} `json:"servers"`
			}
			c.decode(c.want(r, http.StatusOK), &doc)
			c.contains("openapi", doc.OpenAPI, "3.1")
			c.equal("servers", len(doc.Servers), 1)
			c.contains("address of the ingress", doc.Servers[0].URL, "http://")
			for _, verb := range []string{"call", "send"} {
				path := "/restate/" + verb + "/" + name + "/{key}/add"
				if doc.Paths[path]["post"] == nil {
					c.failf("no POST of %s in %d paths", path, len(doc.Paths))
				}
			}
		}},
	}
}

// documented are paths and methods that the OpenAPI document has to describe.
var documented = map[string][]string{
	"/deployments":                                {"get", "post"},
	"/deployments/{deployment}":                   {"get", "patch", "delete"},
	"/health":                                     {"get"},
	"/invocations/{invocation_id}":                {"delete"},
	"/invocations/{invocation_id}/cancel":         {"patch"},
	"/invocations/{invocation_id}/kill":           {"patch"},
	"/invocations/{invocation_id}/pause":          {"patch"},
	"/invocations/{invocation_id}/purge":          {"patch"},
	"/invocations/{invocation_id}/purge-journal":  {"patch"},
	"/invocations/{invocation_id}/restart-as-new": {"patch"},
	"/invocations/{invocation_id}/resume":         {"patch"},
	"/services":                                   {"get"},
	"/services/{service}":                         {"get", "patch"},
	"/services/{service}/handlers":                {"get"},
	"/services/{service}/handlers/{handler}":      {"get"},
	"/services/{service}/openapi":                 {"get"},
	"/services/{service}/state":                   {"post"},
	"/version":                                    {"get"},
}

// act asks the admin API to do something to an invocation.
func act(c *Case, id, verb string) reply {
	return c.rule(http.MethodPatch, "/invocations/"+id+"/"+verb, nil)
}

// serviceInfo is what the admin API tells about a service.
type serviceInfo struct {
	Name              string        `json:"name"`
	Ty                string        `json:"ty"`
	DeploymentID      string        `json:"deployment_id"`
	Revision          int           `json:"revision"`
	Public            bool          `json:"public"`
	Handlers          []handlerInfo `json:"handlers"`
	InactivityTimeout string        `json:"inactivity_timeout"`
	AbortTimeout      string        `json:"abort_timeout"`
	JournalRetention  string        `json:"journal_retention"`
	Idempotency       string        `json:"idempotency_retention"`
	LazyState         bool          `json:"enable_lazy_state"`
	RetryPolicy       struct {
		InitialInterval string  `json:"initial_interval"`
		Factor          float64 `json:"exponentiation_factor"`
		MaxAttempts     *int    `json:"max_attempts"`
		MaxInterval     string  `json:"max_interval"`
		OnMaxAttempts   string  `json:"on_max_attempts"`
	} `json:"retry_policy"`
}

type handlerInfo struct {
	Name   string `json:"name"`
	Ty     string `json:"ty"`
	Public bool   `json:"public"`
	Input  string `json:"input_description"`
	Output string `json:"output_description"`
}

// service asks for one service.
func (c *Case) service(name string) serviceInfo {
	var info serviceInfo
	c.decode(c.want(c.rule(http.MethodGet, "/services/"+name, nil), http.StatusOK), &info)
	return info
}

func services(c *Case) {
	var list struct {
		Services []serviceInfo `json:"services"`
	}
	c.decode(c.want(c.rule(http.MethodGet, "/services", nil), http.StatusOK), &list)
	name := c.sdk.service("Comm")
	if !slices.ContainsFunc(list.Services, func(s serviceInfo) bool { return s.Name == name }) {
		c.failf("%s is not listed", name)
	}
	info := c.service(name)
	c.equal("type", info.Ty, "Service")
	c.equal("public", info.Public, true)
	c.equal("timeouts", []string{info.InactivityTimeout, info.AbortTimeout},
		[]string{"1m", "10m"})
	c.equal("retentions", []string{info.JournalRetention, info.Idempotency},
		[]string{"1d", "1d"})
	c.equal("first retry", info.RetryPolicy.InitialInterval, "500ms")
	c.equal("factor", info.RetryPolicy.Factor, 2.0)
	c.equal("longest retry", info.RetryPolicy.MaxInterval, "1m")
	c.equal("at the end", info.RetryPolicy.OnMaxAttempts, "Pause")
	if info.RetryPolicy.MaxAttempts == nil || *info.RetryPolicy.MaxAttempts != 70 {
		c.failf("max_attempts is not 70: %v", info.RetryPolicy.MaxAttempts)
	}
	basic := c.service(c.sdk.service("Basic"))
	c.equal("own first retry", basic.RetryPolicy.InitialInterval, "50ms")
	c.equal("lazy state", c.service(c.sdk.service("LazyStore")).LazyState, true)

	var one handlerInfo
	at := "/services/" + c.sdk.service("Store") + "/handlers"
	c.decode(c.want(c.rule(http.MethodGet, at+"/get", nil), http.StatusOK), &one)
	c.equal("type of get", one.Ty, "Shared")
	c.decode(c.want(c.rule(http.MethodGet, at+"/add", nil), http.StatusOK), &one)
	c.equal("type of add", one.Ty, "Exclusive")
	r := c.rule(http.MethodGet, "/services/Nobody", nil)
	c.refused(r, http.StatusNotFound, "", "The requested service 'Nobody' does not exist")
	c.want(c.rule(http.MethodGet, at+"/nothing", nil), http.StatusNotFound)
}

func sameServices(c *Case) {
	offered := func(s *Services) map[string]string {
		out := map[string]string{}
		for _, name := range []string{"Basic", "Comm", "Store", "LazyStore", "Waiter", "Order"} {
			info := c.service(s.service(name))
			for _, h := range info.Handlers {
				out[name+"/"+h.Name] = info.Ty + " " + h.Ty
			}
		}
		return out
	}
	all := map[string]string{}
	for _, services := range c.services {
		maps.Copy(all, offered(services))
	}
	if all["Store/add"] != "VirtualObject Exclusive" {
		c.failf("Store/add is not among %v", all)
	}
	for _, services := range c.services {
		want := maps.Clone(all)
		maps.DeleteFunc(want, func(handler, _ string) bool {
			return leftOut(services.sdk, handler)
		})
		c.equal("handlers of "+services.sdk, offered(services), want)
	}
}

func patchService(c *Case) {
	name := c.unique("Patched")
	f := c.newFake(offering(bidi, name, "SERVICE", fakeHandler{Name: "h"}), false,
		map[string]func(*attempt){"h": func(a *attempt) { a.finish(`1`) }})
	c.register(f, nil)
	r := c.rule(http.MethodPatch, "/services/"+name, map[string]any{"public": false,
		"inactivity_timeout": "PT30S", "abort_timeout": "5m",
		"journal_retention": "2h", "idempotency_retention": "90s"})
	var info serviceInfo
	c.decode(c.want(r, http.StatusOK), &info)
	c.equal("answer", info, c.service(name))
	c.equal("public", info.Public, false)
	c.equal("durations", []string{info.InactivityTimeout, info.AbortTimeout,
		info.JournalRetention, info.Idempotency}, []string{"30s", "5m", "2h", "1m 30s"})
	r = c.ask(http.MethodPost, "/"+name+"/h", nil)
	c.fails(r, http.StatusBadRequest, "ingress", "not public")
	r = c.rule(http.MethodPatch, "/services/Nobody", map[string]any{"public": true})
	c.want(r, http.StatusNotFound)
}

func privateService(c *Case) {
	f, name := c.simple("Private", `7`)
	c.register(f, nil)
	r := c.rule(http.MethodPatch, "/services/"+name, map[string]any{"public": false})
	c.want(r, http.StatusOK)
	r = c.ask(http.MethodPost, "/"+name+"/h", nil)
	c.fails(r, http.StatusBadRequest, "ingress", "not public")
	in := request{Service: name, Handler: "h"}
	c.equal("answer", answer[int](c, c.path("Comm", "call"), in), 7)
}

// handlerOptions has an option on the service, and above it on one of two handlers.
func handlerOptions(c *Case) {
	name := c.unique("Options")
	uri := c.rawOffer(bidi, `{"name":"`+name+`","ty":"SERVICE","inactivityTimeout":30000,`+
		`"abortTimeout":40000,"handlers":[{"name":"own","inactivityTimeout":2000,`+
		`"abortTimeout":3000},{"name":"plain"}]}`)
	c.want(c.registerURI(uri), http.StatusCreated)
	options := func(handler string) (both [2]string) {
		var info struct {
			Inactivity string `json:"inactivity_timeout"`
			Abort      string `json:"abort_timeout"`
		}
		at := "/services/" + name + "/handlers/" + handler
		c.decode(c.want(c.rule(http.MethodGet, at, nil), http.StatusOK), &info)
		return [2]string{info.Inactivity, info.Abort}
	}
	c.equal("the handler's own", options("own"), [2]string{"2s", "3s"})
	info := c.service(name)
	c.equal("the service's", [2]string{info.InactivityTimeout, info.AbortTimeout},
		[2]string{"30s", "40s"})
	body := map[string]any{"inactivity_timeout": "50s"}
	c.want(c.rule(http.MethodPatch, "/services/"+name, body), http.StatusOK)
	c.equal("the service's after a PATCH", c.service(name).InactivityTimeout, "50s")
	c.equal("the handler's own after it", options("own"), [2]string{"2s", "3s"})
}

func cancelScheduled(c *Case) {
	id := c.send(c.path("Basic", "echo"), "?delay=1h", 1, "idempotency-key", c.id).InvocationID
	waiter := &Case{Env: c.Env, sdk: c.sdk, id: c.id}
	var r reply
	ended := make(chan error, 1)
	go func() { ended <- waiter.try(c.ctx, func(w *Case) { r = w.attach(id) }) }()
	// Only a waiter that is there already is told; one that comes later finds nothing.
	wait(c, watchFor)
	c.want(act(c, id, "cancel"), http.StatusOK)
	c.must("attach", <-ended)
	c.fails(r, http.StatusConflict, "invocation", "canceled")
	c.until("it is gone", func() bool { return c.output(id).status == http.StatusNotFound })
}
