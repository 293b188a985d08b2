package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// schemaConstraint is how Grafana's PostgreSQL data source asks for what is in the search path.
const schemaConstraint = `quote_ident(table_schema) IN (
	SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
	FROM generate_series(
		array_lower(string_to_array(current_setting('search_path'),','),1),
		array_upper(string_to_array(current_setting('search_path'),','),1)) AS i,
		string_to_array(current_setting('search_path'),',') s)`

// TestGrafana: what the data source asks to fill its menus, and what its macros become.
func TestGrafana(t *testing.T) {
	from, to := time.Now().Add(-time.Hour).UTC(), time.Now().Add(2*time.Hour).UTC()
	stamp := func(at time.Time) string { return "'" + at.Format(time.RFC3339) + "'" }
	filter := func(column string) string { // $__timeFilter
		return column + " BETWEEN " + stamp(from) + " AND " + stamp(to)
	}
	const group = "floor(extract(epoch from created_at)/300)*300" // $__timeGroup(created_at, '5m')
	for _, q := range []struct {
		name, text string
		rows       int // at least
		first      any // nil: whatever it is
	}{
		{"test of the connection", "SELECT 1", 1, int64(1)},
		{"version", "SELECT current_setting('server_version_num')::int/100 as version", 1, int64(1500)},
		{"TimescaleDB", "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'", 0, nil},
		{"databases", "SELECT datname FROM pg_database WHERE datistemplate = false", 1, "restate"},
		{"tables of old releases", `select quote_ident(table_name) as "table" from information_schema.tables
			where quote_ident(table_schema) not in ('information_schema', 'pg_catalog', '_timescaledb_cache')
			and table_type = 'BASE TABLE' and ` + schemaConstraint + " ORDER BY 1", 10, "state"},
		{"tables", `SELECT CASE WHEN ` + schemaConstraint + ` THEN quote_ident(table_name)
			ELSE quote_ident(table_schema) || '.' || quote_ident(table_name) END AS "table"
			FROM information_schema.tables
			WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog', '_timescaledb_cache')
			ORDER BY CASE WHEN ` + schemaConstraint + " THEN 0 ELSE 1 END, 1", 10, "state"},
		{"columns of old releases", `select quote_ident(column_name) as "column", data_type as "type"
			from information_schema.columns where quote_ident(table_name) = 'sys_invocation'`, 40, "id"},
		{"columns", `SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns
			WHERE CASE WHEN array_length(parse_ident('sys_invocation'),1) = 2
			THEN quote_ident(table_schema) = (parse_ident('sys_invocation'))[1]
				AND quote_ident(table_name) = (parse_ident('sys_invocation'))[2]
			ELSE quote_ident(table_name) = 'sys_invocation' AND ` + schemaConstraint + " END", 40, "id"},
		{"$__time", `SELECT created_at AS "time", journal_size FROM sys_invocation WHERE ` + filter("created_at") +
			" ORDER BY 1", 4, nil},
		{"$__timeEpoch", `SELECT extract(epoch from created_at) as "time", 1 FROM sys_invocation ORDER BY 1`, 4, nil},
		{"$__timeFrom and $__timeTo", "SELECT count(*) FROM sys_invocation WHERE created_at >= " + stamp(from) +
			" AND created_at < " + stamp(to), 1, int64(4)},
		{"$__timeGroup", "SELECT " + group + ` AS "time", status AS metric, count(*) AS value FROM sys_invocation WHERE ` +
			filter("created_at") + " GROUP BY " + group + ", status ORDER BY " + group, 2, nil},
		{"$__timeGroupAlias and numbers", "SELECT " + group + ` AS "time", count(id) AS "invocations" FROM sys_invocation
			WHERE ` + filter("created_at") + " GROUP BY 1 ORDER BY 1", 1, nil},
		{"to_timestamp of a group", "SELECT to_timestamp(" + group + `) AS "time", avg(journal_size) FROM sys_invocation
			GROUP BY "time" ORDER BY "time"`, 1, nil},
		{"$__unixEpochFilter", fmt.Sprintf(`SELECT extract(epoch from created_at)::bigint AS e FROM sys_invocation
			WHERE extract(epoch from created_at) >= %d AND extract(epoch from created_at) <= %d`, from.Unix(), to.Unix()),
			4, nil},
		{"intervals", "SELECT id FROM sys_invocation WHERE created_at > now() - interval '1 hour' " +
			"AND created_at < now() + '1 day'::interval", 4, nil},
		{"time zones", "SELECT date_trunc('hour', created_at AT TIME ZONE 'UTC'), count(*) FROM sys_invocation GROUP BY 1",
			1, nil},
		{"casts", "SELECT created_at::timestamptz, created_at::date, '2026-03-01'::timestamp, journal_size::float8, " +
			"journal_size::text FROM sys_invocation", 4, nil},
		{"a percentile", "SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch from (completed_at - " +
			"created_at))) FROM sys_invocation WHERE completed_at IS NOT NULL", 1, nil},
		{"a variable", "SELECT DISTINCT target_service_name FROM sys_invocation WHERE target_service_name IN " +
			"('GoBasic','GoStore') AND target ~ '^Go' ORDER BY 1", 2, "GoBasic"},
		{"a gauge", `SELECT count(*) FILTER (WHERE status = 'completed') * 100.0 / count(*) AS "done" FROM sys_invocation`,
			1, 75.0},
		{"gaps that are filled", `SELECT b AS "time", count(i.id) FROM generate_series(date_trunc('hour', now()) - ` +
			"interval '2 hours', now(), interval '1 hour') b LEFT JOIN sys_invocation i ON date_trunc('hour', i.created_at) " +
			"= b GROUP BY b ORDER BY b", 3, nil},
	} {
		for _, mode := range []string{"simple_protocol", "cache_statement"} {
			t.Run(q.name+"/"+mode, func(t *testing.T) {
				got := ask(t, mode, q.text)
				if len(got) < q.rows {
					t.Fatalf("%d rows, want %d: %v", len(got), q.rows, got)
				}
				if q.first != nil && got[0][0] != q.first {
					t.Errorf("the first is %v, want %v", got[0][0], q.first)
				}
			})
		}
	}
	columns := ask(t, "simple_protocol", `SELECT column_name, data_type FROM information_schema.columns
		WHERE table_name = 'sys_invocation' AND column_name IN ('id', 'created_at', 'journal_size') ORDER BY 1`)
	if got := fmt.Sprint(columns); got != "[[created_at timestamp with time zone] [id text] [journal_size bigint]]" {
		t.Errorf("the types that the menus sort columns by are %s", got)
	}
}

// ask gives the rows of a query.
func ask(t *testing.T, mode, text string) [][]any {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	at := url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Host: server.host + ":" + server.port,
		Path: "restate", RawQuery: "sslmode=disable&default_query_exec_mode=" + mode}
	c, err := pgx.Connect(ctx, at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	rows, err := c.Query(ctx, text)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) ([]any, error) {
		values, err := r.Values()
		return slices.Clone(values), err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
