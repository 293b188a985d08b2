package endpoint

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
)

// maxIdleConnsPerHost is how many unused HTTP/1.1 connections to one address are kept; an attempt
// has a connection of its own.
const maxIdleConnsPerHost = 64

// newHTTP11 makes the transport for deployments that only speak HTTP/1.1. The request is sent in
// chunks, and such deployments answer once it has ended.
func newHTTP11(cfg Config) *http.Transport {
	dialer := &net.Dialer{Timeout: cfg.ConnectTimeout}
	var base *tls.Config
	if cfg.TLS != nil {
		base = cfg.TLS.Clone()
		base.NextProtos = []string{"http/1.1"}
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	proxy := proxyFunc(cfg)
	return &http.Transport{
		Proxy:       func(r *http.Request) (*url.URL, error) { return proxy(r.URL) },
		DialContext: dialer.DialContext, TLSClientConfig: base, Protocols: protocols,
		TLSHandshakeTimeout: cfg.ConnectTimeout, IdleConnTimeout: cfg.IdleConnTimeout,
		MaxIdleConnsPerHost: maxIdleConnsPerHost, DisableCompression: true,
		ReadBufferSize: readBufferBytes, WriteBufferSize: readBufferBytes,
	}
}
