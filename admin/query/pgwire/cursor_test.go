package pgwire

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// TestCursors: what is declared in SQL is fetched in parts and lives as long as its transaction.
func TestCursors(t *testing.T) {
	_, address := start(t, &fixture{}, Config{Cursors: 2})
	c := connect(t, address, "")
	exec := func(text string) string {
		t.Helper()
		results, err := c.PgConn().Exec(t.Context(), text).ReadAll()
		var got []string
		for _, r := range results {
			var rows []string
			for _, row := range r.Rows {
				rows = append(rows, string(row[0]))
			}
			got = append(got, strings.TrimSpace(strings.Join(rows, ",")+" "+r.CommandTag.String()))
		}
		if err != nil {
			var e *pgconn.PgError
			if !errors.As(err, &e) {
				t.Fatalf("%s: %v", text, err)
			}
			got = append(got, e.Code)
		}
		return strings.Join(got, "; ")
	}
	for _, step := range []struct{ text, want string }{
		{"DECLARE a CURSOR FOR SELECT value FROM generate_series(1, 9)", stateOutsideTx},
		{"BEGIN; DECLARE a CURSOR FOR SELECT value FROM generate_series(1, 9)", "BEGIN; DECLARE CURSOR"},
		{"FETCH a", "1 FETCH 1"}, {"FETCH 2 FROM a", "2,3 FETCH 2"}, {"MOVE FORWARD 2 IN a", "MOVE 2"},
		{"FETCH NEXT FROM a; FETCH FORWARD ALL FROM a; FETCH a", "6 FETCH 1; 7,8,9 FETCH 3; FETCH 0"},
		{"CLOSE a; FETCH a", "CLOSE CURSOR; " + stateNoCursor}, {"ROLLBACK", "ROLLBACK"},
		{"BEGIN; DECLARE a NO SCROLL CURSOR WITHOUT HOLD FOR SELECT 1; DECLARE a CURSOR FOR SELECT 2",
			"BEGIN; DECLARE CURSOR; " + stateCursorExists},
		{"COMMIT; FETCH a", "ROLLBACK; " + stateNoCursor},
		{"BEGIN; DECLARE b INSENSITIVE CURSOR WITH HOLD FOR SELECT value FROM generate_series(1, 3); COMMIT; FETCH b",
			"BEGIN; DECLARE CURSOR; COMMIT; 1 FETCH 1"},
		{"BEGIN; FETCH b; ROLLBACK; FETCH ALL b", "BEGIN; 2 FETCH 1; ROLLBACK; 3 FETCH 1"},
		{"CLOSE ALL; FETCH b", "CLOSE CURSOR; " + stateNoCursor},
		{"BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT 1; ROLLBACK; FETCH c",
			"BEGIN; DECLARE CURSOR; ROLLBACK; " + stateNoCursor},
		{"DECLARE d CURSOR WITH HOLD FOR SELECT 7", "DECLARE CURSOR"}, {"FETCH d; CLOSE d", "7 FETCH 1; CLOSE CURSOR"},
		{"CLOSE d", stateNoCursor}, {"FETCH PRIOR FROM d", "55000"}, {"FETCH -1 FROM d", "55000"},
		{"DECLARE d SCROLL CURSOR FOR SELECT 1", "55000"}, {"DECLARE d CURSOR FOR DELETE FROM every", "25006"},
		{"DECLARE d BINARY CURSOR FOR SELECT 1", "0A000"}, {"DECLARE d CURSOR FOR", "42601"},
	} {
		if got := exec(step.text); got != step.want {
			t.Errorf("%s: %s, want %s", step.text, got, step.want)
		}
	}
	_, err := c.Exec(t.Context(), "DECLARE d CURSOR WITH HOLD FOR SELECT nothing")
	if e := wantState(t, "a column that is none", err, "42703"); e.Position != 39 {
		t.Errorf("the place of the mistake is %d, want 39", e.Position)
	}
}

// TestCursorsPrepared: parameters of the query, rows in binary, statements that are prepared once.
func TestCursorsPrepared(t *testing.T) {
	_, address := start(t, &fixture{}, Config{})
	c := connect(t, address, "default_query_exec_mode=cache_statement")
	for round := range 3 {
		err := pgx.BeginFunc(t.Context(), c, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), "DECLARE x CURSOR FOR SELECT value FROM generate_series(1, $1::bigint)",
				round+2); err != nil {
				return err
			}
			rows, err := tx.Query(t.Context(), "FETCH 10 FROM x")
			if err != nil {
				return err
			}
			list, err := pgx.CollectRows(rows, pgx.RowTo[int64])
			if len(list) != round+2 {
				t.Errorf("round %d: the rows are %v", round, list)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Exec(t.Context(), "DECLARE x CURSOR WITH HOLD FOR SELECT 'text'"); err != nil {
		t.Fatal(err)
	}
	rows, err := c.Query(t.Context(), "FETCH 10 FROM x")
	if err == nil {
		rows.Close()
		err = rows.Err()
	}
	wantState(t, "a cursor that has other columns by now", err, "0A000")
}

// TestRecords: drivers ask for keys with records, which have fields.
func TestRecords(t *testing.T) {
	_, address := start(t, &fixture{}, Config{})
	c := connect(t, address, "")
	for _, q := range []struct{ text, want string }{
		{"SELECT (information_schema._pg_expandarray(ARRAY[7, 9])).n", "[1 2]"},
		{"SELECT (k.keys).x FROM (SELECT information_schema._pg_expandarray(ARRAY[7, 9]) AS keys) k " +
			"WHERE (k.keys).n = 2", "[9]"},
		{"SELECT x FROM (SELECT _pg_expandarray(a) AS keys, 'k', (_pg_expandarray(a)).x AS x, " +
			"(_pg_expandarray(a)).n AS n FROM (SELECT ARRAY[5, 6] AS a) l) k ORDER BY n DESC", "[6 5]"},
		{"SELECT _pg_expandarray(ARRAY[7, 9])::text", "[[(7,1), (9,2)]]"},
		{"SELECT count(*) FROM (SELECT DISTINCT _pg_expandarray(ARRAY[7, 7]) AS k) x", "[2]"},
		{"SELECT keys::text FROM (SELECT _pg_expandarray(ARRAY[7, NULL]) AS keys) k", "[(7,1) (,2)]"},
	} {
		if got := shown(t, c, q.text); got != q.want {
			t.Errorf("%s: %s, want %s", q.text, got, q.want)
		}
	}
	for text, state := range map[string]string{
		"SELECT (k).y FROM (SELECT _pg_expandarray(ARRAY[7]) AS k) x":         "42703",
		"SELECT (id).n FROM every":                                            "42804",
		"SELECT (_pg_expandarray(ARRAY[1])).n, (_pg_expandarray(ARRAY[2])).n": "0A000",
	} {
		_, err := c.Exec(t.Context(), text)
		wantState(t, text, err, state)
	}
	results, err := c.PgConn().Exec(t.Context(), "SELECT _pg_expandarray(ARRAY[7])").ReadAll()
	if err != nil || string(results[0].Rows[0][0]) != "(7,1)" {
		t.Errorf("%v %v", results, err)
	}
	raw := c.PgConn().ExecParams(t.Context(), "SELECT _pg_expandarray(ARRAY[7])", nil, nil, nil, []int16{1}).Read()
	want := "\x00\x00\x00\x02" + "\x00\x00\x00\x14\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x07" +
		"\x00\x00\x00\x14\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x01"
	if raw.Err != nil || string(raw.Rows[0][0]) != want {
		t.Errorf("in binary it is %q %v", raw.Rows, raw.Err)
	}
}

// TestHiddenColumns: tableoid is there for those who name it.
func TestHiddenColumns(t *testing.T) {
	_, address := start(t, &fixture{}, Config{})
	c := connect(t, address, "")
	if got := shown(t, c, "SELECT tableoid::regclass FROM pg_language"); got != "[pg_language]" {
		t.Errorf("a language is of the table %s", got)
	}
	rows, err := c.Query(t.Context(), "SELECT * FROM pg_am NATURAL JOIN (SELECT oid FROM pg_am) x")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range rows.FieldDescriptions() {
		if f.Name == "tableoid" {
			t.Error("* stands for tableoid too")
		}
	}
	rows.Close()
	if got := shown(t, c, "SELECT count(*) FROM pg_attribute WHERE attname = 'tableoid'"); got != "[0]" {
		t.Errorf("%s columns are called tableoid in pg_attribute", got)
	}
}

// shown gives the first column of a query's rows.
func shown(t *testing.T, c *pgx.Conn, text string) string {
	t.Helper()
	rows, err := c.Query(t.Context(), text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	list, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (any, error) {
		values, err := r.Values()
		if err != nil {
			return nil, err
		}
		return values[0], nil
	})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return fmt.Sprint(list)
}
