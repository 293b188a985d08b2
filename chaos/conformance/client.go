package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxReplyBytes bounds what a check reads of one answer.
const maxReplyBytes = 64 << 20

// reply is an HTTP answer, read to its end.
type reply struct {
	request string // method and URL, for messages
	status  int
	header  http.Header
	body    []byte
}

func (r reply) String() string {
	body := r.body
	if len(body) > 300 {
		body = body[:300]
	}
	return fmt.Sprintf("%s: %d %s", r.request, r.status, body)
}

func (r reply) id() string { return r.header.Get("x-restate-id") }

// do sends a request; header holds names and values in turn.
func (c *Case) do(method, target string, body io.Reader, header ...string) reply {
	req, err := http.NewRequestWithContext(c.ctx, method, target, body)
	c.must("build request", err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	return c.roundTrip(c.client, req)
}

func (c *Case) roundTrip(client *http.Client, req *http.Request) reply {
	ask := roundTrip
	if c.torment != nil {
		ask = c.tormented
	}
	r, err := ask(client, req)
	c.must(req.Method+" "+req.URL.String(), err)
	return r
}

func roundTrip(client *http.Client, req *http.Request) (reply, error) {
	res, err := client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxReplyBytes))
	if err != nil {
		return reply{}, fmt.Errorf("read answer: %w", err)
	}
	name := req.Method + " " + req.URL.RequestURI()
	return reply{request: name, status: res.StatusCode, header: res.Header, body: body}, nil
}

// ask sends a request to the ingress; in is sent as JSON, nil means no body.
func (c *Case) ask(method, path string, in any, header ...string) reply {
	return c.json(c.ingress, method, path, in, header...)
}

// rule sends a request to the admin API; in is sent as JSON, nil means no body.
func (c *Case) rule(method, path string, in any, header ...string) reply {
	return c.json(c.admin, method, path, in, header...)
}

func (c *Case) json(base, method, path string, in any, header ...string) reply {
	if in == nil {
		return c.do(method, base+path, nil, header...)
	}
	body, err := json.Marshal(in)
	c.must("encode request", err)
	header = append([]string{"content-type", "application/json"}, header...)
	return c.do(method, base+path, bytes.NewReader(body), header...)
}

// want ends the check unless the answer has this status.
func (c *Case) want(r reply, status int) reply {
	if r.status != status {
		c.failf("%s, want status %d", r, status)
	}
	return r
}

// decode reads a JSON answer into out.
func (c *Case) decode(r reply, out any) {
	if err := json.Unmarshal(r.body, out); err != nil {
		c.failf("%s: not the JSON that was expected: %w", r, err)
	}
}

// path joins service, key and handler of the case's SDK into an ingress path; the service
// gets its prefix and every part is escaped.
func (c *Case) path(service string, parts ...string) string {
	var b strings.Builder
	b.WriteString("/" + c.sdk.service(service))
	for _, part := range parts {
		b.WriteString("/" + url.PathEscape(part))
	}
	return b.String()
}

// call calls a handler, expects 200 and decodes the answer into out unless out is nil.
func (c *Case) call(path string, in, out any, header ...string) reply {
	r := c.want(c.ask(http.MethodPost, path, in, header...), http.StatusOK)
	if out != nil {
		c.decode(r, out)
	}
	return r
}

// isID ends the check unless id can be decoded as an invocation ID.
func (c *Case) isID(id string) {
	_, err := decodeID(id)
	c.must("invocation ID", err)
}

// sent is the answer to a one-way request.
type sent struct {
	InvocationID  string `json:"invocationId"`
	Status        string `json:"status"`
	ExecutionTime string `json:"executionTime"`
}

// send sends one way, expects 202 and returns the answer; query is empty or "?...".
func (c *Case) send(path, query string, in any, header ...string) sent {
	r := c.want(c.ask(http.MethodPost, path+"/send"+query, in, header...), http.StatusAccepted)
	var s sent
	c.decode(r, &s)
	if s.InvocationID == "" || s.InvocationID != r.id() {
		c.failf("%s: invocationId does not equal x-restate-id %q", r, r.id())
	}
	return s
}

// attach waits for the end of an invocation.
func (c *Case) attach(id string) reply {
	return c.ask(http.MethodGet, "/restate/attach/"+id, nil)
}

// arrived waits until an invocation that a handler has sent is known: its ID is given out before the
// send has reached the partition that it is for.
func (c *Case) arrived(id string) {
	c.until("the invocation is known", func() bool {
		return c.output(id).status != http.StatusNotFound
	})
}

// attached waits for the end of an invocation, expects success and decodes its output.
func (c *Case) attached(id string, out any) {
	c.decode(c.want(c.attach(id), http.StatusOK), out)
}

// output asks for the result of an invocation without waiting.
func (c *Case) output(id string) reply {
	return c.ask(http.MethodGet, "/restate/output/"+id, nil)
}

// problem is the JSON of every error.
type problem struct {
	Code     int               `json:"code"`
	Message  string            `json:"message"`
	Source   string            `json:"source"`
	Metadata map[string]string `json:"metadata"`
}

// fails expects an error answer of the ingress with this status, source and message part.
func (c *Case) fails(r reply, status int, source, part string) problem {
	c.want(r, status)
	var p problem
	c.decode(r, &p)
	c.equal(r.request+" code", p.Code, status)
	c.equal(r.request+" source", p.Source, source)
	c.equal(r.request+" x-restate-error-source", r.header.Get("x-restate-error-source"), source)
	c.equal(r.request+" content-type", r.header.Get("content-type"), "application/json")
	c.contains(r.request+" message", p.Message, part)
	return p
}
