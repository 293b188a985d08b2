package source_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/admin/query"
	"github.com/perdure/perdure/admin/query/source"
	"github.com/perdure/perdure/admin/query/table"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
)

// counted counts how many partitions are looked at.
type counted struct {
	*stores
	views atomic.Int32
}

func (c *counted) View(p protocol.PartitionID) (source.View, error) {
	c.views.Add(1)
	return c.stores.View(p)
}

// TestNarrowByKey: who asks about the invocations of one object reads one partition, and finds the same as
// who asks so that all must be read.
func TestNarrowByKey(t *testing.T) {
	c := &counted{stores: openStores(t, 4)}
	var all []store.Status
	for n := range 200 {
		row := invocationAt(n)
		row.Target.Service = []string{"Cart", "Flow", "Plain"}[n%3]
		row.Target.Kind = []protocol.ServiceKind{protocol.KindObject, protocol.KindWorkflow, protocol.KindService}[n%3]
		if row.Target.Keyed() {
			row.Target.Key = []string{"a", "b", "c/d", "", "/"}[n%5]
			row.ID.Key = protocol.HashKey(row.Target.Key)
		}
		binary.BigEndian.PutUint64(row.ID.UUID[:8], uint64(n)) // several of a key are in order
		all = append(all, row)
		tx := c.list[c.PartitionOf(row.ID.Key)].Begin()
		if err := tx.PutStatus(row); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	e := query.New(query.Config{Tables: source.New(source.Config{
		Partitions: c, Schema: noSchema{}, Version: "1", Now: time.Now,
	})})
	ask := func(name, where string) ([]string, int) {
		rows := []string{}
		before := c.views.Load()
		st, err := e.Prepare(fmt.Sprintf("SELECT id FROM %s WHERE %s", name, where))
		if err != nil {
			t.Fatal(err)
		}
		if err := st.Run(t.Context(), nil, func(v []table.Value) error {
			rows = append(rows, v[0].Str)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		slices.Sort(rows)
		return rows, int(c.views.Load() - before)
	}
	const any = -1 // number of partitions
	is := func(keys ...string) func(protocol.Target) bool {
		return func(t protocol.Target) bool { return t.Keyed() && slices.Contains(keys, t.Key) }
	}
	shown := func(targets ...string) func(protocol.Target) bool {
		return func(t protocol.Target) bool { return slices.Contains(targets, t.String()) }
	}
	for _, q := range []struct {
		where string
		views int
		want  func(protocol.Target) bool
	}{
		{"target_service_key = 'a'", 1, is("a")},
		{"target_service_key = ''", 1, is("")},
		{"target_service_key = 'nobody'", 1, is("nobody")},
		{"target_service_key IN ('a', 'b', 'c/d', '', 'a')", any, is("a", "b", "c/d", "")},
		{"target_service_key = 'b' AND target_handler_name LIKE 'h%'", 1, is("b")},
		{"target = 'Flow/c/d/handler1'", 1, shown("Flow/c/d/handler1")},
		{"target = 'Cart//handler0'", 1, shown("Cart//handler0")},
		{"target = 'Cart///handler0'", 1, shown("Cart///handler0")},
		{"target IN ('Cart/a/handler0', 'Plain/handler2')", 4, shown("Cart/a/handler0", "Plain/handler2")},
		{"target = 'Plain'", 4, shown("Plain")},
		{"target_service_key IS NULL", 4, func(t protocol.Target) bool { return !t.Keyed() }},
	} {
		want := []string{}
		for _, row := range all {
			if q.want(row.Target) {
				want = append(want, row.ID.String())
			}
		}
		slices.Sort(want)
		for _, name := range []string{"sys_invocation", "sys_invocation_status"} {
			got, views := ask(name, q.where)
			if !slices.Equal(got, want) {
				t.Errorf("%s WHERE %s: rows %v, want %v", name, q.where, got, want)
			}
			if q.views != any && views != q.views {
				t.Errorf("%s WHERE %s: %d partitions are read, want %d", name, q.where, views, q.views)
			}
		}
	}
}
