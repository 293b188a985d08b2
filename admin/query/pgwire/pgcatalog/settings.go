package pgcatalog

import (
	"context"

	"github.com/perdure/perdure/admin/query/table"
)

// Schema is the schema that clients look around in.
const Schema = pgSchema

// settingsDefinition is the table of settings, which differ from session to session.
const settingsDefinition = `
pg_settings name:s setting:s unit:s category:s short_desc:s extra_desc:s context:s vartype:s source:s min_val:s max_val:s enumvals:S boot_val:s reset_val:s sourcefile:s sourceline:i pending_restart:b
`

var settingsTables = defined(settingsDefinition)

// Settings is a source of the table pg_settings; all gives names and values.
func Settings(all func() [][2]string) table.Source { return settingsSource(all) }

type settingsSource func() [][2]string

// Tables implements table.Source.
func (settingsSource) Tables() []*table.Table { return settingsTables }

// Partitions implements table.Source.
func (settingsSource) Partitions(*table.Scan) []uint16 { return []uint16{0} }

// Open implements table.Source.
func (s settingsSource) Open(_ context.Context, _ uint16, q *table.Scan) (table.Reader, error) {
	made := source{tables: settingsTables}
	for _, x := range s() {
		made.add("pg_settings", row{
			"name": x[0], "setting": x[1], "category": "Session", "context": "user", "vartype": "string",
			"source": "session", "pending_restart": false,
		})
	}
	return table.Listed(q, made.rows["pg_settings"]), nil
}
