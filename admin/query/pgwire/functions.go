package pgwire

import (
	"strings"

	"github.com/perdure/perdure/admin/query"
	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/pgwire/pgcatalog"
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// schemas are the tables beside the engine's: those of the session come first.
func (c *session) schemas() []query.Schema {
	own := query.Schema{Name: pgcatalog.Schema, Tables: pgcatalog.Settings(c.settings.all), Implied: true}
	return append([]query.Schema{own}, c.server.catalog.Schemas()...)
}

// functions are those that depend on the session.
func (c *session) functions() map[string]expr.Function {
	text := []table.Type{table.String}
	list := map[string]expr.Function{
		"current_setting": {Min: 1, Max: 2, Args: []table.Type{table.String, table.Bool}, Result: table.String,
			Call: func(v []table.Value) table.Value {
				value, ok := c.settings.get(v[0].Str)
				if !ok && (len(v) < 2 || v[1].Int == 0) {
					panic(sql.Errorf(stateNoSetting, -1, "there is no setting %q", v[0].Str))
				}
				if !ok {
					return table.Value{}
				}
				return table.Text(value)
			}},
		"set_config": {Min: 3, Max: 3, Args: []table.Type{table.String, table.String, table.Bool},
			Result: table.String, Volatile: true, Call: func(v []table.Value) table.Value {
				if _, err := c.settings.set(strings.ToLower(v[0].Str), v[1].Str, v[2].Int != 0); err != nil {
					panic(err)
				}
				return v[1]
			}},
		"pg_backend_pid": {Result: table.Int64,
			Call: func([]table.Value) table.Value { return table.Integer(int64(c.id)) }},
		"pg_notify": {Min: 2, Max: 2, Args: text, Result: table.String, Volatile: true,
			Call: func([]table.Value) table.Value {
				panic(sql.Errorf(sql.StateReadOnly, -1, "notifying is not possible: queries only read"))
			}},
	}
	for name, f := range c.server.catalog.Functions() {
		list[name] = f
	}
	return list
}
