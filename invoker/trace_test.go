package invoker

import (
	"errors"
	"fmt"
	"testing"

	"github.com/perdure/perdure/protocol"
)

// Each try has a span of its own below the invocation's, and the deployment is told of it.
func TestTriesAreTraced(t *testing.T) {
	parent := protocol.TraceContext{TraceID: [16]byte{1}, SpanID: [8]byte{2}, Flags: 1, State: "a=b"}
	for name, flags := range map[string]byte{"recorded": 1, "not recorded": 0} {
		t.Run(name, func(t *testing.T) {
			var spans []AttemptTraced
			o := stageOptions{trace: parent, events: Events{
				AttemptTraced: func(a AttemptTraced) { spans = append(spans, a) },
			}}
			o.trace.Flags = flags
			tries := 0
			inBubble(t, o, func(s *fakeStream) error {
				if _, _, err := s.replay(); err != nil {
					return err
				}
				if tries++; tries == 1 {
					return errors.New("cut")
				}
				s.say("output value=ok", "end")
				return nil
			}, func(t *testing.T, s *stage) {
				s.invoke(plainTarget, "x")
				s.await()
				var told []string
				for _, r := range s.client.requests {
					for _, h := range r.Headers {
						if h.Key == "traceparent" || h.Key == "tracestate" {
							told = append(told, h.Value)
						}
					}
				}
				if flags == 0 {
					want := fmt.Sprintf("00-%x-%x-00", parent.TraceID, parent.SpanID)
					if len(spans) != 0 || len(told) != 4 || told[0] != want || told[2] != want {
						t.Errorf("spans %+v, told %q", spans, told)
					}
					return
				}
				if len(spans) != 2 || spans[0].Failure == "" || spans[1].Failure != "" ||
					spans[0].Context.SpanID == spans[1].Context.SpanID {
					t.Fatalf("spans %+v", spans)
				}
				for i, span := range spans {
					want := fmt.Sprintf("00-%x-%x-01", parent.TraceID, span.Context.SpanID)
					if told[2*i] != want || told[2*i+1] != "a=b" || span.Parent != parent {
						t.Errorf("told %q, want %q; span %+v", told, want, span)
					}
				}
			})
		})
	}
}
