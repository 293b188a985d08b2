package node

import (
	"fmt"
	"net/http"

	"github.com/perdure/perdure/admin"
	"github.com/perdure/perdure/admin/console"
	"github.com/perdure/perdure/admin/query"
	"github.com/perdure/perdure/admin/query/answer"
	"github.com/perdure/perdure/cluster"
	"github.com/perdure/perdure/internal/clock"
	"github.com/perdure/perdure/partition"
)

// openConsole opens the bundle of the web console, if one is named.
func (n *Node) openConsole() (err error) {
	if name := n.cfg.Admin.WebUIBundle; name != "" && !n.cfg.Admin.DisableWebUI {
		if n.console, err = console.Open(name); err != nil {
			return fmt.Errorf("%w; set admin.web-ui-bundle to another one or to nothing", err)
		}
	}
	return nil
}

// adminHandler is the operators' API. Its health page says 503 until every partition can serve.
func (n *Node) adminHandler(client *partition.Client, engine *query.Engine) http.Handler {
	features := make(map[string]bool)
	for _, name := range n.cfg.Features() {
		features[name] = true
	}
	mounts := map[string]http.Handler{
		"cluster": admin.ClusterHandler(cluster.Operator{
			Store: n.metadata, Directory: n.directory,
			Identity: func() cluster.Identity { return *n.identity.Load() },
		}),
		"query": answer.New(engine),
	}
	if !n.cfg.Admin.DisableWebUI {
		var ui http.Handler = console.Absent{}
		if n.console != nil {
			ui = n.console
		}
		mounts["ui"], mounts[""] = ui, ui // the latter is the root, which leads there
	}
	api := admin.New(admin.Config{
		IngressEndpoint:         n.ingress.address,
		Features:                features,
		ClusterName:             n.cfg.ClusterName,
		ConcurrentRequestsLimit: n.cfg.Admin.ConcurrentAPIRequestsLimit,
		RoutingHeaders:          n.cfg.Admin.DeploymentRoutingHeaders,
		Explainer:               n.partitions.Load(),
		Mounts:                  mounts,
	}, spreadingRegistry{n.registry, n}, n.client, client, clock.Real{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health" && !n.ready() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		api.ServeHTTP(w, r)
	})
}
