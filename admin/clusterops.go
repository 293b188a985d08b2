package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/perdure/perdure/cluster"
	"github.com/perdure/perdure/cluster/placement"
	"github.com/perdure/perdure/protocol"
)

// maxOrderBytes bounds the body of an order to the cluster.
const maxOrderBytes = 1 << 20

// clusterOps answers what is below /cluster/.
type clusterOps struct{ op cluster.Operator }

// ClusterHandler is the operators' API of the cluster, to be mounted as "cluster". Refusals get 409
// with the reason as text, orders that could not be written 503.
func ClusterHandler(op cluster.Operator) http.Handler {
	c, routes := clusterOps{op}, http.NewServeMux()
	routes.HandleFunc("GET /cluster/status", func(w http.ResponseWriter, _ *http.Request) {
		s, err := op.Status()
		answer(w, s, err)
	})
	for pattern, order := range map[string]func(*http.Request) error{
		"POST /cluster/nodes/{node}/drain":               c.drain,
		"POST /cluster/nodes/{node}/activate":            c.activate,
		"POST /cluster/nodes/{node}/remove":              c.remove,
		"POST /cluster/zones/{zone}/drain":               c.drainZone,
		"POST /cluster/partitions/{partition}/leader":    c.setLeader,
		"POST /cluster/partitions/{partition}/placement": c.move,
		"POST /cluster/freeze":                           c.freeze,
		"POST /cluster/replication":                      c.replication,
	} {
		routes.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxOrderBytes)
			if err := order(r); err != nil {
				answer(w, nil, err)
				return
			}
			s, err := op.Status()
			answer(w, s, err)
		})
	}
	return routes
}

// errBadOrder marks orders that cannot be read.
var errBadOrder = errors.New("the order cannot be read")

func answer(w http.ResponseWriter, v any, err error) {
	var refused *cluster.RefusedError
	switch {
	case errors.As(err, &refused):
		http.Error(w, err.Error(), http.StatusConflict)
	case errors.Is(err, errBadOrder):
		http.Error(w, err.Error(), http.StatusBadRequest)
	case err != nil:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v) // a client that has gone away is no error of ours
	}
}

// body reads an order's JSON; an empty body leaves v as it is.
func body(r *http.Request, v any) error {
	if r.ContentLength == 0 {
		return nil
	}
	if err := json.NewDecoder(r.Body).Decode(v); err != nil {
		return fmt.Errorf("%w: %w", errBadOrder, err)
	}
	return nil
}

func (c clusterOps) drain(r *http.Request) error {
	var order struct {
		Force bool `json:"force"`
	}
	id, err := c.op.Resolve(r.PathValue("node"))
	if err == nil {
		err = body(r, &order)
	}
	if err != nil {
		return err
	}
	return c.op.Drain(r.Context(), order.Force, id)
}

func (c clusterOps) drainZone(r *http.Request) error {
	var order struct {
		Force bool `json:"force"`
	}
	if err := body(r, &order); err != nil {
		return err
	}
	_, err := c.op.DrainZone(r.Context(), r.PathValue("zone"), order.Force)
	return err
}

func (c clusterOps) activate(r *http.Request) error {
	id, err := c.op.Resolve(r.PathValue("node"))
	if err != nil {
		return err
	}
	return c.op.Activate(r.Context(), id)
}

func (c clusterOps) remove(r *http.Request) error {
	var order struct {
		Lost bool `json:"lost"`
	}
	id, err := c.op.ResolveFormer(r.PathValue("node"))
	if err == nil {
		err = body(r, &order)
	}
	if err != nil {
		return err
	}
	return c.op.Remove(r.Context(), id, order.Lost)
}

func partitionOf(r *http.Request) (protocol.PartitionID, error) {
	p, err := strconv.ParseUint(r.PathValue("partition"), 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%w: %q is no partition", errBadOrder, r.PathValue("partition"))
	}
	return protocol.PartitionID(p), nil
}

func (c clusterOps) setLeader(r *http.Request) error {
	var order struct {
		Node string `json:"node"` // empty: whoever planning chooses
	}
	p, err := partitionOf(r)
	if err == nil {
		err = body(r, &order)
	}
	var id cluster.NodeID
	if err == nil && order.Node != "" {
		id, err = c.op.Resolve(order.Node)
	}
	if err != nil {
		return err
	}
	return c.op.SetLeader(r.Context(), p, id)
}

func (c clusterOps) move(r *http.Request) error {
	var order struct {
		Nodes []string `json:"nodes"` // none: where planning wants it
	}
	p, err := partitionOf(r)
	if err == nil {
		err = body(r, &order)
	}
	if err != nil {
		return err
	}
	var ids []cluster.NodeID
	for _, name := range order.Nodes {
		id, err := c.op.Resolve(name)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	return c.op.Move(r.Context(), p, ids...)
}

func (c clusterOps) freeze(r *http.Request) error {
	order := struct {
		Frozen bool `json:"frozen"`
	}{true}
	if err := body(r, &order); err != nil {
		return err
	}
	return c.op.Freeze(r.Context(), order.Frozen)
}

func (c clusterOps) replication(r *http.Request) error {
	var order struct {
		placement.Replication
		Force bool `json:"force"`
	}
	if err := body(r, &order); err != nil {
		return err
	}
	if order.Node < 0 || order.Zone < 0 || order.Region < 0 || order.Replication == (placement.Replication{}) {
		return fmt.Errorf("%w: name at least one of node, zone and region", errBadOrder)
	}
	return c.op.SetReplication(r.Context(), order.Replication, order.Force)
}
