package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"net/url"
	"time"

	"github.com/perdure/perdure/cluster/mux"
)

// startFabric serves what is for those who watch this node: metrics, health and profiles.
func (n *Node) startFabric() (err error) {
	pages := http.NewServeMux()
	if !n.cfg.DisablePrometheus {
		pages.Handle("GET /metrics", n.metrics.handler())
	}
	pages.HandleFunc("GET /health", n.health)
	pages.HandleFunc("GET /debug/pprof/", pprof.Index)
	pages.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	pages.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	if n.certificates, err = newCertificates(n.cfg.Networking.TLS, n.fault("tls")); err != nil {
		return err
	}
	n.routeCluster(pages)
	n.fabric, err = listen("fabric", n.cfg.Listener, n.cfg.SocketPath("fabric"), pages, 0, n.log)
	if err != nil {
		return err
	}
	n.fabric.server.ConnContext = mux.ConnContext
	return n.shareFabric()
}

// shareFabric lets the protocols between nodes share the port with HTTP.
func (n *Node) shareFabric() error {
	for i, l := range n.fabric.listeners {
		if l.Addr().Network() != "tcp" {
			continue
		}
		address, err := hostPort(n.fabric.address)
		if err != nil {
			return fmt.Errorf("advertise %s: %w; set --advertised-address", n.fabric.address, err)
		}
		n.address = address
		if err := n.cfg.checkAdvertised(address); err != nil {
			return err
		}
		n.mux = n.newMux()
		n.fabric.listeners[i] = n.mux.HTTP(l.Addr())
		n.serving.Go(func() {
			if err := n.mux.Serve(l); err != nil {
				n.fail(fmt.Errorf("serve fabric: %w", err))
			}
		})
	}
	if n.mux == nil && len(n.cfg.MetadataClient.Addresses) > 0 {
		return errors.New("a node of a cluster needs a port for the others: use --listen-mode tcp or all")
	}
	n.fabric.serve(n.fail)
	return nil
}

// checkAdvertised refuses an address at which nodes on other hosts cannot reach this one, and one at
// which anybody could, unless that was asked for. Every node but the first of a cluster has seeds.
func (c Config) checkAdvertised(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil || len(c.MetadataClient.Addresses) == 0 {
		return err
	}
	if !isLoopback(host) {
		if c.Networking.TLS.enabled() || c.Networking.AllowPlaintext {
			return nil
		}
		return fmt.Errorf("other nodes are to reach this one at %s, where connections would be neither "+
			"encrypted nor authenticated: set networking.tls-certificate, tls-key and tls-authority, or, in a "+
			"network that is only yours, networking.allow-plaintext = true", address)
	}
	for _, seed := range c.MetadataClient.Addresses {
		if u, err := url.Parse(seed); err == nil && !isLoopback(u.Hostname()) {
			return fmt.Errorf("other nodes are to reach this one at %s, but %s is another host: "+
				"set advertised-host or advertised-address", address, seed)
		}
	}
	return nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func (n *Node) newMux() *mux.Mux {
	return mux.New(mux.Config{
		TLS: n.certificates.server(), RequireTLS: n.certificates != nil,
		Refused: func(remote net.Addr, err error) {
			n.log.Debug("a connection was closed", "remote", remote.String(), "error", err)
		},
	})
}

// health answers 200 once every partition can serve, 503 before.
func (n *Node) health(w http.ResponseWriter, _ *http.Request) {
	status, code := "alive", http.StatusOK
	if !n.ready() {
		status, code = "starting", http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(struct { // a client that has gone away is no error of ours
		Status      string   `json:"status"`
		NodeName    string   `json:"node_name"`
		ClusterName string   `json:"cluster_name"`
		Roles       []string `json:"roles"`
		Age         string   `json:"age"`
		Version     string   `json:"version"`
	}{
		status, n.cfg.NodeName, n.cfg.ClusterName, n.cfg.Roles,
		time.Since(n.began).Round(time.Second).String(), n.version,
	})
}
