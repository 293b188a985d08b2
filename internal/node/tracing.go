package node

import (
	"cmp"
	"context"
	"strconv"
	"sync/atomic"

	"github.com/perdure/perdure/ingress"
	"github.com/perdure/perdure/internal/otlp"
	"github.com/perdure/perdure/invoker"
	"github.com/perdure/perdure/protocol"
)

// tracing sends the spans of invocations to a collector.
type tracing struct {
	exporter *otlp.Exporter
	stop     context.CancelFunc
	stopped  chan struct{}
}

// startTracing starts sending spans if there is a collector.
func (n *Node) startTracing() error {
	to := cmp.Or(n.cfg.TracingServicesEndpoint, n.cfg.TracingEndpoint)
	if to == "" {
		return nil
	}
	var away atomic.Bool // the first failure in a row is told; the rest would fill the log
	exporter, err := otlp.New(otlp.Config{
		Endpoint: to, Headers: n.cfg.TracingHeaders,
		Resource: []protocol.KeyValue{
			{Key: "service.name", Value: "Restate"},
			{Key: "service.namespace", Value: n.cfg.ClusterName},
			{Key: "service.instance.id", Value: n.cfg.NodeName},
		},
		Sent: func() { away.Store(false) },
		Lost: func(spans int, err error) {
			if !away.Swap(true) {
				n.log.Warn("spans are lost", "spans", spans, "error", err)
			}
		},
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	n.tracing = &tracing{exporter: exporter, stop: stop, stopped: make(chan struct{})}
	go func() {
		defer close(n.tracing.stopped)
		exporter.Run(ctx)
	}()
	return nil
}

// close sends what is left.
func (t *tracing) close() {
	if t != nil {
		t.stop()
		<-t.stopped
	}
}

func (t *tracing) ingressEvents(events ingress.Events) ingress.Events {
	if t != nil {
		events.Traced = t.request
	}
	return events
}

func (t *tracing) invokerEvents(events invoker.Events) invoker.Events {
	if t != nil {
		events.AttemptTraced = t.attempt
	}
	return events
}

func invocationAttributes(id protocol.InvocationID, target protocol.Target) []protocol.KeyValue {
	return []protocol.KeyValue{
		{Key: "restate.invocation.id", Value: id.String()},
		{Key: "restate.invocation.target", Value: target.String()},
		{Key: "rpc.system", Value: "restate"},
		{Key: "rpc.service", Value: target.Service},
		{Key: "rpc.method", Value: target.Handler},
	}
}

func (t *tracing) request(r ingress.Traced) {
	s := otlp.Span{
		Context: r.Context, Parent: r.Parent.SpanID, Kind: otlp.Server,
		Name: "ingress " + r.Target.String(), Start: r.Start, End: r.End,
		Attributes: append(invocationAttributes(r.Invocation, r.Target),
			protocol.KeyValue{Key: "http.request.method", Value: r.Method},
			protocol.KeyValue{Key: "http.response.status_code", Value: strconv.Itoa(r.Status)}),
	}
	if r.Status >= 500 {
		s.Failure = "status " + strconv.Itoa(r.Status)
	}
	t.exporter.Add(s)
}

func (t *tracing) attempt(a invoker.AttemptTraced) {
	t.exporter.Add(otlp.Span{
		Context: a.Context, Parent: a.Parent.SpanID, Kind: otlp.Client,
		Name: "invocation-attempt " + a.Target.String(), Start: a.Start, End: a.End,
		Attributes: append(invocationAttributes(a.Invocation, a.Target),
			protocol.KeyValue{Key: "restate.deployment.id", Value: a.Deployment.String()}),
		Failure: a.Failure,
	})
}
