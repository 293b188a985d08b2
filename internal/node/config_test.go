package node

import (
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// load runs Load over the given sources and fails the test on an error.
func load(t *testing.T, file string, env []string, args ...string) (Config, []Warning) {
	t.Helper()
	cfg, warnings, err := tryLoad(t, file, env, args...)
	if err != nil {
		t.Fatal(err)
	}
	return cfg, warnings
}

func tryLoad(t *testing.T, file string, env []string, args ...string) (Config, []Warning, error) {
	t.Helper()
	fs := flag.NewFlagSet("server", flag.ContinueOnError)
	flags := RegisterFlags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	opts := LoadOptions{Env: append([]string{"PERDURE_NODE_NAME=n1"}, env...), Flags: flags}
	if file != "" {
		opts.File = filepath.Join(t.TempDir(), "restate.toml")
		if err := os.WriteFile(opts.File, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Load(opts)
}

func TestDefaults(t *testing.T) {
	cfg, warnings := load(t, "", nil)
	if len(warnings) != 0 {
		t.Errorf("warnings: %v", warnings)
	}
	if got := cfg.DefaultNumPartitions; got != 24 {
		t.Errorf("default-num-partitions = %d", got)
	}
	for _, c := range []struct{ what, got, want string }{
		{"fabric", cfg.BindAddress(), "[::]:5122"},
		{"admin", cfg.Admin.BindAddress(), "[::]:9070"},
		{"ingress", cfg.Ingress.BindAddress(), "[::]:8080"},
		{"admin listen mode", cfg.Admin.ListenMode, "all"},
		{"inactivity", cfg.Worker.Invoker.InactivityTimeout.String(), "1m"},
		{"memory", cfg.Worker.Invoker.MemoryLimit.String(), "1.5 GiB"},
		{"eager state", cfg.Worker.Invoker.EagerStateSizeLimit.String(), "32.0 MiB"},
		{"retries", cfg.DefaultRetryPolicy.MaxAttempts.String(), "70"},
		{"ceiling", cfg.MaxRetryPolicyMaxAttempts.String(), "unlimited"},
		{"cluster header", cfg.Worker.Invoker.AdditionalRequestHeaders["x-restate-cluster-name"],
			"localcluster"},
		{"socket", cfg.SocketPath("ingress"), "perdure-data/n1/ingress.sock"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.what, c.got, c.want)
		}
	}
	if !cfg.HasRole(RoleWorker) || cfg.HasRole("cook") {
		t.Errorf("roles: %v", cfg.Roles)
	}
	if got := cfg.Features(); !slices.Equal(got, []string{"protocol_v7"}) {
		t.Errorf("features: %v", got)
	}
	if !cfg.invokerConfig().EnableProtocolV7 {
		t.Error("version 7 of the service protocol is off")
	}
}

// Version 7 is on unless somebody turns it off, by whichever source.
func TestProtocolVersionIsLimited(t *testing.T) {
	const key = "experimental_enable_protocol_v7 = false"
	for name, c := range map[string]struct {
		file string
		env  []string
	}{
		"file":              {file: key},
		"environment":       {env: []string{"PERDURE_EXPERIMENTAL_ENABLE_PROTOCOL_V7=false"}},
		"other environment": {env: []string{"RESTATE_EXPERIMENTAL_ENABLE_PROTOCOL_V7=false"}},
	} {
		cfg, warnings := load(t, c.file, c.env)
		if len(warnings) != 0 {
			t.Errorf("%s: warnings: %v", name, warnings)
		}
		if cfg.invokerConfig().EnableProtocolV7 || len(cfg.Features()) != 0 {
			t.Errorf("%s: version 7 is on; features: %v", name, cfg.Features())
		}
	}
}

// Each source names a setting the one before it named too.
func TestOrderOfSources(t *testing.T) {
	const file = "cluster-name = 'file'\nlocation = 'file'\nlog-filter = 'file'\n" +
		"log-format = 'json'\n[worker]\ncleanup-interval = '2h'"
	env := []string{
		"PERDURE_LOCATION=own", "RESTATE_LOCATION=compatible", "RESTATE_LOG_FILTER=env",
		"RUST_LOG=debug", "RESTATE_LOG_FORMAT=compact", "RESTATE_BASE_DIR=/d",
		"PERDURE_SHUTDOWN_TIMEOUT=",
	}
	cfg, warnings := load(t, file, env, "--log-format", "pretty")
	for _, c := range []struct{ what, got, want string }{
		{"file over default", cfg.ClusterName, "file"},
		{"file in a table", cfg.Worker.CleanupInterval.String(), "2h"},
		{"own prefix over compatible prefix over file", cfg.Location, "own"},
		{"RUST_LOG over the rest", cfg.LogFilter, "debug"},
		{"flag over environment", cfg.LogFormat, "pretty"},
		{"compatible prefix", cfg.BaseDir, "/d"},
		{"an empty variable counts as unset", cfg.ShutdownTimeout.String(), "1m"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.what, c.got, c.want)
		}
	}
	if len(warnings) != 0 {
		t.Errorf("warnings: %v", warnings)
	}
}

func TestFileNamedByEnvironmentAndFlags(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string {
		p := filepath.Join(dir, name+".toml")
		text := "node-name = 'n1'\ncluster-name = '" + name + "'"
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	compatible, own, flagged, given := path("compatible"), path("own"), path("flag"), path("given")
	for _, c := range []struct {
		opts LoadOptions
		want string
	}{
		{LoadOptions{Env: []string{"RESTATE_CONFIG=" + compatible}}, "compatible"},
		{LoadOptions{Env: []string{"RESTATE_CONFIG=" + compatible, "PERDURE_CONFIG=" + own}}, "own"},
		{LoadOptions{Env: []string{"PERDURE_CONFIG=" + own}, Flags: &Flags{ConfigFile: flagged}},
			"flag"},
		{LoadOptions{File: given, Flags: &Flags{ConfigFile: flagged}}, "given"},
	} {
		cfg, _, err := Load(c.opts)
		if err != nil || cfg.ClusterName != c.want {
			t.Errorf("%+v: %q, %v; want %q", c.opts, cfg.ClusterName, err, c.want)
		}
	}
}

func TestListeners(t *testing.T) {
	for _, c := range []struct {
		name, file             string
		env, args              []string
		fabric, admin, ingress string
	}{
		{name: "global address cascades", file: "bind-ip = '127.0.0.1'\n[admin]\nbind-ip = '::1'",
			fabric: "127.0.0.1:5122", admin: "[::1]:9070", ingress: "127.0.0.1:8080"},
		{name: "bind-address is address and port",
			file:   "[ingress]\nbind-address = '10.0.0.1:80'\nbind-port = 81",
			fabric: "[::]:5122", admin: "[::]:9070", ingress: "10.0.0.1:80"},
		{name: "a later port wins over an earlier bind-address",
			file: "bind-address = '10.0.0.1:80'", args: []string{"-bind-port=0"},
			fabric: "10.0.0.1:0", admin: "10.0.0.1:9070", ingress: "10.0.0.1:8080"},
		{name: "bind-address wins within one source, whatever the prefix",
			env:    []string{"RESTATE_ADMIN__BIND_PORT=1", "RESTATE_ADMIN__BIND_ADDRESS=[::1]:2"},
			fabric: "[::]:5122", admin: "[::1]:2", ingress: "[::]:8080"},
		{name: "random ports where none is set", file: "use-random-ports = true",
			args:   []string{"--ingress-bind-port", "7"},
			fabric: "[::]:0", admin: "[::]:0", ingress: "[::]:7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, _ := load(t, c.file, c.env, c.args...)
			got := []string{cfg.BindAddress(), cfg.Admin.BindAddress(), cfg.Ingress.BindAddress()}
			if want := []string{c.fabric, c.admin, c.ingress}; !reflect.DeepEqual(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestAdvertised(t *testing.T) {
	cfg, _ := load(t, "listen-mode = 'tcp'\n[ingress]\nadvertised-ingress-endpoint = 'http://x/'\n"+
		"listen-mode = 'unix'", nil)
	if got := cfg.Ingress.Advertised(1); got != "http://x/" {
		t.Errorf("ingress: %s", got)
	}
	if got := cfg.Admin.Advertised(1); got != "http://127.0.0.1:1/" {
		t.Errorf("admin: %s", got)
	}
	if cfg.Ingress.ListensTCP() || !cfg.Ingress.ListensUnix() || cfg.Admin.ListensUnix() {
		t.Errorf("modes: ingress %s, admin %s", cfg.Ingress.ListenMode, cfg.Admin.ListenMode)
	}
	cfg, _ = load(t, "", nil, "--advertised-host", "me.example")
	if got := cfg.Admin.Advertised(9); got != "http://me.example:9/" {
		t.Errorf("admin: %s", got)
	}
}

func TestEnvironmentValues(t *testing.T) {
	cfg, warnings := load(t, "", []string{
		"RESTATE_ROLES=[worker,admin]",
		"RESTATE_WORKER__INVOKER__NO_PROXY=a, b",
		`PERDURE_ADMIN__DEPLOYMENT_ROUTING_HEADERS=["x-a", 'x-b']`,
		`PERDURE_WORKER__INVOKER__ADDITIONAL_REQUEST_HEADERS={"x-a": "1", "x-b": 2}`,
		`PERDURE_TRACING_HEADERS={a = b}`,
		`PERDURE_DEFAULT_RETRY_POLICY={initial-interval = "1s", max-attempts = "unlimited"}`,
		`PERDURE_DEFAULT_RETRY_POLICY__MAX_INTERVAL=2s`,
		"RESTATE_DEFAULT_REPLICATION={zone: 2, node: 3}",
		"RESTATE_EXPERIMENTAL_ENABLE_VQUEUES=true",
		"PERDURE_WORKER__INVOKER__INVOCATION_THROTTLING__RATE=100/s",
		`PERDURE_CLUSTER_NAME="quoted"`,
		"PERDURE_MAX_JOURNAL_RETENTION=P1DT2H",
		"PERDURE_WORKER__INVOKER__MEMORY_LIMIT=512MB",
		`PERDURE_INGRESS__KAFKA_CLUSTERS=[{name="k",brokers=["b:1"],"security.protocol"="SSL"}]`,
		"RESTATE_ADMIN_URL=http://localhost:9070", "RESTATE_AUTH_TOKEN=t", "HOME=/",
	})
	if len(warnings) != 0 {
		t.Errorf("warnings: %v", warnings)
	}
	i := cfg.Worker.Invoker
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"roles", cfg.Roles, []string{"worker", "admin"}},
		{"no-proxy", i.NoProxy, []string{"a", "b"}},
		{"routing headers", cfg.Admin.DeploymentRoutingHeaders, []string{"x-a", "x-b"}},
		{"request headers", i.AdditionalRequestHeaders, map[string]string{"x-a": "1", "x-b": "2"}},
		{"tracing headers", cfg.TracingHeaders, map[string]string{"a": "b"}},
		{"retry interval", cfg.DefaultRetryPolicy.InitialInterval.Std(), time.Second},
		{"retry attempts", cfg.DefaultRetryPolicy.MaxAttempts, Unlimited},
		{"retry max interval", cfg.DefaultRetryPolicy.MaxInterval.Std(), 2 * time.Second},
		{"retry factor, untouched", cfg.DefaultRetryPolicy.ExponentiationFactor, 2.0},
		{"replication", cfg.DefaultReplication, Replication{Zone: 2, Node: 3}},
		{"features", cfg.Features(), []string{"vqueues", "protocol_v7"}},
		{"throttling", i.InvocationThrottling, Throttle{Rate{100, time.Second}, 100}},
		{"cluster name", cfg.ClusterName, "quoted"},
		{"ceiling", cfg.MaxJournalRetention.Std(), 26 * time.Hour},
		{"memory", i.MemoryLimit, ByteSize(512_000_000)},
		{"kafka", cfg.Ingress.KafkaClusters, []KafkaCluster{{"k", []string{"b:1"},
			map[string]string{"security.protocol": "SSL"}}}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s: %#v, want %#v", c.what, c.got, c.want)
		}
	}
}

func TestWarnings(t *testing.T) {
	_, warnings := load(t, `
bind-prot = 1
inactivity-timeout = "1m"
zzz = 1
rocksdb-total-memory-size = "2 GiB"
request-identity-private-key-pem-file = "k.pem"
[worker.invoker]
abort-timeuot = "1m"
rocksdb-x = 1
[metadata-client]
connect-timeout = "1s"
`, []string{"PERDURE_ADMIN__NO_SUCH=1"}, "--force-node-id", "3")
	want := []struct {
		level slog.Level
		text  string
	}{
		{slog.LevelWarn, "bind-prot: unknown key, ignored; did you mean bind-port?"},
		{slog.LevelWarn, "inactivity-timeout: unknown key, ignored; did you mean " +
			"worker.invoker.inactivity-timeout?"},
		{slog.LevelInfo, "metadata-client.connect-timeout: known and ignored: metadata is kept"},
		{slog.LevelInfo, "rocksdb-total-memory-size: known and ignored: it tunes"},
		{slog.LevelWarn, "worker.invoker.abort-timeuot: unknown key, ignored; did you mean " +
			"worker.invoker.abort-timeout?"},
		{slog.LevelInfo, "worker.invoker.rocksdb-x: known and ignored: it tunes"},
		{slog.LevelWarn, "zzz: unknown key, ignored"},
		{slog.LevelWarn, "request-identity-private-key-pem-file: deprecated here; write it as " +
			"worker.invoker.request-identity-private-key-pem-file"},
		{slog.LevelWarn, "environment PERDURE_ADMIN__NO_SUCH: admin.no-such: unknown key"},
		{slog.LevelInfo, "command line --force-node-id: force-node-id: known and ignored"},
	}
	if len(warnings) != len(want) {
		t.Fatalf("got %d warnings, want %d: %v", len(warnings), len(want), warnings)
	}
	for i, w := range want {
		if got := warnings[i]; got.Level != w.level || !strings.Contains(got.String(), w.text) {
			t.Errorf("warning %d is %s %q, want %s %q", i, got.Level, got, w.level, w.text)
		}
	}
}

// Client keys at the top level are deprecated, but win.
func TestClientKeysAtTopLevel(t *testing.T) {
	cfg, _ := load(t, "connect-timeout = '7s'\nhttp-proxy = 'http://p/'\n"+
		"[worker.invoker]\nconnect-timeout = '8s'", nil)
	c := cfg.Worker.Invoker.Client
	if c.ConnectTimeout.String() != "7s" || c.HTTPProxy != "http://p/" {
		t.Errorf("connect-timeout %s, http-proxy %s", c.ConnectTimeout, c.HTTPProxy)
	}
	if cfg.Networking.ConnectTimeout.String() != "3s" {
		t.Errorf("networking.connect-timeout changed to %s", cfg.Networking.ConnectTimeout)
	}
}

func TestLoadReportsEveryProblem(t *testing.T) {
	_, _, err := tryLoad(t, "shutdown-timeout = 5\nlisten-mode = 'pigeon'\nroles = ['cook']\n"+
		"worker = 3\nlog-disable-ansi-codes = 'perhaps'\nnode-name = 'ignored'",
		[]string{"PERDURE_ADMIN__BIND_PORT=many", "PERDURE_ADMIN__BIND_ADDRESS=x"},
		"--default-num-partitions", "0", "--bind-port=8080", "--cluster-name=a/b")
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"restate.toml: shutdown-timeout: 5 is not a duration",
		`listen-mode: "pigeon" is not one of tcp, unix, all`,
		`roles: "cook" is not one of`,
		"worker: 3 is not a table",
		"log-disable-ansi-codes: perhaps is neither true nor false",
		"environment PERDURE_ADMIN__BIND_PORT: admin.bind-port: many is not a whole number",
		`environment PERDURE_ADMIN__BIND_ADDRESS: admin.bind-address: "x" is not an address`,
		"default-num-partitions: 0 is not from 1 to 65535",
		"ingress.bind-port: 8080 is also bind-port",
		`cluster-name: "a/b" cannot be a name`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q in:\n%v", want, err)
		}
	}
}

func TestFileErrors(t *testing.T) {
	if _, _, err := tryLoad(t, "a = \nb = 1", nil); err == nil ||
		!strings.Contains(err.Error(), "line 1") {
		t.Errorf("broken file: %v", err)
	}
	if _, _, err := tryLoad(t, "#"+strings.Repeat("x", maxFileBytes), nil); err == nil ||
		!strings.Contains(err.Error(), "the limit is") {
		t.Errorf("large file: %v", err)
	}
	_, _, err := Load(LoadOptions{File: filepath.Join(t.TempDir(), "none.toml")})
	if err == nil || !strings.Contains(err.Error(), "check -c/--config-file") {
		t.Errorf("missing file: %v", err)
	}
}

func TestProduction(t *testing.T) {
	if cfg, _ := load(t, "", nil, "--production"); cfg.AutoProvision {
		t.Error("auto-provision is on")
	}
	if cfg, _ := load(t, "", nil, "--production", "--auto-provision", "true"); !cfg.AutoProvision {
		t.Error("auto-provision is off though it was set")
	}
}

// What WriteTOML writes is read back to the same configuration, without a warning.
func TestWriteTOMLReadsBack(t *testing.T) {
	for name, file := range map[string]string{
		"defaults": "",
		"much": `
roles = ["worker"]
default-replication = "{zone: 2, node: 3}"
max-idempotency-retention = "0s"
max-retry-policy-max-attempts = 9
advertised-host = "h"
experimental_enable_kafka_scope = true
experimental_enable_protocol_v7 = false
[default-retry-policy]
exponentiation-factor = 1.5
max-attempts = "unlimited"
[worker.invoker]
additional-request-headers = {}
no-proxy = ["\u007f\u0001 \"<&>\" \\", ""]
memory-limit = 1000000001
action-throttling = { rate = "5/min", capacity = 2 }
[ingress]
bind-port = 0
http2-max-concurrent-streams = 5
[[ingress.kafka-clusters]]
name = "k"
brokers = ["a:1", "b:2"]
"security.protocol" = "SSL"
linger = 5
[[ingress.kafka-clusters]]
name = "l"
brokers = ["c:3"]
`,
	} {
		t.Run(name, func(t *testing.T) {
			first, _ := load(t, file, nil)
			var text strings.Builder
			if err := first.WriteTOML(&text); err != nil {
				t.Fatal(err)
			}
			second, warnings := load(t, text.String(), nil)
			if len(warnings) != 0 {
				t.Errorf("warnings: %v", warnings)
			}
			if !reflect.DeepEqual(first, second) {
				t.Errorf("first %+v\nthen  %+v\nfrom\n%s", first, second, text.String())
			}
		})
	}
}

// Every flag that stands for a setting names a key that exists or is ignored on purpose.
func TestFlagsNameKnownKeys(t *testing.T) {
	known := map[string]bool{}
	for _, key := range knownKeys() {
		known[key] = true
	}
	for _, s := range settingFlags {
		key := s.key
		if key == "" {
			key = s.name
		}
		if _, off := ignored(key); !known[key] && !off {
			t.Errorf("--%s stands for %s, which is no key", s.name, key)
		}
	}
}

// A key on the ignored list that also has a field would look ignored and have an effect.
func TestIgnoredKeysHaveNoField(t *testing.T) {
	for _, key := range knownKeys() {
		if reason, ok := ignored(key); ok {
			t.Errorf("%s has a field and is ignored because %s", key, reason)
		}
	}
}

func TestDefaultIsValid(t *testing.T) {
	cfg := Default()
	cfg.NodeName = "n"
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
}
