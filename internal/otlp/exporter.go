package otlp

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/protocol"
)

const (
	maxQueued     = 8192             // spans; what comes beyond is dropped
	maxBatch      = 512              // spans in one request
	flushEvery    = time.Second      // a span waits no longer than this for others
	exportTimeout = 10 * time.Second // of one request
	lastFlush     = 2 * time.Second  // spans that are left at the end are given this long
	maxAnswer     = 64 << 10         // bytes of an answer that are read
)

// Where gRPC and HTTP collectors take spans.
const (
	grpcPath = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
	httpPath = "/v1/traces"
)

// Config says where spans go.
type Config struct {
	// Endpoint speaks gRPC if its scheme is http or https, and HTTP if it is otlp+http or otlp+https.
	Endpoint string
	// Headers are sent with each request.
	Headers map[string]string
	// Resource describes this process.
	Resource []protocol.KeyValue
	// Lost hears of spans that were dropped, and why; Sent of a request that was taken. Both may be
	// nil.
	Lost func(spans int, err error)
	Sent func()
}

// Exporter sends spans in batches.
type Exporter struct {
	cfg     Config
	url     string
	grpc    bool
	client  *http.Client
	queue   chan Span
	dropped atomic.Int64
}

// New makes an exporter; Run sends.
func New(cfg Config) (*Exporter, error) {
	address, overHTTP := strings.CutPrefix(cfg.Endpoint, "otlp+")
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("read the tracing endpoint %q: want http(s)://host:port or "+
			"otlp+http(s)://host:port", cfg.Endpoint)
	}
	transport := &http.Transport{Protocols: new(http.Protocols)}
	if overHTTP {
		transport.Protocols.SetHTTP1(true)
		transport.Protocols.SetHTTP2(true)
		if strings.Trim(u.Path, "/") == "" {
			u.Path = httpPath
		}
	} else {
		transport.Protocols.SetUnencryptedHTTP2(true)
		transport.Protocols.SetHTTP2(true)
		u.Path = grpcPath
	}
	return &Exporter{
		cfg: cfg, url: u.String(), grpc: !overHTTP, client: &http.Client{Transport: transport},
		queue: make(chan Span, maxQueued),
	}, nil
}

// Add takes a span that has ended.
func (e *Exporter) Add(s Span) {
	select {
	case e.queue <- s:
	default:
		e.dropped.Add(1)
	}
}

// Run sends until ctx ends, and then what is left.
func (e *Exporter) Run(ctx context.Context) {
	defer e.client.CloseIdleConnections()
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	var batch []Span
	for {
		select {
		case s := <-e.queue:
			if batch = append(batch, s); len(batch) < maxBatch {
				continue
			}
		case <-tick.C:
		case <-ctx.Done():
			e.rest(batch)
			return
		}
		e.send(context.WithoutCancel(ctx), exportTimeout, batch)
		batch = batch[:0]
	}
}

// rest sends what is left at the end.
func (e *Exporter) rest(batch []Span) {
	for {
		select {
		case s := <-e.queue:
			batch = append(batch, s)
			continue
		default:
		}
		e.send(context.Background(), lastFlush, batch)
		return
	}
}

func (e *Exporter) send(ctx context.Context, timeout time.Duration, spans []Span) {
	if n := e.dropped.Swap(0); n > 0 && e.cfg.Lost != nil {
		e.cfg.Lost(int(n), fmt.Errorf("more than %d spans wait for the collector", maxQueued))
	}
	if len(spans) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := e.export(ctx, spans)
	switch {
	case err != nil && e.cfg.Lost != nil:
		e.cfg.Lost(len(spans), fmt.Errorf("send spans to %s: %w", e.cfg.Endpoint, err))
	case err == nil && e.cfg.Sent != nil:
		e.cfg.Sent()
	}
}

func (e *Exporter) export(ctx context.Context, spans []Span) error {
	var body []byte
	if e.grpc {
		body = make([]byte, 5, 5+256*len(spans)) // not compressed, length
	}
	body = appendRequest(body, e.cfg.Resource, spans)
	contentType := "application/x-protobuf"
	if e.grpc {
		binary.BigEndian.PutUint32(body[1:], uint32(len(body)-5))
		contentType = "application/grpc"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	for k, v := range e.cfg.Headers {
		req.Header.Set(k, v)
	}
	req.Header.Set("Content-Type", contentType)
	if e.grpc {
		req.Header.Set("Te", "trailers")
	}
	resp, err := e.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return e.refused(resp)
}

// refused says why a collector did not take spans, if it did not.
func (e *Exporter) refused(resp *http.Response) error {
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the collector answers %s", resp.Status)
	}
	if !e.grpc {
		return nil
	}
	status, text := resp.Trailer.Get("Grpc-Status"), resp.Trailer.Get("Grpc-Message")
	if status == "" { // an answer without a body has its trailers in the header
		status, text = resp.Header.Get("Grpc-Status"), resp.Header.Get("Grpc-Message")
	}
	if status != "0" {
		return fmt.Errorf("the collector answers gRPC status %q: %s", status, text)
	}
	return nil
}
