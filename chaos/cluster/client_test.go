package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/chaos/cluster/check"
	"github.com/perdure/perdure/chaos/cluster/history"
)

// against makes a client of nodes that are these handlers; nil is a node that is down.
func against(t *testing.T, handlers ...http.HandlerFunc) *client {
	t.Helper()
	c := &Cluster{http: http.DefaultClient}
	for i, h := range handlers {
		s := httptest.NewServer(h)
		if h == nil {
			s.Close()
		} else {
			t.Cleanup(s.Close)
		}
		address := strings.TrimPrefix(s.URL, "http://")
		c.nodes = append(c.nodes, &Node{cluster: c, index: i, name: string(rune('a' + i)),
			place: place{ingress: address, admin: address}})
	}
	return newClients(c, history.NewRecorder()).new(t.Context(), 1)
}

func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("x-restate-id", "inv_1")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func TestOutcomesSayWhatIsKnown(t *testing.T) {
	for _, tt := range []struct {
		name    string
		node    http.HandlerFunc
		want    []int
		outcome history.Outcome
		refused bool
	}{
		{"an answer", answering(200, "5"), nil, history.OK, false},
		{"an answer that is wanted", answering(409, "5"), []int{409}, history.OK, false},
		{"a refusal", answering(404, ""), nil, history.Failed, true},
		{"an error", answering(503, ""), nil, history.Unknown, false},
		{"a connection that breaks", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil,
			history.Unknown, false},
		{"nobody there", nil, nil, history.Failed, false},
	} {
		c := against(t, tt.node)
		a := c.anywhere(request{workload: "test", kind: "get", path: "/x", body: 1, want: tt.want})
		if a.outcome != tt.outcome || a.ok() != (tt.outcome == history.OK) || a.span.Unknown == a.ok() {
			t.Errorf("%s: %v, %v", tt.name, a.outcome, a.err)
		}
		if got := len(c.refused) > 0; got != tt.refused {
			t.Errorf("%s: refused %v", tt.name, c.refused)
		}
		if h := c.rec.History(); len(h.Operations) != 1 || h.Operations[0].Outcome != tt.outcome {
			t.Errorf("%s: recorded %+v", tt.name, h.Operations)
		}
	}
}

func TestPersistGoesFromNodeToNode(t *testing.T) {
	c := against(t, nil, answering(503, ""), answering(200, `"yes"`))
	for range 10 {
		a := c.persist(request{path: "/x", idempotency: "k"})
		var got string
		if err := a.into(&got); err != nil || got != "yes" || a.invocation != "inv_1" {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	if len(c.errors) != 2 || len(c.refused) != 0 {
		t.Errorf("failed tries %v, refused %v", c.errors, c.refused)
	}
}

// TestATryWithoutAnAnswerMayHaveSucceeded: the next one is told so, and that is no refusal. Without such
// a try it is one.
func TestATryWithoutAnAnswerMayHaveSucceeded(t *testing.T) {
	for _, lost := range []bool{true, false} {
		tries := 0
		c := against(t, func(w http.ResponseWriter, _ *http.Request) {
			if tries++; tries == 1 && lost {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(http.StatusConflict)
		})
		a := c.persist(request{path: "/cancel", again: []int{http.StatusConflict}})
		if a.ok() != lost || (len(c.refused) > 0) == lost {
			t.Errorf("the first try was lost: %v; ok %v, refused %v", lost, a.ok(), c.refused)
		}
	}
}

func TestPersistEndsWithItsLife(t *testing.T) {
	c := against(t, answering(503, ""))
	var end context.CancelFunc
	c.life, end = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer end()
	if a := c.persist(request{path: "/x"}); a.outcome != history.Unknown || a.ok() {
		t.Errorf("ended as %v", a.outcome)
	}
}

func TestNodesAreAvoided(t *testing.T) {
	c := against(t, answering(200, "0"), answering(200, "1"))
	c.avoid(c.cluster.nodes[0], true)
	for range 20 {
		if a := c.anywhere(request{path: "/x"}); string(a.body) != "1" {
			t.Fatal("a node was called that is to be left alone")
		}
	}
	if n := c.busy(c.cluster.nodes[1]); n != 0 {
		t.Errorf("%d requests are under way", n)
	}
}

func TestChainsAreCounted(t *testing.T) {
	tasks := []task{{"a", []string{"p", "q"}, true}, {"b", []string{"p"}, false}}
	all := effects(tasks, map[string][]string{"p": {"a", "a", "x"}})
	want := []int{2, 0, 0}
	for i, e := range all {
		if e.Times != want[i] {
			t.Errorf("%s in %s: %d times, want %d", e.ID, e.Where, e.Times, want[i])
		}
	}
	if err := missing([]string{"a", "b"}, []string{"b"}); err == nil || !strings.Contains(err.Error(), "1 of 2") {
		t.Errorf("missing: %v", err)
	}
}

// TestEverySetIsReadAtTheEnd: one that was read, and to which nothing could be added, was once taken for
// lost.
func TestEverySetIsReadAtTheEnd(t *testing.T) {
	c := against(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`["e1","e2"]`)) })
	w := &setWork{
		adds: []check.Add{
			{Key: "full", Element: "e1"}, {Key: "full", Element: "e2", Span: check.Span{Unknown: true}},
			{Key: "unsure", Element: "e1", Span: check.Span{Unknown: true}},
			{Key: "unsure", Element: "e2", Span: check.Span{Unknown: true}},
		},
		views: []check.View{{Key: "full"}, {Key: "read"}},
	}
	if err := w.settle(c); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"full", "unsure", "read"} {
		if len(w.last[key]) != 2 {
			t.Errorf("the last read of %s has %v", key, w.last[key])
		}
	}
}
