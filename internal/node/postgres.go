package node

import (
	"crypto/tls"
	"fmt"
	"net"
	"sync"

	"github.com/perdure/perdure/admin/query"
	"github.com/perdure/perdure/admin/query/pgwire"
)

// postgresServer serves PostgreSQL clients.
type postgresServer struct {
	server  *pgwire.Server
	address string
}

// startPostgres starts to serve PostgreSQL clients, if that is configured.
func (n *Node) startPostgres(engine *query.Engine) error {
	cfg := n.cfg.Admin.Postgres
	if !cfg.Enabled {
		return nil
	}
	secure, err := n.postgresTLS()
	if err != nil {
		return err
	}
	if _, err := cfg.password(); err != nil {
		return fmt.Errorf("read the password for PostgreSQL clients: %w", err)
	}
	l, err := net.Listen("tcp", cfg.address())
	if err != nil {
		return fmt.Errorf("listen for PostgreSQL clients: %w; choose another port with admin.postgres.bind-port",
			err)
	}
	n.postgres = &postgresServer{address: l.Addr().String(), server: pgwire.New(pgwire.Config{
		Engine: engine, User: cfg.User, Password: cfg.password, TLS: secure, RequireTLS: cfg.TLSRequired,
		Connections: cfg.ConnectionsLimit, Cursors: cfg.CursorsLimit, Failed: n.fault("postgres"),
	})}
	if secure == nil && !loopback(l.Addr()) {
		n.log.Warn("PostgreSQL clients are served without encryption; set admin.postgres.tls-certificate and tls-key",
			"address", n.postgres.address)
	}
	go func() {
		if err := n.postgres.server.Serve(l); err != nil {
			n.fail(err)
		}
	}()
	n.log.Info("serving PostgreSQL clients", "address", n.postgres.address, "tls", secure != nil,
		"password", cfg.hasPassword())
	return nil
}

func loopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// close stops serving.
func (p *postgresServer) close() {
	if p != nil {
		p.server.Close()
	}
}

// postgresTLS is what clients are encrypted with; nil: nothing.
func (n *Node) postgresTLS() (*tls.Config, error) {
	cfg := n.cfg.Admin.Postgres
	if cfg.Certificate == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(cfg.Certificate, cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("read the certificate for PostgreSQL clients: %w", err)
	}
	var mu sync.Mutex
	last, fault := &pair, n.fault("postgres")
	return &tls.Config{
		MinVersion: tls.VersionTLS12, // of drivers that are still in use
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			mu.Lock()
			defer mu.Unlock()
			fresh, err := tls.LoadX509KeyPair(cfg.Certificate, cfg.Key)
			if err != nil {
				fault(fmt.Errorf("read the certificate for PostgreSQL clients again: %w; the one from before stays "+
					"in use", err))
				return last, nil
			}
			last = &fresh
			return last, nil
		},
	}, nil
}
