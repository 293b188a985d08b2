package node

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Values of settings with a fixed choice.
const (
	LogPretty  = "pretty"
	LogCompact = "compact"
	LogJSON    = "json"

	OnMaxAttemptsPause = "pause"
	OnMaxAttemptsKill  = "kill"

	ProviderReplicated = "replicated"
	ProviderLocal      = "local"
	ProviderInMemory   = "in-memory"
)

// Limits of settings.
const (
	// maxPartitions is how many partitions a cluster may have.
	maxPartitions = 65535
	// maxReplication is on how many nodes a partition may be kept.
	maxReplication = 127
	// maxNameBytes is the length of a node or cluster name, which becomes a file name.
	maxNameBytes = 255
	// minMessageSize is the smallest limit under which handlers can still be served.
	minMessageSize = 4 * KiB
)

// checks collects problems.
type checks struct{ problems []error }

func (c *checks) that(ok bool, key, format string, args ...any) {
	if !ok {
		c.problems = append(c.problems, fmt.Errorf(key+": "+format, args...))
	}
}

func (c *checks) oneOf(key, value string, choices ...string) {
	c.that(slices.Contains(choices, value), key, "%q is not one of %s", value,
		strings.Join(choices, ", "))
}

func (c *checks) positive(key string, d Duration) {
	c.that(d > 0, key, "it is 0; write a duration above 0")
}

func (c *checks) atLeast(key string, n, least int) {
	c.that(n >= least, key, "%d is below %d, the least that works", n, least)
}

func (c *checks) size(key string, b, least ByteSize) {
	c.that(b >= least, key, "%s is below %s, the least that works", b, least)
}

func (c *checks) url(key, text string, schemes ...string) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	c.that(err == nil && u.Host != "" && slices.Contains(schemes, u.Scheme), key,
		"%q is not a URL with a host and one of the schemes %s", text,
		strings.Join(schemes, ", "))
}

// Validate reports every problem at once, one line each, with the key it is about.
func (c Config) Validate() error {
	var found checks
	c.checkIdentity(&found)
	c.checkListeners(&found)
	c.checkCluster(&found)
	c.Networking.TLS.check(&found)
	c.checkRetries(&found)
	c.checkObservability(&found)
	c.checkWorker(&found)
	c.checkSurfaces(&found)
	return errors.Join(found.problems...)
}

func (c Config) checkIdentity(found *checks) {
	found.that(len(c.Roles) > 0, "roles", "it is empty; name at least one role")
	for i, role := range c.Roles {
		found.oneOf("roles", role,
			RoleHTTPIngress, RoleAdmin, RoleWorker, RoleLogServer, RoleMetadataServer)
		found.that(!slices.Contains(c.Roles[:i], role), "roles", "%q stands twice", role)
	}
	for key, name := range map[string]string{
		"node-name": c.NodeName, "cluster-name": c.ClusterName,
	} {
		ok := name != "" && len(name) <= maxNameBytes && name != "." && name != ".." &&
			!strings.ContainsAny(name, "/\\\x00")
		found.that(ok, key, "%q cannot be a name; write 1 to %d characters without slashes",
			name, maxNameBytes)
	}
	region, zone, hasZone := strings.Cut(c.Location, ".")
	found.that(c.Location == "" || (region != "" && (zone != "" || !hasZone)), "location",
		`%q is not "region" or "region.zone"`, c.Location)
	found.that(c.BaseDir != "", "base-dir", "it is empty; name a folder")
}

func (c Config) checkListeners(found *checks) {
	ports := map[int]string{}
	for _, l := range c.listeners() {
		_, err := netip.ParseAddr(l.BindIP)
		found.that(err == nil, l.table+"bind-ip", `%q is not an IP address; "::" is all addresses`,
			l.BindIP)
		found.that(l.BindPort >= 0 && l.BindPort <= 65535, l.table+"bind-port",
			"%d is not a port; a port is a number from 0 to 65535", l.BindPort)
		found.oneOf(l.table+"listen-mode", l.ListenMode, ListenTCP, ListenUnix, ListenAll)
		found.url(l.table+"advertised-address", l.AdvertisedAddress, "http", "https")
		if l.BindPort == 0 || !l.ListensTCP() {
			continue
		}
		other, taken := ports[l.BindPort]
		found.that(!taken, l.table+"bind-port", "%d is also %s; give each its own", l.BindPort,
			other)
		ports[l.BindPort] = l.table + "bind-port"
	}
	c.Admin.Postgres.check(found, ports)
	found.that(!strings.ContainsAny(c.AdvertisedHost, "/ "), "advertised-host",
		"%q is not a host name; write it without scheme and path", c.AdvertisedHost)
}

func (c Config) checkCluster(found *checks) {
	found.that(c.DefaultNumPartitions >= 1 && c.DefaultNumPartitions <= maxPartitions,
		"default-num-partitions", "%d is not from 1 to %d", c.DefaultNumPartitions, maxPartitions)
	r := c.DefaultReplication
	found.that(r.Node > 0 || r.Zone > 0 || r.Region > 0, "default-replication",
		"it asks for nothing; write at least 1")
	for _, address := range c.MetadataClient.Addresses {
		found.url("metadata-client.addresses", address, "http", "https")
	}
	found.positive("shutdown-timeout", c.ShutdownTimeout)
	found.positive("initialization-timeout", c.InitializationTimeout)
	found.oneOf("bifrost.default-provider", c.Bifrost.DefaultProvider,
		ProviderReplicated, ProviderLocal, ProviderInMemory)
	found.size("bifrost.record-size-limit", c.Bifrost.RecordSizeLimit, minMessageSize)
	found.positive("networking.connect-timeout", c.Networking.ConnectTimeout)
	found.positive("networking.handshake-timeout", c.Networking.HandshakeTimeout)
	found.size("networking.message-size-limit", c.Networking.MessageSizeLimit, minMessageSize)
}

func (c Config) checkRetries(found *checks) {
	const table = "default-retry-policy."
	p := c.DefaultRetryPolicy
	found.positive(table+"initial-interval", p.InitialInterval)
	found.that(p.ExponentiationFactor >= 1, table+"exponentiation-factor",
		"%v is below 1; waits cannot become shorter", p.ExponentiationFactor)
	found.that(p.MaxInterval >= p.InitialInterval, table+"max-interval",
		"%s is below initial-interval, %s", p.MaxInterval, p.InitialInterval)
	found.that(p.MaxAttempts >= 1, table+"max-attempts", "it is 0; write at least 1")
	found.oneOf(table+"on-max-attempts", p.OnMaxAttempts, OnMaxAttemptsPause, OnMaxAttemptsKill)
	found.that(c.MaxRetryPolicyMaxAttempts >= 1, "max-retry-policy-max-attempts",
		"it is 0; write at least 1")
}

func (c Config) checkObservability(found *checks) {
	found.oneOf("log-format", c.LogFormat, LogPretty, LogCompact, LogJSON)
	schemes := []string{"http", "https", "otlp+http", "otlp+https"}
	found.url("tracing-endpoint", c.TracingEndpoint, schemes...)
	found.url("tracing-runtime-endpoint", c.TracingRuntimeEndpoint, schemes...)
	found.url("tracing-services-endpoint", c.TracingServicesEndpoint, schemes...)
}

func (c Config) checkWorker(found *checks) {
	const table = "worker.invoker."
	w, i := c.Worker, c.Worker.Invoker
	found.atLeast("worker.internal-queue-length", w.InternalQueueLength, 1)
	found.positive("worker.cleanup-interval", w.CleanupInterval)
	found.size("worker.data-service-memory-limit", w.DataServiceMemoryLimit, 1)
	found.atLeast("worker.max-command-batch-size", w.MaxCommandBatchSize, 1)
	found.size("worker.max-command-batch-bytes", w.MaxCommandBatchBytes, 1)
	found.size(table+"message-size-limit", i.MessageSizeLimit, minMessageSize)
	found.size(table+"message-size-warning", i.MessageSizeWarning, 1)
	found.atLeast(table+"concurrent-invocations-limit", i.ConcurrentInvocationsLimit, 1)
	found.atLeast(table+"in-memory-queue-length-limit", i.InMemoryQueueLengthLimit, 1)
	found.atLeast(table+"max-awaited-future-depth", i.MaxAwaitedFutureDepth, 1)
	found.that(i.PerInvocationInitialMemory <= i.PerInvocationMemoryLimit,
		table+"per-invocation-initial-memory", "%s is above per-invocation-memory-limit, %s",
		i.PerInvocationInitialMemory, i.PerInvocationMemoryLimit)
	found.that(i.PerInvocationMemoryLimit <= i.MemoryLimit, table+"per-invocation-memory-limit",
		"%s is above memory-limit, %s", i.PerInvocationMemoryLimit, i.MemoryLimit)
	found.atLeast(table+"invocation-throttling.capacity", i.InvocationThrottling.Capacity, 0)
	found.atLeast(table+"action-throttling.capacity", i.ActionThrottling.Capacity, 0)
	i.check(found, table)
}

func (c Client) check(found *checks, table string) {
	found.positive(table+"request-identity-expiration", c.RequestIdentityExpiration)
	found.positive(table+"connect-timeout", c.ConnectTimeout)
	found.positive(table+"http2-keep-alive-interval", c.HTTP2KeepAliveInterval)
	found.positive(table+"http2-keep-alive-timeout", c.HTTP2KeepAliveTimeout)
	found.that(c.HTTP2KeepAliveJitter >= 0 && c.HTTP2KeepAliveJitter <= 1,
		table+"http2-keep-alive-jitter", "%v is not from 0 to 1", c.HTTP2KeepAliveJitter)
	found.atLeast(table+"http2-streams-per-connection-limit", c.HTTP2StreamsPerConnectionLimit, 1)
	found.positive(table+"http2-idle-connection-timeout", c.HTTP2IdleConnectionTimeout)
	for key, size := range map[string]ByteSize{
		"http2-initial-stream-window-size":     c.HTTP2InitialStreamWindowSize,
		"http2-initial-connection-window-size": c.HTTP2InitialConnectionWindowSize,
	} {
		found.that(size >= 65535 && size < 2*GiB, table+key,
			"%s is not from 65535 B to below 2.0 GiB, what HTTP/2 allows", size)
	}
	found.that(c.HTTP2MaxFrameSize >= 16*KiB && c.HTTP2MaxFrameSize < 16*MiB,
		table+"http2-max-frame-size", "%s is not from 16.0 KiB to below 16.0 MiB, what HTTP/2 "+
			"allows", c.HTTP2MaxFrameSize)
	found.url(table+"http-proxy", c.HTTPProxy, "http", "https")
}

func (c Config) checkSurfaces(found *checks) {
	found.atLeast("admin.concurrent-api-requests-limit", c.Admin.ConcurrentAPIRequestsLimit, 0)
	queries := c.Admin.QueryEngine
	found.size("admin.query-engine.memory-size", queries.MemorySize, MiB)
	found.size("admin.query-engine.query-memory-size", queries.QueryMemorySize, MiB)
	found.atLeast("admin.query-engine.query-parallelism", queries.QueryParallelism, 0)
	found.atLeast("admin.query-engine.concurrent-queries-limit", queries.ConcurrentQueriesLimit, 1)
	found.that(queries.QueryTimeout > 0, "admin.query-engine.query-timeout", "%s is not above 0",
		queries.QueryTimeout)
	found.atLeast("admin.query-engine.row-limit", queries.RowLimit, 1)
	in := c.Ingress
	found.atLeast("ingress.concurrent-api-requests-limit", in.ConcurrentAPIRequestsLimit, 0)
	found.atLeast("ingress.http2-max-concurrent-streams", in.HTTP2MaxConcurrentStreams, 0)
	found.size("ingress.request-size-limit", in.RequestSizeLimit, 1)
	names := map[string]bool{}
	for _, k := range in.KafkaClusters {
		found.that(k.Name != "" && !names[k.Name], "ingress.kafka-clusters",
			"name %q is empty or stands twice", k.Name)
		found.that(len(k.Brokers) > 0, "ingress.kafka-clusters",
			`cluster %q has no brokers; write brokers = ["host:port"]`, k.Name)
		names[k.Name] = true
	}
}
