package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// inputHTTPChecks look at how requests become input: bodies, content types, keys and headers.
func inputHTTPChecks() []Check {
	return []Check{
		{ID: "SVC-10", Title: "content types and bodies by the rules of the handler", Run: inputRules},
		{ID: "ING-07", Title: "keys as they are encoded", Run: keys},
		{ID: "ING-09", Title: "headers as they arrive", Run: inputHeaders},
		{ID: "ING-15", Title: "the trace context is a header of the handler", Run: traceHeaders},
		{ID: "ING-01", Title: "slashes too many", Run: slashes},
		{ID: "ING-03", Title: "execution time, even without delay", Run: executionTimes},
		{ID: "INV-02", Title: "odd idempotency keys", Run: oddKeys},
		{ID: "ING-05", Title: "paths that lack a part", Run: brokenPaths},
	}
}

// input is what a hand-made handler was given.
type input struct {
	Key     string            `json:"key"`
	Header  string            `json:"header"` // x-restate-service-key
	Body    []byte            `json:"body"`
	Headers map[string]string `json:"headers"`
	First   string            `json:"first"` // name of the first header
}

// tell answers with the input as JSON.
func tell(a *attempt) error {
	in := input{Key: a.start.text(6), Header: a.r.Header.Get("x-restate-service-key"),
		Headers: map[string]string{}}
	f, err := parse(a.entries[0].payload)
	if err != nil {
		return err
	}
	for i, raw := range f.strings[1] {
		h, err := parse(raw)
		if err != nil {
			return err
		}
		if i == 0 {
			in.First = h.text(1)
		}
		if _, twice := in.Headers[h.text(1)]; twice {
			return fmt.Errorf("header %s is there twice", h.text(1))
		}
		in.Headers[h.text(1)] = h.text(2)
	}
	if len(f.strings[14]) != 1 {
		return fmt.Errorf("%d values in Input, want one", len(f.strings[14]))
	}
	value, err := parse(f.strings[14][0])
	if err != nil {
		return err
	}
	in.Body = []byte(value.text(1))
	out, err := json.Marshal(in)
	if err != nil {
		return err
	}
	a.finish(string(out))
	return nil
}

// raw sends a request whose path is taken as it stands; a content type of "-" means none.
func (c *Case) raw(method, path, contentType, body string, header ...string) reply {
	var reader *strings.Reader
	if body != "" || method == http.MethodPost {
		reader = strings.NewReader(body)
	} else {
		reader = strings.NewReader("")
	}
	req, err := http.NewRequestWithContext(c.ctx, method, c.ingress, reader)
	c.must("build request", err)
	path, query, _ := strings.Cut(path, "?")
	req.URL = &url.URL{Scheme: "http", Host: req.URL.Host, RawQuery: query,
		Opaque: "//" + req.URL.Host + path}
	if contentType != "-" {
		req.Header.Set("content-type", contentType)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	return c.roundTrip(c.client, req)
}

// told decodes the answer of tell.
func (c *Case) told(r reply) input {
	var in input
	c.decode(c.want(r, http.StatusOK), &in)
	return in
}

func inputRules(c *Case) {
	schema := map[string]any{"type": "string"}
	rule := func(required bool, kind string) map[string]any {
		return map[string]any{"required": required, "contentType": kind}
	}
	strict := rule(true, "application/json")
	strict["jsonSchema"] = schema
	loose := rule(false, "application/json")
	loose["jsonSchema"] = schema
	offer := offering(bidi, c.unique("Input"), "SERVICE",
		fakeHandler{Name: "unsaid"},
		fakeHandler{Name: "json", Input: rule(true, "application/json")},
		fakeHandler{Name: "optional", Input: rule(false, "application/json")},
		fakeHandler{Name: "schema", Input: strict},
		fakeHandler{Name: "optionalSchema", Input: loose},
		fakeHandler{Name: "empty", Input: map[string]any{}},
		fakeHandler{Name: "text", Input: rule(true, "text/*")},
		fakeHandler{Name: "any", Input: rule(true, "*/*")})
	s := c.play(offer, nil, tell)
	const none, mismatch, noBody = "Empty content-type", "does not match", "Empty body not allowed"
	for _, t := range []struct{ handler, kind, body, problem string }{
		{"unsaid", "-", "", ""},
		{"unsaid", "-", "x", none},
		{"unsaid", "text/plain", "", ""},
		{"unsaid", "nonsense", "\x00\xff\xfe", ""},
		{"json", "-", "", none},
		{"json", "-", "x", none},
		{"json", "application/json", "", ""},
		{"json", "application/json", "{", ""}, // the server does not look into JSON
		{"json", "application/json ; charset=utf-8", "1", ""},
		{"json", "Application/JSON", "1", mismatch},
		{"json", "text/plain", "", mismatch},
		{"json", "", "", mismatch},
		{"optional", "-", "", ""},
		{"optional", "-", "1", none},
		{"optional", "text/plain", "", mismatch},
		{"schema", "-", "", none},
		{"schema", "application/json", "", noBody},
		{"schema", "text/plain", "", mismatch},
		{"schema", "application/json", "1", ""},
		{"optionalSchema", "-", "", ""},
		{"optionalSchema", "application/json", "", noBody},
		{"empty", "-", "", ""},
		{"empty", "-", "x", "Expected body and content-type to be empty"},
		{"empty", "application/json", "", "Expected body and content-type to be empty"},
		{"text", "text/csv", "x", ""},
		{"text", "application/json ; a=b", "x", "Content-type 'application/json ; a=b' does"},
		{"any", "-", "", none},
		{"any", "-", "x", none},
		{"any", "text/plain", "", ""},
	} {
		r := c.raw(http.MethodPost, "/"+s.name+"/"+t.handler, t.kind, t.body)
		r.request += fmt.Sprintf(" with content type %q and body %q", t.kind, t.body)
		if t.problem != "" {
			c.fails(r, http.StatusBadRequest, "ingress", t.problem)
			continue
		}
		c.equal(r.request, string(c.told(r).Body), t.body)
	}
}

func keys(c *Case) {
	offer := single(c, bidi, "VIRTUAL_OBJECT")
	s := c.play(offer, nil, tell)
	long := strings.Repeat("k", 3000)
	for segment, key := range map[string]string{
		"": "", "a%2Fb": "a/b", "a%20b": "a b", "a+b": "a+b", "%C3%BC": "ü", "a%00b": "a\x00b",
		"a%25": "a%", "a:b@c": "a:b@c", "a;b": "a;b", "send": "send", "..": "..", long: long,
	} {
		in := c.told(c.raw(http.MethodPost, "/"+s.name+"/"+segment+"/h", "text/plain", "x"))
		c.equal("key of segment "+segment, in.Key, key)
		unescaped, err := url.PathUnescape(in.Header)
		c.must("decode x-restate-service-key", err)
		c.equal("x-restate-service-key", unescaped, key)
	}
	r := c.raw(http.MethodPost, "/"+s.name+"/%ff/h", "text/plain", "x")
	c.fails(r, http.StatusBadRequest, "ingress", "cannot decode key")
}

func inputHeaders(c *Case) {
	s := c.play(single(c, bidi, "SERVICE"), nil, tell)
	path := "/" + s.name + "/h?a=b&c=%20d"
	in := c.told(c.raw(http.MethodPost, path, "text/plain", "x", "X-UPPER", "Kept",
		"x-twice", "one", "x-twice", "two", "x-tab", "a\tb", "x-empty", "", "cookie", "a=b",
		"authorization", "Bearer t", "idempotency-expires", "never", "idempotency-key", c.id,
		"content-encoding", "gzip", "te", "trailers"))
	c.equal("first header", in.First, "x-restate-ingress-path")
	c.equal("body", string(in.Body), "x")
	for name, want := range map[string]string{
		"x-restate-ingress-path": path, "x-upper": "Kept", "x-twice": "one", "x-tab": "a\tb",
		"x-empty": "", "cookie": "a=b", "authorization": "Bearer t", "content-type": "text/plain",
		"content-length": "1", "content-encoding": "gzip", "te": "trailers",
	} {
		got, there := in.Headers[name]
		c.equal(name+" is there", there, true)
		c.equal(name, got, want)
	}
	for _, name := range []string{"idempotency-key", "idempotency-expires", "host", "connection"} {
		if got, there := in.Headers[name]; there {
			c.failf("the handler sees %s: %s", name, got)
		}
	}
}

func traceHeaders(c *Case) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	s := c.play(single(c, bidi, "SERVICE"), nil, tell)
	in := c.told(c.raw(http.MethodPost, "/"+s.name+"/h", "text/plain", "x",
		"traceparent", parent, "tracestate", "a=b"))
	c.equal("traceparent", in.Headers["traceparent"], parent)
	c.equal("tracestate", in.Headers["tracestate"], "a=b")
	c.told(c.raw(http.MethodPost, "/"+s.name+"/h", "text/plain", "x", "traceparent", "nonsense"))
}

func slashes(c *Case) {
	s := c.play(single(c, bidi, "VIRTUAL_OBJECT"), nil, tell)
	path := "/" + s.name + "/" + c.id + "/h"
	for _, p := range []string{path, path + "/", path + "//", "/" + path} {
		in := c.told(c.raw(http.MethodPost, p, "text/plain", "x"))
		c.equal("key by "+p, in.Key, c.id)
		c.equal("path by "+p, in.Headers["x-restate-ingress-path"], path)
	}
}

func executionTimes(c *Case) {
	path := c.path("Basic", "echo")
	for _, delay := range []string{"0s", "1ms", "PT0.001S", "pt0.001s", "1%20ms", "1.5ms", "P0D"} {
		if c.send(path, "?delay="+delay, 1).ExecutionTime == "" {
			c.failf("no execution time with a delay of %s", delay)
		}
	}
	if c.send(path, "?DELAY=1ms", 1).ExecutionTime == "" {
		c.failf("the name of the parameter is not taken in capitals")
	}
	for _, delay := range []string{"", "1", "-1s", "1e3", "P1X"} {
		r := c.ask(http.MethodPost, path+"/send?delay="+delay, 1)
		c.fails(r, http.StatusBadRequest, "ingress", "bad delay")
	}
}

func oddKeys(c *Case) {
	path := c.path("Store", c.id, "add")
	for _, key := range []string{"", "with blank", strings.Repeat("k", 2000), "a/b?c"} {
		first := c.call(path, 1, nil, "idempotency-key", key)
		again := c.call(path, 1, nil, "idempotency-key", key)
		c.equal("invocation of key "+key, again.id(), first.id())
	}
	c.equal("total", value[int](c, c.path("Store", c.id, "get")), 4)
	r := c.ask(http.MethodPost, path, 1, "idempotency-key", "grün")
	c.fails(r, http.StatusBadRequest, "ingress", "bad header")
}

func brokenPaths(c *Case) {
	for path, part := range map[string]string{
		c.path("Store", "add"):                            "bad path, expected either",
		c.path("Basic", "key", "echo"):                    "bad path, expected either",
		c.path("Store", "k", "add", "more"):               "bad path, expected either",
		"/restate/call" + c.path("Store", "add"):          "bad path, expected /restate/call",
		"/restate/call":                                   "bad path, expected /restate/call",
		"/restate/send" + c.path("Basic"):                 "bad path, expected /restate/call",
		"/restate/awakeables/x":                           "bad path, expected either /restate/awakeables",
		"/a/b/c/d/e/f/g/h":                                "bad path: /a/b/c/d/e/f/g/h",
		"/restate/attach/inv_1":                           "bad invocation id",
		"/restate/workflow" + c.path("X") + "/%ff/output": "cannot decode key",
	} {
		method := http.MethodPost
		if strings.HasPrefix(path, "/restate/attach") || strings.HasPrefix(path, "/restate/workflow") {
			method = http.MethodGet
		}
		c.fails(c.raw(method, path, "application/json", "1"), http.StatusBadRequest, "ingress", part)
	}
}
