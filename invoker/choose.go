package invoker

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/perdure/perdure/invoker/endpoint"
	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/service"
)

// choice is where and how a try runs.
type choice struct {
	settings
	address *schema.Deployment
	handler *schema.Resolved
}

// choose takes the pinned deployment and version, or the newest ones that offer the handler.
func choose(cfg *Config, view *schema.Schema, s *Snapshot) (choice, *failure) {
	c := choice{settings: settings{
		target: s.Target, messageLimit: cfg.MessageSizeLimitBytes, futureDepth: cfg.MaxFutureDepth,
		resolve: view.Resolve, callee: (*schema.Resolved).Callee,
	}}
	pick := c.latest
	if !s.Deployment.IsZero() {
		pick = c.pinned
	}
	if bad := pick(cfg, view, s); bad != nil {
		return choice{}, bad
	}
	d := c.address
	if d.Kind != schema.DeploymentHTTP {
		return choice{}, paused(docUnavailable, "deployment %s is of kind %q, which this server cannot "+
			"call: register the service at an HTTP address", d.ID, d.Kind)
	}
	if n := snapshotBytes(s); n > cfg.MemoryLimitBytes {
		return choice{}, paused(docMessageSize, "the journal and state take %d bytes, more than the "+
			"invoker's memory-limit of %d: raise it and resume", n, cfg.MemoryLimitBytes)
	}
	for i := range s.Entries {
		if s.Entries[i].Body.Ref != nil {
			return choice{}, &failure{fault: true, code: protocol.CodeInternal, message: fmt.Sprintf(
				"journal entry %d was loaded without its content", i)}
		}
	}
	c.deployment = d.ID
	c.inactivity, c.abort = c.handler.InactivityTimeout, c.handler.AbortTimeout
	c.bidi = d.Mode == schema.ModeBidiStream && d.HTTPVersion != endpoint.HTTP11 && c.inactivity > 0
	return c, nil
}

func (c *choice) latest(cfg *Config, view *schema.Schema, s *Snapshot) *failure {
	r, err := view.Resolve(s.Target.Service, s.Target.Handler)
	if err != nil {
		return failed(docNoDeployment, "no deployment offers %s/%s: %v; register one",
			s.Target.Service, s.Target.Handler, err)
	}
	c.handler, c.address = r, r.Deployment
	v := min(service.Version(c.address.MaxProtocolVersion), cfg.serverMax())
	if !v.Supported() || v < service.Version(c.address.MinProtocolVersion) {
		return failed(docUnsupported, "deployment %s speaks protocol versions %d to %d, the server "+
			"%d to %d: update its SDK and register it again", c.address.ID, c.address.MinProtocolVersion,
			c.address.MaxProtocolVersion, service.MinVersion, cfg.serverMax())
	}
	c.version = v
	return nil
}

func (c *choice) pinned(_ *Config, view *schema.Schema, s *Snapshot) *failure {
	c.version = service.Version(s.ProtocolVersion)
	if !c.version.Supported() {
		return paused(docVersion, "the invocation began with protocol version %d, which this "+
			"server does not speak: resume it on another deployment or kill it", s.ProtocolVersion)
	}
	d, ok := view.Deployment(s.Deployment)
	if !ok {
		return paused(docNoDeployment, "deployment %s, on which the invocation began, is not registered "+
			"any more: register it again, or resume the invocation on another deployment", s.Deployment)
	}
	r, err := view.ResolveAt(s.Deployment, s.Target.Service, s.Target.Handler)
	var missing *schema.NotFoundError
	switch {
	case errors.As(err, &missing):
		return paused(docNoDeployment, "deployment %s, on which the invocation began, does not offer "+
			"%s/%s any more: resume the invocation on another deployment",
			s.Deployment, missing.Service, missing.Handler)
	case err != nil:
		return failed(docNoDeployment, "find %s at deployment %s: %v", s.Target, s.Deployment, err)
	}
	c.handler, c.address = r, d
	return nil
}

// paused is a failure that another try cannot mend.
func paused(doc, format string, args ...any) *failure {
	f := failed(doc, format, args...)
	f.behavior = service.BehaviorPause
	return f
}

// snapshotBytes is what the journal and state take in memory, once.
func snapshotBytes(s *Snapshot) (n int) {
	for i := range s.Entries {
		n += s.Entries[i].Body.Len()
	}
	for i := range s.State {
		n += len(s.State[i].Key) + s.State[i].Value.Len()
	}
	return n
}

// request is the request that opens a try's stream.
func request(c choice, s *Snapshot) endpoint.Request {
	contentType := service.ContentType(c.version)
	headers := make([]protocol.KeyValue, 0, 6+len(c.address.AdditionalHeaders))
	add := func(k, v string) { headers = append(headers, protocol.KeyValue{Key: k, Value: v}) }
	add("content-type", contentType)
	add("accept", contentType)
	add("x-restate-invocation-id", s.ID.String())
	if s.Target.Keyed() {
		add("x-restate-service-key", percentEncode(s.Target.Key))
	}
	if t := &s.Trace; !t.IsZero() {
		add("traceparent", fmt.Sprintf("00-%s-%s-%02x",
			hex.EncodeToString(t.TraceID[:]), hex.EncodeToString(t.SpanID[:]), t.Flags))
		if t.State != "" {
			add("tracestate", t.State)
		}
	}
	headers = append(headers, c.address.AdditionalHeaders...)
	return endpoint.Request{
		Address: c.address.URI, HTTPVersion: c.address.HTTPVersion,
		Path:    "/invoke/" + s.Target.Service + "/" + s.Target.Handler,
		Headers: headers, Subject: s.Target.Key,
	}
}

// percentEncode encodes every byte that is not unreserved in an address.
func percentEncode(s string) string {
	const digits = "0123456789ABCDEF"
	var b []byte
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '-', c == '.', c == '_', c == '~':
			b = append(b, c)
		default:
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(b)
}
