package exec

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/plan"
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// things are a number and a text, of which there are as many.
type things struct{ rows int }

var thingTable = &table.Table{Name: "things", Partitioned: true, Columns: []table.Column{
	{Name: "n", Type: table.Int64}, {Name: "s", Type: table.String},
}}

func (t things) Tables() []*table.Table          { return []*table.Table{thingTable} }
func (t things) Partitions(*table.Scan) []uint16 { return []uint16{0} }

func (t things) Open(_ context.Context, _ uint16, q *table.Scan) (table.Reader, error) {
	var rows [][]table.Value
	for n := range t.rows {
		rows = append(rows, []table.Value{table.Integer(int64(n)), table.Text(string(rune('a' + n%5)))})
	}
	return table.Listed(q, rows), nil
}

// aggregateOf groups things by their text.
func aggregateOf(t testing.TB, from table.Source) *plan.Aggregate {
	t.Helper()
	n, s := expr.Ref(0, table.Int64, "n"), expr.Ref(1, table.String, "s")
	a := &plan.Aggregate{
		In: &plan.Scan{Table: thingTable, Source: from, Columns: []int{0, 1}}, Groups: []*expr.Expr{s},
	}
	for _, name := range []string{"count", "array_agg", "sum", "median"} {
		x := &expr.Aggregate{Name: name, Args: []*expr.Expr{n}, Text: name, Distinct: name == "count"}
		if err := expr.NewAggregate(x, -1); err != nil {
			t.Fatal(err)
		}
		a.Aggs = append(a.Aggs, x)
	}
	return a
}

// firstOf are the things with the greatest numbers.
func firstOf(from table.Source, limit int) *plan.Sort {
	return &plan.Sort{
		In:    &plan.Scan{Table: thingTable, Source: from, Columns: []int{1, 0}},
		Keys:  []expr.SortKey{{Expr: expr.Ref(1, table.Int64, "n"), Desc: true}},
		Limit: limit,
	}
}

// piecesOf are what is sent of a part.
func piecesOf(t testing.TB, n plan.Node, from table.Source) (list [][]byte) {
	t.Helper()
	part, ok := plan.PartOf(n)
	if !ok {
		t.Fatal("it is no part")
	}
	memory := NewMemory(64<<20, "the test may take")
	pace := NewPace(1, nil)
	r := New(t.Context(), Config{Parallel: 1, Pace: pace, Memory: memory})
	if err := r.Partial(part, from, 0, func(b []byte) error {
		if pace.Taken() > 0 {
			t.Error("a turn is held while pieces are sent")
		}
		list = append(list, slices.Clone(b))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if memory.Used() != 0 || pace.Taken() != 0 {
		t.Errorf("%d bytes and %d turns are still held", memory.Used(), pace.Taken())
	}
	return list
}

// TestPieces: large states go in pieces that are not, however large the states.
func TestPieces(t *testing.T) {
	from := things{30_000}
	for _, n := range []plan.Node{aggregateOf(t, from), firstOf(from, 9000)} {
		list := piecesOf(t, n, from)
		if len(list) < 3 {
			t.Errorf("there are %d pieces", len(list))
		}
		for _, b := range list {
			if len(b) > 2*pieceBytes {
				t.Errorf("a piece has %d bytes", len(b))
			}
		}
	}
}

// FuzzAbsorb: damaged pieces are refused, and take no memory that is not counted.
func FuzzAbsorb(f *testing.F) {
	from := things{7}
	grouped, first := aggregateOf(f, from), firstOf(from, 4)
	f.Add(piecesOf(f, grouped, from)[0])
	f.Add(piecesOf(f, first, from)[0])
	f.Fuzz(func(t *testing.T, b []byte) {
		memory := NewMemory(1<<20, "the test may take")
		g, o := newGroups(grouped, memory), newTop(first, memory)
		for _, p := range []partial{g, o} {
			err := func() (err error) {
				defer Caught(&err)
				return p.absorb(b, func() {})
			}()
			if errors.As(err, new(*PanicError)) {
				t.Errorf("%x: %v", b, err)
			}
			var known *sql.Error
			if errors.As(err, &known) && known.State != sql.StateMemory && known.State != sql.StateRange {
				t.Errorf("%x: %v", b, err)
			}
		}
		for _, group := range g.list {
			for _, s := range group.states {
				s.Result()
			}
		}
		for _, row := range o.list {
			if len(row.row) != 2 || !row.row[0].Fits(table.String) || !row.row[1].Fits(table.Int64) {
				t.Errorf("%x: a row is %v", b, row.row)
			}
		}
		g.release()
		o.release()
		if memory.Used() != 0 {
			t.Errorf("%d bytes are still held", memory.Used())
		}
	})
}
