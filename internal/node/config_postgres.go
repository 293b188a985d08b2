package node

import (
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// DefaultPostgresPort is where PostgreSQL clients are served unless the configuration says otherwise.
const DefaultPostgresPort = 5433

// Postgres configures the endpoint for PostgreSQL clients, which ask the query engine.
type Postgres struct {
	// Enabled turns the endpoint on. Default: false.
	Enabled bool `toml:"enabled"`
	// BindIP is the address to listen on. Default: "127.0.0.1"; with a password the node's.
	BindIP string `toml:"bind-ip"`
	// BindPort is the port to listen on, 0 for a free one. Default: 5433.
	BindPort int `toml:"bind-port"`
	// User is who may connect with the password. Without one every name will do. Default: "perdure".
	User string `toml:"user"`
	// Password is asked for (SCRAM-SHA-256). --dump-config leaves it out. Default: "", none.
	Password Secret `toml:"password"`
	// PasswordFile holds the password instead; it is read at every login. Default: "", none.
	PasswordFile string `toml:"password-file"`
	// AllowWithoutPassword lets others than this machine connect though there is no password.
	// Default: false.
	AllowWithoutPassword bool `toml:"allow-without-password"`
	// Certificate and Key, PEM files that are read at every connection, turn TLS on for clients that
	// ask for it. Default: "", no TLS.
	Certificate string `toml:"tls-certificate"`
	Key         string `toml:"tls-key"`
	// TLSRequired refuses clients that do not ask for TLS. Default: false.
	TLSRequired bool `toml:"tls-required"`
	// ConnectionsLimit is how many clients may be connected at once. Default: 100.
	ConnectionsLimit int `toml:"connections-limit"`
	// CursorsLimit is how many results may wait at once for clients to fetch more of their rows; each
	// counts as a running query. Default: 8.
	CursorsLimit int `toml:"cursors-limit"`
}

// Secret is a text that is not shown.
type Secret string

func (s *Secret) set(value any) error {
	var text string
	if err := assignString(&text, value); err != nil {
		return err
	}
	*s = Secret(text)
	return nil
}

func (s *Secret) dump() any { return "" }

func (p Postgres) address() string { return net.JoinHostPort(p.BindIP, strconv.Itoa(p.BindPort)) }

func (p Postgres) hasPassword() bool { return p.Password != "" || p.PasswordFile != "" }

// password gives the password as it is now.
func (p Postgres) password() (string, error) {
	if p.PasswordFile == "" {
		return string(p.Password), nil
	}
	b, err := os.ReadFile(p.PasswordFile)
	return strings.TrimRight(string(b), "\r\n"), err
}

// resolve fills in what depends on other settings.
func (p *Postgres) resolve(c *Config) {
	if p.BindIP == "" {
		if p.BindIP = "127.0.0.1"; p.hasPassword() {
			p.BindIP = c.BindIP
		}
	}
	if p.BindPort == portUnset {
		if p.BindPort = DefaultPostgresPort; c.UseRandomPorts {
			p.BindPort = 0
		}
	}
}

func (p Postgres) check(found *checks, ports map[int]string) {
	const table = "admin.postgres."
	ip, err := netip.ParseAddr(p.BindIP)
	found.that(err == nil, table+"bind-ip", `%q is not an IP address; "::" is all addresses`, p.BindIP)
	found.that(p.BindPort >= 0 && p.BindPort <= 65535, table+"bind-port",
		"%d is not a port; a port is a number from 0 to 65535", p.BindPort)
	found.that(p.User != "", table+"user", "it is empty; write a name")
	found.that(p.Password == "" || p.PasswordFile == "", table+"password", "set it or password-file, not both")
	found.that((p.Certificate == "") == (p.Key == ""), table+"tls-certificate",
		"set both of tls-certificate and tls-key, or none")
	found.that(!p.TLSRequired || p.Certificate != "", table+"tls-required", "it needs tls-certificate and tls-key")
	found.atLeast(table+"connections-limit", p.ConnectionsLimit, 1)
	found.atLeast(table+"cursors-limit", p.CursorsLimit, 1)
	if !p.Enabled {
		return
	}
	found.that(err != nil || ip.IsLoopback() || p.hasPassword() || p.AllowWithoutPassword, table+"bind-ip",
		"%s can be reached from other machines and there is no password; set password-file, or "+
			"allow-without-password to let everybody read everything", p.BindIP)
	if p.BindPort != 0 {
		other, taken := ports[p.BindPort]
		found.that(!taken, table+"bind-port", "%d is also %s; give each its own", p.BindPort, other)
	}
}
