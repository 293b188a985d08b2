package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/perdure/perdure/bench/report"
	"github.com/perdure/perdure/bench/workload"
)

// fakeStock makes invocations and knows the answers to questions about them. A broken one counts
// one too few.
type fakeStock struct {
	batches atomic.Int64
	broken  bool
}

func (f *fakeStock) make(w http.ResponseWriter, r *http.Request) {
	f.batches.Add(1)
	_, _ = io.Copy(w, r.Body)
}

func (f *fakeStock) answer(w http.ResponseWriter, r *http.Request) {
	var request struct{ Query string }
	_ = json.NewDecoder(r.Body).Decode(&request) // an empty query is answered with an error below
	stock := workload.StockOf(int(f.batches.Load()))
	switch text := request.Query; {
	case text == batchQuery:
		fmt.Fprintf(w, `{"rows":[{"n":%d}]}`, f.batches.Load())
	case text == stockQuery:
		fmt.Fprintf(w, `{"rows":[{"status":"completed","n":%d},{"status":"suspended","n":%d},`+
			`{"status":"scheduled","n":%d}]}`, stock.Completed, stock.Suspended, stock.Scheduled)
	case strings.HasPrefix(text, "SELECT id FROM sys_invocation WHERE target_service_name"):
		fmt.Fprint(w, `{"rows":[{"id":"inv_a"},{"id":"inv_b"}]}`)
	case strings.HasPrefix(text, "SELECT count(* "):
		http.Error(w, "no query", http.StatusBadRequest)
	default:
		f.rows(w, text, stock)
	}
}

func (f *fakeStock) rows(w http.ResponseWriter, text string, stock workload.Stock) {
	rows, n := 1, stock.Total
	for _, q := range questions {
		if fillIn(q.text, "inv_a") != text && fillIn(q.text, "inv_b") != text {
			continue
		}
		if q.rows != nil {
			rows = q.rows(stock)
		}
		if q.count != nil {
			n = q.count(stock)
		}
	}
	if f.broken {
		n--
	}
	row := fmt.Sprintf(`{"n":%d}`, n)
	fmt.Fprintf(w, `{"rows":[%s]}`, strings.Join(strings.Split(strings.Repeat(row+" ", rows-1)+row, " "), ","))
}

func sqlArgs(t *testing.T, servers ...string) []string {
	args := []string{"sql", "--invocations", "2000", "--clients", "2", "--rounds", "2",
		"--duration", "5ms", "--beside-duration", "50ms", "--warmup", "5ms", "--beside-clients", "4", "--rate", "200", "--queries", "8",
		"--data-dir", t.TempDir()}
	for _, s := range servers {
		args = append(args, "--server", s)
	}
	return args
}

func TestSQL(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	code, _, stderr := bench(t, append(sqlArgs(t, fake(t, "a"), fake(t, "b")), "--json", path)...)
	if code != exitOK {
		t.Fatalf("status %d: %s", code, stderr)
	}
	order, beside := "", 0
	for _, run := range readReport(t, path).Runs {
		switch run.Case.Part {
		case report.PartFill:
			if run.Figures["invocations"] != 2000 || run.Figures["invocations_per_second"] <= 0 {
				t.Errorf("filled %s with %v, want 2000", run.Server, run.Figures)
			}
		case report.PartQueries:
			if run.Case.Scenario == "by id" {
				order += run.Server
			}
			if run.Figures["p50_ms"] <= 0 || run.Figures["rows"] <= 0 {
				t.Errorf("%s: %v", run.Case.Scenario, run.Figures)
			}
		case report.PartBeside:
			asked := strings.Contains(run.Case.Scenario, "8 queries")
			if (run.Figures["p99_beside"] > 0) != asked || (run.Figures["queries_refused"] > 0) != asked {
				t.Errorf("%s: %v", run.Case.Scenario, run.Figures)
			}
			beside++
		}
	}
	if order != "abba" || beside != 16 {
		t.Errorf("asked in the order %s and %d runs beside queries, want abba and 16", order, beside)
	}
}

func TestSQLFindsWrongAnswers(t *testing.T) {
	code, stdout, stderr := bench(t, append(sqlArgs(t, brokenFake(t, "a")), "--queries", "0")...)
	if code != exitFailed || !strings.Contains(stdout, `{"n":1999}, want 2000`) {
		t.Errorf("status %d\n%s\n%s", code, stdout, stderr)
	}
}
