package endpoint

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// proxyFunc says which proxy, if any, stands before an address.
func proxyFunc(cfg Config) func(*url.URL) (*url.URL, error) {
	if cfg.Proxy == "" {
		return func(*url.URL) (*url.URL, error) { return nil, nil }
	}
	c := httpproxy.Config{
		HTTPProxy: cfg.Proxy, HTTPSProxy: cfg.Proxy, NoProxy: strings.Join(cfg.NoProxy, ","),
	}
	return c.ProxyFunc()
}

// connect opens a connection to base, through the proxy if one stands before it.
func (d *http2Dialer) connect(ctx context.Context, base *url.URL) (net.Conn, error) {
	proxy, err := d.proxy(base)
	if err != nil {
		return nil, fmt.Errorf("find the proxy for %s: %w", base.Host, err)
	}
	if proxy == nil {
		return d.net.DialContext(ctx, "tcp", authority(base))
	}
	nc, err := d.net.DialContext(ctx, "tcp", authority(proxy))
	if err != nil {
		return nil, fmt.Errorf("reach the proxy: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	defer stop()
	if err := tunnel(nc, authority(base)); err != nil {
		nc.Close()
		return nil, fmt.Errorf("ask the proxy %s for a tunnel: %w", proxy.Host, err)
	}
	return nc, nil
}

// tunnel makes nc, a connection to a proxy, one to target.
func tunnel(nc net.Conn, target string) error {
	req := &http.Request{
		Method: http.MethodConnect, URL: &url.URL{Opaque: target}, Host: target, Header: http.Header{},
	}
	if err := req.Write(nc); err != nil {
		return err
	}
	r := bufio.NewReader(nc)
	resp, err := http.ReadResponse(r, req)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("it answered with status %d", resp.StatusCode)
	}
	if r.Buffered() > 0 {
		return fmt.Errorf("it sent %d bytes before the deployment was asked anything", r.Buffered())
	}
	return nil
}
