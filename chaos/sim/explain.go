package main

import (
	"fmt"

	"github.com/perdure/perdure/partition/explain"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// explained looks, when nothing but time goes on and the faults have stopped, whether the explainer
// finds a producer for everything that is still waited for. It says what has none. Without all
// leaders there is nobody to ask.
func (w *World) explained() (string, error) {
	for _, p := range w.partitions {
		if p.leaderNode() == nil {
			return "", nil
		}
	}
	for _, p := range w.partitions {
		n := p.leaderNode()
		view, err := w.explainer(n)
		if err != nil {
			return "", err
		}
		for st, err := range n.Store().Reader().ScanStatus(n.keys) {
			if err != nil {
				return "", err
			}
			if st.State == store.Completed {
				continue
			}
			x, _, err := explain.Explain(view, st.ID)
			if err != nil {
				return "", err
			}
			if x.Stalled {
				return fmt.Sprintf("%s (%s) in partition %d is %s and nothing will bring it on: %+v",
					name(st.ID), st.Target, p.id, st.State, x.Waits), nil
			}
		}
	}
	return "", nil
}

// explanation is what the explainer says of one invocation, for people.
func (w *World) explanation(n *node, st *store.Status) string {
	view, err := w.explainer(n)
	if err != nil {
		return err.Error()
	}
	x, _, err := explain.Explain(view, st.ID)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("stalled %v, waits %+v", x.Stalled, x.Waits)
}

// explainer sees what the leader on n sees.
func (w *World) explainer(n *node) (*explain.World, error) {
	m, ok := n.leader.Memory()
	if !ok {
		return nil, fmt.Errorf("%s does not lead", n)
	}
	return &explain.World{
		Rows: n.Store().Reader(), Memory: m, Now: protocol.MillisOf(w.clock.Now()),
		Callee: func(id protocol.InvocationID, waiter command.Waiter) (c explain.Callee, err error) {
			other := w.partitions[w.route(id.Key)].leaderNode()
			if other == nil {
				return c, fmt.Errorf("the partition of %s has no leader", name(id))
			}
			m, ok := other.leader.Memory()
			if !ok {
				return c, fmt.Errorf("%s does not lead", other)
			}
			return explain.LookAtCallee(other.Store().Reader(), m, id, waiter)
		},
	}, nil
}

// Inspect implements leader.Inspector.
func (a *attempts) Inspect(id protocol.InvocationID) (explain.Attempt, bool) {
	r := a.byID[id]
	if r == nil || r.gone {
		return explain.Attempt{}, false
	}
	at := explain.Attempt{InFlight: true}
	if r.try != nil && r.try.blocked {
		at.Awaiting = &r.try.awaits
	}
	return at, true
}
