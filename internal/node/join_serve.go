package node

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/perdure/perdure/bifrost/transport"
	"github.com/perdure/perdure/cluster"
)

// routeCluster serves what nodes ask each other before they are nodes of one cluster, and rows for
// queries.
func (n *Node) routeCluster(mux *http.ServeMux) {
	mux.HandleFunc("GET /cluster/hello", n.forNodes(n.serveHello))
	mux.HandleFunc("POST /cluster/join", n.forNodes(n.serveJoin))
	mux.HandleFunc("POST /cluster/provision", n.forNodes(n.serveProvision))
	mux.HandleFunc("POST "+scanPath, n.forNodes(n.serveScan))
	mux.HandleFunc("POST "+workPath, n.forNodes(n.serveWork))
}

// serveHello says who this node is, and what it thinks of the one that asks.
func (n *Node) serveHello(w http.ResponseWriter, r *http.Request) {
	h := cluster.Hello{
		Cluster: n.cfg.ClusterName, Name: n.cfg.NodeName, Instance: n.instance,
		Protocol: transport.Protocol, Release: n.version, Millis: time.Now().UnixMilli(),
	}
	if id := n.identity.Load(); id != nil {
		h.Provisioned, h.Fingerprint, h.Node, h.Address = true, id.Fingerprint, id.Node, n.address
		q := r.URL.Query()
		asking, err := strconv.ParseUint(q.Get("node"), 10, 16)
		if err == nil && n.entered.Load() {
			h.Refused = cluster.Objection(n.directory.Nodes(), cluster.NodeID(asking), q.Get("instance"))
		}
		if err == nil && h.Refused == "" && q.Get("fingerprint") == id.Fingerprint {
			n.directory.Found(cluster.NodeID(asking), q.Get("address"))
			h.Others = n.directory.Whereabouts()
		}
	}
	reply(w, h)
}

// serveJoin lets a node into the cluster.
func (n *Node) serveJoin(w http.ResponseWriter, r *http.Request) {
	var req cluster.JoinRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxJoinBytes)).Decode(&req); err != nil {
		http.Error(w, "read the request to join: "+err.Error(), http.StatusBadRequest)
		return
	}
	if !n.entered.Load() {
		http.Error(w, "this node is still starting: try again", http.StatusServiceUnavailable)
		return
	}
	answer, err := cluster.Join(r.Context(), n.metadata, n.directory, *n.identity.Load(), req)
	var refused *cluster.RefusedError
	switch {
	case errors.As(err, &refused):
		n.log.Warn("a node was not let in", "name", req.Name, "address", req.Address, "reason", err)
		http.Error(w, err.Error(), http.StatusConflict)
	case err != nil:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	default:
		n.log.Info("a node joins", "name", req.Name, "other", answer.Node.String(),
			"address", req.Address)
		reply(w, answer)
	}
}

// serveProvision lets this node begin a cluster.
func (n *Node) serveProvision(w http.ResponseWriter, _ *http.Request) {
	if id := n.identity.Load(); id != nil {
		http.Error(w, "node "+n.cfg.NodeName+" belongs to cluster "+id.String()+
			" already: a cluster is provisioned once", http.StatusConflict)
		return
	}
	n.provided.Do(func() { close(n.provision) })
	reply(w, struct {
		Cluster string `json:"cluster"`
		Name    string `json:"name"`
	}{n.cfg.ClusterName, n.cfg.NodeName})
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a client that has gone away is no error of ours
}
