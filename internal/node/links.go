package node

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/perdure/perdure/cluster"
	"github.com/perdure/perdure/cluster/link"
	"github.com/perdure/perdure/cluster/mux"
	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol/noderpc"
)

// newLinks makes what carries requests to other nodes and answers theirs.
func (n *Node) newLinks() *link.Links {
	return link.New(link.Config{
		Dial: func(ctx context.Context, node uint64) (net.Conn, error) {
			return n.transport.Dial(ctx, node, mux.Link)
		},
		Welcome: func(c net.Conn) (uint64, error) {
			h, err := n.transport.Welcome(c)
			return h.Node, err
		},
		Handle: n.serveLink,
	})
}

// serveLink answers a request of another node.
func (n *Node) serveLink(ctx context.Context, _ uint64, request []byte, progress func([]byte),
) []byte {
	q, err := noderpc.DecodeRequest(request)
	a := noderpc.Answer{Outcome: noderpc.OutcomeNotLeader} // as long as the node is starting
	h := n.partitions.Load()
	switch {
	case err != nil:
		a.Outcome, a.Text = noderpc.OutcomeFailed, err.Error()
	case h == nil:
	case q.Method == noderpc.MethodSchema:
		a.Outcome = noderpc.OutcomeDone
		if err := n.registry.Await(ctx, q.Version); err != nil {
			a.Outcome, a.Text = noderpc.OutcomeFailed, err.Error()
		}
	default:
		a = h.Serve(ctx, &q, progress)
	}
	return a.Append(nil)
}

// spreadTimeout is how long a change of the schema waits for other nodes to have seen it.
const spreadTimeout = 2 * time.Second

// spreadingRegistry answers changes of the schema when the other nodes know them too, so that what
// was registered through one node can be called through all. A node that cannot be reached follows
// when it can.
type spreadingRegistry struct {
	*schema.Registry
	node *Node
}

// Update implements admin.Registry.
func (s spreadingRegistry) Update(ctx context.Context,
	change func(*schema.Schema) (*schema.Schema, error),
) (*schema.Schema, error) {
	before := s.Version()
	changed, err := s.Registry.Update(ctx, change)
	if err == nil && s.Version() != before {
		s.spread(ctx, s.Version())
	}
	return changed, err
}

func (s spreadingRegistry) spread(ctx context.Context, version uint64) {
	ctx, cancel := context.WithTimeout(ctx, spreadTimeout)
	defer cancel()
	q := noderpc.Request{Method: noderpc.MethodSchema, Version: version}
	request := q.Append(nil)
	var asked sync.WaitGroup
	d := s.node.directory
	for _, other := range d.Nodes().Nodes {
		if other.ID != d.Self() && d.Alive(other.ID, time.Now()) {
			asked.Go(func() { s.node.awaitSchema(ctx, other.ID, request) })
		}
	}
	asked.Wait()
}

func (n *Node) awaitSchema(ctx context.Context, other cluster.NodeID, request []byte) {
	if _, err := n.links.Call(ctx, uint64(other), request, nil); err != nil {
		n.log.Warn("a node may not know the new schema yet", "other", other.String(), "error", err)
	}
}
