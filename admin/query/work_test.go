package query

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/admin/query/exec"
	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/scatter"
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// shared is a table of numbers that has rows in every partition.
type shared struct{ numbers }

func (s *shared) Tables() []*table.Table {
	list := s.numbers.Tables()
	list[0].Partitioned = true
	return list
}

// sharedRows are those of each of three partitions.
const sharedRows = 6000

func sharedNumbers() *shared { return &shared{numbers{count: sharedRows, partitions: 3}} }

// TestSent: what can be computed where the rows are is, and they stay there. The numbers are sent twice
// over by two of three partitions.
func TestSent(t *testing.T) {
	for _, c := range []struct {
		text string
		rows int64 // sent although the other node computes
		most int64 // bytes of what it has computed
	}{
		{"SELECT count(*) FROM numbers", 0, 200},
		{"SELECT sum(n), min(n), max(n), avg(n) FROM numbers WHERE n % 2 = 0", 0, 500},
		{"SELECT stddev(n % 1), bool_or(n > 5), bit_or(n) FROM numbers", 0, 500},
		{"SELECT n % 10, count(*), count(DISTINCT n % 3) FROM numbers GROUP BY 1", 0, 3000},
		{"SELECT n FROM numbers ORDER BY n DESC LIMIT 10", 0, 1000},
		{"SELECT n % 7 AS x, n FROM numbers WHERE n > 5 ORDER BY x, n OFFSET 2 LIMIT 10", 0, 2000},
		{"SELECT a.c, b.n FROM (SELECT count(*) AS c FROM numbers) a, (SELECT max(n) AS n FROM numbers) b", 0, 400},
		{"SELECT count(*) FROM numbers WHERE n < (SELECT 5)", 2 * sharedRows, 0},
		{"SELECT count(*) FROM numbers WHERE random() < 2", 2 * sharedRows, 0},
		{"SELECT count(*) FROM (SELECT DISTINCT n FROM numbers)", 2 * sharedRows, 0},
	} {
		for _, parallel := range []int{1, 3} {
			cfg := Config{Parallel: parallel}
			computes, sends := newNodes(t, sharedNumbers(), cfg, itself), newNodes(t, sharedNumbers(), cfg, nil)
			got, err := collect(t.Context(), computes.asked, c.text)
			if err != nil {
				t.Fatalf("%s: %v", c.text, err)
			}
			want, err := collect(t.Context(), sends.asked, c.text)
			slices.Sort(got)
			slices.Sort(want)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %v, and of rows %v, %v", c.text, got, want, err)
			}
			if n := computes.rows.Load(); n != c.rows {
				t.Errorf("%s: %d rows are sent, want %d", c.text, n, c.rows)
			}
			if n := computes.pieceBytes.Load(); n > c.most || c.rows == 0 && n == 0 {
				t.Errorf("%s: %d bytes are sent, want %d at most", c.text, n, c.most)
			}
			if sends.rows.Load() < 2*sharedRows || sends.pieceBytes.Load() > 0 {
				t.Errorf("%s: a node that refuses sends %d rows", c.text, sends.rows.Load())
			}
			t.Logf("%s: %d rows in %d bytes; computed there, %d bytes", c.text, sends.rows.Load(),
				sends.rowBytes.Load(), computes.pieceBytes.Load())
		}
	}
}

// TestSentWhatGrows: what has much to say says it in pieces, and it is put together as it was.
func TestSentWhatGrows(t *testing.T) {
	for _, text := range []string{
		"SELECT n, count(*), min(n), max(n % 7) FROM numbers GROUP BY n ORDER BY n",
		"SELECT array_agg(n ORDER BY n), median(n), count(DISTINCT n), count(*) FROM numbers",
		"SELECT n % 2, string_agg(n, ',' ORDER BY n), array_agg(DISTINCT n % 9000 ORDER BY n % 9000), " +
			"quantile_cont(n, 0.9) FROM numbers GROUP BY 1 ORDER BY 1",
		"SELECT n, -n FROM numbers ORDER BY n % 1000, n LIMIT 10000",
		"SELECT last_value(n ORDER BY n), first_value(n ORDER BY n DESC) FROM numbers",
	} {
		want, err := collect(t.Context(), New(Config{Tables: sharedNumbers()}), text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		n := newNodes(t, sharedNumbers(), Config{}, itself)
		got, err := collect(t.Context(), n.asked, text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %.500v, not %.500v: %v", text, got, want, err)
		}
		if n.rows.Load() > 0 {
			t.Errorf("%s: %d rows were sent", text, n.rows.Load())
		}
		if held := n.asked.MemoryBytes() + n.other.MemoryBytes(); held != 0 {
			t.Errorf("%s: %d bytes are still held", text, held)
		}
	}
}

// TestSentParameters: parameters, the time, the user and how columns are called are those of the node
// that is asked.
func TestSentParameters(t *testing.T) {
	n := newNodes(t, sharedNumbers(), Config{Now: func() time.Time { return scriptTime }}, itself)
	e := n.asked.With(Session{User: "ann", Labels: true})
	for _, c := range []struct {
		text, want string
		params     []table.Value
	}{
		{"SELECT count(*) FROM numbers WHERE n < $1", "15", []table.Value{table.Integer(5)}},
		{"SELECT n, $2 AS s FROM numbers WHERE n = $1 ORDER BY 1 LIMIT 1", "7 | x",
			[]table.Value{table.Integer(7), table.Text("x")}},
		{"SELECT max(now()) FROM numbers", "2026-03-01T12:00:00Z", nil},
		{"SELECT min(current_user) FROM numbers", "ann", nil},
		{`SELECT sum("?column?") FROM (SELECT n + 1 FROM numbers WHERE n < 3)`, "18", nil},
		{"EXPLAIN ANALYZE SELECT count(*) FROM numbers", "", nil},
	} {
		got, err := collect(t.Context(), e, c.text, c.params...)
		if c.want == "" {
			got = []string{fmt.Sprint(strings.Contains(strings.Join(got, ""), "2 times a partition was computed by another node"))}
			c.want = "true"
		}
		if err != nil || strings.Join(got, ",") != c.want {
			t.Errorf("%s: %v %v, want %s", c.text, got, err, c.want)
		}
	}
	if n.rows.Load() > 0 {
		t.Errorf("%d rows were sent", n.rows.Load())
	}
}

// TestSessionsOwn: what only the session knows is not computed elsewhere, where the name may be that of
// something else, and the answer is right all the same.
func TestSessionsOwn(t *testing.T) {
	twice := func(by int64) map[string]expr.Function {
		return map[string]expr.Function{"abs": {
			Min: 1, Max: 1, Args: []table.Type{table.Int64}, Result: table.Int64,
			Call: func(v []table.Value) table.Value { return table.Integer(by * v[0].Int) },
		}}
	}
	n := newNodes(t, sharedNumbers(), Config{}, itself)
	e := n.asked.With(Session{Functions: twice(2), Schemas: []Schema{{
		Name: "pg_catalog", Tables: sharedNumbers(), Implied: true,
	}}})
	for text, want := range map[string]string{
		"SELECT sum(abs(n)) FROM numbers WHERE n < 3":              "18",
		"SELECT count(*) FROM numbers WHERE n < abs(3)":            "18",
		"SELECT count(*) FROM pg_catalog.numbers WHERE n < 3":      "9",
		"SELECT abs(n) FROM numbers ORDER BY abs(n) LIMIT 1":       "0",
		"SELECT count(*) FROM numbers GROUP BY abs(n) % 1 LIMIT 1": fmt.Sprint(3 * sharedRows),
	} {
		if got, err := collect(t.Context(), e, text); err != nil || strings.Join(got, ",") != want {
			t.Errorf("%s: %v %v, want %s", text, got, err, want)
		}
	}
}

// worker is a scatter.Worker that changes what is asked of an engine.
type worker struct {
	*Engine
	before func(*told)
}

func (w worker) Work(ctx context.Context, from table.Source, p uint16, work *table.Work,
	send func([]byte) error,
) error {
	t, err := decodeTold(work.Statement)
	if err != nil {
		return err
	}
	w.before(&t)
	return w.Engine.Work(ctx, from, p, &table.Work{Statement: t.append(nil), Part: work.Part}, send)
}

// TestOtherStatements: a node that understands anything else does not compute, but sends its rows.
func TestOtherStatements(t *testing.T) {
	for name, change := range map[string]func(*told){
		"release": func(t *told) { t.version = "Perdure 0.0.1" },
		"pieces":  func(t *told) { t.pieces++ },
		"text":    func(t *told) { t.text = strings.Replace(t.text, "< 9", "< 8", 1) },
		"order":   func(t *told) { t.text = strings.Replace(t.text, "max", "min", 1) },
		"table":   func(t *told) { t.text = strings.Replace(t.text, "numbers", "others", 1) },
		"syntax":  func(t *told) { t.text = "SELECT" },
		"empty":   func(t *told) { t.text = "" },
		"user":    func(t *told) { t.user = "bob" },
		"time":    func(t *told) { t.now = t.now.Add(time.Second) },
		"param":   func(t *told) { t.params[0].Int++ },
		"type":    func(t *told) { t.types[0] = table.Float64; t.params[0] = table.Real(3) },
		"fewer":   func(t *told) { t.params = nil },
	} {
		n := newNodes(t, sharedNumbers(), Config{}, func(e *Engine) scatter.Worker { return worker{e, change} })
		got, err := collect(t.Context(), n.asked, "SELECT max(n + $1), max(now()) > '2020-01-01', max(current_user) "+
			"FROM numbers WHERE n < 9", table.Integer(3))
		if err != nil || strings.Join(got, ",") != "11 | true | perdure" {
			t.Errorf("%s: %v %v", name, got, err)
		}
		if n.rows.Load() != 2*sharedRows || n.pieceBytes.Load() > 1000 {
			t.Errorf("%s: %d rows were sent", name, n.rows.Load())
		}
	}
}

// TestFailuresElsewhere: what fails where rows are fails as it would here.
func TestFailuresElsewhere(t *testing.T) {
	for _, c := range [][2]string{
		{"SELECT sum(1 / (n - 3000)) FROM numbers", sql.StateDivision},
		{"SELECT n FROM numbers ORDER BY 1 / (n - 3000) LIMIT 5", sql.StateDivision},
		{"SELECT n, count(*) FROM numbers GROUP BY n", sql.StateMemory},
		{"SELECT count(DISTINCT n) FROM numbers", sql.StateMemory},
	} {
		n := newNodes(t, sharedNumbers(), Config{StatementBytes: 1 << 20}, itself)
		if _, err := collect(t.Context(), n.asked, c[0]); stateOf(err) != c[1] {
			t.Errorf("%s: %v, want %s", c[0], err, c[1])
		}
		n.server.Close() // waits for what is still asked of it
		if n.asked.MemoryBytes() != 0 || n.other.MemoryBytes() != 0 {
			t.Errorf("%s: memory is still held", c[0])
		}
	}
}

// TestBoundedHere: what others have computed counts as what is computed here does.
func TestBoundedHere(t *testing.T) {
	n := newNodes(t, sharedNumbers(), Config{StatementBytes: 1 << 20}, itself)
	n.other.cfg.StatementBytes = 1 << 30
	for _, text := range []string{
		"SELECT n, count(*) FROM numbers GROUP BY n", "SELECT count(DISTINCT n) FROM numbers",
		"SELECT array_agg(n) FROM numbers", "SELECT n FROM numbers ORDER BY n LIMIT 100000",
	} {
		if _, err := collect(t.Context(), n.asked, text); stateOf(err) != sql.StateMemory {
			t.Errorf("%s: %v", text, err)
		}
		if n.asked.MemoryBytes() != 0 {
			t.Errorf("%s: %d bytes are still held", text, n.asked.MemoryBytes())
		}
	}
}

// TestCancelElsewhere: a client that leaves ends what is computed for it, wherever.
func TestCancelElsewhere(t *testing.T) {
	for _, text := range []string{
		"SELECT count(*) FROM numbers", "SELECT n % 1000, count(DISTINCT n % 1000) FROM numbers GROUP BY 1",
		"SELECT n FROM numbers ORDER BY n LIMIT 5",
	} {
		opened := make(chan struct{}, 100)
		n := newNodes(t, &shared{numbers{count: -1, partitions: 3, opened: opened}}, Config{Parallel: 3}, itself)
		ctx, cancel := context.WithCancelCause(t.Context())
		left := errors.New("the client has left")
		go func() {
			for range 3 {
				<-opened
			}
			cancel(left)
		}()
		if _, err := collect(ctx, n.asked, text); !errors.Is(err, left) {
			t.Errorf("%s: %v", text, err)
		}
		n.server.Close() // waits for what is still asked of it
		for _, e := range []*Engine{n.asked, n.other} {
			if e.MemoryBytes() != 0 || len(e.turns) != 0 || e.cfg.Pace.Taken() != 0 {
				t.Errorf("%s: something is still held", text)
			}
		}
	}
}

// TestNoPlaceNeeded: nodes whose statements all wait for each other compute all the same.
func TestNoPlaceNeeded(t *testing.T) {
	n := newNodes(t, sharedNumbers(), Config{Statements: 1, Waiting: time.Hour}, itself)
	n.other.turns <- struct{}{}
	got, err := collect(t.Context(), n.asked, "SELECT count(*) FROM numbers")
	if err != nil || strings.Join(got, "") != fmt.Sprint(3*sharedRows) {
		t.Errorf("%v %v", got, err)
	}
}

// moving is a source whose partitions come to be led elsewhere.
type moving struct {
	*shared
	refuse atomic.Int64 // so many times it has no partition
}

func (m *moving) Open(ctx context.Context, p uint16, q *table.Scan) (table.Reader, error) {
	if p != 0 && m.refuse.Add(-1) >= 0 {
		return nil, fmt.Errorf("partition %d is not led here", p)
	}
	return m.shared.Open(ctx, p, q)
}

// TestLeaderMoves: a node that does not lead a partition any more is not one that cannot compute. The
// leader is looked for again.
func TestLeaderMoves(t *testing.T) {
	m := &moving{shared: sharedNumbers()}
	m.refuse.Store(3)
	n := newNodes(t, m, Config{}, itself)
	got, err := collect(t.Context(), n.asked, "SELECT count(*) FROM numbers")
	if err != nil || strings.Join(got, "") != fmt.Sprint(3*sharedRows) || n.rows.Load() > 0 {
		t.Errorf("%v %v, and %d rows were sent", got, err, n.rows.Load())
	}
	if n.works.Load() != 2+3 {
		t.Errorf("it was asked %d times", n.works.Load())
	}
}

// TestCutPieces: an answer that is cut or damaged anywhere is no answer.
func TestCutPieces(t *testing.T) {
	var whole []byte
	few := &shared{numbers{count: 20, partitions: 2}}
	n := newNodes(t, sharedNumbers(), Config{}, itself)
	answer := make(chan []byte, 1)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(whole) > 0 {
			_, _ = w.Write(<-answer)
			return
		}
		recorder := httptest.NewRecorder()
		scatter.NewWorkServer(few, n.other).ServeHTTP(recorder, r)
		whole = recorder.Body.Bytes()
		_, _ = w.Write(whole)
	}))
	defer proxy.Close()
	e := New(Config{Tables: scatter.NewSource(scatter.Config{
		Local:   few,
		Leaders: leaders{proxy.URL, func(p uint16) bool { return p == 0 }},
		Client:  proxy.Client(), Path: "/none", WorkPath: workPath,
	}), Parallel: 1})
	text := "SELECT n % 3, max(n), count(DISTINCT n % 2) FROM numbers GROUP BY 1 ORDER BY 1"
	want, err := collect(t.Context(), e, text)
	if err != nil || len(want) != 3 {
		t.Fatal(want, err)
	}
	for at := range whole {
		damaged := slices.Clone(whole)
		damaged[at] ^= 0x10
		for _, b := range [][]byte{whole[:at], damaged} {
			answer <- b
			if got, err := collect(t.Context(), e, text); err == nil {
				t.Fatalf("with %d of %d bytes whole: %v", at, len(whole), got)
			}
		}
		if e.MemoryBytes() != 0 {
			t.Fatalf("%d bytes are still held", e.MemoryBytes())
		}
	}
	answer <- whole
	if got, err := collect(t.Context(), e, text); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, not %v: %v", got, want, err)
	}
}

// FuzzTold: whatever another node tells, nothing panics, and what is understood is what was told.
func FuzzTold(f *testing.F) {
	t := told{
		pieces: exec.PiecesVersion, version: "Perdure", text: "SELECT count(*) FROM numbers", user: "ann",
		labels: true, now: scriptTime, types: []table.Type{table.Int64, table.Null},
		params: []table.Value{table.Integer(5), {}},
	}
	f.Add(t.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decodeTold(b)
		if err != nil {
			return
		}
		again, err := decodeTold(got.append(nil))
		if err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%+v is read back as %+v: %v", got, again, err)
		}
	})
}
