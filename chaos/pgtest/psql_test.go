package pgtest

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// psql runs psql with commands, or with a script, and gives what it prints.
func psql(t *testing.T, script string, args ...string) (out string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "psql", append([]string{
		"-X", "-h", server.host, "-p", server.port, "-U", user, "-v", "ON_ERROR_STOP=1", "-P", "pager=off", "restate",
	}, args...)...)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+password, "LC_ALL=C", "PGCLIENTENCODING=UTF8")
	cmd.Stdin = strings.NewReader(script)
	b, err := cmd.CombinedOutput()
	return string(b), err
}

var spaces = regexp.MustCompile(`[ \t]+`)

// TestMetaCommands: psql looks around, and finds what is there.
func TestMetaCommands(t *testing.T) {
	for _, c := range []struct {
		command string
		want    []string // lines, with one space between words
	}{
		{`\d`, []string{"public | state | table | ann", "public | sys_invocation | view | ann"}},
		{`\dt`, []string{"public | sys_journal | table | ann"}},
		{`\dt sys_*journal*`, []string{"public | sys_journal_events | table | ann", "(2 rows)"}},
		{`\dv`, []string{"public | sys_invocation | view | ann", "(1 row)"}},
		{`\dtS pg_cl*`, []string{"pg_catalog | pg_class | table | ann"}},
		{`\dn`, []string{"public | ann", "(1 row)"}},
		{`\dnS`, []string{"information_schema | ann", "pg_catalog | ann", "(3 rows)"}},
		{`\df lower`, []string{"public | lower | text | text | func"}},
		{`\da sum`, []string{`public | sum | text | "any" |`}},
		{`\dfS pg_get_userbyid`, []string{"pg_catalog | pg_get_userbyid | text | bigint | func"}},
		{`\du`, []string{"ann | | {}"}},
		{`\l`, []string{"restate | ann | UTF8 | C | C | | libc |"}},
		{`\d state`, []string{`Table "public.state"`, "partition_key | numeric | | |", "value | bytea | | |"}},
		{`\d public.sys_invocation`, []string{
			`View "public.sys_invocation"`, "created_at | timestamp with time zone | | |",
			"suspended_waiting_for_signals | bigint[] | | |",
		}},
		{`\d+ sys_deployment`, []string{"services | text[] | | | | plain | | |", "Access method: heap"}},
		{`\d information_schema.columns`, []string{"ordinal_position | bigint | | |"}},
		{`\d nothing`, []string{`Did not find any relation named "nothing".`}},
		{`\dt+`, []string{"public | state | table | ann | permanent | heap | 0 bytes |"}},
		{`\di`, []string{"Did not find any relations."}},
		{`\dp state`, []string{"public | state | table | | |"}},
		{`\dx`, []string{"(0 rows)"}},
		{`\dT`, []string{"(0 rows)"}},
		{`\dL`, []string{"(0 rows)"}},
		{`\dLS+`, []string{"internal | ann | t | t | - | - | -"}},
		{`\dd`, []string{"Object descriptions", "(0 rows)"}},
		{`\do`, []string{"(0 rows)"}},
		{`\dO`, []string{"(0 rows)"}},
		{`\dC`, []string{"(0 rows)"}},
		{`\dc`, []string{"(0 rows)"}},
		{`\dF`, []string{"(0 rows)"}},
		{`\dy`, []string{"(0 rows)"}},
		{`\dA`, []string{"heap | Table"}},
		{`\ddp`, []string{"(0 rows)"}},
		{`\des`, []string{"(0 rows)"}},
		{`\dm`, []string{"Did not find any relations."}},
		{`\ds`, []string{"Did not find any relations."}},
		{`\dP`, []string{"(0 rows)"}},
		{`\dRp`, []string{"(0 rows)"}},
		{`\dX`, []string{"(0 rows)"}},
		{`\dD`, []string{"(0 rows)"}},
		{`\db`, []string{"pg_default | ann |"}},
		{`\conninfo`, []string{`You are connected to database "restate" as user "ann" on host "127.0.0.1"`}},
		{`\encoding`, []string{"UTF8"}},
	} {
		out, err := psql(t, "", "-c", c.command)
		if err != nil && !strings.Contains(c.command, "nothing") {
			t.Errorf("%s: %v: %s", c.command, err, out)
			continue
		}
		out = spaces.ReplaceAllString(out, " ")
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s does not show %q:\n%s", c.command, want, out)
			}
		}
	}
}

// TestScript: what people type.
func TestScript(t *testing.T) {
	out, err := psql(t, `
\set service 'GoStore'
\set ECHO errors
SELECT service_name, service_key, key, value_utf8 FROM state WHERE service_name = :'service' ORDER BY service_key;
SELECT status, count(*) FROM sys_invocation GROUP BY status ORDER BY status \gx
SELECT target FROM sys_invocation WHERE status = 'scheduled' \gset
\echo the target is :target
BEGIN;
SELECT 1 AS one \; SELECT 2 AS two;
COMMIT;
BEGIN;
DECLARE some CURSOR FOR SELECT value FROM generate_series(11, 15);
FETCH 2 FROM some;
MOVE some;
FETCH ALL FROM some;
CLOSE some;
COMMIT;
\set FETCH_COUNT 2
SELECT value AS fetched FROM generate_series(21, 25);
\unset FETCH_COUNT
SELECT id, created_at, journal_size FROM sys_invocation LIMIT 1 \gdesc
\x auto
\timing on
SHOW search_path;
EXPLAIN SELECT id FROM sys_invocation WHERE id = 'x';
`, "-A", "-F", "|")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{
		`GoStore|k1|name|"Ada"`, `GoStore|k2|name|"Bob"`, "status|completed\ncount|3", "status|scheduled\ncount|1",
		"the target is GoBasic/echo", "one\n1\n", "two\n2\n", "COMMIT",
		"DECLARE CURSOR\nvalue\n11\n12\n(2 rows)\nMOVE 1\nvalue\n14\n15\n(2 rows)\nCLOSE CURSOR",
		"fetched\n21\n22\n23\n24\n25", "created_at|timestamp with time zone",
		"journal_size|bigint", `"$user", public`, "sys_invocation",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	for command, want := range map[string]string{
		"DELETE FROM state":                      "ERROR:  DELETE is not possible: queries only read",
		"SELECT statu FROM sys_invocation":       "HINT:  did you mean sys_invocation.status?",
		`\copy state to stdout`:                  "COPY is not possible",
		"SELECT id FROM sys_invocation WHERE":    "ERROR:  syntax error: found the end, expected an expression",
		"SELECT 1 +\n  nothing FROM sys_service": "LINE 2:   nothing FROM sys_service",
	} {
		out, err := psql(t, "", "-c", command)
		if err == nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v, want %q: %s", command, err, want, out)
		}
	}
}

// TestWhoMayConnect: the password counts, and so does the name.
func TestWhoMayConnect(t *testing.T) {
	for _, c := range []struct{ user, password, database, want string }{
		{user, password, "restate", "ann"},
		{user, "guess", "restate", `password authentication failed for user "ann"`},
		{"bob", password, "restate", `password authentication failed for user "bob"`},
		{user, password, "postgres", `there is no database "postgres"`},
	} {
		cmd := exec.CommandContext(t.Context(), "psql", "-X", "-w", "-h", server.host, "-p", server.port, "-U", c.user,
			"-At", "-c", "SELECT current_user", c.database)
		cmd.Env = append(os.Environ(), "PGPASSWORD="+c.password)
		b, _ := cmd.CombinedOutput() // what it says is what counts
		if !strings.Contains(string(b), c.want) {
			t.Errorf("%s on %s: %s, want %s", c.user, c.database, b, c.want)
		}
	}
}
