package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
)

// span is what a collector was told of one.
type span struct{ trace, id, parent, name string }

// collector takes spans as OpenTelemetry collectors do.
type collector struct {
	url string

	mu    sync.Mutex
	spans []span // guarded by mu
	err   error  // guarded by mu
}

func (c *Case) newCollector() *collector {
	col := &collector{}
	s := httptest.NewUnstartedServer(col)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	c.atEnd(s.Close)
	col.url = strings.TrimPrefix(s.URL, "http")
	return col
}

// ServeHTTP implements http.Handler: OTLP over HTTP, and over gRPC, whose messages have a head of five
// bytes.
func (col *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if r.Header.Get("content-type") == "application/grpc" {
		body = body[min(5, len(body)):]
		w.Header().Set("content-type", "application/grpc")
		defer w.Header().Set(http.TrailerPrefix+"grpc-status", "0")
		defer w.Write(make([]byte, 5))
	}
	spans, broken := spansOf(body)
	col.mu.Lock()
	defer col.mu.Unlock()
	col.err = errors.Join(col.err, err, broken)
	col.spans = append(col.spans, spans...)
}

// spansOf decodes an export request: resource spans, scope spans, spans.
func spansOf(body []byte) (spans []span, err error) {
	within := func(messages [][]byte, field protowire.Number) (parts [][]byte) {
		for _, m := range messages {
			f, broken := parse(m)
			err = errors.Join(err, broken)
			parts = append(parts, f.strings[field]...)
		}
		return parts
	}
	for _, m := range within(within(within([][]byte{body}, 1), 2), 2) {
		f, broken := parse(m)
		err = errors.Join(err, broken)
		spans = append(spans, span{fmt.Sprintf("%x", f.text(1)), fmt.Sprintf("%x", f.text(2)),
			fmt.Sprintf("%x", f.text(4)), f.text(5)})
	}
	return spans, err
}

// of finds a span of a trace by its ID, or by its parent's.
func (col *collector) of(trace string, fits func(span) bool) (span, bool) {
	col.mu.Lock()
	defer col.mu.Unlock()
	for _, s := range col.spans {
		if s.trace == trace && fits(s) {
			return s, true
		}
	}
	return span{}, false
}

// collected has a request with a trace of its own: the request's span is below the caller's, and that
// of the attempt, which the deployment is told, below the request's.
func collected(c *Case, scheme, path string) {
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	col := c.newCollector()
	c.own("RESTATE_TRACING_ENDPOINT=" + scheme + col.url + path)
	told := make(chan string, 1)
	s := c.play(single(c, bidi, "SERVICE"), nil, func(a *attempt) error {
		parts := strings.Split(a.r.Header.Get("traceparent"), "-")
		a.finish(`1`)
		if len(parts) != 4 {
			return fmt.Errorf("the attempt has no traceparent: %v", a.r.Header)
		}
		told <- parts[2]
		return expect("trace", parts[1], trace)
	})
	c.call("/"+s.name+"/h", nil, nil, "traceparent", "00-"+trace+"-"+parent+"-01")
	c.hear(s)
	attempt := receive(c, told)
	var request span
	c.until("the request's span is below the caller's", func() (ok bool) {
		request, ok = col.of(trace, func(s span) bool { return s.parent == parent })
		return ok
	})
	c.contains("name", request.name, "ingress")
	var try span
	c.until("the attempt's span has the ID that the deployment was told", func() (ok bool) {
		try, ok = col.of(trace, func(s span) bool { return s.id == attempt })
		return ok
	})
	c.contains("name", try.name, "attempt")
	// Others may lie between.
	for at := try.parent; at != request.id; {
		above, ok := col.of(trace, func(s span) bool { return s.id == at })
		if !ok {
			c.failf("the attempt's span is below %s, not below the request's %s: %v", at, request.id, col.spans)
		}
		at = above.parent
	}
	col.mu.Lock()
	defer col.mu.Unlock()
	c.must("read what was exported", col.err)
}
