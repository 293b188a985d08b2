package query

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// numbers is a source with a table of numbers from 0, in several partitions, that never ends if
// count is negative.
type numbers struct {
	count      int64
	partitions int
	opened     chan struct{} // hears of every scan, if it is not nil
}

func (n *numbers) Tables() []*table.Table {
	return []*table.Table{{Name: "numbers", Columns: []table.Column{{Name: "n", Type: table.Int64}}}}
}

func (n *numbers) Partitions(*table.Scan) (list []uint16) {
	for p := range n.partitions {
		list = append(list, uint16(p))
	}
	return list
}

func (n *numbers) Open(ctx context.Context, _ uint16, q *table.Scan) (table.Reader, error) {
	if n.opened != nil {
		n.opened <- struct{}{}
	}
	return &numberReader{ctx: ctx, left: n.count}, nil
}

type numberReader struct {
	ctx  context.Context
	next int64
	left int64
}

func (r *numberReader) Next(b *table.Batch) (bool, error) {
	b.Reset()
	if r.ctx.Err() != nil {
		return false, context.Cause(r.ctx)
	}
	for ; r.left != 0 && b.Rows < b.Cap(); b.Rows++ {
		if len(b.Columns) > 0 {
			b.Columns[0].AppendInt(r.next)
		}
		r.next++
		r.left--
	}
	return b.Rows > 0, nil
}

func (*numberReader) Close() error { return nil }

// wary is a table of numbers that come from elsewhere, or not, and that looks at how it is read.
type wary struct {
	numbers
	distant bool
	caps    []int
	taken   func() int // turns, while rows are waited for
	held    int
}

func (w *wary) Open(ctx context.Context, p uint16, q *table.Scan) (table.Reader, error) {
	r, err := w.numbers.Open(ctx, p, q)
	if w.distant {
		return &distantReader{waryReader{r, w}}, err
	}
	return &waryReader{r, w}, err
}

type waryReader struct {
	table.Reader
	w *wary
}

func (r *waryReader) Next(b *table.Batch) (bool, error) {
	r.w.caps = append(r.w.caps, b.Cap())
	r.w.held += r.w.taken()
	return r.Reader.Next(b)
}

type distantReader struct{ waryReader }

func (*distantReader) Distant() {}

// TestFewRows: a LIMIT is not paid for with a thousand rows.
func TestFewRows(t *testing.T) {
	w := &wary{numbers: numbers{count: 100_000, partitions: 1}, taken: func() int { return 0 }}
	e := New(Config{Tables: w})
	rows, err := collect(t.Context(), e, "SELECT n FROM numbers WHERE n % 10 = 0 LIMIT 100")
	if err != nil || len(rows) != 100 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	asked := 0
	for i, n := range w.caps {
		if asked += n; i == 0 && n != 100 || i > 0 && n > 2*w.caps[i-1] {
			t.Errorf("batches of %d rows were asked for", w.caps)
			break
		}
	}
	if asked > 3*1000 {
		t.Errorf("%d rows were asked for, and 1000 are needed", asked)
	}
}

// TestDistantRows: while a query waits for rows of another node it has no turn; that node may wait for
// one here.
func TestDistantRows(t *testing.T) {
	for _, text := range []string{
		"SELECT count(*) FROM numbers", "SELECT n FROM numbers ORDER BY n DESC",
		"SELECT a.n FROM numbers a JOIN numbers b ON a.n = b.n", "SELECT DISTINCT n FROM numbers",
	} {
		for _, distant := range []bool{true, false} {
			w := &wary{numbers: numbers{count: 5000, partitions: 1}, distant: distant}
			e := New(Config{Tables: w})
			w.taken = e.cfg.Pace.Taken
			if _, err := collect(t.Context(), e, text); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if (w.held > 0) == distant {
				t.Errorf("%s: rows from elsewhere: %t, turns while they were read: %d", text, distant, w.held)
			}
		}
	}
}

func collect(ctx context.Context, e *Engine, text string, params ...table.Value) (rows []string, err error) {
	s, err := e.Prepare(text)
	if err != nil {
		return nil, err
	}
	err = s.Run(ctx, params, func(row []table.Value) error {
		rows = append(rows, printRow(row))
		return nil
	})
	return rows, err
}

func stateOf(err error) string {
	var e *sql.Error
	if errors.As(err, &e) {
		return e.State
	}
	return ""
}

// TestBudgets: what takes more than it may is ended, and what it held is given back.
func TestBudgets(t *testing.T) {
	for _, parallel := range []int{1, 3} {
		e := New(Config{
			Tables: &numbers{count: 50_000, partitions: 4}, Parallel: parallel,
			MemoryBytes: 4 << 20, StatementBytes: 1 << 20, Rows: 1000,
		})
		for _, c := range [][2]string{
			{"SELECT n FROM numbers ORDER BY n", sql.StateMemory},
			{"SELECT n, count(*) FROM numbers GROUP BY n", sql.StateMemory},
			{"SELECT count(*) FROM (SELECT DISTINCT n FROM numbers)", sql.StateMemory},
			{"SELECT count(DISTINCT n) FROM numbers", sql.StateMemory},
			{"SELECT array_agg(n) FROM numbers", sql.StateMemory},
			{"SELECT a.n FROM numbers a JOIN numbers b ON a.n = b.n", sql.StateMemory},
			{"SELECT n, row_number() OVER () FROM numbers", sql.StateMemory},
			{"SELECT n FROM numbers EXCEPT SELECT n + 1 FROM numbers", sql.StateMemory},
			{"SELECT n FROM numbers WHERE n IN (SELECT n FROM numbers)", sql.StateMemory},
			{"SELECT n FROM numbers", sql.StateTooComplex},
			{"SELECT repeat('x', 1000000000)", sql.StateMemory},
			{"SELECT replace(repeat('x', 10000000), 'x', repeat('y', 1000))", sql.StateMemory},
			{"SELECT count(*) FROM numbers", ""},
			{"SELECT n FROM numbers ORDER BY n DESC LIMIT 10", ""},
			{"SELECT n % 10, sum(n) FROM numbers GROUP BY n % 10", ""},
			{"SELECT n FROM numbers LIMIT 1000", ""},
		} {
			if _, err := collect(t.Context(), e, c[0]); stateOf(err) != c[1] {
				t.Errorf("parallel %d: %s: %v, want %q", parallel, c[0], err, c[1])
			}
			if used := e.MemoryBytes(); used != 0 {
				t.Fatalf("parallel %d: %s: %d bytes are still held", parallel, c[0], used)
			}
		}
	}
}

// TestCancel: a query whose client leaves ends at once, wherever it is.
func TestCancel(t *testing.T) {
	for _, text := range []string{
		"SELECT count(*) FROM numbers",
		"SELECT n FROM numbers WHERE n < 0",
		"SELECT n FROM numbers WHERE n < 0 ORDER BY n LIMIT 5",
		"SELECT a.n FROM (SELECT n FROM numbers LIMIT 5) a JOIN numbers b ON b.n < 0",
	} {
		synctest.Test(t, func(t *testing.T) {
			opened := make(chan struct{}, 100)
			e := New(Config{Tables: &numbers{count: -1, partitions: 3, opened: opened}, Parallel: 2})
			ctx, cancel := context.WithCancelCause(t.Context())
			left := errors.New("the client has left")
			go func() {
				<-opened
				cancel(left)
			}()
			if _, err := collect(ctx, e, text); !errors.Is(err, left) {
				t.Errorf("%s: %v", text, err)
			}
			if e.MemoryBytes() != 0 || len(e.turns) != 0 || e.cfg.Pace.Taken() != 0 {
				t.Errorf("%s: something is still held", text)
			}
		})
	}
}

func TestTimeLimit(t *testing.T) {
	e := New(Config{Tables: &numbers{count: -1, partitions: 1}, Time: time.Millisecond})
	_, err := collect(t.Context(), e, "SELECT count(*) FROM numbers")
	if stateOf(err) != sql.StateCancelled || !strings.Contains(err.Error(), "longer than 1ms") {
		t.Errorf("the query ended with %v", err)
	}
}

// TestTurns: no more statements run than may; the others wait, but not for ever.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(Config{Tables: &numbers{count: 1, partitions: 1}, Statements: 1, Waiting: time.Second})
		s, err := e.Prepare("SELECT n FROM numbers")
		if err != nil {
			t.Fatal(err)
		}
		err = s.Run(t.Context(), nil, func([]table.Value) error {
			_, err := collect(t.Context(), e, "SELECT 1")
			if stateOf(err) != sql.StateTooManyQueries {
				t.Errorf("a second query while one runs: %v", err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if rows, err := collect(t.Context(), e, "SELECT 1"); err != nil || len(rows) != 1 {
			t.Errorf("a query after the first: %v %v", rows, err)
		}
	})
}

// TestLimitStops: a LIMIT ends the scan of a table that never ends.
func TestLimitStops(t *testing.T) {
	e := New(Config{Tables: &numbers{count: -1, partitions: 4}, Parallel: 2})
	for _, text := range []string{
		"SELECT n FROM numbers LIMIT 3",
		"SELECT n * 2 FROM numbers WHERE n > 5000 LIMIT 3",
		"SELECT DISTINCT n FROM numbers LIMIT 3",
		"SELECT n FROM (SELECT n FROM numbers LIMIT 3) ORDER BY n",
		"SELECT n FROM numbers UNION ALL SELECT n FROM numbers LIMIT 3",
		"SELECT 1 FROM (VALUES (1), (2), (3)) v WHERE EXISTS (SELECT 1 FROM numbers)",
	} {
		if rows, err := collect(t.Context(), e, text); err != nil || len(rows) != 3 {
			t.Errorf("%s: %v %v", text, rows, err)
		}
	}
}

func TestSinkEndsTheRun(t *testing.T) {
	e := New(Config{Tables: &numbers{count: -1, partitions: 2}, Parallel: 2})
	s, err := e.Prepare("SELECT n FROM numbers")
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("the sink is full")
	if err := s.Run(t.Context(), nil, func([]table.Value) error { return full }); err != full {
		t.Errorf("the run ended with %v", err)
	}
}

func TestFailingTable(t *testing.T) {
	m := loadMemory(t, "testdata/tables.txt")
	m.fail = errors.New("partition 2 has no leader")
	for _, parallel := range []int{1, 3} {
		e := New(Config{Tables: m, Parallel: parallel})
		for _, text := range []string{
			"SELECT * FROM orders", "SELECT count(*) FROM orders", "SELECT id FROM orders ORDER BY id LIMIT 1",
			"SELECT name FROM (VALUES ('ann')) v(name) WHERE name IN (SELECT customer FROM orders)",
		} {
			if _, err := collect(t.Context(), e, text); !errors.Is(err, m.fail) {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
}

func TestParams(t *testing.T) {
	e := New(Config{Tables: loadMemory(t, "testdata/tables.txt")})
	s, err := e.Prepare("SELECT id, $4 AS x FROM orders WHERE customer = $1 AND amount > $2 ORDER BY id LIMIT $3")
	if err != nil {
		t.Fatal(err)
	}
	want := []table.Type{table.String, table.Int64, table.Int64, table.Null}
	if len(s.Params) != len(want) {
		t.Fatalf("the parameters are %v", s.Params)
	}
	for i := range want {
		if s.Params[i] != want[i] {
			t.Errorf("parameter %d is of type %s, want %s", i+1, s.Params[i], want[i])
		}
	}
	rows, err := collect(t.Context(), e, "SELECT id FROM orders WHERE customer = $1 AND amount > $2 LIMIT $3",
		table.Text("bob"), table.Integer(0), table.Integer(5))
	if err != nil || strings.Join(rows, ",") != "o2" {
		t.Errorf("%v %v", rows, err)
	}
	if _, err := collect(t.Context(), e, "SELECT $2", table.Integer(1)); stateOf(err) != "08P01" {
		t.Errorf("a value is missing: %v", err)
	}
}

func TestFurtherSchemasAndFunctions(t *testing.T) {
	e := New(Config{
		Tables:  loadMemory(t, "testdata/tables.txt"),
		Schemas: []Schema{{Name: "pg_catalog", Tables: &numbers{count: 2, partitions: 1}, Implied: true}},
		Functions: map[string]expr.Function{"twice": {
			Min: 1, Max: 1, Args: []table.Type{table.Int64}, Result: table.Int64,
			Call: func(v []table.Value) table.Value { return table.Integer(2 * v[0].Int) },
		}},
	})
	for text, want := range map[string]string{
		"SELECT sum(twice(n)) FROM pg_catalog.numbers": "2",
		"SELECT count(*) FROM numbers":                 "2",
		"SELECT twice(NULL)":                           "NULL",
		"SELECT table_schema FROM information_schema.tables WHERE table_name = 'numbers'":  "pg_catalog",
		"SELECT count(*) FROM information_schema.routines WHERE routine_name = 'twice'":    "1",
		"SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'pg%'": "pg_catalog",
	} {
		if rows, err := collect(t.Context(), e, text); err != nil || strings.Join(rows, ",") != want {
			t.Errorf("%s: %v %v, want %s", text, rows, err, want)
		}
	}
}

// TestTooComplex: texts that would take for ever to plan are refused.
func TestTooComplex(t *testing.T) {
	e := New(Config{Tables: loadMemory(t, "testdata/tables.txt")})
	doubling := "WITH x0 AS (SELECT 1 AS a)"
	for i := range 30 {
		doubling += fmt.Sprintf(", x%d AS (SELECT p.a FROM x%d p, x%d q)", i+1, i, i)
	}
	for name, text := range map[string]string{
		"operators":    "SELECT 1" + strings.Repeat(" + 1", 20_000),
		"conditions":   "SELECT 1 WHERE true" + strings.Repeat(" OR true", 20_000),
		"parentheses":  "SELECT " + strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000),
		"nots":         "SELECT " + strings.Repeat("NOT ", 5000) + "true",
		"subqueries":   "SELECT " + strings.Repeat("(SELECT ", 300) + "1" + strings.Repeat(")", 300),
		"unions":       "SELECT 1" + strings.Repeat(" UNION SELECT 1", 5000),
		"joins":        "SELECT 1 FROM orders a0" + strings.Repeat(", orders", 500),
		"columns":      "SELECT 1" + strings.Repeat(", 1", 50_000),
		"stars":        "SELECT " + strings.Repeat("*, ", 3000) + "1 FROM orders",
		"with queries": doubling + " SELECT * FROM x30",
		"text":         "SELECT '" + strings.Repeat("x", 2<<20) + "'",
	} {
		_, err := e.Prepare(text)
		if state := stateOf(err); state != sql.StateTooComplex && state != "42712" {
			t.Errorf("%s: %.200v", name, err)
		}
	}
	many := "SELECT id FROM orders WHERE id IN ('o1'" + strings.Repeat(", 'o2'", 50_000) + ") ORDER BY id"
	if rows, err := collect(t.Context(), e, many); err != nil || len(rows) != 2 {
		t.Errorf("a long list: %v %v", rows, err)
	}
}
