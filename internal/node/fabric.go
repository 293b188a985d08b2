package node

import (
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"time"
)

// startFabric serves what is for those who watch this node: metrics, health and profiles.
func (n *Node) startFabric() (err error) {
	mux := http.NewServeMux()
	if !n.cfg.DisablePrometheus {
		mux.Handle("GET /metrics", n.metrics.handler())
	}
	mux.HandleFunc("GET /health", n.health)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	n.fabric, err = n.serve("fabric", n.cfg.Listener, mux, 0)
	return err
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
