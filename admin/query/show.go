package query

import (
	"strings"

	"github.com/perdure/perdure/admin/query/plan"
	"github.com/perdure/perdure/admin/query/sql"
)

// show makes the query that a SHOW stands for.
func (e *Engine) show(s *sql.Show) (*sql.Query, error) {
	switch {
	case s.All:
		return parsed("SELECT name, value FROM information_schema.df_settings"), nil
	case s.What == "tables":
		return parsed("SELECT table_catalog, table_schema, table_name, table_type " +
			"FROM information_schema.tables"), nil
	case s.What == "columns":
		where, err := e.whereTable(s.Table, s.Pos)
		if err != nil {
			return nil, err
		}
		return parsed("SELECT table_catalog, table_schema, table_name, column_name, data_type, " +
			"is_nullable FROM information_schema.columns WHERE " + where + " ORDER BY ordinal_position"), nil
	case s.What == "schemas" || s.What == "databases":
		return parsed("SELECT schema_name FROM information_schema.schemata"), nil
	case s.What == "functions":
		return parsed("SELECT routine_name AS function_name FROM information_schema.routines"), nil
	}
	value, ok := settings[s.What]
	if !ok {
		return nil, sql.Errorf(sql.StateUndefinedCol, s.Pos, "there is no setting %s", s.What).
			With("SHOW TABLES, SHOW COLUMNS FROM table and SHOW FUNCTIONS are possible")
	}
	return parsed("SELECT " + quoted(s.What) + " AS name, " + quoted(value) + " AS value"), nil
}

// settings are those that clients ask for when they connect.
var settings = map[string]string{
	"transaction isolation level": "read committed", "transaction_isolation": "read committed",
	"server_version": "15.0", "server_encoding": "UTF8", "client_encoding": "UTF8",
	"datestyle": "ISO, YMD", "timezone": "UTC", "time zone": "UTC", "search_path": "public",
	"standard_conforming_strings": "on", "max_identifier_length": "63",
}

// describe makes the query that a DESCRIBE stands for.
func (e *Engine) describe(d *sql.Describe) (*sql.Query, error) {
	where, err := e.whereTable(d.Table, d.Pos)
	if err != nil {
		return nil, err
	}
	return parsed("SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE " +
		where + " ORDER BY ordinal_position"), nil
}

// whereTable is the condition on information_schema that a row be about a table, which must exist.
func (e *Engine) whereTable(n sql.Name, pos int) (string, error) {
	schema := ""
	if len(n) > 1 {
		schema = n[len(n)-2]
	}
	found, _ := e.find(schema, n.Last())
	if found == nil || len(n) > 3 || len(n) == 3 && n[0] != plan.Catalog {
		return "", sql.Errorf(sql.StateUndefinedTable, pos, "there is no table %s", strings.Join(n, ".")).
			With("SHOW TABLES lists them")
	}
	if schema == "" {
		for _, s := range e.schemas {
			if t, _ := e.find(s.Name, n.Last()); t == found {
				schema = s.Name
			}
		}
	}
	return "table_schema = " + quoted(schema) + " AND table_name = " + quoted(n.Last()), nil
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// parsed parses a text of our own.
func parsed(text string) *sql.Query {
	s, err := sql.Parse(text)
	q, ok := s.(*sql.Query)
	if err != nil || !ok {
		panic("the text " + text + " is no query")
	}
	return q
}
