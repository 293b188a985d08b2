package query

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// The scripts in testdata are queries, each followed by what it gives:
// go test ./admin/query -rewrite, and review the difference. A comment "# sorted" before a query
// says that its rows are in no order.
var rewrite = flag.Bool("rewrite", false, "write the scripts anew")

// scriptTime is what now() is in scripts.
var scriptTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no scripts", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := runScript(t, string(b))
			if *rewrite {
				if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(b) {
				t.Errorf("%s differs; run with -rewrite and review:\n%s", name, firstDifference(string(b), got))
			}
		})
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d is\n  %s\nnot\n  %s", i+1, g[i], w[i])
		}
	}
	return "one is longer"
}

// runScript runs the blocks of a script, which are separated by empty lines, in all ways there are.
func runScript(t *testing.T, script string) string {
	t.Helper()
	var out []string
	engines := scriptEngines(t)
	for block := range strings.SplitSeq(strings.TrimSpace(script), "\n\n") {
		query, _, _ := strings.Cut(block, "\n----")
		text, sorted := "", false
		for line := range strings.SplitSeq(query, "\n") {
			if strings.HasPrefix(line, "#") {
				sorted = sorted || line == "# sorted"
				continue
			}
			text += line + "\n"
		}
		if strings.TrimSpace(text) == "" { // a comment on its own
			out = append(out, block)
			continue
		}
		answer := ""
		for i, e := range engines {
			a := ask(t.Context(), e.Engine, text, sorted)
			if i > 0 && a != answer {
				t.Errorf("%s\ngives, %s:\n%s\nnot\n%s", text, e.how, a, answer)
			}
			answer = a
		}
		out = append(out, query+"\n----\n"+answer)
	}
	return strings.Join(out, "\n\n") + "\n"
}

// scriptEngine is an engine, and how it runs.
type scriptEngine struct {
	*Engine
	how string
}

// scriptEngines are engines of the same tables that run differently.
func scriptEngines(t *testing.T) (list []scriptEngine) {
	for _, hints := range []bool{false, true} {
		m := loadMemory(t, "testdata/tables.txt")
		m.hints = hints
		for _, parallel := range []int{1, 3} {
			how := fmt.Sprintf("hints %t, parallel %d", hints, parallel)
			cfg := Config{Tables: m, Parallel: parallel, Now: func() time.Time { return scriptTime }}
			list = append(list, scriptEngine{New(cfg), how},
				scriptEngine{newNodes(t, m, cfg, itself).asked, how + ", another node computes"},
				scriptEngine{newNodes(t, m, cfg, nil).asked, how + ", another node sends rows"})
		}
	}
	return list
}

// ask prints what a query gives: the columns with their types, then a line for each row.
func ask(ctx context.Context, e *Engine, text string, sorted bool) string {
	s, err := e.Prepare(text)
	var rows []string
	if err == nil {
		err = s.Run(ctx, nil, func(row []table.Value) error {
			for i := range row {
				if row[i].Type != table.Null && row[i].Type != s.Columns[i].Type {
					return fmt.Errorf("column %d of type %s has a %s", i, s.Columns[i].Type, row[i].Type)
				}
			}
			rows = append(rows, printRow(row))
			return nil
		})
	}
	if err != nil {
		var e *sql.Error
		if errors.As(err, &e) {
			return "error " + e.State + ": " + e.Error()
		}
		return "error: " + err.Error()
	}
	var columns []string
	for _, c := range s.Columns {
		columns = append(columns, c.Name+" "+c.Type.String())
	}
	if sorted {
		slices.Sort(rows)
	}
	return strings.Join(append([]string{"= " + strings.Join(columns, " | ")}, rows...), "\n")
}

func printRow(row []table.Value) string {
	cells := make([]string, len(row))
	for i := range row {
		switch {
		case row[i].IsNull():
			cells[i] = "NULL"
		case row[i].Type == table.String && row[i].Str == "":
			cells[i] = "''"
		default:
			cells[i] = strings.ReplaceAll(expr.Text(&row[i]), "\n", "\\n")
		}
	}
	return strings.Join(cells, " | ")
}
