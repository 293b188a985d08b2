package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// hangUp is when a client loses patience with a registration that hangs.
const hangUp = time.Second

// liar is a deployment that lies about itself; registering it must fail with one of these statuses.
type liar struct {
	name  string
	want  []int
	more  string // of the registration's body
	serve func(http.ResponseWriter, *http.Request)
}

func discoveryEntries() []entry {
	var out []entry
	for _, l := range liars() {
		out = append(out, entry{l.name, l.run})
	}
	out = append(out, entry{"a thousand services", func(t *trial) error {
		return t.manyServices(1000)
	}})
	for _, h := range hangers() {
		out = append(out, entry{h.name, h.hang})
	}
	return out
}

func (l liar) run(t *trial) error {
	url, server, err := serve(http.HandlerFunc(l.serve))
	if err != nil {
		return err
	}
	defer server.Close()
	r, err := t.register(url, l.more)
	return wantStatus(r, err, l.want...)
}

// hang registers a deployment that never answers, and hangs up.
func (l liar) hang(t *trial) error {
	gone := make(chan struct{})
	url, server, err := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.serve(w, r)
		<-r.Context().Done()
		close(gone)
	}))
	if err != nil {
		return err
	}
	defer server.Close()
	impatient := *t
	ctx, cancel := context.WithTimeout(t.ctx, hangUp)
	defer cancel()
	impatient.ctx = ctx
	if r, err := impatient.register(url, ""); err == nil {
		return fmt.Errorf("want no answer, got %s", r)
	}
	select {
	case <-gone: // the server does not go on for a client that is gone
		return nil
	case <-t.ctx.Done():
		return errors.New("the discovery goes on after its client is gone")
	}
}

// saying answers discovery with a manifest.
func saying(manifest string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("content-type", manifestType)
		_, _ = w.Write([]byte(manifest))
	}
}

// services is a manifest with these services.
func services(s string) string {
	return `{"protocolMode":"BIDI_STREAM","minProtocolVersion":5,"maxProtocolVersion":7,"services":[` + s + `]}`
}

func oneService(name, ty, handlers string) string {
	return services(fmt.Sprintf(`{"name":%q,"ty":%q,"handlers":[%s]}`, name, ty, handlers))
}

func liars() []liar {
	const h = `{"name":"h"}`
	with := func(option string) string {
		return services(`{"name":"Liar","ty":"SERVICE","handlers":[` + h + `],` + option + `}`)
	}
	handler := func(option string) string { return oneService("Liar", "SERVICE", `{"name":"h",`+option+`}`) }
	versions := func(v string) string {
		return `{"protocolMode":"BIDI_STREAM",` + v + `"services":[]}`
	}
	deep := strings.Repeat(`{"properties":{"a":`, 5000) + `{}` + strings.Repeat(`}}`, 5000)
	var out []liar
	for _, m := range []struct {
		name, manifest string
		want           []int
	}{
		{"an empty manifest", ``, is(500)},
		{"half a manifest", `{"services":[`, is(500)},
		{"a manifest of null", `null`, is(500)},
		{"a manifest of a list", `[]`, is(500)},
		{"a manifest that is not UTF-8", "\xff\xfe{}", is(500)},
		{"an object without fields", `{}`, is(500)},
		{"a manifest a hundred thousand deep", strings.Repeat(`{"a":`, 100_000), is(500)},
		{"a manifest of 20 MiB", services(`{"name":"` + strings.Repeat("x", 20<<20) + `"}`),
			is(500)},
		{"a manifest of 40 MiB", strings.Repeat(" ", 40<<20), is(500)},
		{"no protocol mode", `{"minProtocolVersion":5,"maxProtocolVersion":7,"services":[]}`,
			is(500)},
		{"an unknown protocol mode", strings.Replace(services(""), "BIDI_STREAM", "X", 1), is(500)},
		{"no versions", versions(``), is(500)},
		{"versions upside down", versions(`"minProtocolVersion":7,"maxProtocolVersion":5,`),
			is(500)},
		{"negative versions", versions(`"minProtocolVersion":-1,"maxProtocolVersion":5,`), is(500)},
		{"huge versions", versions(`"minProtocolVersion":5,"maxProtocolVersion":4294967296,`),
			is(500)},
		{"versions of text", versions(`"minProtocolVersion":"5","maxProtocolVersion":"7",`),
			is(500)},
		{"versions too old", versions(`"minProtocolVersion":1,"maxProtocolVersion":4,`), is(500)},
		{"versions to come", versions(`"minProtocolVersion":100,"maxProtocolVersion":200,`),
			is(500)},
		{"services of text", strings.Replace(services(""), "[]", `"x"`, 1), is(500)},
		{"services of null", strings.Replace(services(""), "[]", `null`, 1), is(500)},
		{"a service of null", services(`null`), is(500)},
		{"a service without name", oneService("", "SERVICE", h), is(500)},
		{"a service with a slash", oneService("a/b", "SERVICE", h), is(500)},
		{"a service with a zero byte",
			services(`{"name":"a\u0000","ty":"SERVICE","handlers":[]}`), is(500)},
		{"a service name of 100 kB", oneService(strings.Repeat("a", 100_000), "SERVICE", h),
			is(500)},
		{"a reserved service", oneService("restateX", "SERVICE", h), is(400)},
		{"a reserved service in capitals", oneService("OpenAPI", "SERVICE", h), is(400)},
		{"a service of an unknown type", oneService("Liar", "GOD", h), is(500)},
		{"a service of a wrong type", oneService(object, "SERVICE", h), is(409, 400)},
		{"a service twice", services(`{"name":"Liar","ty":"SERVICE","handlers":[]},` +
			`{"name":"Liar","ty":"SERVICE","handlers":[]}`), is(400, 500)},
		{"5000 services", services(manyServices("Crowd", 5000)), is(500)},
		{"5000 handlers", oneService("Liar", "SERVICE", manyHandlers(5000)), is(500)},
		{"a handler twice", oneService("Liar", "SERVICE", h+","+h), is(400, 500)},
		{"a handler without name", oneService("Liar", "SERVICE", `{"name":""}`), is(500)},
		{"a handler with a dot", oneService("Liar", "SERVICE", `{"name":"a.b"}`), is(500)},
		{"a handler of an unknown type", oneService("Liar", "SERVICE", `{"name":"h","ty":"GOD"}`),
			is(400, 500)},
		{"an exclusive handler of a service", oneService("Liar", "SERVICE",
			`{"name":"h","ty":"EXCLUSIVE"}`), is(400, 500)},
		{"a workflow of two runs", oneService("Liar", "WORKFLOW",
			`{"name":"a","ty":"WORKFLOW"},{"name":"b","ty":"WORKFLOW"}`), is(201, 400, 500)},
		{"a negative timeout", with(`"inactivityTimeout":-1`), is(400, 500)},
		{"a timeout of text", with(`"abortTimeout":"1m"`), is(500)},
		{"a retention over 64 bits", with(`"journalRetention":99999999999999999999`), is(500)},
		{"a factor that is no number", with(`"retryPolicyExponentiationFactor":"NaN"`), is(500)},
		{"a negative factor", with(`"retryPolicyExponentiationFactor":-2`), is(400, 500)},
		{"a factor beyond measure", with(`"retryPolicyExponentiationFactor":1e999`), is(500)},
		{"no attempts at all", with(`"retryPolicyMaxAttempts":-5`), is(400, 500)},
		{"an unknown end of retries", with(`"retryPolicyOnMaxAttempts":"PANIC"`), is(400, 500)},
		{"metadata of numbers", with(`"metadata":{"a":1}`), is(500)},
		{"an external schema", handler(`"input":{"jsonSchema":{"$ref":"http://127.0.0.1:1/x"}}`),
			is(400, 500)},
		{"a schema without end", handler(`"input":{"jsonSchema":` + deep + `}`), is(400, 500)},
		{"a content type of 10 kB", handler(`"input":{"contentType":"` + strings.Repeat("x",
			10_000) + `"}`), is(400, 500)},
		{"a content type with a line feed", handler(`"output":{"contentType":"a/b\nx: y"}`),
			is(400, 500)},
	} {
		// dry_run keeps the one that is accepted here and there from being registered.
		out = append(out, liar{"manifest: " + m.name, m.want, `,"dry_run":true`,
			saying(m.manifest)})
	}
	return append(out, httpLiars()...)
}

func httpLiars() []liar {
	answer := func(code int) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	typed := func(ct string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{ct}
			_, _ = w.Write([]byte(services("")))
		}
	}
	return []liar{
		{"answer: 404", is(500), "", answer(404)},
		{"answer: 503 again and again", is(500), "", answer(503)},
		{"answer: 204", is(500), "", answer(204)},
		{"answer: 999", is(500), "", answer(999)},
		{"answer: a redirect to itself", is(500), "", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		}},
		{"answer: content type with a parameter", is(500), "", typed(manifestType +
			"; charset=utf-8")},
		{"answer: content type to come", is(500), "",
			typed("application/vnd.restate.endpointmanifest.v9+json")},
		{"answer: no content type", is(500), "", typed("")},
		{"answer: reset", is(500), "", func(http.ResponseWriter,
			*http.Request) {
			panic(http.ErrAbortHandler)
		}},
		{"answer: reset inside", is(500), "", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("content-type", manifestType)
			w.Header().Set("content-length", "1000")
			_, _ = w.Write([]byte(`{"pro`))
			panic(http.ErrAbortHandler)
		}},
		{"answer: a huge error page", is(500), "", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(strings.Repeat("\xff<p>", 4<<20)))
		}},
		{"answer: a server header of 100 kB", is(201, 500), `,"dry_run":true`,
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("content-type", manifestType)
				w.Header().Set("x-restate-server", strings.Repeat("s", 100_000))
				_, _ = w.Write([]byte(services("")))
			}},
		{"answer: HTTP/2 to an HTTP/1.1 client", is(500), `,"use_http_11":true`, answer(200)},
	}
}

// hangers never come to an end.
func hangers() []liar {
	return []liar{
		{name: "hangs before the headers", serve: func(http.ResponseWriter, *http.Request) {}},
		{name: "hangs inside the manifest", serve: func(w http.ResponseWriter, _ *http.Request) {
			saying(`{"protocolMode":`)(w, nil)
			_ = http.NewResponseController(w).Flush()
		}},
		{name: "a manifest byte by byte", serve: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("content-type", manifestType)
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte(" "))
				_ = http.NewResponseController(w).Flush()
				select {
				case <-r.Context().Done():
				case <-time.After(pollEvery):
				}
			}
		}},
	}
}

func manyServices(prefix string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,{"name":"%s%d","ty":"SERVICE","handlers":[{"name":"h"}]}`, prefix, i)
	}
	return b.String()[1:]
}

func manyHandlers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,{"name":"h%d"}`, i)
	}
	return b.String()[1:]
}

// manyServices registers a deployment of so many services, and takes it away again.
func (t *trial) manyServices(n int) error {
	url, server, err := serve(http.HandlerFunc(saying(services(manyServices("Crowd", n)))))
	if err != nil {
		return err
	}
	defer server.Close()
	r, err := t.register(url, "")
	if err := wantStatus(r, err, http.StatusCreated); err != nil {
		return err
	}
	r, err = t.manage(http.MethodDelete, "/"+r.header.Get("location")+"?force=true", "")
	return wantStatus(r, err, http.StatusAccepted)
}
