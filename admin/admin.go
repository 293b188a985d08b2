package admin

import (
	"context"
	"math/rand/v2"
	"net/http"

	"github.com/oklog/ulid/v2"

	"github.com/perdure/perdure/internal/clock"
	"github.com/perdure/perdure/invoker/endpoint"
	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// The server reports itself as a release of this line, which clients look at for what they may ask.
const (
	DefaultVersion     = "1.7.12"
	minAPIVersion      = 2
	maxAPIVersion      = 4
	defaultClusterName = "localcluster"
)

// Features are the names on the version page, in its order. All are off unless Config says so.
var Features = []string{
	"vqueues", "protocol_v7", "scoped_virtual_objects", "unique_random_seeds", "invoker_yield",
	"kafka_scope", "vqueues_async_refill", "scoped_state_table_migration",
	"preflight_invocation_termination_retention", "vqueues_migration_skip_completed",
	"vqueue_obsolete_cleanup", "scoped_promise_table_migration",
}

// Config configures a Handler. Zero fields take their defaults.
type Config struct {
	// Version is the semantic version on the version page. Default: DefaultVersion.
	Version string
	// IngressEndpoint is the address under which callers reach the ingress. Default: none.
	IngressEndpoint string
	// Features are the features that are on, by name. Default: none.
	Features map[string]bool
	// ClusterName is shown by cluster-health. Default: "localcluster".
	ClusterName string
	// ConcurrentRequestsLimit is how many requests run at once; more get 429. Default: 0, no limit.
	ConcurrentRequestsLimit int
	// RoutingHeaders are request headers that tell deployments with one address apart.
	// Default: none.
	RoutingHeaders []string
	// Mounts are handlers of other packages, by the first segment of the path: "query", "ui". They
	// get requests without the version prefix. Default: none.
	Mounts map[string]http.Handler
	// Explainer says what invocations wait for. Default: none, and the pages about it do not exist.
	Explainer Explainer
}

// Registry holds what is registered; *schema.Registry is one.
type Registry interface {
	schema.Source
	Update(context.Context, func(*schema.Schema) (*schema.Schema, error)) (*schema.Schema, error)
}

// Discoverer asks HTTP deployments what they offer; *endpoint.Client is one.
type Discoverer interface {
	Discover(ctx context.Context, address string, headers []protocol.KeyValue, useHTTP11 bool) (
		endpoint.RawManifest, error)
}

// LambdaDiscoverer is a Discoverer that reaches Lambda deployments too.
type LambdaDiscoverer interface {
	DiscoverLambda(ctx context.Context, arn, assumeRoleARN string, headers []protocol.KeyValue) (
		endpoint.RawManifest, error)
}

// Partitions passes commands to the partitions that own them. Errors mean that a partition could
// not be asked, not that it refused.
type Partitions interface {
	// Submit sets the command's Request itself and returns the reply.
	Submit(context.Context, command.Command) (command.Reply, error)
	// Pinned says what an invocation calls, and on which deployment and in which protocol version
	// it has to run; these two are zero until its first attempt has chosen them. ok is false if
	// there is no such invocation.
	Pinned(context.Context, protocol.InvocationID) (
		t protocol.Target, d protocol.DeploymentID, version uint32, ok bool, err error)
}

// Handler answers the admin port.
type Handler struct {
	cfg        Config
	registry   Registry
	discoverer Discoverer
	partitions Partitions
	clock      clock.Clock
	slots      chan struct{} // nil: no limit
	routes     []route

	// Chance, which tests replace.
	newULID func() [16]byte
	newSeed func() uint64
}

// New makes a Handler.
func New(cfg Config, r Registry, d Discoverer, p Partitions, c clock.Clock) *Handler {
	if cfg.Version == "" {
		cfg.Version = DefaultVersion
	}
	if cfg.ClusterName == "" {
		cfg.ClusterName = defaultClusterName
	}
	h := &Handler{
		cfg: cfg, registry: r, discoverer: d, partitions: p, clock: c,
		newULID: func() [16]byte { return ulid.Make() }, newSeed: rand.Uint64,
	}
	if cfg.ConcurrentRequestsLimit > 0 {
		h.slots = make(chan struct{}, cfg.ConcurrentRequestsLimit)
	}
	h.routes = h.table()
	return h
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.slots != nil {
		select {
		case h.slots <- struct{}{}:
			defer func() { <-h.slots }()
		default:
			send(w, r, &response{status: http.StatusTooManyRequests})
			return
		}
	}
	h.dispatch(w, r)
}
