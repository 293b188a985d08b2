package main

import (
	"io"
	"net/http"
	"strings"
)

// rawOffer starts a deployment that answers discovery with the given services, as they are written.
func (c *Case) rawOffer(mode, services string) string {
	listener, err := listenFresh()
	c.must("listen", err)
	body := `{"protocolMode":"` + mode + `","minProtocolVersion":5,"maxProtocolVersion":6,` +
		`"services":[` + services + `]}`
	server := &http.Server{Protocols: new(http.Protocols), Handler: http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("content-type", manifestType)
			_, _ = io.WriteString(w, body)
		})}
	server.Protocols.SetUnencryptedHTTP2(true)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // ends when the case closes it
	}()
	c.atEnd(func() {
		_ = server.Close()
		<-done
	})
	return "http://" + listener.Addr().String()
}

// registerURI registers a deployment one at a time.
func (c *Case) registerURI(uri string) reply {
	c.registering.Lock()
	defer c.registering.Unlock()
	return c.rule(http.MethodPost, "/deployments", map[string]any{"uri": uri})
}

// remark is an entry of info.
type remark struct {
	Code string `json:"code"`
}

// handlerDetail is what the admin API tells about a handler.
type handlerDetail struct {
	handlerInfo
	InactivityTimeout string         `json:"inactivity_timeout"`
	AbortTimeout      string         `json:"abort_timeout"`
	JournalRetention  string         `json:"journal_retention"`
	Idempotency       string         `json:"idempotency_retention"`
	LazyState         *bool          `json:"enable_lazy_state"`
	Documentation     string         `json:"documentation"`
	Metadata          map[string]any `json:"metadata"`
	InputSchema       map[string]any `json:"input_json_schema"`
	RetryPolicy       map[string]any `json:"retry_policy"`
	Info              []remark       `json:"info"`
}

func (c *Case) handler(service, name string) handlerDetail {
	var h handlerDetail
	r := c.rule(http.MethodGet, "/services/"+service+"/handlers/"+name, nil)
	c.decode(c.want(r, http.StatusOK), &h)
	return h
}

func moreAdminChecks() []Check {
	return []Check{
		{ID: "DEP-18", Title: "options in the manifest", Run: manifestOptions},
		{ID: "DEP-18", Title: "request-response mode knows no inactivity", Run: func(c *Case) {
			name := c.unique("Rr")
			uri := c.rawOffer(requestResponse, `{"name":"`+name+`","ty":"SERVICE",`+
				`"inactivityTimeout":7000,"handlers":[{"name":"h"}]}`)
			c.want(c.registerURI(uri), http.StatusCreated)
			var info struct {
				InactivityTimeout string   `json:"inactivity_timeout"`
				Info              []remark `json:"info"`
			}
			c.decode(c.rule(http.MethodGet, "/services/"+name, nil), &info)
			c.equal("inactivity_timeout", info.InactivityTimeout, "0s")
			c.equal("info", info.Info, []remark{{"RT0021"}})
		}},
		{ID: "DEP-19", Title: "a handler's own options stand above a PATCH", Run: func(c *Case) {
			name := c.unique("Own")
			uri := c.rawOffer(bidi, `{"name":"`+name+`","ty":"WORKFLOW","handlers":[`+
				`{"name":"run","ty":"WORKFLOW","workflowCompletionRetention":7200000},`+
				`{"name":"h","ty":"SHARED","ingressPrivate":true}]}`)
			c.want(c.registerURI(uri), http.StatusCreated)
			r := c.rule(http.MethodPatch, "/services/"+name, map[string]any{"public": true,
				"workflow_completion_retention": "3h"})
			var info struct {
				Retention string `json:"workflow_completion_retention"`
			}
			c.decode(c.want(r, http.StatusOK), &info)
			c.equal("workflow_completion_retention", info.Retention, "2h")
			c.equal("public", c.handler(name, "h").Public, false)
		}},
		{ID: "DEP-23", Title: "descriptions of inputs and outputs", Run: descriptions},
		{ID: "DEP-23", Title: "a JSON schema must be whole", Run: func(c *Case) {
			uri := c.rawOffer(bidi, `{"name":"`+c.unique("Ref")+`","ty":"SERVICE","handlers":[`+
				`{"name":"h","input":{"required":true,"contentType":"application/json",`+
				`"jsonSchema":{"$ref":"http://elsewhere/schema"}}}]}`)
			c.refused(c.registerURI(uri), http.StatusBadRequest, "", "h")
		}},
		{ID: "ADM-03", Title: "bodies of a wrong shape", Run: wrongShapes},
		{ID: "ADM-03", Title: "the old PUT of a deployment", Run: func(c *Case) {
			f, _ := c.simple("Put", `1`)
			c.register(f, nil)
			at := "/deployments/" + f.id
			body := map[string]any{"metadata": map[string]string{}}
			r := c.rule(http.MethodPut, at, body)
			c.refused(r, http.StatusMethodNotAllowed, "",
				"PUT deployment is deprecated, use PATCH instead")
			c.want(c.rule(http.MethodPut, "/deployments/nonsense", body), http.StatusBadRequest)
			c.want(c.rule(http.MethodPut, at, nil), http.StatusUnsupportedMediaType)
			c.want(c.rule(http.MethodPut, "/v2"+at, map[string]any{}), http.StatusOK)
		}},
		{ID: "ADM-08", Title: "compression", Run: compressed},
		{ID: "ADM-10", Title: "cluster health", Run: func(c *Case) {
			var health struct {
				Name     string `json:"cluster_name"`
				Metadata struct {
					Members []any `json:"members"`
				} `json:"metadata_cluster_health"`
			}
			r := c.rule(http.MethodGet, "/cluster-health", nil)
			c.decode(c.want(r, http.StatusOK), &health)
			if health.Name == "" || len(health.Metadata.Members) == 0 {
				c.failf("%s", r)
			}
		}},
		{ID: "STA-07", Title: "state as text, and bodies that are no state", Run: func(c *Case) {
			at := "/services/" + c.sdk.service("Store") + "/state"
			r := c.do(http.MethodPost, c.admin+at, strings.NewReader(
				`{"object_key":"`+c.id+`","new_state":{"a":"1"}}`), "content-type", "application/json")
			c.want(r, http.StatusAccepted)
			for _, body := range []string{
				`{"object_key":"k"}`, `{"new_state":{}}`, `{"object_key":"k","new_state":{"a":[300]}}`,
			} {
				r := c.do(http.MethodPost, c.admin+at, strings.NewReader(body),
					"content-type", "application/json")
				c.want(r, http.StatusUnprocessableEntity)
			}
		}},
	}
}

func manifestOptions(c *Case) {
	name := c.unique("Opt")
	uri := c.rawOffer(bidi, `{"name":"`+name+`","ty":"VIRTUAL_OBJECT","documentation":"about",`+
		`"inactivityTimeout":90000,"abortTimeout":5000,"journalRetention":60000,`+
		`"idempotencyRetention":120000,"enableLazyState":true,"retryPolicyMaxAttempts":5,`+
		`"retryPolicyOnMaxAttempts":"KILL","handlers":[{"name":"plain"},{"name":"own",`+
		`"documentation":"mine","metadata":{"by":"hand"},"inactivityTimeout":3000,"abortTimeout":4000,"journalRetention":2000,`+
		`"idempotencyRetention":1000,"enableLazyState":false,"ingressPrivate":true,`+
		`"retryPolicyInitialInterval":10,"retryPolicyMaxInterval":20,`+
		`"retryPolicyExponentiationFactor":1.5,"retryPolicyMaxAttempts":7,`+
		`"retryPolicyOnMaxAttempts":"PAUSE"}]}`)
	c.want(c.registerURI(uri), http.StatusCreated)
	info := c.service(name)
	c.equal("options of the service", []string{info.InactivityTimeout, info.AbortTimeout,
		info.JournalRetention, info.Idempotency, info.RetryPolicy.OnMaxAttempts},
		[]string{"1m 30s", "5s", "1m", "2m", "Kill"})
	c.equal("lazy state", info.LazyState, true)
	c.equal("attempts", *info.RetryPolicy.MaxAttempts, 5)
	h := c.handler(name, "own")
	c.equal("options of the handler", []string{h.InactivityTimeout, h.AbortTimeout,
		h.JournalRetention, h.Idempotency, h.Documentation},
		[]string{"3s", "4s", "2s", "1s", "mine"})
	c.equal("metadata of the handler", h.Metadata, map[string]any{"by": "hand"})
	c.equal("public", h.Public, false)
	if h.LazyState == nil || *h.LazyState {
		c.failf("enable_lazy_state of the handler: %v", h.LazyState)
	}
	c.equal("retries of the handler", h.RetryPolicy, map[string]any{"initial_interval": "10ms",
		"max_interval": "20ms", "exponentiation_factor": 1.5, "max_attempts": 7.0,
		"on_max_attempts": "Pause"})
	plain := c.handler(name, "plain")
	c.equal("options of a handler without", []string{plain.InactivityTimeout, plain.AbortTimeout,
		plain.JournalRetention, plain.Idempotency}, []string{"", "", "", ""})
	c.equal("retries of a handler without", plain.RetryPolicy, map[string]any{"max_attempts": nil})
}

// descriptions are shown to people by the command line: schema first, else the content type.
func descriptions(c *Case) {
	name := c.unique("Desc")
	const in = `"required":true,"contentType":"application/json"`
	const out = `"contentType":"application/json","setContentTypeIfEmpty":true`
	want := map[string][2]string{
		"text":  {"JSON string", "JSON integer"},
		"title": {"JSON 'Person'", "optional application/json"},
		"none":  {"none", "none"},
		"other": {"text/*", "text/plain"},
		"unset": {"*/*", "application/json"},
	}
	uri := c.rawOffer(bidi, `{"name":"`+name+`","ty":"SERVICE","handlers":[`+
		`{"name":"text","input":{`+in+`,"jsonSchema":{"type":"string"}},`+
		`"output":{`+out+`,"jsonSchema":{"type":"integer"}}},`+
		`{"name":"title","input":{`+in+`,"jsonSchema":{"title":"Person","type":"object"}},`+
		`"output":{`+out+`,"jsonSchema":{"anyOf":[{"type":"string"},{"type":"null"}]}}},`+
		`{"name":"none","input":{},"output":{}},`+
		`{"name":"other","input":{"required":false,"contentType":"text/*"},`+
		`"output":{"contentType":"text/plain","setContentTypeIfEmpty":false}},`+
		`{"name":"unset"}]}`)
	c.want(c.registerURI(uri), http.StatusCreated)
	for handler, texts := range want {
		h := c.handler(name, handler)
		c.equal(handler, [2]string{h.Input, h.Output}, texts)
	}
	c.equal("schema", c.handler(name, "text").InputSchema, map[string]any{"type": "string"})
}

func wrongShapes(c *Case) {
	const uri = `"uri":"` + "http://127.0.0.1:1" + `"`
	json := []string{"content-type", "application/json"}
	for body, status := range map[string]int{
		``:                                  http.StatusBadRequest,
		`{` + uri + `} x`:                   http.StatusBadRequest,
		`null`:                              http.StatusUnprocessableEntity,
		`[]`:                                http.StatusUnprocessableEntity,
		`{}`:                                http.StatusUnprocessableEntity,
		`{"uri":""}`:                        http.StatusUnprocessableEntity,
		`{"uri":"unix:/tmp/x"}`:             http.StatusUnprocessableEntity,
		`{` + uri + `,"use_http_11":"yes"}`: http.StatusUnprocessableEntity,
		`{` + uri + `,"force":"yes"}`:       http.StatusUnprocessableEntity,
		`{` + uri + `,"metadata":{"a":5}}`:  http.StatusUnprocessableEntity,
		`{` + uri + `,"auth":{"Other":{}}}`: http.StatusUnprocessableEntity,
		`{` + uri + `,"additional_headers":{"a b":"x"}}`:             http.StatusUnprocessableEntity,
		`{"uri":"host:9080"}`:                                        http.StatusBadRequest,
		`{"arn":"nonsense"}`:                                         http.StatusBadRequest,
		`{"arn":"arn:aws:lambda:us-east-1:123456789012:function:f"}`: http.StatusBadRequest,
		`{` + uri + `,"auth":{"GoogleIdToken":{}},"additional_headers":` +
			`{"x-serverless-authorization":"y"}}`: http.StatusBadRequest,
		`{` + uri + `,"unknown":1}`: http.StatusInternalServerError,
	} {
		r := c.do(http.MethodPost, c.admin+"/deployments", strings.NewReader(body), json...)
		if r.status != status {
			c.failf("%s answers %s, want status %d", body, r, status)
		}
	}
	for _, body := range []string{
		`null`, `{"public":5}`, `{"journal_retention":5}`, `{"journal_retention":"soon"}`,
		`{"journal_retention":"-1s"}`, `{"journal_retention":"1 month"}`,
	} {
		at := c.admin + "/services/" + c.sdk.service("Basic")
		r := c.do(http.MethodPatch, at, strings.NewReader(body), json...)
		if r.status != http.StatusUnprocessableEntity {
			c.failf("%s answers %s", body, r)
		}
		c.contains("body", string(r.body), "Failed to deserialize the JSON body into the target type: ")
	}
	r := c.want(c.rule(http.MethodGet, "/services/%ff", nil), http.StatusBadRequest)
	c.equal("body", string(r.body), "Invalid URL: Invalid UTF-8 in `service`")
	r = c.want(c.rule(http.MethodGet, "/deployments/x", nil), http.StatusBadRequest)
	c.equal("body", string(r.body),
		"Invalid URL: Cannot parse `deployment` with value `x`: bad format")
}

func compressed(c *Case) {
	for accept, encoding := range map[string]string{
		"gzip": "gzip", "zstd": "zstd", "br": "br", "gzip, br": "br", "gzip, deflate, br, zstd": "zstd",
		"br;q=0.5, gzip": "gzip", "gzip, zstd": "zstd", "gzip, zstd;q=0.5": "gzip",
		"identity": "", "*": "", "gzip;q=0": "", "deflate": "",
	} {
		r := c.want(c.rule(http.MethodGet, "/version", nil, "accept-encoding", accept), http.StatusOK)
		c.equal("content-encoding for "+accept, r.header.Get("content-encoding"), encoding)
		c.equal("vary for "+accept, r.header.Get("vary"), "accept-encoding")
	}
	// What is never compressed does not vary.
	r := c.rule(http.MethodGet, "/health", nil, "accept-encoding", "gzip")
	c.equal("vary of an empty answer", r.header.Get("vary"), "")
}
