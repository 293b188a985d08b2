package source_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/perdure/perdure/admin/query"
	"github.com/perdure/perdure/admin/query/source"
	"github.com/perdure/perdure/admin/query/table"
	"github.com/perdure/perdure/partition/store"
)

// bounded counts the batches for which there was a bound.
type bounded struct {
	table.Reader
	count *int
}

func (b bounded) Next(batch *table.Batch) (bool, error) {
	if batch.Bound != nil {
		*b.count++
	}
	return b.Reader.Next(batch)
}

// TestFirstRows: the first rows of an order are those that come first if all rows are put in order, though
// many are passed over once there are enough.
func TestFirstRows(t *testing.T) {
	s := openStores(t, 3)
	for p := range s.list {
		tx := s.list[p].Begin()
		for n := range 3000 {
			row := invocationAt(n)
			if int(s.PartitionOf(row.ID.Key)) != p {
				continue
			}
			// Equal values, and none, in between.
			row.CreatedAt -= row.CreatedAt % 100
			if row.RunningAt = row.CreatedAt; n%7 == 0 {
				row.RunningAt = 0
			}
			row.EntryCount = uint32(n*7919%3000) / 10
			if n%11 == 0 {
				row.State = store.Inboxed
			}
			if err := tx.PutStatus(row); err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	bounds := 0
	e := query.New(query.Config{Tables: &watched{source.New(source.Config{
		Partitions: s, Schema: noSchema{}, Version: "1", Now: time.Now,
	}), &bounds}, Parallel: 1})
	ask := func(text string) (rows []string) {
		st, err := e.Prepare(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := st.Run(t.Context(), nil, func(v []table.Value) error {
			rows = append(rows, fmt.Sprint(v))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	empty := []string{ // with rows without a value in the first place, which are no bound
		"journal_size DESC, id", "running_at DESC, id", "running_at NULLS FIRST, id",
	}
	for _, order := range append(empty, "created_at DESC, id", "created_at, id DESC", "id", "id DESC",
		"target DESC, id", "journal_size, id", "running_at, id", "running_at DESC NULLS LAST, id", "status, id",
	) {
		for _, from := range []string{
			"SELECT id, status FROM sys_invocation ORDER BY " + order,
			"SELECT status, id FROM sys_invocation WHERE status != 'completed' AND target LIKE '%1%' ORDER BY " + order,
		} {
			all, before := ask(from), bounds
			first := ask(from + " LIMIT 13")
			if !slices.Equal(first, all[:13]) {
				t.Errorf("%s LIMIT 13 gives\n%s, want\n%s", from, first, all[:13])
			}
			if bounds == before && !slices.Contains(empty, order) {
				t.Errorf("%s: there was no bound", from)
			}
		}
	}
}

// watched counts the bounds that its readers are given.
type watched struct {
	*source.Source
	count *int
}

func (w *watched) Open(ctx context.Context, p uint16, q *table.Scan) (table.Reader, error) {
	r, err := w.Source.Open(ctx, p, q)
	return bounded{r, w.count}, err
}
