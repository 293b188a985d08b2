package node

import (
	"strings"
	"testing"
)

// TestPostgresConfig: nobody opens the tables to the world by accident.
func TestPostgresConfig(t *testing.T) {
	for _, c := range []struct {
		name    string
		set     func(*Postgres)
		bound   string
		problem string
	}{
		{"off", func(p *Postgres) { p.Enabled = false }, "127.0.0.1:5433", ""},
		{"on", func(*Postgres) {}, "127.0.0.1:5433", ""},
		{"with a password", func(p *Postgres) { p.Password = "x" }, "[::]:5433", ""},
		{"with a password file", func(p *Postgres) { p.PasswordFile = "x" }, "[::]:5433", ""},
		{"elsewhere", func(p *Postgres) { p.BindIP, p.BindPort = "::1", 0 }, "[::1]:0", ""},
		{"open", func(p *Postgres) { p.BindIP = "0.0.0.0" }, "0.0.0.0:5433", "there is no password"},
		{"open on purpose", func(p *Postgres) { p.BindIP, p.AllowWithoutPassword = "::", true }, "[::]:5433", ""},
		{"two passwords", func(p *Postgres) { p.Password, p.PasswordFile = "x", "y" }, "[::]:5433", "not both"},
		{"half of a key pair", func(p *Postgres) { p.Key = "x" }, "127.0.0.1:5433", "set both"},
		{"TLS without", func(p *Postgres) { p.TLSRequired = true }, "127.0.0.1:5433", "it needs tls-certificate"},
		{"a port twice", func(p *Postgres) { p.BindPort = DefaultAdminPort }, "127.0.0.1:9070", "is also admin.bind-port"},
		{"no user", func(p *Postgres) { p.User = "" }, "127.0.0.1:5433", "it is empty"},
	} {
		cfg := unresolved()
		cfg.Admin.Postgres.Enabled = true
		c.set(&cfg.Admin.Postgres)
		cfg.resolve()
		if got := cfg.Admin.Postgres.address(); got != c.bound {
			t.Errorf("%s: bound to %s, want %s", c.name, got, c.bound)
		}
		switch err := cfg.Validate(); {
		case c.problem == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)):
			t.Errorf("%s: %v, want %q", c.name, err, c.problem)
		}
	}
	cfg := unresolved()
	cfg.Admin.Postgres.Password = "hidden"
	cfg.resolve()
	var text strings.Builder
	if err := cfg.WriteTOML(&text); err != nil || strings.Contains(text.String(), "hidden") {
		t.Errorf("the password is shown: %v", err)
	}
}
