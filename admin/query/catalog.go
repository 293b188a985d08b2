package query

import (
	"context"
	"slices"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/plan"
	"github.com/perdure/perdure/admin/query/table"
)

// information is the schema that tells what there is.
const information = "information_schema"

// catalog has the tables of information_schema.
type catalog struct{ engine *Engine }

var _ table.Source = (*catalog)(nil)

func columns(types table.Type, names ...string) (list []table.Column) {
	for _, n := range names {
		list = append(list, table.Column{Name: n, Type: types})
	}
	return list
}

func join(lists ...[]table.Column) []table.Column { return slices.Concat(lists...) }

// catalogTables are the tables, with the columns that DataFusion's have.
var catalogTables = []*table.Table{
	{Name: "tables", Columns: columns(table.String, "table_catalog", "table_schema", "table_name",
		"table_type")},
	{Name: "columns", Columns: join(
		columns(table.String, "table_catalog", "table_schema", "table_name", "column_name"),
		columns(table.Uint64, "ordinal_position"),
		columns(table.String, "column_default", "is_nullable", "data_type"),
		columns(table.Uint64, "character_maximum_length", "character_octet_length",
			"numeric_precision", "numeric_precision_radix", "numeric_scale", "datetime_precision"),
		columns(table.String, "interval_type"))},
	{Name: "schemata", Columns: columns(table.String, "catalog_name", "schema_name", "schema_owner",
		"default_character_set_catalog", "default_character_set_schema", "default_character_set_name",
		"sql_path")},
	{Name: "views", Columns: columns(table.String, "table_catalog", "table_schema", "table_name",
		"definition")},
	{Name: "df_settings", Columns: columns(table.String, "name", "value", "description")},
	{Name: "routines", Columns: join(
		columns(table.String, "specific_catalog", "specific_schema", "specific_name",
			"routine_catalog", "routine_schema", "routine_name", "routine_type"),
		columns(table.Bool, "is_deterministic"),
		columns(table.String, "data_type", "function_type", "description", "syntax_example"))},
	{Name: "parameters", Columns: join(
		columns(table.String, "specific_catalog", "specific_schema", "specific_name"),
		columns(table.Uint64, "ordinal_position"),
		columns(table.String, "parameter_mode", "parameter_name", "data_type", "parameter_default"),
		columns(table.Bool, "is_variadic"), columns(table.Uint32, "rid"))},
}

// Tables implements table.Source.
func (c *catalog) Tables() []*table.Table { return catalogTables }

// Partitions implements table.Source.
func (c *catalog) Partitions(*table.Scan) []uint16 { return []uint16{0} }

// Open implements table.Source.
func (c *catalog) Open(_ context.Context, _ uint16, q *table.Scan) (table.Reader, error) {
	return table.Listed(q, c.rows(q.Table.Name)), nil
}

func texts(list ...string) (row []table.Value) {
	for _, s := range list {
		row = append(row, table.Text(s))
	}
	return row
}

// rows are those of a table; columns at the end that are left out are NULL.
func (c *catalog) rows(name string) (rows [][]table.Value) {
	switch name {
	case "tables":
		c.each(func(schema string, t *table.Table) {
			rows = append(rows, texts(plan.Catalog, schema, t.Name, tableType(schema, t)))
		})
	case "columns":
		c.each(func(schema string, t *table.Table) {
			for i := range t.Columns {
				if !t.Columns[i].Hidden {
					rows = append(rows, columnRow(schema, t, i))
				}
			}
		})
	case "schemata":
		for _, s := range c.engine.schemas {
			if s.Name != information {
				rows = append(rows, texts(plan.Catalog, s.Name))
			}
		}
	case "views":
		c.each(func(schema string, t *table.Table) {
			if tableType(schema, t) == "VIEW" && schema != information {
				rows = append(rows, texts(plan.Catalog, schema, t.Name))
			}
		})
	case "routines":
		names := expr.Functions()
		for n := range c.engine.cfg.Functions {
			names = append(names, n)
		}
		slices.Sort(names)
		for _, n := range names {
			row := texts(plan.Catalog, plan.Public, n, plan.Catalog, plan.Public, n, "FUNCTION")
			rows = append(rows, row)
		}
	}
	return rows
}

func (c *catalog) each(visit func(schema string, t *table.Table)) {
	for _, s := range c.engine.schemas {
		for _, t := range s.Tables.Tables() {
			visit(s.Name, t)
		}
	}
}

func tableType(schema string, t *table.Table) string {
	if t.View || schema == information {
		return "VIEW"
	}
	return "BASE TABLE"
}

func columnRow(schema string, t *table.Table, at int) []table.Value {
	row := texts(plan.Catalog, schema, t.Name, t.Columns[at].Name)
	nullable := "YES"
	if t.Columns[at].NotNull {
		nullable = "NO"
	}
	return append(row, table.Value{Type: table.Uint64, Int: int64(at)}, table.Value{},
		table.Text(nullable), table.Text(t.Columns[at].Type.Arrow()))
}
