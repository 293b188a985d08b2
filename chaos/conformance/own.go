package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"
)

// own starts a server of the kind under test with other settings, which the case talks to from
// here on. It ends with the case.
func (c *Case) own(settings ...string) {
	settings = append([]string{"RESTATE_DEFAULT_NUM_PARTITIONS=2"}, settings...)
	server, err := c.launch(c.ctx, settings...)
	c.must("start another server", err)
	c.atEnd(server.kill)
	c.server = server
	env := &Env{ingress: server.ingress, admin: server.admin, client: c.client, h2: c.h2,
		patience: c.patience, launch: c.launch, seven: c.seven}
	c.Env = env
}

// ownServerChecks need a server with settings of their own.
func ownServerChecks() []Check {
	return []Check{
		{ID: "ING-13", Title: "more requests at once than allowed", Own: true, Run: overloaded},
		{ID: "ING-16", Title: "a call in flight survives SIGTERM", Own: true, Run: drained},
		{ID: "ING-18", Title: "the ingress on a socket file", Own: true, Run: func(c *Case) {
			socketFile(c, "ingress.sock", "/restate/health")
		}},
		{ID: "ADM-09", Title: "the admin API on a socket file", Own: true, Run: func(c *Case) {
			socketFile(c, "admin.sock", "/health")
		}},
		{ID: "INV-10", Title: "retentions are cut to the server's limits", Own: true, Run: clamped},
		{ID: "DEP-20", Title: "a routing header tells deployments apart", Own: true, Run: routed},
		{ID: "ING-15", Title: "the caller's trace goes on in the attempt", Own: true, Run: traced},
		{ID: "ING-15", Title: "a collector gets the spans, over HTTP", Own: true,
			Run: func(c *Case) { collected(c, "otlp+http", "/v1/traces") }},
		{ID: "ING-15", Title: "a collector gets the spans, over gRPC", Own: true,
			Run: func(c *Case) { collected(c, "http", "") }},
		{ID: "STA-05", Title: "state over the eager limit is sent in part", Own: true, Run: partialState},
	}
}

// held is a deployment of one handler that answers only once it is let go.
type held struct {
	*script
	free chan struct{}
}

func (c *Case) hold() *held {
	h := &held{free: make(chan struct{})}
	h.script = c.play(single(c, bidi, "SERVICE"), nil, func(a *attempt) error {
		h.said <- nil // entered
		select {
		case <-h.free:
			a.finish(`"free"`)
		case <-a.r.Context().Done():
		}
		return nil
	})
	return h
}

// answered is what became of a request that was sent in the background.
type answered struct {
	reply reply
	err   error
}

// background posts a JSON string and returns at once.
func (c *Case) background(path string) <-chan answered {
	req, err := http.NewRequestWithContext(c.ctx, http.MethodPost, c.ingress+path,
		strings.NewReader(`"x"`))
	c.must("build request", err)
	req.Header.Set("content-type", "application/json")
	done := make(chan answered, 1)
	go func() {
		r, err := roundTrip(c.client, req)
		done <- answered{r, err}
	}()
	return done
}

// finish waits for a request in the background and expects success.
func (c *Case) finish(done <-chan answered) {
	select {
	case a := <-done:
		c.must("the request in the background", a.err)
		c.equal("answer", string(c.want(a.reply, http.StatusOK).body), `"free"`)
	case <-c.ctx.Done():
		c.failf("the request in the background got no answer in time")
	}
}

func overloaded(c *Case) {
	c.own("RESTATE_INGRESS__CONCURRENT_API_REQUESTS_LIMIT=1")
	h := c.hold()
	first := c.background("/" + h.name + "/h")
	c.hear(h.script)
	for _, r := range []reply{
		c.ask(http.MethodPost, "/"+h.name+"/h", 1),
		c.ask(http.MethodGet, "/restate/health", nil),
	} {
		c.fails(r, http.StatusTooManyRequests, "ingress", "overloaded")
	}
	close(h.free)
	c.finish(first)
	c.until("there is room again", func() bool {
		return c.ask(http.MethodPost, "/"+h.name+"/h", 1).status == http.StatusOK
	})
}

// drained stops the server while a call is in flight, and lets the call end a moment later.
func drained(c *Case) {
	c.own()
	h := c.hold()
	first := c.background("/" + h.name + "/h")
	c.hear(h.script)
	c.must("stop the server", c.server.proc.Terminate())
	c.until("the server takes no connections any more", func() bool {
		conn, err := net.DialTimeout("tcp", strings.TrimPrefix(c.server.ingress, "http://"), time.Second)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	close(h.free)
	c.finish(first)
	select {
	case <-c.server.proc.Done():
	case <-c.ctx.Done():
		c.failf("the server does not end after SIGTERM")
	}
}

// socketFile asks for a path through the socket file of that name.
func socketFile(c *Case, name, path string) {
	c.own("RESTATE_LISTEN_MODE=all")
	found, err := filepath.Glob(filepath.Join(c.server.data, "*", name))
	if err != nil || len(found) != 1 {
		c.failf("no socket file %s below %s: %v, %v", name, c.server.data, found, err)
	}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", found[0])
		},
	}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(c.ctx, http.MethodGet, "http://localhost"+path, nil)
	c.must("build request", err)
	c.want(c.roundTrip(&http.Client{Transport: transport}, req), http.StatusOK)
}

// clamped offers longer retentions than the server allows.
func clamped(c *Case) {
	c.own("RESTATE_MAX_JOURNAL_RETENTION=1h", "RESTATE_MAX_IDEMPOTENCY_RETENTION=2h",
		"RESTATE_MAX_WORKFLOW_COMPLETION_RETENTION=3h")
	name := c.unique("Clamped")
	const day = `86400000`
	uri := c.rawOffer(bidi, `{"name":"`+name+`","ty":"WORKFLOW","journalRetention":`+day+
		`,"idempotencyRetention":`+day+`,"handlers":[{"name":"run","ty":"WORKFLOW",`+
		`"workflowCompletionRetention":`+day+`}]}`)
	c.want(c.registerURI(uri), http.StatusCreated)
	var info struct {
		Journal    string `json:"journal_retention"`
		Completion string `json:"workflow_completion_retention"`
		Info       []struct {
			Code string `json:"code"`
		} `json:"info"`
	}
	c.decode(c.want(c.rule(http.MethodGet, "/services/"+name, nil), http.StatusOK), &info)
	c.equal("retentions", []string{info.Journal, info.Completion}, []string{"1h", "3h"})
	if len(info.Info) == 0 || info.Info[0].Code != "RT0022" {
		c.failf("nothing tells of the limits: %+v", info.Info)
	}
}

// routed registers one address twice, with different values of a header that counts.
func routed(c *Case) {
	c.own(`RESTATE_ADMIN__DEPLOYMENT_ROUTING_HEADERS=["x-route"]`)
	f, _ := c.simple("Routed", `1`)
	ids := map[string]bool{}
	for _, route := range []string{"a", "b", "b"} {
		r := c.rule(http.MethodPost, "/deployments", map[string]any{"uri": f.url,
			"additional_headers": map[string]string{"x-route": route}})
		status := http.StatusCreated
		if len(ids) == 2 {
			status = http.StatusOK // the same again
		}
		var out struct {
			ID string `json:"id"`
		}
		c.decode(c.want(r, status), &out)
		ids[out.ID] = true
	}
	c.equal("deployments", len(ids), 2)
}

// traced has a collector configured that nobody listens at: spans are lost, and that is all.
func traced(c *Case) {
	const trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	c.own("RESTATE_TRACING_ENDPOINT=http://127.0.0.1:9")
	s := c.play(single(c, bidi, "SERVICE"), nil, func(a *attempt) error {
		a.finish(`1`)
		parts := strings.Split(a.r.Header.Get("traceparent"), "-")
		if len(parts) != 4 {
			return fmt.Errorf("the attempt has no traceparent: %v", a.r.Header)
		}
		return errors.Join(expect("trace", parts[1], trace),
			expect("tracestate", a.r.Header.Get("tracestate"), "a=b"))
	})
	c.call("/"+s.name+"/h", nil, nil, "traceparent", "00-"+trace+"-"+span+"-01", "tracestate", "a=b")
	c.hear(s)
}

// partialState has two values, of which only the small one fits the limit.
func partialState(c *Case) {
	c.own("RESTATE_WORKER__INVOKER__EAGER_STATE_SIZE_LIMIT=10")
	s := c.play(single(c, bidi, "VIRTUAL_OBJECT"), nil, func(a *attempt) error {
		a.accept()
		for key, value := range map[string]string{"a": "1", "b": "more than ten bytes"} {
			a.send(frame{kind: msgSetState, payload: message{}.text(1, key).bytes(3, wrapped(value))})
		}
		a.send(outputFrame(`1`), endFrame())
		return nil
	}, func(a *attempt) error {
		a.accept()
		a.send(frame{kind: msgGetLazyState, payload: message{}.text(1, "b").varint(11, 1)},
			frame{kind: msgGetLazyKeys, payload: message{}.varint(11, 2)})
		value, err := a.next()
		if err != nil {
			return err
		}
		keys, err := a.next()
		a.send(outputFrame(`2`), endFrame())
		size := 0
		for _, entry := range a.start.strings[4] {
			size += len(entry)
		}
		return errors.Join(err,
			expect("partial_state", a.start.varints[5], 1),
			expect("more than the limit is sent", size > 20, false),
			expect("value", value, frame{kind: msgLazyStateDone,
				payload: message{}.varint(1, 1).bytes(5, wrapped("more than ten bytes"))}),
			expect("keys", keys, frame{kind: msgLazyKeysDone,
				payload: message{}.varint(1, 2).bytes(17, message{}.text(1, "a").text(1, "b"))}))
	})
	for range 2 {
		c.call("/"+s.name+"/"+c.id+"/h", nil, nil)
		c.hear(s)
	}
}
