package node

import (
	"flag"
	"strings"
)

// Flags is what the command line said. Its fields are the flags that are no settings.
type Flags struct {
	// ConfigFile is -c or --config-file.
	ConfigFile string
	// DumpConfig is --dump-config: print the configuration in effect and exit.
	DumpConfig bool
	// Production is --production: auto-provision is off unless a source turns it on.
	Production bool
	// NoLogo is --no-logo: no greeting at start.
	NoLogo bool
	// Version is -V or --version: print the version and exit.
	Version bool

	settings source
}

// settingFlags are the flags that stand for a setting. An empty key is the flag's name.
var settingFlags = []struct{ name, key, usage string }{
	{"roles", "", "what this node does, separated by commas"},
	{"node-name", "", "name of this node in the cluster"},
	{"cluster-name", "", "name of the cluster"},
	{"location", "", "region[.zone] of this node"},
	{"base-dir", "", "folder that holds everything this node keeps"},
	{"bind-ip", "", "address to listen on"},
	{"bind-port", "", "port for other nodes and metrics, 0 for a free one"},
	{"bind-address", "", "ip:port for other nodes and metrics"},
	{"advertised-address", "", "URL at which other nodes reach this one"},
	{"advertised-host", "", "host to put into advertised addresses"},
	{"listen-mode", "", "tcp, unix or all"},
	{"admin-bind-port", "admin.bind-port", "port of the operators' API"},
	{"admin-bind-address", "admin.bind-address", "ip:port of the operators' API"},
	{"ingress-bind-port", "ingress.bind-port", "port callers use"},
	{"ingress-bind-address", "ingress.bind-address", "ip:port callers use"},
	{"metadata-client-addresses", "metadata-client.addresses",
		"URLs of nodes of the cluster, separated by commas"},
	{"auto-provision", "", "true or false: start a cluster if there is none"},
	{"default-num-partitions", "", "partitions of a new cluster"},
	{"default-replication", "", "replication of a new cluster"},
	{"shutdown-timeout", "", "how long a stopping node waits for its parts"},
	{"initialization-timeout", "", "how long a starting node waits for the cluster"},
	{"tracing-endpoint", "", "URL that receives all spans"},
	{"tracing-runtime-endpoint", "", "URL that receives the node's own spans"},
	{"tracing-services-endpoint", "", "URL that receives the spans of invocations"},
	{"tracing-json-path", "", "folder that receives spans as JSON files"},
	{"tracing-filter", "", "which spans are recorded"},
	{"log-filter", "", "what is logged, as level or target=level, separated by commas"},
	{"log-format", "", "pretty, compact or json"},
	{"force-node-id", "", "accepted and ignored"},
	{"metadata-store-address", "", "accepted and ignored"},
	{"metadata-migration-mode", "", "accepted and ignored"},
}

// switchFlags are settings whose flag takes no value.
var switchFlags = []struct{ name, key, usage string }{
	{"use-random-ports", "use-random-ports", "take a free port wherever none is set"},
	{"log-disable-ansi-codes", "log-disable-ansi-codes", "no colours in the log"},
	{"allow-plaintext", "networking.allow-plaintext", "talk to other hosts' nodes without TLS, in a network that is only yours"},
}

// RegisterFlags adds the flags of the server to fs. After fs has parsed the command line, the
// result is ready for Load. All work with one hyphen or two.
func RegisterFlags(fs *flag.FlagSet) *Flags {
	f := &Flags{settings: source{
		name: "command line", tree: map[string]any{}, names: map[string]string{},
	}}
	const fileUsage = "configuration file, TOML"
	fs.StringVar(&f.ConfigFile, "c", "", fileUsage)
	fs.StringVar(&f.ConfigFile, "config-file", "", fileUsage)
	fs.BoolVar(&f.DumpConfig, "dump-config", false, "print the configuration in effect and exit")
	fs.BoolVar(&f.Production, "production", false, "auto-provision is off unless it is set")
	fs.BoolVar(&f.NoLogo, "no-logo", false, "no greeting at start")
	fs.BoolVar(&f.Version, "V", false, "print the version and exit")
	fs.BoolVar(&f.Version, "version", false, "print the version and exit")
	for _, s := range settingFlags {
		key := s.key
		if key == "" {
			key = s.name
		}
		fs.Func(s.name, s.usage, f.setter(s.name, key))
	}
	for _, s := range switchFlags {
		fs.BoolFunc(s.name, s.usage, f.setter(s.name, s.key))
	}
	return f
}

// setter keeps a flag's text; Load reads it, so that all problems are reported at once.
func (f *Flags) setter(name, key string) func(string) error {
	return func(text string) error {
		f.settings.put(strings.Split(key, "."), text, "--"+name)
		return nil
	}
}

// source is what the flags set; nothing for a nil Flags.
func (f *Flags) source() source {
	if f == nil {
		return source{}
	}
	return f.settings
}
