package source_test

import (
	"testing"
	"time"

	"github.com/perdure/perdure/admin/query"
	"github.com/perdure/perdure/admin/query/source"
	"github.com/perdure/perdure/admin/query/table"
	"github.com/perdure/perdure/partition/explain"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/journal"
)

// oneAttempt runs for one invocation.
type oneAttempt struct {
	id      protocol.InvocationID
	attempt explain.Attempt
}

func (o oneAttempt) Inspect(id protocol.InvocationID) (explain.Attempt, bool) {
	return o.attempt, id == o.id
}

func (o oneAttempt) InspectAll(yield func(protocol.InvocationID, explain.Attempt) bool) {
	yield(o.id, o.attempt)
}

// withAttempt adds an attempt to what is in the stores.
type withAttempt struct {
	*stores
	oneAttempt
}

func (w withAttempt) View(p protocol.PartitionID) (source.View, error) {
	v, err := w.stores.View(p)
	v.Attempts = w.oneAttempt
	return v, err
}

// What a running handler waits for was once told without its combinator by sys_invocation_state,
// which has no row that says which protocol the service speaks.
func TestAwaitedFutureIsTheSameInBothTables(t *testing.T) {
	s := openStores(t, 1)
	row := invocationAt(0)
	row.State, row.ProtocolVersion = store.Invoked, 7
	tx := s.list[0].Begin()
	if err := tx.PutStatus(row); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	e := query.New(query.Config{Tables: source.New(source.Config{
		Partitions: withAttempt{s, oneAttempt{row.ID, explain.Attempt{
			InFlight: true,
			Awaiting: &journal.Future{
				Combinator: journal.CombinatorFirstCompleted, Completions: []uint32{1},
			},
		}}},
		Schema: noSchema{}, Version: "1", Now: time.Now,
	})})
	const want = `{"FirstCompleted":[{"Single":{"CompletionId":1}}]}`
	for _, name := range []string{"sys_invocation", "sys_invocation_state"} {
		st, err := e.Prepare("SELECT last_awaiting_on_future_json FROM " + name)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		err = st.Run(t.Context(), nil, func(v []table.Value) error {
			got = append(got, v[0].Str)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("%s has %q, not %s", name, got, want)
		}
	}
}
