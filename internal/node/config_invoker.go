package node

import "time"

// Invoker configures the running of handlers.
type Invoker struct {
	// InactivityTimeout is how long an attempt may be silent before it is asked to suspend.
	// Default: 1m.
	InactivityTimeout Duration `toml:"inactivity-timeout"`
	// AbortTimeout is how long an attempt asked to suspend may still take before its connection
	// is cut. Default: 10m.
	AbortTimeout Duration `toml:"abort-timeout"`
	// MessageSizeWarning is the size from which a message of a handler is logged as large.
	// Default: 10 MiB.
	MessageSizeWarning ByteSize `toml:"message-size-warning"`
	// MessageSizeLimit is the largest message of a handler. It cannot exceed the limit of
	// [networking] and is lowered to it. Default: 32 MiB.
	MessageSizeLimit ByteSize `toml:"message-size-limit"`
	// EagerStateSizeLimit is how much state is sent along when an attempt starts. Default:
	// MessageSizeLimit.
	EagerStateSizeLimit ByteSize `toml:"eager-state-size-limit"`
	// ConcurrentInvocationsLimit is how many attempts run at once on the node. Default: 1000.
	ConcurrentInvocationsLimit int `toml:"concurrent-invocations-limit"`
	// InMemoryQueueLengthLimit is how many invocations per partition wait in memory for a slot.
	// Default: 66049.
	InMemoryQueueLengthLimit int `toml:"in-memory-queue-length-limit"`
	// MemoryLimit is how much memory all attempts of the node may take. Default: 1.5 GiB.
	MemoryLimit ByteSize `toml:"memory-limit"`
	// PerInvocationMemoryLimit is how much memory one attempt may take. Default: 32 MiB.
	PerInvocationMemoryLimit ByteSize `toml:"per-invocation-memory-limit"`
	// PerInvocationInitialMemory is how much memory is set aside before an attempt starts.
	// Default: 32 KiB.
	PerInvocationInitialMemory ByteSize `toml:"per-invocation-initial-memory"`
	// InvocationThrottling limits how often attempts start. Default: no limit.
	InvocationThrottling Throttle `toml:"invocation-throttling"`
	// ActionThrottling limits how often attempts act. Default: no limit.
	ActionThrottling Throttle `toml:"action-throttling"`
	// MaxAwaitedFutureDepth is how deeply combined futures may nest. Default: 1000.
	MaxAwaitedFutureDepth int `toml:"max-awaited-future-depth"`

	Client
}

// Throttle is a token bucket. The zero value does not limit.
type Throttle struct {
	// Rate is how many tokens come in per unit of time, such as "100/s" or "5/min".
	Rate Rate `toml:"rate"`
	// Capacity is how many tokens the bucket holds. Default: the count of Rate.
	Capacity int `toml:"capacity"`
}

// Client configures requests to deployments. Its keys are also understood at the top level,
// where they are deprecated and win over those in [worker.invoker].
type Client struct {
	// RequestIdentityPrivateKeyPEMFile holds the Ed25519 key that signs requests. Default: "",
	// requests are not signed.
	RequestIdentityPrivateKeyPEMFile string `toml:"request-identity-private-key-pem-file"`
	// RequestIdentityExpiration is how long a signature is valid. Default: 1m.
	RequestIdentityExpiration Duration `toml:"request-identity-expiration"`
	// AdditionalRequestHeaders are sent with every request to a deployment. Default: the
	// header x-restate-cluster-name with the cluster's name.
	AdditionalRequestHeaders map[string]string `toml:"additional-request-headers"`
	// HTTPProxy is the address of a proxy for requests to deployments. Default: "", none.
	HTTPProxy string `toml:"http-proxy"`
	// NoProxy are host names and addresses reached without the proxy. Default: none.
	NoProxy []string `toml:"no-proxy"`
	// ConnectTimeout is how long a connection may take to open. Default: 10s.
	ConnectTimeout Duration `toml:"connect-timeout"`
	// HTTP2KeepAliveInterval is the pause between two pings on a connection. Default: 40s.
	HTTP2KeepAliveInterval Duration `toml:"http2-keep-alive-interval"`
	// HTTP2KeepAliveTimeout is how long the answer to a ping may take. Default: 20s.
	HTTP2KeepAliveTimeout Duration `toml:"http2-keep-alive-timeout"`
	// HTTP2KeepAliveJitter is the part of the interval by which pings vary, 0 to 1.
	// Default: 0.2.
	HTTP2KeepAliveJitter float64 `toml:"http2-keep-alive-jitter"`
	// HTTP2StreamsPerConnectionLimit is how many attempts share a connection. Default: 128.
	HTTP2StreamsPerConnectionLimit int `toml:"http2-streams-per-connection-limit"`
	// HTTP2IdleConnectionTimeout is when an unused connection is closed. Default: 5m.
	HTTP2IdleConnectionTimeout Duration `toml:"http2-idle-connection-timeout"`
	// HTTP2InitialStreamWindowSize is the flow-control window of a stream. Default: 2 MiB.
	HTTP2InitialStreamWindowSize ByteSize `toml:"http2-initial-stream-window-size"`
	// HTTP2InitialConnectionWindowSize is that of a connection. Default: 5 MiB.
	HTTP2InitialConnectionWindowSize ByteSize `toml:"http2-initial-connection-window-size"`
	// HTTP2MaxFrameSize is the largest frame accepted. Default: 16 KiB.
	HTTP2MaxFrameSize ByteSize `toml:"http2-max-frame-size"`
	// AWSProfile is the profile used to call Lambda. Default: "", the SDK's choice.
	AWSProfile string `toml:"aws-profile"`
	// AWSAssumeRoleExternalID is passed along when a role is assumed. Default: "", none.
	AWSAssumeRoleExternalID string `toml:"aws-assume-role-external-id"`
	// RequestCompressionThreshold is the size from which a Lambda request is compressed.
	// Default: 4 MiB.
	RequestCompressionThreshold ByteSize `toml:"request-compression-threshold"`
}

func defaultInvoker() Invoker {
	return Invoker{
		InactivityTimeout:          Duration(time.Minute),
		AbortTimeout:               Duration(10 * time.Minute),
		MessageSizeWarning:         10 * MiB,
		MessageSizeLimit:           32 * MiB,
		ConcurrentInvocationsLimit: 1000,
		InMemoryQueueLengthLimit:   66049,
		MemoryLimit:                GiB + 512*MiB,
		PerInvocationMemoryLimit:   32 * MiB,
		PerInvocationInitialMemory: 32 * KiB,
		MaxAwaitedFutureDepth:      1000,
		Client: Client{
			RequestIdentityExpiration:        Duration(time.Minute),
			ConnectTimeout:                   Duration(10 * time.Second),
			HTTP2KeepAliveInterval:           Duration(40 * time.Second),
			HTTP2KeepAliveTimeout:            Duration(20 * time.Second),
			HTTP2KeepAliveJitter:             0.2,
			HTTP2StreamsPerConnectionLimit:   128,
			HTTP2IdleConnectionTimeout:       Duration(5 * time.Minute),
			HTTP2InitialStreamWindowSize:     2 * MiB,
			HTTP2InitialConnectionWindowSize: 5 * MiB,
			HTTP2MaxFrameSize:                16 * KiB,
			RequestCompressionThreshold:      4 * MiB,
		},
	}
}
