package query

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// FuzzQuery: whatever the text, the answer is rows or an error about the text; nothing panics, and
// nothing is held afterwards.
func FuzzQuery(f *testing.F) {
	files, err := filepath.Glob("testdata/*.sql")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for block := range strings.SplitSeq(string(b), "\n\n") {
			query, _, _ := strings.Cut(block, "\n----")
			f.Add(query)
		}
	}
	m := loadMemory(f, "testdata/tables.txt")
	m.hints = true
	e := New(Config{Tables: m, Parallel: 2, StatementBytes: 1 << 20, Time: 2 * time.Second, Rows: 1000})
	f.Fuzz(func(t *testing.T, text string) {
		s, err := e.Prepare(text)
		if err == nil {
			params := make([]table.Value, len(s.Params))
			err = s.Run(context.Background(), params, func(row []table.Value) error {
				if len(row) != len(s.Columns) {
					t.Errorf("%q: a row has %d values, want %d", text, len(row), len(s.Columns))
				}
				return nil
			})
		}
		var known *sql.Error
		if err != nil && !errors.As(err, &known) && !errors.Is(err, ErrEmpty) {
			t.Errorf("%q: %v", text, err)
		}
		if known != nil && (known.State == "" || known.Position > len(text)) {
			t.Errorf("%q: the error has state %q and position %d", text, known.State, known.Position)
		}
		if e.MemoryBytes() != 0 {
			t.Fatalf("%q: %d bytes are still held", text, e.MemoryBytes())
		}
	})
}
