package ingress

import (
	"context"
	"net/http"
	"time"

	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// Partitions carries requests to whoever leads the partition of an invocation. Its methods hold a
// request over a change of leader; an error means that the partition cannot be reached now.
type Partitions interface {
	// Invoke starts an invocation and returns once that is durable.
	Invoke(context.Context, protocol.TraceContext, *command.Invoke) (command.Reply, error)
	// Call starts an invocation and waits for its end. existed: it had been started before; with
	// onlyNew the reply is then ReplyPreviouslyAccepted at once.
	// accepted is called once the invocation is durable and the parameter no longer needed.
	Call(ctx context.Context, t protocol.TraceContext, inv *command.Invoke, onlyNew bool,
		accepted func()) (reply command.Reply, existed bool, err error)
	// Attach waits for the end of an invocation: ReplyCompleted or ReplyNotFound.
	Attach(context.Context, protocol.InvocationID) (command.Reply, error)
	// Output reads a result: ReplyCompleted, ReplyNotCompleted or ReplyNotFound.
	Output(context.Context, protocol.InvocationID) (command.Reply, error)
	// Submit applies a command and returns the machine's reply.
	Submit(context.Context, command.Command) (command.Reply, error)
}

// Config says how requests are taken.
type Config struct {
	// RequestSizeLimit is the largest body in bytes; default 32 MiB.
	RequestSizeLimit int64
	// ConcurrentRequests is how many requests are served at once; 0 means any number.
	ConcurrentRequests int
	// BodyMemoryLimit bounds the bytes of large bodies that are read and not yet durable, on the node;
	// requests wait for their share before they are read. At least RequestSizeLimit; default 128 MiB.
	BodyMemoryLimit int64
	// Scopes says whether scoped calls are accepted.
	Scopes bool
}

func (c Config) withDefaults() Config {
	if c.RequestSizeLimit <= 0 {
		c.RequestSizeLimit = 32 << 20
	}
	if c.BodyMemoryLimit <= 0 {
		c.BodyMemoryLimit = 128 << 20
	}
	c.BodyMemoryLimit = max(c.BodyMemoryLimit, c.RequestSizeLimit)
	return c
}

// Events are optional callbacks.
type Events struct {
	// Served is called after each request with what was asked, the status and how long it took.
	Served func(kind RequestKind, status int, took time.Duration)
	// Traced is called after each call and send that is recorded: one whose caller records it, or
	// that comes without a trace. If it is nil, nothing is recorded and traces go on unchanged.
	Traced func(Traced)
}

// Handler serves the ingress.
type Handler struct {
	ready      func() bool
	cfg        Config
	schemas    schema.Source
	partitions Partitions
	events     Events
	slots      chan struct{} // nil: no limit
	bodies     *bodies
}

// New makes a handler. ready says whether every partition can be reached: it decides on health only,
// other requests wait until theirs can be. It may be nil.
func New(cfg Config, schemas schema.Source, partitions Partitions, ready func() bool,
	events Events,
) *Handler {
	h := &Handler{
		cfg: cfg.withDefaults(), schemas: schemas, partitions: partitions, ready: ready, events: events,
	}
	h.bodies = newBodies(h.cfg.BodyMemoryLimit)
	if n := cfg.ConcurrentRequests; n > 0 {
		h.slots = make(chan struct{}, n)
	}
	return h
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	out := &response{w: w, status: http.StatusOK}
	kind := h.serve(out, r)
	if t := out.traced; t != nil {
		t.Status, t.Start, t.End = out.status, start, time.Now()
		h.events.Traced(*t)
	}
	if h.events.Served != nil {
		h.events.Served(kind, out.status, time.Since(start))
	}
}

func (h *Handler) serve(w *response, r *http.Request) RequestKind {
	if allowCrossOrigin(w, r) {
		return RequestPreflight
	}
	if h.slots != nil {
		select {
		case h.slots <- struct{}{}:
			defer func() { <-h.slots }()
		default:
			w.fail(errOverloaded)
			return RequestUnknown
		}
	}
	req, err := parsePath(r.URL.EscapedPath())
	if err == nil {
		err = h.dispatch(w, r, &req)
	}
	if err != nil {
		w.fail(asError(err))
	}
	return req.kind
}

// dispatch serves one request; an error is what the client is told.
func (h *Handler) dispatch(w *response, r *http.Request, req *request) error {
	if err := req.checkMethod(r.Method); err != nil {
		return err
	}
	switch req.kind {
	case RequestHealth:
		return h.health(w)
	case RequestCall, RequestSend, RequestPlain:
		return h.invoke(w, r, req)
	case RequestAttach, RequestOutput:
		return h.result(w, r, req)
	case RequestLookup:
		return h.lookup(w, r)
	case RequestAwakeable:
		return h.awakeable(w, r, req)
	}
	return errNotFound
}

func (h *Handler) health(w *response) error {
	if h.ready != nil && !h.ready() {
		return errNotServing
	}
	services := h.schemas.Current().Services()
	names := make([]string, len(services))
	for i, s := range services {
		names[i] = s.Name
	}
	return w.json(http.StatusOK, struct {
		Services []string `json:"services"`
	}{names})
}

// allowCrossOrigin lets any web page call the ingress, and answers preflight requests; it reports
// whether the request was one.
func allowCrossOrigin(w *response, r *http.Request) bool {
	out := w.w.Header()
	out.Set("Vary", "origin, access-control-request-method, access-control-request-headers")
	out.Set("Access-Control-Allow-Credentials", "true")
	if origin := r.Header.Get("Origin"); origin != "" {
		out.Set("Access-Control-Allow-Origin", origin)
	}
	if r.Method != http.MethodOptions {
		return false
	}
	if m := r.Header.Get("Access-Control-Request-Method"); m != "" {
		out.Set("Access-Control-Allow-Methods", m)
	}
	if hs := r.Header.Get("Access-Control-Request-Headers"); hs != "" {
		out.Set("Access-Control-Allow-Headers", hs)
	}
	w.header(http.StatusOK)
	return true
}
