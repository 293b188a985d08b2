package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/perdure/perdure/cluster/mux"
)

// TLS secures connections between nodes: both sides show a certificate of one authority. The files
// are PEM, and read again when they have changed.
type TLS struct {
	// Certificate and Key are this node's, for its advertised host. Default: "", no TLS.
	Certificate string `toml:"tls-certificate"`
	Key         string `toml:"tls-key"`
	// Authority signs the certificates of all nodes. Default: "", no TLS.
	Authority string `toml:"tls-authority"`
}

func (t TLS) enabled() bool { return t != TLS{} }

func (t TLS) check(found *checks) {
	found.that(!t.enabled() || t.Certificate != "" && t.Key != "" && t.Authority != "",
		"networking.tls-certificate", "set all of tls-certificate, tls-key and tls-authority, or none")
}

// certificates are what the TLS files held when they were last looked at.
type certificates struct {
	files TLS
	fault func(error)

	mu     sync.Mutex
	seen   [3]time.Time // of the files, when they were read; guarded by mu
	config *tls.Config  // guarded by mu; for both ends of connections
}

// newCertificates reads the files; nil if there is to be no TLS.
func newCertificates(files TLS, fault func(error)) (*certificates, error) {
	if !files.enabled() {
		return nil, nil
	}
	c := &certificates{files: files, fault: fault}
	seen, err := c.stat()
	if err == nil {
		err = c.read(seen)
	}
	if err != nil {
		return nil, fmt.Errorf("read the certificates of the node: %w", err)
	}
	return c, nil
}

func (c *certificates) stat() (seen [3]time.Time, err error) {
	for i, name := range []string{c.files.Certificate, c.files.Key, c.files.Authority} {
		info, err := os.Stat(name)
		if err != nil {
			return seen, err
		}
		seen[i] = info.ModTime()
	}
	return seen, nil
}

// read takes the files over. Caller holds mu, or is alone.
func (c *certificates) read(seen [3]time.Time) error {
	own, err := tls.LoadX509KeyPair(c.files.Certificate, c.files.Key)
	if err != nil {
		return fmt.Errorf("%s and %s: %w", c.files.Certificate, c.files.Key, err)
	}
	pem, err := os.ReadFile(c.files.Authority)
	if err != nil {
		return err
	}
	authority := x509.NewCertPool()
	if !authority.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s holds no certificate", c.files.Authority)
	}
	c.seen = seen
	c.config = &tls.Config{
		Certificates: []tls.Certificate{own}, RootCAs: authority, ClientCAs: authority,
		// Who watches the node has no certificate; what is for nodes asks for one by itself.
		ClientAuth: tls.VerifyClientCertIfGiven, MinVersion: tls.VersionTLS13,
	}
	return nil
}

// current is the configuration of the files as they are now, or as they were if they cannot be read.
func (c *certificates) current() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen, err := c.stat()
	if err == nil && seen != c.seen {
		err = c.read(seen)
	}
	if err != nil {
		c.fault(fmt.Errorf("read the certificates of the node again: %w; those from before stay in use", err))
	}
	return c.config
}

// server is for connections from others.
func (c *certificates) server() *tls.Config {
	if c == nil {
		return nil
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return c.current(), nil
		},
	}
}

// client is for connections to others.
func (c *certificates) client() func() (*tls.Config, error) {
	if c == nil {
		return nil
	}
	return func() (*tls.Config, error) { return c.current(), nil }
}

// http is a client for the pages that nodes have for each other.
func (c *certificates) http() *http.Client {
	if c == nil {
		return http.DefaultClient
	}
	return &http.Client{Transport: &http.Transport{
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			d := tls.Dialer{Config: c.current()}
			return d.DialContext(ctx, network, address)
		},
		DisableKeepAlives: true, // each looks at the certificates anew
	}}
}

// scheme is that of addresses of other nodes.
func (c *certificates) scheme() string {
	if c == nil {
		return "http://"
	}
	return "https://"
}

var errNotANode = errors.New("this cluster requires TLS between nodes: set networking.tls-certificate, " +
	"tls-key and tls-authority as on its other nodes, and use https:// in metadata-client.addresses")

// forNodes keeps pages for nodes that show a certificate of the cluster's authority.
func (n *Node) forNodes(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if n.certificates != nil && !mux.Verified(r.Context()) {
			http.Error(w, errNotANode.Error(), http.StatusConflict)
			return
		}
		h(w, r)
	}
}
