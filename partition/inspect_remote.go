package partition

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/perdure/perdure/partition/explain"
	"github.com/perdure/perdure/partition/leader"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/noderpc"
)

// inspectionTimeout is how long another node may take to look at one invocation.
const inspectionTimeout = 2 * time.Second

func (d distant) explain(ctx context.Context, id protocol.InvocationID) (
	x explain.Explanation, ok bool, err error,
) {
	a, err := d.inspect(ctx, noderpc.Request{Method: noderpc.MethodExplain, Invocation: id})
	if err != nil || !a.Found {
		return x, false, err
	}
	if err := json.Unmarshal(a.JSON, &x); err != nil {
		return x, false, fmt.Errorf("read what %v says of %s: %w", d.node, id, err)
	}
	return x, true, nil
}

func (d distant) callee(id protocol.InvocationID, w command.Waiter) (c explain.Callee, err error) {
	a, err := d.inspect(context.Background(), noderpc.Request{
		Method: noderpc.MethodCallee, Invocation: id, Waiter: w,
	})
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(a.JSON, &c); err != nil {
		return c, fmt.Errorf("read what %v says of %s: %w", d.node, id, err)
	}
	return c, nil
}

func (d distant) leadAnew(key protocol.PartitionKey) error {
	id := protocol.InvocationID{Key: key, UUID: [16]byte{1}} // any of the partition
	_, err := d.inspect(context.Background(), noderpc.Request{
		Method: noderpc.MethodLeadAnew, Invocation: id,
	})
	return err
}

func (d distant) inspect(ctx context.Context, q noderpc.Request) (noderpc.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectionTimeout)
	defer cancel()
	return d.ask(ctx, q, nil)
}

// serveInspection answers for a partition led here.
func (h *Host) serveInspection(q *noderpc.Request, l *leader.Leader, a *noderpc.Answer) error {
	if q.Method == noderpc.MethodLeadAnew {
		return l.LeadAnew()
	}
	w, err := h.world(h.replicas[q.Partition])
	if err != nil {
		return err
	}
	if q.Method == noderpc.MethodCallee {
		c, err := explain.LookAtCallee(w.Rows, w.Memory, q.Invocation, q.Waiter)
		if err == nil {
			a.JSON, err = json.Marshal(c)
		}
		return err
	}
	x, ok, err := explain.Explain(w, q.Invocation)
	if err == nil && ok {
		a.Found = true
		a.JSON, err = json.Marshal(x)
	}
	return err
}
