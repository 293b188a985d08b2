package pgwire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/perdure/perdure/admin/query"
)

// modes are the ways in which pgx asks.
var modes = []string{
	"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol",
}

// every is a row of the table with all types, as pgx reads it.
type every struct {
	ID    int64
	Truth *bool
	Small *int64
	Large *pgtype.Numeric
	Real  *float64
	Words *string
	Bytes []byte
	At    *time.Time
	Took  *pgtype.Interval
	Day   *time.Time
	Gap   *pgtype.Interval
	Some  []int64
	Names []string
}

// TestTypes: values of all types come over in text and in binary.
func TestTypes(t *testing.T) {
	_, address := start(t, &fixture{}, Config{})
	for _, mode := range modes {
		c := connect(t, address, "default_query_exec_mode="+mode)
		rows, err := c.Query(t.Context(), "SELECT * FROM every ORDER BY id")
		if err != nil {
			t.Fatal(err)
		}
		got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[every])
		if err != nil {
			t.Fatalf("%s: %v", mode, err)
		}
		if len(got) != 3 {
			t.Fatalf("%s: %d rows", mode, len(got))
		}
		least, full, empty := got[0], got[1], got[2]
		if empty.ID != 2 || empty.Truth != nil || empty.Words != nil || empty.Large != nil || empty.Names != nil {
			t.Errorf("%s: the row of NULLs is %+v", mode, empty)
		}
		large, err := full.Large.Value()
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range []struct{ got, want any }{
			{*full.Truth, true}, {*full.Small, int64(7)}, {large, "18446744073709551615"}, {*full.Real, 1.5},
			{*full.Words, "häßlich, 'quoted'"}, {string(full.Bytes), "\x00\xffab"},
			{full.At.UTC().Format(time.RFC3339Nano), "2026-03-01T12:00:00.123Z"},
			{*full.Took, pgtype.Interval{Microseconds: 90_061_500_000, Valid: true}},
			{full.Day.Format(time.DateOnly), "2026-03-01"},
			{*full.Gap, pgtype.Interval{Months: 14, Days: 3, Microseconds: 3_600_000_000, Valid: true}},
			{fmt.Sprint(full.Some), "[1 2]"}, {fmt.Sprintf("%q", full.Names), `["a\"b\\" "" "c,d"]`},
			{*least.Truth, false}, {*least.Real, -1e300}, {*least.Words, ""}, {len(least.Bytes), 0},
			{least.At.UTC().Format(time.RFC3339Nano), "1969-12-31T00:00:00Z"},
			{*least.Took, pgtype.Interval{Microseconds: -1_500_000, Valid: true}},
			{least.Day.Format(time.DateOnly), "1969-12-31"},
			{*least.Gap, pgtype.Interval{Microseconds: -1000, Valid: true}},
			{len(least.Some), 0}, {least.Some == nil, false}, {len(least.Names), 0},
		} {
			if x.got != x.want {
				t.Errorf("%s: %v, want %v", mode, x.got, x.want)
			}
		}
	}
}

// TestText: what text clients see.
func TestText(t *testing.T) {
	_, address := start(t, &fixture{}, Config{})
	c := connect(t, address, "")
	r := c.PgConn().ExecParams(t.Context(), "SELECT * FROM every ORDER BY id", nil, nil, nil, nil).Read()
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	for i, want := range []string{
		`-3 f 0 10000000000 -1e+300  \x 1969-12-31 00:00:00+00 -00:00:01.5 1969-12-31 -00:00:00.001 {} {}`,
		`1 t 7 18446744073709551615 1.5 häßlich, 'quoted' \x00ff6162 2026-03-01 12:00:00.123+00 25:01:01.5 ` +
			`2026-03-01 1 year 2 mons 3 days 01:00:00 {1,2} {"a\"b\\","","c,d"}`,
	} {
		if got := string(bytes.Join(r.Rows[i], []byte(" "))); got != want {
			t.Errorf("row %d is\n%s, want\n%s", i, got, want)
		}
	}
	r = c.PgConn().ExecParams(t.Context(),
		"SELECT 'NaN'::float, 'inf'::float, 1e15, 0.00001, 100.0, NULL, 1 = 1", nil, nil, nil, nil).Read()
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	if got := string(bytes.Join(r.Rows[0], []byte(" "))); got != "NaN Infinity 1e+15 1e-05 100  t" {
		t.Errorf("numbers are %s", got)
	}
	if r.Rows[0][5] != nil {
		t.Error("NULL is not NULL")
	}
}

// TestParameters: values of all types go over in text and in binary, and statements know their types.
func TestParameters(t *testing.T) {
	_, address := start(t, &fixture{}, Config{})
	at := time.UnixMilli(testTime)
	for _, mode := range modes {
		c := connect(t, address, "default_query_exec_mode="+mode)
		for _, q := range []struct {
			condition string
			args      []any
			want      int
		}{
			{"id = $1", []any{1}, 1},
			{"id = $1 OR id = $2", []any{int64(1), int32(2)}, 2},
			{"id = ANY($1)", []any{[]int64{1, 2, 9}}, 2},
			{"id IN ($1, $2)", []any{1, -3}, 2},
			{"id BETWEEN $1 AND $2", []any{1, 2}, 2},
			{"words = ANY($1)", []any{[]string{"häßlich, 'quoted'", "x"}}, 1},
			{"words LIKE $1", []any{"%quoted%"}, 1},
			{"words = $1", []any{""}, 1},
			{"truth = $1", []any{true}, 1},
			{"\"real\" > $1", []any{1.25}, 1},
			{"at = $1", []any{at}, 1},
			{"at > $1 AND at < $2", []any{at.Add(-time.Hour), at.Add(time.Hour)}, 1},
			{"at > $1::timestamptz - interval '1 hour'", []any{at}, 1},
			{"day = $1", []any{time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}, 1},
			{"bytes = $1", []any{[]byte("\x00\xffab")}, 1},
			{"took > $1", []any{pgtype.Interval{Microseconds: 1_000_000, Valid: true}}, 1},
			{"words = $1", []any{nil}, 0},
			{"$1 IS NULL", []any{nil}, 3},
			{"lower(words) = lower($1)", []any{"HÄßLICH, 'QUOTED'"}, 1},
			{"id < $1::bigint LIMIT $2", []any{100, 2}, 2},
		} {
			if mode == "simple_protocol" && strings.HasPrefix(q.condition, "bytes") {
				continue // pgx writes the bytes into the query, as text
			}
			rows, err := c.Query(t.Context(), "SELECT id FROM every WHERE "+q.condition, q.args...)
			if err != nil {
				t.Errorf("%s: %s: %v", mode, q.condition, err)
				continue
			}
			got, err := pgx.CollectRows(rows, pgx.RowTo[int64])
			if err != nil || len(got) != q.want {
				t.Errorf("%s: %s: %d rows, %v", mode, q.condition, len(got), err)
			}
		}
		var sum, product any
		if err := c.QueryRow(t.Context(), "SELECT $1::bigint + 1, $2::float * 2", 41, 1.5).
			Scan(&sum, &product); err != nil || sum != int64(42) || product != 3.0 {
			t.Errorf("%s: %v %v %v", mode, sum, product, err)
		}
	}
	c := connect(t, address, "")
	st, err := c.Prepare(t.Context(), "st", "SELECT id + $1, words FROM every WHERE large = $2 AND at > $3 "+
		"AND words || $4 = 'x' AND id = ANY($5) LIMIT $6")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(st.ParamOIDs); got != "[20 1700 1184 25 1016 20]" {
		t.Errorf("the parameters are %s", got)
	}
	if st.Fields[0].DataTypeOID != 20 || st.Fields[1].Name != "words" || st.Fields[1].DataTypeOID != 25 {
		t.Errorf("the columns are %+v", st.Fields)
	}
	_, err = c.Exec(t.Context(), "SELECT id FROM every WHERE id = $1", pgx.QueryExecModeExec, "abc")
	wantState(t, "a parameter that is none", err, "22P02")
}

func wantState(t *testing.T, what string, err error, state string) *pgconn.PgError {
	t.Helper()
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != state {
		t.Errorf("%s: %v, want %s", what, err, state)
		return &pgconn.PgError{}
	}
	return e
}

// TestErrors: they have states, positions in letters and hints, and the session goes on.
func TestErrors(t *testing.T) {
	_, address := start(t, &fixture{}, Config{}, query.Config{Rows: 100})
	for _, mode := range modes {
		c := connect(t, address, "default_query_exec_mode="+mode)
		for _, q := range []struct {
			text, state string
			position    int32
		}{
			{"SELEC 1", "42601", 1},
			{"SELECT 'ä', nothing FROM every", "42703", 13},
			{"SELECT * FROM nothing", "42P01", 15},
			{"SELECT nothing(1)", "42883", 8},
			{"SELECT 1 / (id - id) FROM every", "22012", 0},
			{"SELECT n FROM numbers", "54001", 0},
			{"INSERT INTO every VALUES (1)", "25006", 1},
			{"UPDATE every SET id = 1", "25006", 1},
			{"DELETE FROM every", "25006", 1},
			{"CREATE TABLE x (y int)", "25006", 1},
			{"DROP TABLE every", "25006", 1},
			{"COPY every TO STDOUT", "25006", 1},
			{"TRUNCATE every", "25006", 1},
			{"SET nothing = 1", "42704", 0},
			{"SAVEPOINT a", "25P01", 1},
			{"SELECT 'open", "42601", 8},
		} {
			_, err := c.Exec(t.Context(), q.text)
			if e := wantState(t, mode+": "+q.text, err, q.state); e.Position != q.position {
				t.Errorf("%s: %s: position %d, want %d", mode, q.text, e.Position, q.position)
			}
		}
		_, err := c.Exec(t.Context(), "SELECT wirds FROM every")
		if e := wantState(t, mode, err, "42703"); e.Hint != "did you mean every.words?" || e.Severity != "ERROR" {
			t.Errorf("%s: %+v", mode, e)
		}
		if got := column(t, c, "SELECT words FROM every WHERE id = 1"); len(got) != 1 {
			t.Errorf("%s: the session does not go on: %v", mode, got)
		}
	}
}

// TestSimple: several statements in one text, empty ones among them.
func TestSimple(t *testing.T) {
	_, address := start(t, &fixture{}, Config{})
	c := connect(t, address, "").PgConn()
	all := func(text string) (tags []string, err error) {
		results, err := c.Exec(t.Context(), text).ReadAll()
		for _, r := range results {
			tags = append(tags, r.CommandTag.String())
		}
		return tags, err
	}
	for _, q := range []struct{ text, tags string }{
		{"SELECT 1; SELECT ';' ; -- ;\n SELECT 2;", "[SELECT 1 SELECT 1 SELECT 1]"},
		{"", "[]"}, {" ; ;; ", "[]"}, {"-- nothing", "[]"},
		{"BEGIN; SELECT id FROM every; COMMIT", "[BEGIN SELECT 3 COMMIT]"},
		{"BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY; END", "[BEGIN COMMIT]"},
		{"START TRANSACTION READ ONLY; SAVEPOINT a; ROLLBACK TO a; RELEASE a; ROLLBACK",
			"[START TRANSACTION SAVEPOINT ROLLBACK RELEASE ROLLBACK]"},
		{"SET application_name = 'x'; SHOW application_name; RESET ALL; DISCARD ALL; DEALLOCATE ALL",
			"[SET SHOW RESET DISCARD ALL DEALLOCATE ALL]"},
		{"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; SET TIME ZONE 'UTC'; SET extra_float_digits TO 3",
			"[SET SET SET]"},
		{"SHOW TABLES; EXPLAIN SELECT 1; UNLISTEN *; CLOSE ALL", "[SHOW EXPLAIN UNLISTEN CLOSE CURSOR]"},
	} {
		if tags, err := all(q.text); err != nil || fmt.Sprint(tags) != strings.Replace(q.tags, "START TRANSACTION", "BEGIN", 1) {
			t.Errorf("%q: %s %v", q.text, tags, err)
		}
	}
	tags, err := all("SELECT 1; SELECT 'ä' || nothing; SELECT 2")
	if e := wantState(t, "the second of three", err, "42703"); fmt.Sprint(tags) != "[SELECT 1]" || e.Position != 25 {
		t.Errorf("%s %+v", tags, e)
	}
	_, err = all("SELECT $1")
	wantState(t, "a parameter", err, "42P02")
}

// TestTransaction: one that has failed does nothing until it is rolled back, and what was set in it is
// undone.
func TestTransaction(t *testing.T) {
	_, address := start(t, &fixture{}, Config{})
	c := connect(t, address, "")
	status := func(want byte) {
		t.Helper()
		if got := c.PgConn().TxStatus(); got != want {
			t.Fatalf("the status is %c, want %c", got, want)
		}
	}
	exec := func(text string) error {
		t.Helper()
		_, err := c.Exec(t.Context(), text)
		return err
	}
	must := func(text string) {
		t.Helper()
		if err := exec(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	must("SET application_name = 'before'")
	must("BEGIN")
	status('T')
	must("SET application_name = 'within'")
	wantState(t, "an error", exec("SELECT nothing"), "42703")
	status('E')
	wantState(t, "after it", exec("SELECT 1"), "25P02")
	wantState(t, "after it", exec("SHOW application_name"), "25P02")
	if tag, err := c.Exec(t.Context(), "COMMIT"); err != nil || tag.String() != "ROLLBACK" {
		t.Errorf("COMMIT says %s %v", tag, err)
	}
	status('I')
	show := func(want string) {
		t.Helper()
		if got := column(t, c, "SHOW application_name"); got[0] != want {
			t.Errorf("application_name is %q, want %q", got[0], want)
		}
		if got := c.PgConn().ParameterStatus("application_name"); got != want {
			t.Errorf("the client was told that application_name is %q, want %q", got, want)
		}
	}
	show("before")
	must("BEGIN")
	must("SET LOCAL application_name = 'within'")
	show("within")
	must("COMMIT")
	show("before")
	must("BEGIN")
	must("SAVEPOINT a")
	wantState(t, "an error", exec("SELECT nothing"), "42703")
	must("ROLLBACK TO SAVEPOINT a")
	status('T')
	must("ROLLBACK")
}

// TestCancel: a cancelled query ends at once with 57014, and the session goes on.
func TestCancel(t *testing.T) {
	f := &fixture{opened: make(chan struct{}, 100)}
	_, address := start(t, f, Config{})
	c := connect(t, address, "").PgConn()
	for _, text := range []string{
		"SELECT count(*) FROM endless", "SELECT n FROM endless WHERE n < 0",
		"SELECT n FROM endless WHERE n < 0 ORDER BY n LIMIT 3",
	} {
		done := make(chan error, 1)
		go func() {
			done <- c.ExecParams(t.Context(), text, nil, nil, nil, nil).Read().Err
		}()
		<-f.opened
		if err := c.CancelRequest(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantState(t, text, <-done, "57014")
		drain(f.opened)
		if r := c.ExecParams(t.Context(), "SELECT 1", nil, nil, nil, nil).Read(); r.Err != nil {
			t.Fatalf("the session does not go on: %v", r.Err)
		}
	}
	if err := c.ExecParams(t.Context(), "SET statement_timeout = 50", nil, nil, nil, nil).Read().Err; err != nil {
		t.Fatal(err)
	}
	r := c.ExecParams(t.Context(), "SELECT count(*) FROM endless", nil, nil, nil, nil).Read()
	wantState(t, "statement_timeout", r.Err, "57014")
}

func drain(c chan struct{}) {
	for {
		select {
		case <-c:
		default:
			return
		}
	}
}

// TestWrongKey: a key that is not that of the session cancels nothing.
func TestWrongKey(t *testing.T) {
	f := &fixture{opened: make(chan struct{}, 100)}
	s, address := start(t, f, Config{})
	c := connect(t, address, "").PgConn()
	done := make(chan error, 1)
	go func() {
		done <- c.ExecParams(t.Context(), "SELECT count(*) FROM endless", nil, nil, nil, nil).Read().Err
	}()
	<-f.opened
	s.cancel(c.PID(), []byte("no"))
	s.cancel(c.PID()+1, c.SecretKey())
	select {
	case err := <-done:
		t.Fatalf("the query ended: %v", err)
	default:
	}
	s.cancel(c.PID(), c.SecretKey())
	wantState(t, "the right key", <-done, "57014")
}

// TestLeaving: a query ends when its client is gone.
func TestLeaving(t *testing.T) {
	f := &fixture{opened: make(chan struct{}, 100)}
	s, address := start(t, f, Config{})
	c := connect(t, address, "").PgConn()
	wire, done := c.Conn(), make(chan struct{})
	defer func() { <-done }() // nobody else may use the connection before
	go func() {
		defer close(done)
		_ = c.ExecParams(context.Background(), "SELECT count(*) FROM endless", nil, nil, nil, nil).Read()
	}()
	<-f.opened
	if err := wire.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the session is still there", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.sessions) == 0
	})
}

// eventually waits for a condition, within the time of the test.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal(what)
		}
	}
}

// TestPortals: a result is taken in parts, over several rounds within a transaction, and ends with it.
func TestPortals(t *testing.T) {
	_, address := start(t, &fixture{}, Config{Cursors: 2})
	c := connect(t, address, "")
	hijacked, err := c.PgConn().Hijack()
	if err != nil {
		t.Fatal(err)
	}
	defer hijacked.Conn.Close()
	front := hijacked.Frontend
	// round sends messages and a Sync, and says what came back, rows as their number.
	round := func(messages ...pgproto3.FrontendMessage) string {
		t.Helper()
		for _, m := range messages {
			front.Send(m)
		}
		front.Send(&pgproto3.Sync{})
		if err := front.Flush(); err != nil {
			t.Fatal(err)
		}
		var got []string
		rows := 0
		for {
			m, err := front.Receive()
			if err != nil {
				t.Fatal(err)
			}
			if _, row := m.(*pgproto3.DataRow); row {
				rows++
				continue
			}
			if rows > 0 {
				got, rows = append(got, fmt.Sprint(rows)), 0
			}
			switch m := m.(type) {
			case *pgproto3.ReadyForQuery:
				return strings.Join(append(got, string(m.TxStatus)), " ")
			case *pgproto3.ErrorResponse:
				got = append(got, m.Code)
			case *pgproto3.CommandComplete:
				got = append(got, string(m.CommandTag))
			default:
				got = append(got, strings.TrimPrefix(fmt.Sprintf("%T", m), "*pgproto3."))
			}
		}
	}
	parse := &pgproto3.Parse{Name: "s", Query: "SELECT n FROM numbers"}
	bind := func(portal string) *pgproto3.Bind {
		return &pgproto3.Bind{DestinationPortal: portal, PreparedStatement: "s"}
	}
	fetch := func(portal string, n uint32) *pgproto3.Execute {
		return &pgproto3.Execute{Portal: portal, MaxRows: n}
	}
	begin := []pgproto3.FrontendMessage{
		&pgproto3.Parse{Query: "BEGIN"}, &pgproto3.Bind{}, &pgproto3.Execute{},
	}
	commit := []pgproto3.FrontendMessage{
		&pgproto3.Parse{Query: "COMMIT"}, &pgproto3.Bind{}, &pgproto3.Execute{},
	}
	for i, step := range []struct{ got, want string }{
		{round(begin...), "ParseComplete BindComplete BEGIN T"},
		{round(parse, bind("p"), &pgproto3.Describe{ObjectType: 'P', Name: "p"}, fetch("p", 10)),
			"ParseComplete BindComplete RowDescription 10 PortalSuspended T"},
		{round(bind("q"), fetch("q", 1)), "BindComplete 1 PortalSuspended T"},
		{round(fetch("p", 4000)), "4000 PortalSuspended T"},
		{round(fetch("p", 0)), "990 SELECT 990 T"},
		{round(fetch("p", 5)), "SELECT 0 T"},
		{round(bind("r"), fetch("r", testCount+1)), "BindComplete 5000 SELECT 5000 T"},
		{round(bind("r2"), fetch("r2", 1), fetch("r2", 2), &pgproto3.Close{ObjectType: 'P', Name: "r2"}),
			"BindComplete 1 PortalSuspended 2 PortalSuspended CloseComplete T"},
		{round(fetch("r2", 1)), "34000 E"},
		{round(fetch("q", 1)), "34000 E"},
		{round(commit...), "ParseComplete BindComplete ROLLBACK I"},
		{round(bind("p"), fetch("p", 3)), "BindComplete 3 PortalSuspended I"},
		{round(fetch("p", 3)), "34000 I"}, // it ended with its implicit transaction
		{round(bind("a"), fetch("a", 1), bind("b"), fetch("b", 1), bind("c"), fetch("c", 1)),
			"BindComplete 1 PortalSuspended BindComplete 1 PortalSuspended BindComplete 53300 I"},
		{round(bind(""), &pgproto3.Execute{}), "BindComplete 5000 SELECT 5000 I"},
		{round(parse), "42P05 I"},
		{round(&pgproto3.Close{ObjectType: 'S', Name: "s"}, bind("")), "CloseComplete 26000 I"},
		{round(&pgproto3.Bind{PreparedStatement: "none"}, &pgproto3.Execute{}, &pgproto3.Execute{}), "26000 I"},
		{round(&pgproto3.Parse{Query: "SELECT 1; SELECT 2"}), "42601 I"},
		{round(&pgproto3.Parse{Query: "SELECT $1::int"}, &pgproto3.Bind{}), "ParseComplete 08P01 I"},
		{round(&pgproto3.Parse{}, &pgproto3.Describe{ObjectType: 'S'}, &pgproto3.Bind{}, &pgproto3.Execute{}),
			"ParseComplete ParameterDescription NoData BindComplete EmptyQueryResponse I"},
		{round(&pgproto3.Parse{Query: "SHOW timezone"}, &pgproto3.Describe{ObjectType: 'S'}, &pgproto3.Bind{},
			&pgproto3.Execute{}),
			"ParseComplete ParameterDescription RowDescription BindComplete 1 SHOW I"},
		{round(&pgproto3.FunctionCall{}), "0A000 I"},
	} {
		if step.got != step.want {
			t.Errorf("step %d: %s, want %s", i, step.got, step.want)
		}
	}
}

// TestMany: fifty clients at once, each with its own session.
func TestMany(t *testing.T) {
	s, address := start(t, &fixture{}, Config{Connections: 50, User: "ann"})
	var group sync.WaitGroup
	ready, all := make(chan struct{}, 50), make(chan struct{})
	for i := range 50 {
		group.Go(func() {
			c, err := pgx.Connect(t.Context(), fmt.Sprintf("postgres://ann@%s/restate?application_name=c%d", address, i))
			if err != nil {
				t.Error(err)
				ready <- struct{}{}
				return
			}
			defer c.Close(context.Background())
			ready <- struct{}{}
			<-all
			for range 5 {
				var n int64
				var name, user string
				err := c.QueryRow(t.Context(), "SELECT count(*), current_setting('application_name'), current_user "+
					"FROM numbers WHERE n >= $1", i).Scan(&n, &name, &user)
				if err != nil || n != testCount-int64(i) || name != fmt.Sprintf("c%d", i) || user != "ann" {
					t.Errorf("client %d got %d %s %s %v", i, n, name, user, err)
				}
			}
		})
	}
	for range 50 {
		<-ready
	}
	_, err := pgx.Connect(t.Context(), "postgres://ann@"+address+"/restate")
	wantState(t, "one more", err, "53300")
	close(all)
	group.Wait()
	eventually(t, "sessions are left", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.sessions) == 0
	})
}

// TestPassword: SCRAM lets in who knows the name and the password, and nobody else.
func TestPassword(t *testing.T) {
	password := "a pässword"
	_, address := start(t, &fixture{}, Config{User: "ann", Password: func() (string, error) { return password, nil }})
	try := func(user, pass string) error {
		cfg, err := pgx.ParseConfig("postgres://" + address + "/restate")
		if err != nil {
			t.Fatal(err)
		}
		cfg.User, cfg.Password = user, pass
		c, err := pgx.ConnectConfig(t.Context(), cfg)
		if err == nil {
			defer c.Close(context.Background())
			if got := column(t, c, "SELECT current_user"); got[0] != user {
				t.Errorf("current_user is %s", got[0])
			}
		}
		return err
	}
	if err := try("ann", password); err != nil {
		t.Error(err)
	}
	wantState(t, "a wrong password", try("ann", "guess"), "28P01")
	wantState(t, "no password", try("ann", ""), "28P01")
	wantState(t, "another user", try("bob", password), "28P01")
	password = "another one"
	wantState(t, "the old password", try("ann", "a pässword"), "28P01")
	if err := try("ann", "another one"); err != nil {
		t.Error(err)
	}
}

// TestTLS: clients that ask for it are encrypted; those that do not can be refused.
func TestTLS(t *testing.T) {
	server, pool := certificate(t)
	for _, required := range []bool{false, true} {
		_, address := start(t, &fixture{}, Config{
			TLS: server, RequireTLS: required, Password: func() (string, error) { return "secret", nil },
		})
		cfg, err := pgx.ParseConfig("postgres://perdure:secret@" + address + "/restate?sslmode=verify-full")
		if err != nil {
			t.Fatal(err)
		}
		cfg.TLSConfig.RootCAs = pool
		c, err := pgx.ConnectConfig(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got := column(t, c, "SELECT words FROM every WHERE id = 1"); len(got) != 1 {
			t.Error("no row")
		}
		if err := c.PgConn().CancelRequest(t.Context()); err != nil {
			t.Error(err)
		}
		_ = c.Close(context.Background())
		plain, err := pgx.Connect(t.Context(), "postgres://perdure:secret@"+address+"/restate?sslmode=disable")
		if required {
			wantState(t, "in the clear", err, "28000")
		} else if err != nil {
			t.Error(err)
		} else {
			_ = plain.Close(context.Background())
		}
	}
	_, address := start(t, &fixture{}, Config{})
	if _, err := pgx.Connect(t.Context(), "postgres://perdure@"+address+"/restate?sslmode=require"); err == nil {
		t.Error("a client that wants TLS got none and was content")
	}
	connect(t, address, "sslmode=prefer")
}

// TestStartup: what clients ask for before there is a session.
func TestStartup(t *testing.T) {
	_, address := start(t, &fixture{}, Config{})
	for options, state := range map[string]string{
		"client_encoding=UTF8": "", "client_encoding=unicode": "", "client_encoding=LATIN1": "22023",
		"TimeZone=Europe/Berlin": "", "options=-c%20statement_timeout%3D5s": "", "options=-c%20nothing%3D5s": "42704",
		"nothing=1": "42704", "replication=database": "0A000", "extra_float_digits=2": "",
	} {
		c, err := pgx.Connect(t.Context(), "postgres://perdure@"+address+"/restate?"+options)
		if state != "" {
			wantState(t, options, err, state)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", options, err)
			continue
		}
		if zone := c.PgConn().ParameterStatus("TimeZone"); zone != "UTC" {
			t.Errorf("%s: the time zone is %s", options, zone)
		}
		_ = c.Close(context.Background())
	}
	for database, state := range map[string]string{"restate": "", "perdure": "", "": "", "other": "3D000"} {
		c, err := pgx.Connect(t.Context(), "postgres://perdure@"+address+"/"+database)
		if state != "" {
			wantState(t, database, err, state)
			continue
		}
		if err != nil {
			t.Errorf("database %q: %v", database, err)
			continue
		}
		if got := column(t, c, "SELECT current_database()"); got[0] != "restate" {
			t.Errorf("the database is %s", got[0])
		}
		_ = c.Close(context.Background())
	}
}

// TestGarbage: whatever comes in, the server goes on.
func TestGarbage(t *testing.T) {
	_, address := start(t, &fixture{}, Config{})
	hello := string(must(new(pgproto3.StartupMessage).Encode, map[string]string{"user": "x"}))
	for _, said := range []string{
		"", "\x00", "GET / HTTP/1.1\r\n\r\n", strings.Repeat("\xff", 100), "\x00\x00\x00\x08\x00\x03\x00\x00",
		"\x00\x00\x00\x04", "\x7f\xff\xff\xff\x00\x03\x00\x00", "\x00\x00\x00\x09\x00\x03\x00\x00\x00",
		"\x00\x00\x00\x09\x00\x02\x00\x00\x00", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"\x00\x00\x00\x08\x04\xd2\x16\x2f\x00\x00\x00\x08\x04\xd2\x16\x30\x00\x00\x00\x08\x04\xd2\x16\x2f",
		"\x00\x00\x00\x0c\x04\xd2\x16\x2e\x00\x00\x00\x01", "\x00\x00\x00\x08\x04\xd2\x16\x2e",
		hello + "Q\xff\xff\xff\xff", hello + "Q\x7f\xff\xff\xff", hello + "Q\x00\x00\x00\x08abcd",
		hello + "?\x00\x00\x00\x04", hello + "B\x00\x00\x00\x06\x00\x00", hello + "p\x00\x00\x00\x05\x00",
		hello + "S\x00\x00\x00\x04d\x00\x00\x00\x04X\x00\x00\x00\x04",
	} {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, said); err != nil {
			t.Fatal(err)
		}
		_ = c.(*net.TCPConn).CloseWrite() // the server may have closed it
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := io.Copy(io.Discard, c); errors.Is(err, net.ErrClosed) {
			t.Errorf("%q: %v", said, err)
		}
		_ = c.Close()
	}
	connect(t, address, "")
}

func must(encode func([]byte) ([]byte, error), params map[string]string) []byte {
	m := &pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30, Parameters: params}
	b, err := m.Encode(nil)
	if err != nil {
		panic(err)
	}
	return b
}

// TestStop: a server that stops tells its clients, and ends what runs.
func TestStop(t *testing.T) {
	f := &fixture{opened: make(chan struct{}, 100)}
	s, address := start(t, f, Config{})
	idle, busy := connect(t, address, "").PgConn(), connect(t, address, "").PgConn()
	done := make(chan error, 1)
	go func() {
		done <- busy.ExecParams(t.Context(), "SELECT count(*) FROM endless", nil, nil, nil, nil).Read().Err
	}()
	<-f.opened
	s.Close()
	wantState(t, "the query", <-done, "57P01")
	wantState(t, "the idle one", idle.ExecParams(t.Context(), "SELECT 1", nil, nil, nil, nil).Read().Err, "57P01")
	if _, err := net.Dial("tcp", address); err == nil {
		t.Error("it still accepts clients")
	}
}

// TestSettings: those that clients set, ask for and are told.
func TestSettings(t *testing.T) {
	_, address := start(t, &fixture{}, Config{})
	c := connect(t, address, "application_name=here")
	for _, x := range [][2]string{
		{"SHOW server_version", ServerVersion}, {"SHOW timezone", "UTC"}, {"SHOW TimeZone", "UTC"}, {"SHOW TIME ZONE", "UTC"},
		{"SHOW transaction_read_only", "on"}, {"SHOW TRANSACTION ISOLATION LEVEL", "repeatable read"},
		{"SELECT current_setting('application_name')", "here"}, {"SELECT current_setting('none', true) IS NULL", ""},
		{"SELECT set_config('application_name', 'there', false)", "there"},
	} {
		var got any
		if err := c.QueryRow(t.Context(), x[0]).Scan(&got); err != nil || x[1] != "" && got != x[1] {
			t.Errorf("%s: %v %v", x[0], got, err)
		}
	}
	if _, err := c.Exec(t.Context(), "SET server_version = '1'"); err == nil {
		t.Error("the version can be changed")
	}
	if n := len(column(t, c, "SELECT 'x' FROM every")); n != 3 {
		t.Errorf("%d rows", n)
	}
}
