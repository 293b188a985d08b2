package pgwire

import (
	"fmt"
	"strings"
	"testing"
)

// TestLabels: columns without an alias are called as in PostgreSQL.
func TestLabels(t *testing.T) {
	_, address := start(t, &fixture{}, Config{})
	c := connect(t, address, "")
	st, err := c.Prepare(t.Context(), "", `SELECT count(*), max(id) + 1, id::text, 'x'::text, true, every.words,
		(SELECT max(n) FROM numbers), CASE WHEN true THEN 1 END, extract(epoch FROM now()), some[1], now() AS at,
		EXISTS (SELECT 1), coalesce(words, 'x') FROM every GROUP BY id, words, some ORDER BY count LIMIT 1`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range st.Fields {
		got = append(got, f.Name)
	}
	want := "count ?column? id text bool words max case extract some at exists coalesce"
	if strings.Join(got, " ") != want {
		t.Errorf("the columns are %s, want %s", strings.Join(got, " "), want)
	}
	var n int64
	if err := c.QueryRow(t.Context(), "SELECT count FROM (SELECT count(*) FROM every) x").Scan(&n); err != nil || n != 3 {
		t.Errorf("%d %v", n, err)
	}
}

// TestCatalog: what clients look around in, and the functions that go with it.
func TestCatalog(t *testing.T) {
	_, address := start(t, &fixture{}, Config{User: "ann"})
	c := connect(t, address, "")
	for _, q := range []struct{ text, want string }{
		{"SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1", "[endless every numbers]"},
		{"SELECT relkind FROM pg_class WHERE oid = 'public.numbers'::regclass", "[v]"},
		{"SELECT 'every'::regclass::text", "[every]"},
		{"SELECT oid::regclass FROM pg_class WHERE relname IN ('every', 'columns') ORDER BY 1",
			"[every information_schema.columns]"},
		{"SELECT to_regclass('nothing') IS NULL", "[true]"},
		{"SELECT relname FROM pg_class WHERE oid = ('every'::regclass)::oid", "[every]"},
		{"SELECT 'timestamptz'::regtype::text", "[timestamp with time zone]"},
		{"SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'every'::regclass ORDER BY attnum",
			"[bigint boolean bigint numeric double precision text bytea timestamp with time zone interval date " +
				"interval bigint[] text[]]"},
		{"SELECT attname FROM pg_attribute WHERE attrelid = 'every'::regclass AND attnotnull", "[id]"},
		{"SELECT data_type FROM information_schema.columns WHERE table_name = 'every' AND column_name IN ('at', 'some') " +
			"ORDER BY ordinal_position", "[timestamp with time zone ARRAY]"},
		{"SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'VIEW'",
			"[numbers]"},
		{"SELECT schema_name FROM information_schema.schemata ORDER BY 1", "[information_schema pg_catalog public]"},
		{"SELECT typname FROM pg_type WHERE oid = ANY('{20,1184}') ORDER BY oid", "[int8 timestamptz]"},
		{"SELECT typname FROM pg_type WHERE typinput = 'pg_catalog.array_in'::regproc AND typelem = 25", "[_text]"},
		{"SELECT rolname FROM pg_roles", "[ann]"}, {"SELECT datname FROM pg_database", "[restate]"},
		{"SELECT pg_catalog.pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'every'", "[ann]"},
		{"SELECT n.nspname FROM pg_namespace n WHERE n.nspname = ANY (current_schemas(true)) ORDER BY 1",
			"[pg_catalog public]"},
		{"SELECT setting FROM pg_settings WHERE name = 'max_index_keys'", "[32]"},
		{"SELECT array_to_string(current_schemas(true), ' ')", "[pg_catalog public]"},
		{"SELECT word FROM pg_catalog.pg_get_keywords() WHERE word <> ALL ('{from,all}') AND word < 'any'", "[and]"},
		{"SELECT pg_size_pretty(123456789)", "[118 MB]"},
		{"SELECT quote_ident(x) FROM (VALUES ('plain'), ('Two Words'), ('select'), ('a\"b')) v(x)",
			`[plain "Two Words" "select" "a""b"]`},
		{"SELECT (parse_ident('public.\"A b\"'))[2]", "[A b]"},
		{"SELECT format('%I is %s, not %L; %1$s%%', 'a b', 1, 'it''s')", "[\"a b\" is 1, not 'it''s'; a b%]"},
		{"SELECT has_table_privilege('every', 'SELECT')::text || has_table_privilege('every', 'INSERT')::text",
			"[truefalse]"},
	} {
		if got := fmt.Sprint(column(t, c, "SELECT x::text FROM ("+q.text+") AS one(x)")); got != q.want {
			t.Errorf("%s\ngives %s, want %s", q.text, got, q.want)
		}
	}
	_, err := c.Exec(t.Context(), "SELECT 'nothing'::regclass")
	wantState(t, "a table that is none", err, "42P01")
	// Every column of every table there is can be read.
	for _, name := range column(t, c, "SELECT quote_ident(nspname) || '.' || quote_ident(relname) FROM pg_class c "+
		"JOIN pg_namespace n ON n.oid = relnamespace WHERE relname <> 'endless'") {
		if _, err := c.Exec(t.Context(), "SELECT * FROM "+name+" LIMIT 5"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
