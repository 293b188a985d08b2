package query

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/admin/query/scatter"
	"github.com/perdure/perdure/admin/query/table"
)

// nodes are two: one that is asked, and one that leads all partitions but the first.
type nodes struct {
	asked, other *Engine
	rows         atomic.Int64 // that the other has sent
	rowBytes     atomic.Int64 // of answers with rows
	pieceBytes   atomic.Int64 // of answers with what was computed
	works        atomic.Int64 // how often it was asked to compute
	server       *httptest.Server
}

const (
	rowsPath = "/rows"
	workPath = "/work"
)

// newNodes makes nodes that read tables, reached over the loopback device. cfg is that of the one that
// is asked, worker what the other computes with; nil: it refuses to, as one of a release before.
func newNodes(t testing.TB, tables table.Source, cfg Config, worker func(*Engine) scatter.Worker) *nodes {
	t.Helper()
	n := &nodes{}
	mux := http.NewServeMux()
	n.server = httptest.NewServer(mux)
	t.Cleanup(n.server.Close)
	source := func(here func(p uint16) bool) *scatter.Source {
		return scatter.NewSource(scatter.Config{
			Local: tables, Leaders: leaders{n.server.URL, here}, Client: n.server.Client(),
			Path: rowsPath, WorkPath: workPath,
		})
	}
	theirs := cfg
	theirs.Tables = source(func(p uint16) bool { return p != 0 })
	theirs.Now, theirs.User = time.Now, "the other" // what it thinks itself does not count
	n.other = New(theirs)
	cfg.Tables = source(func(p uint16) bool { return p == 0 })
	n.asked = New(cfg)
	mux.Handle(rowsPath, counting(&n.rowBytes, nil, scatter.NewServer(counter{tables, &n.rows}, n.other.cfg.Pace)))
	if worker != nil {
		mux.Handle(workPath, counting(&n.pieceBytes, &n.works, scatter.NewWorkServer(tables, worker(n.other))))
	}
	return n
}

// itself has an engine compute.
func itself(e *Engine) scatter.Worker { return e }

// leaders leads partitions here or at one other node.
type leaders struct {
	at   string
	here func(p uint16) bool
}

func (l leaders) Leader(p uint16) (string, bool, error) { return l.at, l.here(p), nil }

// counting counts what a handler answers.
func counting(bytes, requests *atomic.Int64, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests != nil {
			requests.Add(1)
		}
		h.ServeHTTP(&countingWriter{w, bytes}, r)
	})
}

type countingWriter struct {
	http.ResponseWriter
	bytes *atomic.Int64
}

func (w *countingWriter) Write(b []byte) (int, error) {
	w.bytes.Add(int64(len(b)))
	return w.ResponseWriter.Write(b)
}

// counter counts the rows that are read of a source.
type counter struct {
	table.Source
	rows *atomic.Int64
}

func (c counter) Open(ctx context.Context, p uint16, q *table.Scan) (table.Reader, error) {
	r, err := c.Source.Open(ctx, p, q)
	return countedReader{r, c.rows}, err
}

type countedReader struct {
	table.Reader
	rows *atomic.Int64
}

func (r countedReader) Next(b *table.Batch) (bool, error) {
	ok, err := r.Reader.Next(b)
	r.rows.Add(int64(b.Rows))
	return ok, err
}
