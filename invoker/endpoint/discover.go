package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/protocol"
)

// ManifestTypes are the content types of the manifests the server understands, oldest first.
var ManifestTypes = []string{
	"application/vnd.restate.endpointmanifest.v1+json",
	"application/vnd.restate.endpointmanifest.v2+json",
	"application/vnd.restate.endpointmanifest.v3+json",
	"application/vnd.restate.endpointmanifest.v4+json",
}

// DiscoverPath is where a deployment describes itself.
const DiscoverPath = "/discover"

const (
	maxManifestBytes   = 32 << 20               // a larger manifest is refused
	maxDiscoverTries   = 4                      // tries of one discovery
	discoverBackoff    = 100 * time.Millisecond // before the second try; doubles
	discoverTryTimeout = 30 * time.Second       // for one try
	maxErrorBodyBytes  = 512                    // how much of an error page is quoted
)

// Codes of discovery failures, as documentation and tools show them.
const (
	CodeBadStatus   = "META0003" // the deployment cannot be reached or answers with an error
	CodeBadManifest = "META0013" // the answer is no manifest the server understands
	CodeHTTP11Peer  = "META0014" // HTTP/2 was spoken, the deployment speaks HTTP/1.1 only
)

// RawManifest is what a deployment answered to discovery, not yet decoded.
type RawManifest struct {
	ContentType  string // one of ManifestTypes
	Body         []byte
	ServerHeader string // x-restate-server, may be empty
	HTTPVersion  string // HTTP11 or HTTP2: what to speak to the deployment from now on
}

// DiscoverError says why a deployment could not be discovered.
type DiscoverError struct {
	Code   string // META0003, META0013 or META0014
	Status int    // HTTP status, if one came
	Err    error
}

// Error says what was attempted, what went wrong and what to do.
func (e *DiscoverError) Error() string { return fmt.Sprintf("[%s] %v", e.Code, e.Err) }

// Unwrap gives the cause.
func (e *DiscoverError) Unwrap() error { return e.Err }

// Discover asks the deployment at address what it offers. headers are sent along. Failures that may
// pass are tried again a few times. Errors are *DiscoverError, a bad address or the context's end.
func (c *Client) Discover(
	ctx context.Context, address string, headers []protocol.KeyValue, useHTTP11 bool,
) (RawManifest, error) {
	base, err := parseAddress(address)
	if err != nil {
		return RawManifest{}, err
	}
	r := Request{Path: DiscoverPath, Headers: append([]protocol.KeyValue{
		{Key: "accept", Value: strings.Join(ManifestTypes, ", ")}}, headers...)}
	pause := discoverBackoff
	for try := 1; ; try++ {
		m, err := c.discoverOnce(ctx, base, r, useHTTP11)
		if err == nil || try == maxDiscoverTries || ctx.Err() != nil || !mayPass(err) {
			return m, err
		}
		select {
		case <-ctx.Done():
			return RawManifest{}, fmt.Errorf("discover %s: %w after %w", base.Redacted(), ctx.Err(), err)
		case <-time.After(pause):
			pause *= 2
		}
	}
}

// mayPass reports whether another try may succeed.
func mayPass(err error) bool {
	var de *DiscoverError
	if !errors.As(err, &de) || de.Code != CodeBadStatus {
		return false
	}
	return slices.Contains([]int{0, 408, 429, 500, 502, 503, 504}, de.Status)
}

func (c *Client) discoverOnce(
	ctx context.Context, base *url.URL, r Request, useHTTP11 bool,
) (m RawManifest, err error) {
	ctx, cancel := context.WithTimeout(ctx, discoverTryTimeout)
	defer cancel()
	req, err := c.request(ctx, http.MethodGet, base, r)
	if err != nil {
		return m, err
	}
	trip, done := c.discoverTransport(base, useHTTP11)
	defer done()
	fail := func(code string, status int, format string, args ...any) error {
		return &DiscoverError{code, status, fmt.Errorf("GET "+req.URL.Redacted()+": "+format, args...)}
	}
	resp, err := trip(req)
	if errors.Is(err, ErrHTTP11Peer) {
		return m, fail(CodeHTTP11Peer, 0, "%w: register the deployment with use_http_11", err)
	}
	if err != nil {
		return m, fail(CodeBadStatus, 0, "%w: check that the deployment runs and its address", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxManifestBytes+1))
	if err != nil {
		return m, fail(CodeBadStatus, 0, "read the manifest: %w", err)
	}
	status := resp.StatusCode
	m.ContentType = resp.Header.Get("Content-Type")
	switch {
	case status == http.StatusNotFound:
		return m, fail(CodeBadStatus, status, "status 404: check the path in the deployment's address")
	case status < 200 || status > 299:
		return m, fail(CodeBadStatus, status, "status %d: %s", status, clip(body))
	case !slices.Contains(ManifestTypes, m.ContentType):
		return m, fail(CodeBadManifest, status,
			"content type %q is none of %s: check that an SDK serves the address and update it",
			m.ContentType, strings.Join(ManifestTypes, ", "))
	case len(body) > maxManifestBytes:
		return m, fail(CodeBadManifest, status, "the manifest exceeds %d bytes", maxManifestBytes)
	}
	m.Body, m.ServerHeader, m.HTTPVersion = body, resp.Header.Get("X-Restate-Server"), HTTP11
	if resp.ProtoMajor >= 2 {
		m.HTTPVersion = HTTP2
	}
	return m, nil
}

// discoverTransport gives a transport for one request; done closes its connection. Addresses asked
// once should leave nothing behind.
func (c *Client) discoverTransport(base *url.URL, useHTTP11 bool) (
	trip func(*http.Request) (*http.Response, error), done func(),
) {
	if base.Scheme == "http" && !useHTTP11 {
		h := newHost(c.http2, base)
		return h.roundTrip, h.close
	}
	t := newHTTP11(c.cfg)
	if !useHTTP11 {
		t.Protocols.SetHTTP2(true)
		if c.cfg.TLS != nil {
			t.TLSClientConfig = c.cfg.TLS.Clone()
		}
	}
	return t.RoundTrip, t.CloseIdleConnections
}

func clip(b []byte) string {
	if len(b) > maxErrorBodyBytes {
		b = b[:maxErrorBodyBytes]
	}
	return strings.ToValidUTF8(string(b), "?")
}
