package node

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
)

// Ways to listen.
const (
	ListenTCP  = "tcp"  // the address and port
	ListenUnix = "unix" // the socket file below the base directory
	ListenAll  = "all"  // both
)

// portUnset marks, while sources are being read, a port nobody has set.
const portUnset = -1

// Listener is one place where the node can be reached.
type Listener struct {
	// BindIP is the address to listen on, "::" for all of both families. Default: "::" for the
	// node, the node's for admin and ingress. The key bind-address ("ip:port") sets address and
	// port in one.
	BindIP string `toml:"bind-ip"`
	// BindPort is the port to listen on, 0 for a free one. Default: see Default*Port.
	BindPort int `toml:"bind-port"`
	// ListenMode is "tcp", "unix" or "all". Default: "all" for the node, the node's for admin
	// and ingress.
	ListenMode string `toml:"listen-mode"`
	// AdvertisedAddress is the URL others use to reach the listener. Default: "", see
	// Advertised.
	AdvertisedAddress string `toml:"advertised-address" alias:"advertised-ingress-endpoint"`
	// advertisedHost is the node's AdvertisedHost.
	advertisedHost string
}

// BindAddress is what to listen on, as "ip:port"; IPv6 addresses are in brackets.
func (l Listener) BindAddress() string {
	return net.JoinHostPort(l.BindIP, strconv.Itoa(l.BindPort))
}

// ListensTCP reports whether the listener opens a port.
func (l Listener) ListensTCP() bool { return l.ListenMode != ListenUnix }

// ListensUnix reports whether the listener opens a socket file.
func (l Listener) ListensUnix() bool { return l.ListenMode != ListenTCP }

// Advertised is the URL others use to reach the listener once it is bound to port: the one set,
// or one made of the advertised host, or of the bound address, or of the loopback address when
// the listener is bound to all addresses.
func (l Listener) Advertised(port int) string {
	if l.AdvertisedAddress != "" {
		return l.AdvertisedAddress
	}
	host := l.advertisedHost
	if host == "" {
		host = l.BindIP
		if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
			host = "127.0.0.1"
		}
	}
	return fmt.Sprintf("http://%s/", net.JoinHostPort(host, strconv.Itoa(port)))
}

// setBindAddress takes "ip:port" apart.
func (l *Listener) setBindAddress(text string) error {
	host, portText, err := net.SplitHostPort(text)
	if err != nil {
		return fmt.Errorf(`%q is not an address; write "ip:port", for example "0.0.0.0:8080"`, text)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return fmt.Errorf("%q has port %q; a port is a number from 0 to 65535", text, portText)
	}
	if host == "" {
		host = "::"
	}
	l.BindIP, l.BindPort = host, int(port)
	return nil
}

// NodeDir is the folder that holds everything this node keeps.
func (c Config) NodeDir() string { return filepath.Join(c.BaseDir, c.NodeName) }

// SocketPath is where the listener of the given name ("ingress", "admin", "fabric") keeps its
// socket file when it listens on one.
func (c Config) SocketPath(name string) string {
	return filepath.Join(c.NodeDir(), name+".sock")
}

// resolve fills in the settings that depend on others. It is called once, after all sources.
func (c *Config) resolve() {
	if c.NodeName == "" {
		if host, err := os.Hostname(); err == nil {
			c.NodeName = host
		}
	}
	for _, l := range c.listeners() {
		if l.BindIP == "" {
			l.BindIP = c.BindIP
		}
		if l.ListenMode == "" {
			l.ListenMode = c.ListenMode
		}
		if l.BindPort == portUnset {
			l.BindPort = l.defaultPort
			if c.UseRandomPorts {
				l.BindPort = 0
			}
		}
		l.advertisedHost = c.AdvertisedHost
	}
	c.Admin.Postgres.resolve(c)
	invoker := &c.Worker.Invoker
	invoker.MessageSizeLimit = min(invoker.MessageSizeLimit, c.Networking.MessageSizeLimit)
	if invoker.EagerStateSizeLimit == 0 {
		invoker.EagerStateSizeLimit = invoker.MessageSizeLimit
	}
	if invoker.AdditionalRequestHeaders == nil {
		invoker.AdditionalRequestHeaders = map[string]string{
			"x-restate-cluster-name": c.ClusterName,
		}
	}
	for _, t := range []*Throttle{&invoker.InvocationThrottling, &invoker.ActionThrottling} {
		if t.Capacity == 0 {
			t.Capacity = t.Rate.Count
		}
	}
}

// namedListener is a listener with what only the node knows about it.
type namedListener struct {
	*Listener
	table       string // prefix of its keys
	defaultPort int
}

func (c *Config) listeners() []namedListener {
	return []namedListener{
		{&c.Listener, "", DefaultFabricPort},
		{&c.Admin.Listener, "admin.", DefaultAdminPort},
		{&c.Ingress.Listener, "ingress.", DefaultIngressPort},
	}
}
