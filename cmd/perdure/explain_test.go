package main

import (
	"bytes"
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/admin"
	"github.com/perdure/perdure/internal/clock"
	"github.com/perdure/perdure/partition/explain"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

var (
	waiting  = protocol.InvocationID{Key: 1, UUID: [16]byte{1}}
	stalled  = protocol.InvocationID{Key: 2, UUID: [16]byte{2}}
	hopeless = protocol.InvocationID{Key: 3, UUID: [16]byte{3}}
)

// explainer knows three invocations.
type explainer struct{ ledAnew []protocol.PartitionKey }

func (e *explainer) all() map[protocol.InvocationID]explain.Explanation {
	target := protocol.Target{Kind: protocol.KindService, Service: "Mailer", Handler: "send"}
	return map[protocol.InvocationID]explain.Explanation{
		waiting: {
			ID: waiting, Target: target, State: store.Suspended, Since: 1000,
			Waits: []explain.Wait{{
				Cause: explain.CauseSleep, Name: "nap", Proven: true, Detail: "a timer is set", Until: 61_000,
			}},
		},
		stalled: {
			ID: stalled, Target: target, State: store.Invoked, Since: 1000,
			Waits:   []explain.Wait{{Cause: explain.CauseAttempt, Detail: "the leader does not know it"}},
			Stalled: true, Repair: explain.RepairLead,
			LastError: &command.AttemptError{
				Failure: protocol.Failure{Message: "refused"}, DocCode: "RT0010",
			},
		},
		hopeless: {
			ID: hopeless, Target: target, State: store.Scheduled, Since: 1000,
			Waits:   []explain.Wait{{Cause: explain.CauseStartTime, Detail: "there is no timer for it"}},
			Stalled: true, Repair: explain.RepairEnd,
		},
	}
}

func (e *explainer) Explain(_ context.Context, id protocol.InvocationID) (
	explain.Explanation, bool, error,
) {
	x, ok := e.all()[id]
	return x, ok, nil
}

func (e *explainer) Stalls() []explain.Finding {
	return []explain.Finding{{Explanation: e.all()[stalled], Found: time.Unix(5, 0)}}
}

func (e *explainer) LeadAnew(k protocol.PartitionKey) error {
	e.ledAnew = append(e.ledAnew, k)
	return nil
}

func TestExplain(t *testing.T) {
	e := &explainer{}
	server := httptest.NewServer(admin.New(admin.Config{Explainer: e}, nil, nil, nil, clock.Real{}))
	defer server.Close()
	for _, test := range []struct {
		name string
		args []string
		code int
		says []string // in standard output, or in standard error if the code is not 0
	}{
		{"waits", []string{waiting.String()}, 0, []string{
			"Mailer/send", "suspended since 1970-01-01T00:00:01Z",
			"sleep nap until 1970-01-01T00:01:01Z", "proven: yes", "a timer is set",
		}},
		{"stalled", []string{stalled.String()}, 0, []string{
			"proven: NO", "RT0010 refused", "STALLED", "has lost track of it",
		}},
		{"as JSON", []string{"--json", waiting.String()}, 0, []string{`"cause":"sleep"`, `"proven":true`}},
		{"all stalls", []string{"--stalls"}, 0, []string{stalled.String(), "1 stalled"}},
		{"repair", []string{"--repair", stalled.String()}, 0, []string{"repaired"}},
		{"nothing to repair", []string{"--repair", waiting.String()}, 1, []string{"409", "not stalled"}},
		{"no repair", []string{"--repair", hopeless.String()}, 1, []string{"422", "restart it as new"}},
		{"unknown", []string{protocol.InvocationID{Key: 9}.String()}, 1, []string{
			"404", "does not exist",
		}},
		{"no ID", []string{"x/y"}, 1, []string{"400", "invocation_id"}},
		{"nothing asked", nil, 2, []string{"Usage"}},
		{"too much asked", []string{"--stalls", waiting.String()}, 2, []string{"Usage"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			args := append([]string{"explain", "--admin", server.URL + "/"}, test.args...)
			code := run(t.Context(), args, &out, &errs)
			said := out.String()
			if test.code != 0 {
				said = errs.String()
			}
			if code != test.code {
				t.Errorf("code %d, want %d: %s%s", code, test.code, out.String(), errs.String())
			}
			for _, want := range test.says {
				if !strings.Contains(said, want) {
					t.Errorf("%q is missing in %s", want, said)
				}
			}
		})
	}
	if len(e.ledAnew) != 1 || e.ledAnew[0] != stalled.Key {
		t.Errorf("led anew for %v", e.ledAnew)
	}
}

func TestExplainWithoutServer(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close() // nobody listens there now
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"explain", "--admin", server.URL, waiting.String()}, &out, &errs)
	if code != 1 || !strings.Contains(errs.String(), "is the server running") {
		t.Errorf("code %d: %s", code, errs.String())
	}
}
