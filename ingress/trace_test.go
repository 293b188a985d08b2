package ingress

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// tracingPartitions keep the trace that a call came with.
type tracingPartitions struct {
	fakePartitions
	trace protocol.TraceContext
}

func (p *tracingPartitions) Call(ctx context.Context, t protocol.TraceContext, inv *command.Invoke,
	onlyNew bool, accepted func(),
) (command.Reply, bool, error) {
	p.trace = t
	return p.fakePartitions.Call(ctx, t, inv, onlyNew, accepted)
}

// Requests get a span below their caller's, or a trace of their own, unless their caller does not
// record its trace.
func TestRequestsAreTraced(t *testing.T) {
	const id = "0af7651916cd43dd8448eb211c80319c"
	for _, tt := range []struct {
		parent   string
		recorded bool
		below    string // the caller's span
	}{
		{parent: "00-" + id + "-b7ad6b7169203331-01", recorded: true, below: "b7ad6b7169203331"},
		{parent: "", recorded: true, below: "0000000000000000"},
		{parent: "nonsense", recorded: true, below: "0000000000000000"},
		{parent: "00-" + id + "-b7ad6b7169203331-00"},
	} {
		var got []Traced
		partitions := &tracingPartitions{}
		partitions.reply = command.Reply{Status: command.ReplyCompleted, Result: &protocol.Result{}}
		h := New(Config{}, newSchema(t), partitions, nil, Events{
			Traced: func(r Traced) { got = append(got, r) },
		})
		r := httptest.NewRequest(http.MethodPost, "/Greeter/any", nil)
		if tt.parent != "" {
			r.Header.Set("traceparent", tt.parent)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if !tt.recorded {
			if len(got) != 0 || partitions.trace.Flags != 0 || partitions.trace.SpanID[0] != 0xb7 {
				t.Errorf("%q: told %+v, went on as %+v", tt.parent, got, partitions.trace)
			}
			continue
		}
		if len(got) != 1 || got[0].Context != partitions.trace || got[0].Status != w.Code ||
			got[0].Context.IsZero() || got[0].Context.SpanID == got[0].Parent.SpanID ||
			!got[0].Context.Sampled() || fmt.Sprintf("%x", got[0].Parent.SpanID) != tt.below {
			t.Errorf("%q: told %+v, went on as %+v", tt.parent, got, partitions.trace)
		}
	}
}
