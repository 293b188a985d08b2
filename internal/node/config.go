package node

import (
	"slices"
	"time"
)

// Roles a node can have.
const (
	RoleHTTPIngress    = "http-ingress"
	RoleAdmin          = "admin"
	RoleWorker         = "worker"
	RoleLogServer      = "log-server"
	RoleMetadataServer = "metadata-server"
)

// Ports the listeners use unless the configuration says otherwise.
const (
	DefaultIngressPort = 8080
	DefaultAdminPort   = 9070
	DefaultFabricPort  = 5122
)

// Config is the configuration of one node. The key of a field in the file is its tag; nested
// structs are tables. Durations read "1m 30s" or "PT90S", sizes "64.0 MiB", "512MB" or bytes.
type Config struct {
	// Roles are what this node does. Default: all five.
	Roles []string `toml:"roles"`
	// NodeName tells the nodes of a cluster apart and names the node's folder below BaseDir. It
	// must not change while that folder is in use. Default: the host name.
	NodeName string `toml:"node-name"`
	// ClusterName must be equal on all nodes, and equal to the one stored in BaseDir. Default:
	// "localcluster".
	ClusterName string `toml:"cluster-name"`
	// Location is "region" or "region.zone"; placement spreads replicas over them. Default: "".
	Location string `toml:"location"`
	// BaseDir is the folder that holds everything the node keeps. Default: "./perdure-data".
	BaseDir string `toml:"base-dir"`

	// Listener is where other nodes, metrics and control reach this node. Default port: 5122.
	Listener
	// AdvertisedHost is the host put into an advertised address that is not set, on all
	// listeners. Default: unset.
	AdvertisedHost string `toml:"advertised-host"`
	// UseRandomPorts makes every listener without a port of its own take a free one.
	// Default: false.
	UseRandomPorts bool `toml:"use-random-ports"`

	// AutoProvision lets a node that finds no cluster start one. Default: true; false with
	// --production.
	AutoProvision bool `toml:"auto-provision"`
	// DefaultNumPartitions is how many partitions a new cluster gets; later changes have no
	// effect. Default: 24.
	DefaultNumPartitions int `toml:"default-num-partitions"`
	// DefaultReplication is on how many nodes (and zones, regions) a new cluster keeps each
	// partition: 2 or {zone: 2, node: 3}. Default: 1.
	DefaultReplication Replication `toml:"default-replication"`
	// ShutdownTimeout is how long a stopping node waits for its parts. Default: 1m.
	ShutdownTimeout Duration `toml:"shutdown-timeout"`
	// InitializationTimeout is how long a starting node waits for the cluster. Default: 5m.
	InitializationTimeout Duration `toml:"initialization-timeout"`

	// DefaultRetryPolicy is how failed attempts are retried when the service sets nothing.
	DefaultRetryPolicy RetryPolicy `toml:"default-retry-policy"`
	// MaxRetryPolicyMaxAttempts is a ceiling on what services may ask for. Default: unlimited.
	MaxRetryPolicyMaxAttempts Attempts `toml:"max-retry-policy-max-attempts"`

	// DefaultJournalRetention is how long the journal of a finished invocation is kept when the
	// service sets nothing; 0 keeps none. Default: 1d.
	DefaultJournalRetention Duration `toml:"default-journal-retention"`
	// DefaultIdempotencyRetention is how long the outcome of a call with an idempotency key is
	// kept when the service sets nothing; 0 keeps none. Default: 1d.
	DefaultIdempotencyRetention Duration `toml:"default-idempotency-retention"`
	// DefaultWorkflowCompletionRetention is how long a finished workflow is kept when the
	// service sets nothing; 0 keeps none. Default: 1d.
	DefaultWorkflowCompletionRetention Duration `toml:"default-workflow-completion-retention"`
	// MaxJournalRetention is a ceiling, applied on reading. Default: nil, no ceiling.
	MaxJournalRetention *Duration `toml:"max-journal-retention"`
	// MaxIdempotencyRetention is a ceiling, applied on reading. Default: nil, no ceiling.
	MaxIdempotencyRetention *Duration `toml:"max-idempotency-retention"`
	// MaxWorkflowCompletionRetention is a ceiling, applied on reading. Default: nil, no ceiling.
	MaxWorkflowCompletionRetention *Duration `toml:"max-workflow-completion-retention"`

	Log
	Tracing
	Experimental

	// DisablePrometheus turns the metrics page off. Default: false.
	DisablePrometheus bool `toml:"disable-prometheus"`

	Worker     Worker     `toml:"worker"`
	Admin      Admin      `toml:"admin"`
	Ingress    Ingress    `toml:"ingress"`
	Bifrost    Bifrost    `toml:"bifrost"`
	Networking Networking `toml:"networking"`

	MetadataClient MetadataClient `toml:"metadata-client"`
}

// HasRole reports whether the node has the role.
func (c Config) HasRole(role string) bool { return slices.Contains(c.Roles, role) }

// Log says what is logged and how.
type Log struct {
	// LogFilter is a list of directives, "level" or "target=level", separated by commas.
	// Default: "warn,perdure=info". RUST_LOG in the environment sets it too.
	LogFilter string `toml:"log-filter"`
	// LogFormat is "pretty", "compact" or "json". Default: "pretty".
	LogFormat string `toml:"log-format"`
	// LogDisableANSICodes turns colours off. Default: false.
	LogDisableANSICodes bool `toml:"log-disable-ansi-codes"`
}

// Tracing says where spans go. An http or https address speaks OTLP over gRPC, an otlp+http or
// otlp+https address speaks OTLP over HTTP.
type Tracing struct {
	// TracingEndpoint receives all spans. Default: "", no tracing.
	TracingEndpoint string `toml:"tracing-endpoint"`
	// TracingRuntimeEndpoint receives the node's own spans instead of TracingEndpoint.
	TracingRuntimeEndpoint string `toml:"tracing-runtime-endpoint"`
	// TracingServicesEndpoint receives the spans of invocations instead of TracingEndpoint.
	TracingServicesEndpoint string `toml:"tracing-services-endpoint"`
	// TracingHeaders are sent with each export. Default: none.
	TracingHeaders map[string]string `toml:"tracing-headers"`
	// TracingFilter is a list of directives as in LogFilter. Default: "info".
	TracingFilter string `toml:"tracing-filter"`
	// TracingJSONPath is a folder that receives spans as JSON files. Default: "", none.
	TracingJSONPath string `toml:"tracing-json-path"`
}

// Experimental switches features whose form may still change. All default to false but ProtocolV7.
type Experimental struct {
	VQueues bool `toml:"experimental_enable_vqueues"`
	// ProtocolV7 lets invocations that start speak version 7 of the service protocol with
	// deployments that know it; without it they speak version 6. Invocations that have started
	// keep their version. Default: true.
	ProtocolV7           bool `toml:"experimental_enable_protocol_v7"`
	ScopedVirtualObjects bool `toml:"experimental_enable_scoped_virtual_objects"`
	UniqueRandomSeeds    bool `toml:"experimental_enable_unique_random_seeds"`
	VQueuesSkipCompleted bool `toml:"experimental_enable_vqueues_migration_skip_completed"`
	KafkaScope           bool `toml:"experimental_enable_kafka_scope"`
	InvokerYield         bool `toml:"experimental_enable_invoker_yield"`
}

// Features are the names of the experimental features that are on, without their prefix, as
// the version page lists them.
func (e Experimental) Features() []string { return experimentalFeatures(e) }

// RetryPolicy spaces retries: InitialInterval, then ExponentiationFactor times more each time,
// never more than MaxInterval.
type RetryPolicy struct {
	// InitialInterval is the wait before the first retry. Default: 500ms.
	InitialInterval Duration `toml:"initial-interval"`
	// ExponentiationFactor multiplies the wait each time, at least 1. Default: 2.0.
	ExponentiationFactor float64 `toml:"exponentiation-factor"`
	// MaxAttempts counts attempts including the first, a number or "unlimited". Default: 70.
	MaxAttempts Attempts `toml:"max-attempts"`
	// MaxInterval is the longest wait. Default: 1m.
	MaxInterval Duration `toml:"max-interval"`
	// OnMaxAttempts is what happens after the last attempt: "pause" or "kill". Default: "pause".
	OnMaxAttempts string `toml:"on-max-attempts"`
}

// Worker configures partition processing.
type Worker struct {
	// InternalQueueLength is how many actions may wait for the leader. Default: 1000.
	InternalQueueLength int `toml:"internal-queue-length"`
	// CleanupInterval is the pause between two searches for finished work whose retention is
	// over. Default: 1h.
	CleanupInterval Duration `toml:"cleanup-interval"`
	// DataServiceMemoryLimit bounds the large request bodies that were read and are not in the log
	// yet. Default: 128 MiB.
	DataServiceMemoryLimit ByteSize `toml:"data-service-memory-limit"`
	// MaxCommandBatchSize is how many commands are applied in one batch. Default: 32.
	MaxCommandBatchSize int `toml:"max-command-batch-size"`
	// MaxCommandBatchBytes is how many bytes of commands are applied in one batch.
	// Default: 1 MiB.
	MaxCommandBatchBytes ByteSize `toml:"max-command-batch-bytes"`

	Invoker Invoker `toml:"invoker"`
}

// Admin configures the operators' API.
type Admin struct {
	// Listener is where operators reach the node. Default port: 9070. BindIP and ListenMode
	// default to those of the node.
	Listener
	// ConcurrentAPIRequestsLimit is how many requests run at once; 0 is no limit. Default: 0.
	ConcurrentAPIRequestsLimit int `toml:"concurrent-api-requests-limit"`
	// DisableWebUI turns the web console at /ui off. Default: false.
	DisableWebUI bool `toml:"disable-web-ui"`
	// WebUIBundle is the web console: a folder or a ZIP file of the built one. Default: none, and /ui
	// says how to get one.
	WebUIBundle string `toml:"web-ui-bundle"`
	// DeploymentRoutingHeaders are request headers that tell deployments with one address
	// apart. Default: none.
	DeploymentRoutingHeaders []string `toml:"deployment-routing-headers"`

	QueryEngine QueryEngine `toml:"query-engine"`
	Postgres    Postgres    `toml:"postgres"`
}

// QueryEngine configures SQL introspection.
type QueryEngine struct {
	// MemorySize is how much memory all queries together may take. Default: 1 GiB.
	MemorySize ByteSize `toml:"memory-size"`
	// QueryMemorySize is how much memory one query may take. Default: 256 MiB, and at most
	// MemorySize.
	QueryMemorySize ByteSize `toml:"query-memory-size"`
	// QueryParallelism is how many processors compute for queries, and how many partitions one of
	// them reads at a time. While there are invocations they rest most of the time. Default: 0, all.
	QueryParallelism int `toml:"query-parallelism"`
	// ConcurrentQueriesLimit is how many queries run at once; more wait, and get 429 after 10 s.
	// Default: 16.
	ConcurrentQueriesLimit int `toml:"concurrent-queries-limit"`
	// QueryTimeout is how long a query may run. Default: 5 minutes.
	QueryTimeout Duration `toml:"query-timeout"`
	// RowLimit is how many rows a query may return. Default: 10,000,000.
	RowLimit int `toml:"row-limit"`
}

// Ingress configures the public HTTP side.
type Ingress struct {
	// Listener is where callers reach the node. Default port: 8080. BindIP and ListenMode
	// default to those of the node.
	Listener
	// ConcurrentAPIRequestsLimit is how many requests run at once; 0 is no limit. Default: 0.
	ConcurrentAPIRequestsLimit int `toml:"concurrent-api-requests-limit"`
	// RequestSizeLimit is the largest request body. Default: 32 MiB.
	RequestSizeLimit ByteSize `toml:"request-size-limit"`
	// HTTP2MaxConcurrentStreams is how many requests one HTTP/2 connection may run at once;
	// 0 leaves it to the HTTP library. Default: 0.
	HTTP2MaxConcurrentStreams int `toml:"http2-max-concurrent-streams"`
	// KafkaClusters are the clusters subscriptions may name. Default: none.
	KafkaClusters []KafkaCluster `toml:"kafka-clusters"`
}

// Bifrost configures the log.
type Bifrost struct {
	// DefaultProvider is how new logs are kept: "replicated", "local", or "in-memory", which
	// loses everything at stop and is meant for tests. Default: "replicated".
	DefaultProvider string `toml:"default-provider"`
	// RecordSizeLimit is the largest record the log takes. Default: 32 MiB.
	RecordSizeLimit ByteSize `toml:"record-size-limit"`
}

// MetadataClient says how a node finds its cluster.
type MetadataClient struct {
	// Addresses are the URLs of nodes of the cluster, which a node without data asks. This node may
	// be among them. Default: none, the node is the first.
	Addresses []string `toml:"addresses"`
}

// Networking configures connections between nodes.
type Networking struct {
	// ConnectTimeout is how long a connection may take to open. Default: 3s.
	ConnectTimeout Duration `toml:"connect-timeout"`
	// HandshakeTimeout is how long the first exchange on it may take. Default: 3s.
	HandshakeTimeout Duration `toml:"handshake-timeout"`
	// MessageSizeLimit is the largest message. Default: 32 MiB.
	MessageSizeLimit ByteSize `toml:"message-size-limit"`
	// AllowPlaintext lets nodes that other hosts reach talk to each other without TLS. Whoever reaches
	// their port may then read and change everything. Default: false.
	AllowPlaintext bool `toml:"allow-plaintext"`

	TLS
}

// Default is the configuration of a node that nobody configured. The node name is the host
// name; it stays empty when the host has none, and Validate then asks for one.
func Default() Config {
	c := unresolved()
	c.resolve()
	return c
}

// unresolved holds the defaults before the settings that depend on others are filled in.
func unresolved() Config {
	const day = Duration(24 * time.Hour)
	return Config{
		Roles: []string{
			RoleHTTPIngress, RoleAdmin, RoleWorker, RoleLogServer, RoleMetadataServer,
		},
		ClusterName:           "localcluster",
		BaseDir:               "./perdure-data",
		Listener:              Listener{BindPort: portUnset, BindIP: "::", ListenMode: ListenAll},
		AutoProvision:         true,
		DefaultNumPartitions:  24,
		DefaultReplication:    Replication{Node: 1},
		ShutdownTimeout:       Duration(time.Minute),
		InitializationTimeout: Duration(5 * time.Minute),
		DefaultRetryPolicy: RetryPolicy{
			InitialInterval:      Duration(500 * time.Millisecond),
			ExponentiationFactor: 2,
			MaxAttempts:          70,
			MaxInterval:          Duration(time.Minute),
			OnMaxAttempts:        OnMaxAttemptsPause,
		},
		MaxRetryPolicyMaxAttempts:          Unlimited,
		DefaultJournalRetention:            day,
		DefaultIdempotencyRetention:        day,
		DefaultWorkflowCompletionRetention: day,
		Experimental:                       Experimental{ProtocolV7: true},
		Log:                                Log{LogFilter: "warn,perdure=info", LogFormat: LogPretty},
		Tracing:                            Tracing{TracingFilter: "info"},
		Worker: Worker{
			InternalQueueLength:    1000,
			CleanupInterval:        Duration(time.Hour),
			DataServiceMemoryLimit: 128 * MiB,
			MaxCommandBatchSize:    32,
			MaxCommandBatchBytes:   MiB,
			Invoker:                defaultInvoker(),
		},
		Admin: Admin{
			Listener: Listener{BindPort: portUnset},
			QueryEngine: QueryEngine{
				MemorySize: GiB, QueryMemorySize: 256 * MiB, ConcurrentQueriesLimit: 16,
				QueryTimeout: Duration(5 * time.Minute), RowLimit: 10_000_000,
			},
			Postgres: Postgres{
				BindPort: portUnset, User: "perdure", ConnectionsLimit: 100, CursorsLimit: 8,
			},
		},
		Ingress: Ingress{
			Listener:         Listener{BindPort: portUnset},
			RequestSizeLimit: 32 * MiB,
		},
		Bifrost: Bifrost{DefaultProvider: ProviderReplicated, RecordSizeLimit: 32 * MiB},
		Networking: Networking{
			ConnectTimeout:   Duration(3 * time.Second),
			HandshakeTimeout: Duration(3 * time.Second),
			MessageSizeLimit: 32 * MiB,
		},
	}
}
