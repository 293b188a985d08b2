package endpoint

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/perdure/perdure/protocol"
)

// HTTP versions as they are stored with a deployment.
const (
	HTTP11 = "HTTP/1.1"
	HTTP2  = "HTTP/2.0"
)

// Errors of streams.
var (
	// ErrOverflow: the deployment does not read what it is sent, and the buffer is full.
	ErrOverflow = errors.New("the deployment does not read its request and the buffer for it is full")
	// ErrAborted: Abort was called.
	ErrAborted = errors.New("aborted by the server")
	// ErrClosed: the stream or client is closed already.
	ErrClosed = errors.New("closed already")
	// ErrHTTP11Peer: the peer answers HTTP/1.1 where HTTP/2 was spoken.
	ErrHTTP11Peer = errors.New("the peer speaks HTTP/1.1 only")
)

// Header is a response's header.
type Header = http.Header

// Config configures a Client. Zero fields take their defaults.
type Config struct {
	// ConnectTimeout is how long opening a connection may take, TLS included. Default: 10s.
	ConnectTimeout time.Duration
	// KeepAliveInterval is the pause after which a silent HTTP/2 connection is pinged. Default: 40s.
	KeepAliveInterval time.Duration
	// KeepAliveTimeout is how long the answer to a ping may take. Default: 20s.
	KeepAliveTimeout time.Duration
	// IdleConnTimeout is when an unused connection is closed. Default: 5m.
	IdleConnTimeout time.Duration
	// StreamsPerConn is how many streams share an HTTP/2 connection. Default: 128.
	StreamsPerConn int
	// StreamWindowBytes and ConnWindowBytes bound what a deployment may send ahead of its reader.
	// Defaults: 2 MiB and 5 MiB.
	StreamWindowBytes, ConnWindowBytes int
	// MaxFrameBytes is the largest HTTP/2 frame accepted. Default: 16 KiB.
	MaxFrameBytes int
	// MaxBufferedBytes is how much may wait for a deployment that does not read, beyond what was
	// written before the first Flush. Default: 32 MiB.
	MaxBufferedBytes int
	// Headers are added to every request and win over all others. Default: none.
	Headers []protocol.KeyValue
	// IdentityKey signs requests. Default: nil, requests are not signed.
	IdentityKey ed25519.PrivateKey
	// IdentityExpiration is how long a signature is valid. Default: 1m.
	IdentityExpiration time.Duration
	// Proxy is the http address of a proxy before all deployments except those whose host is in
	// NoProxy (names, addresses, networks). Default: "", none.
	Proxy   string
	NoProxy []string
	// TLS is the base of the configuration for https addresses. Default: system roots.
	TLS *tls.Config
}

func setDefault[T int | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

func (c Config) withDefaults() Config {
	setDefault(&c.ConnectTimeout, 10*time.Second)
	setDefault(&c.KeepAliveInterval, 40*time.Second)
	setDefault(&c.KeepAliveTimeout, 20*time.Second)
	setDefault(&c.IdleConnTimeout, 5*time.Minute)
	setDefault(&c.StreamsPerConn, 128)
	setDefault(&c.StreamWindowBytes, 2<<20)
	setDefault(&c.ConnWindowBytes, 5<<20)
	setDefault(&c.MaxFrameBytes, 16<<10)
	setDefault(&c.MaxBufferedBytes, 32<<20)
	setDefault(&c.IdentityExpiration, time.Minute)
	return c
}

// Validate reports every setting out of range at once.
func (c Config) Validate() error {
	var errs []error
	check := func(name string, v int64) {
		if v < 0 {
			errs = append(errs, fmt.Errorf("%s is %d: it must not be negative", name, v))
		}
	}
	check("connect timeout", int64(c.ConnectTimeout))
	check("keep-alive interval", int64(c.KeepAliveInterval))
	check("keep-alive timeout", int64(c.KeepAliveTimeout))
	check("idle connection timeout", int64(c.IdleConnTimeout))
	check("streams per connection", int64(c.StreamsPerConn))
	check("stream window", int64(c.StreamWindowBytes))
	check("connection window", int64(c.ConnWindowBytes))
	check("frame size", int64(c.MaxFrameBytes))
	check("buffer size", int64(c.MaxBufferedBytes))
	check("identity expiration", int64(c.IdentityExpiration))
	u, err := url.Parse(c.Proxy)
	if c.Proxy != "" && (err != nil || u.Scheme != "http" || u.Host == "") {
		errs = append(errs, fmt.Errorf("proxy is %q: want http://host:port", c.Proxy))
	}
	if n := len(c.IdentityKey); n != 0 && n != ed25519.PrivateKeySize {
		errs = append(errs, fmt.Errorf("identity key has %d bytes, want %d", n, ed25519.PrivateKeySize))
	}
	return errors.Join(errs...)
}

// Handler takes what a deployment answers. Its methods are called by one goroutine at a time and
// must not wait for long; use Stream.SetReading to hold a deployment back.
type Handler interface {
	// OnHeaders brings the status and headers; it is called at most once.
	OnHeaders(status int, h Header)
	// OnData brings the next bytes of the body. b is only valid until OnData returns.
	OnData(b []byte)
	// OnEnd says that nothing follows: nil if the body ended as it should.
	OnEnd(err error)
}

// Stream is one open request. No method waits for the network, and all may be called at any time;
// after the end they do nothing.
type Stream interface {
	// Write buffers b; b may be reused afterwards.
	Write(b []byte)
	// Give is a Write of a large b that is the stream's from now on.
	Give(b []byte)
	// Flush sends what was written; the first one makes the request. ErrOverflow means that too much waits: the stream is lost.
	Flush() error
	// CloseSend flushes and ends the request; the answer may go on.
	CloseSend() error
	// SetReading(false) stops OnData, after at most one more call, until SetReading(true).
	SetReading(on bool)
	// Abort resets the stream. OnEnd still follows.
	Abort()
}

// Request says what to open.
type Request struct {
	// Address is the deployment's base address; a path in it goes before Path.
	Address string
	// HTTPVersion is HTTP11 or HTTP2.
	HTTPVersion string
	// Path is /invoke/{service}/{handler}.
	Path string
	// Headers are sent as they are; of equal names the last wins.
	Headers []protocol.KeyValue
	// Subject goes into the signature, if there is one: the key of a keyed service.
	Subject string
}

// Client opens streams and keeps the connections below them.
type Client struct {
	cfg     Config
	http2   *http2Dialer
	http11  *http.Transport
	running sync.WaitGroup // one per stream

	// libraryOnly keeps to the library's HTTP/2 where our own would do; for tests.
	libraryOnly bool

	mu      sync.Mutex
	hosts   map[string]*host     // guarded by mu; by scheme and authority
	h2hosts map[string]*h2host   // guarded by mu; by scheme and authority
	open    map[aborter]struct{} // guarded by mu
	closed  bool                 // guarded by mu
}

// aborter is a stream that has not ended.
type aborter interface{ Abort() }

// New makes a Client. It connects to nobody yet.
func New(cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure the client for deployments: %w", err)
	}
	cfg = cfg.withDefaults()
	return &Client{
		cfg: cfg, http2: newHTTP2Dialer(cfg), http11: newHTTP11(cfg),
		hosts: make(map[string]*host), h2hosts: make(map[string]*h2host),
		open: make(map[aborter]struct{}),
	}, nil
}

// Open prepares a POST and returns at once. The first Flush makes the request; if no connection can
// be made, OnEnd says so. An error means that there is no stream. When ctx ends, it is aborted.
func (c *Client) Open(ctx context.Context, r Request, h Handler) (Stream, error) {
	base, err := parseAddress(r.Address)
	if err != nil {
		return nil, err
	}
	if r.HTTPVersion != HTTP11 && c.plain(base) {
		return c.openPlain(ctx, base, r, h)
	}
	return c.openLibrary(ctx, base, r, h)
}

// plain reports whether base is reached directly and without TLS, where our own HTTP/2 is spoken.
func (c *Client) plain(base *url.URL) bool {
	if base.Scheme != "http" || c.libraryOnly {
		return false
	}
	proxy, err := c.http2.proxy(base)
	return proxy == nil && err == nil
}

func (c *Client) openPlain(ctx context.Context, base *url.URL, r Request, h Handler) (Stream, error) {
	key := base.Scheme + "://" + base.Host
	c.mu.Lock()
	host := c.h2hosts[key]
	if host == nil {
		host = newH2Host(c.cfg, c.http2, base)
		c.h2hosts[key] = host
	}
	c.mu.Unlock()
	s, err := c.newH2Stream(host, base, r, h)
	if err != nil {
		return nil, err
	}
	if err := c.opened(s, r); err != nil {
		return nil, err
	}
	if ctx.Done() != nil {
		s.watch(ctx)
	}
	return s, nil
}

// opened counts a stream, which ends with forget.
func (c *Client) opened(s aborter, r Request) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return fmt.Errorf("open %s%s: client %w", r.Address, r.Path, ErrClosed)
	}
	c.open[s] = struct{}{}
	c.running.Add(1)
	return nil
}

// openLibrary opens a stream over one of the library's transports.
func (c *Client) openLibrary(ctx context.Context, base *url.URL, r Request, h Handler,
) (Stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &stream{client: c, handler: h, cancel: cancel, body: newBody(c.cfg.MaxBufferedBytes)}
	s.resume = sync.NewCond(&s.mu)
	var err error
	s.req, err = c.request(ctx, http.MethodPost, base, r)
	if err == nil {
		err = c.opened(s, r)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	s.req.Body, s.req.ContentLength = s.body, -1
	trip := c.http11.RoundTrip
	if r.HTTPVersion != HTTP11 {
		c.mu.Lock()
		trip = c.hostLocked(base).roundTrip
		c.mu.Unlock()
	}
	go func() {
		defer c.running.Done()
		s.run(trip)
	}()
	return s, nil
}

// Close aborts all streams, waits for their ends and closes the connections.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	for s := range c.open {
		s.Abort()
	}
	c.mu.Unlock()
	c.running.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.hosts {
		h.close()
	}
	for _, h := range c.h2hosts {
		h.close()
	}
	c.http11.CloseIdleConnections()
}

func (c *Client) forget(s aborter) {
	c.mu.Lock()
	delete(c.open, s)
	c.mu.Unlock()
}

func (c *Client) hostLocked(base *url.URL) *host {
	key := base.Scheme + "://" + base.Host
	h := c.hosts[key]
	if h == nil {
		h = newHost(c.http2, base)
		c.hosts[key] = h
	}
	return h
}

// request makes a request of the library's with all headers.
func (c *Client) request(
	ctx context.Context, method string, base *url.URL, r Request,
) (*http.Request, error) {
	u := *base
	u.Path = strings.TrimSuffix(base.Path, "/") + r.Path
	u.RawPath = strings.TrimSuffix(base.EscapedPath(), "/") + r.Path
	headers, err := c.headers(r)
	if err != nil {
		return nil, err
	}
	header := make(http.Header, len(headers))
	for _, kv := range headers {
		header.Set(kv.Key, kv.Value)
	}
	req := &http.Request{
		Method: method, URL: &u, Host: u.Host, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	return req.WithContext(ctx), nil
}

// headers are all headers of a request, the signature included: names in lower case, none twice.
func (c *Client) headers(r Request) ([]protocol.KeyValue, error) {
	headers := make([]protocol.KeyValue, 0, len(r.Headers)+len(c.cfg.Headers)+3)
	set := func(key, value string) {
		key = strings.ToLower(key)
		for i := range headers {
			if headers[i].Key == key {
				headers[i].Value = value
				return
			}
		}
		headers = append(headers, protocol.KeyValue{Key: key, Value: value})
	}
	set("user-agent", "perdure") // the library's own name stays out of it
	for _, kv := range r.Headers {
		set(kv.Key, kv.Value)
	}
	for _, kv := range c.cfg.Headers {
		set(kv.Key, kv.Value)
	}
	if c.cfg.IdentityKey != nil {
		token, err := signIdentity(c.cfg.IdentityKey, r.Path, r.Subject, time.Now(),
			c.cfg.IdentityExpiration)
		if err != nil {
			return nil, fmt.Errorf("sign %s: %w", r.Path, err)
		}
		set(headerScheme, schemeV1)
		set(headerToken, token)
	}
	return headers, nil
}

func parseAddress(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("parse deployment address %q: %w", address, err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("deployment address %q: want http://host or https://host", address)
	}
	return u, nil
}
