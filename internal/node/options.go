package node

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/perdure/perdure/invoker"
	"github.com/perdure/perdure/invoker/endpoint"
	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
)

// The functions here turn the node's configuration into that of its parts.

func (c Config) schemaDefaults() schema.Defaults {
	ceiling := func(d *Duration) Duration {
		if d == nil {
			return 0
		}
		return *d
	}
	retry := c.DefaultRetryPolicy
	onMaxAttempts := schema.OnMaxAttemptsPause
	if retry.OnMaxAttempts == OnMaxAttemptsKill {
		onMaxAttempts = schema.OnMaxAttemptsKill
	}
	return schema.Defaults{
		InactivityTimeout:              c.Worker.Invoker.InactivityTimeout.Std(),
		AbortTimeout:                   c.Worker.Invoker.AbortTimeout.Std(),
		JournalRetention:               c.DefaultJournalRetention.Std(),
		IdempotencyRetention:           c.DefaultIdempotencyRetention.Std(),
		WorkflowCompletionRetention:    c.DefaultWorkflowCompletionRetention.Std(),
		RetryInitialInterval:           retry.InitialInterval.Std(),
		RetryMaxInterval:               retry.MaxInterval.Std(),
		RetryFactor:                    retry.ExponentiationFactor,
		RetryMaxAttempts:               attempts(retry.MaxAttempts),
		OnMaxAttempts:                  onMaxAttempts,
		MaxJournalRetention:            ceiling(c.MaxJournalRetention).Std(),
		MaxIdempotencyRetention:        ceiling(c.MaxIdempotencyRetention).Std(),
		MaxWorkflowCompletionRetention: ceiling(c.MaxWorkflowCompletionRetention).Std(),
		MaxRetryAttempts:               attempts(c.MaxRetryPolicyMaxAttempts),
	}
}

func (c Config) invokerConfig() invoker.Config {
	i := c.Worker.Invoker
	eager := int(i.EagerStateSizeLimit)
	if eager == 0 {
		eager = -1 // the invoker's way to say none
	}
	return invoker.Config{
		ConcurrencyLimit:           i.ConcurrentInvocationsLimit,
		MemoryLimitBytes:           int(i.MemoryLimit),
		InvocationMemoryLimitBytes: int(i.PerInvocationMemoryLimit),
		InitialMemoryBytes:         int(i.PerInvocationInitialMemory),
		MessageSizeLimitBytes:      int(min(i.MessageSizeLimit, c.Networking.MessageSizeLimit)),
		EagerStateLimitBytes:       eager,
		MaxFutureDepth:             i.MaxAwaitedFutureDepth,
		StartRate:                  i.InvocationThrottling.Rate.PerSecond(),
		StartBurst:                 i.InvocationThrottling.Capacity,
		EnableProtocolV7:           c.Experimental.ProtocolV7,
		Defaults:                   c.schemaDefaults(),
	}
}

func (c Config) clientConfig() (endpoint.Config, error) {
	i := c.Worker.Invoker
	out := endpoint.Config{
		ConnectTimeout:     i.ConnectTimeout.Std(),
		KeepAliveInterval:  i.HTTP2KeepAliveInterval.Std(),
		KeepAliveTimeout:   i.HTTP2KeepAliveTimeout.Std(),
		IdleConnTimeout:    i.HTTP2IdleConnectionTimeout.Std(),
		StreamsPerConn:     i.HTTP2StreamsPerConnectionLimit,
		StreamWindowBytes:  int(i.HTTP2InitialStreamWindowSize),
		ConnWindowBytes:    int(i.HTTP2InitialConnectionWindowSize),
		MaxFrameBytes:      int(i.HTTP2MaxFrameSize),
		IdentityExpiration: i.RequestIdentityExpiration.Std(),
		Proxy:              i.HTTPProxy,
		NoProxy:            i.NoProxy,
	}
	for name, value := range i.AdditionalRequestHeaders {
		out.Headers = append(out.Headers, protocol.KeyValue{Key: name, Value: value})
	}
	slices.SortFunc(out.Headers, func(a, b protocol.KeyValue) int { return strings.Compare(a.Key, b.Key) })
	if path := i.RequestIdentityPrivateKeyPEMFile; path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return out, fmt.Errorf("read the key that signs requests: %w; "+
				"check request-identity-private-key-pem-file", err)
		}
		if out.IdentityKey, err = endpoint.ParseIdentityKey(text); err != nil {
			return out, fmt.Errorf("read the key that signs requests from %s: %w", path, err)
		}
	}
	return out, nil
}

// attempts is a number of attempts as the schema counts them: 0 is unlimited.
func attempts(a Attempts) uint32 {
	if a == Unlimited {
		return 0
	}
	return uint32(a)
}

// WithoutEffect lists the settings that were changed and that this version does nothing with.
func (c Config) WithoutEffect() []string {
	var keys []string
	for _, s := range []struct {
		key     string
		changed bool
	}{
		{"tracing-endpoint", c.TracingEndpoint+c.TracingRuntimeEndpoint+c.TracingServicesEndpoint != ""},
		{"tracing-json-path", c.TracingJSONPath != ""},
		{"ingress.kafka-clusters", len(c.Ingress.KafkaClusters) > 0},
		{"worker.invoker.action-throttling", c.Worker.Invoker.ActionThrottling.Rate.Count > 0},
		{"worker.invoker.aws-profile", c.Worker.Invoker.AWSProfile != ""},
		{"worker.invoker.aws-assume-role-external-id", c.Worker.Invoker.AWSAssumeRoleExternalID != ""},
		{"bifrost.default-provider", c.Bifrost.DefaultProvider == "in-memory"},
		{"experimental_enable_vqueues", c.VQueues},
		{"experimental_enable_scoped_virtual_objects", c.ScopedVirtualObjects},
		{"experimental_enable_unique_random_seeds", c.UniqueRandomSeeds},
		{"experimental_enable_kafka_scope", c.KafkaScope},
		{"experimental_enable_invoker_yield", c.InvokerYield},
	} {
		if s.changed {
			keys = append(keys, s.key)
		}
	}
	return keys
}
