package pgcatalog

import (
	"strconv"
	"strings"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/plan"
	"github.com/perdure/perdure/admin/query/table"
)

// fill makes the rows of all tables.
func (c *Catalog) fill() {
	c.fillServer()
	c.fillTypes()
	for i := range c.relations {
		c.fillRelation(&c.relations[i])
	}
	for i := range c.functions {
		c.fillFunction(&c.functions[i])
	}
}

// fillServer makes what there is one of: the database, its schemas, who it belongs to.
func (c *Catalog) fillServer() {
	for _, name := range c.names {
		c.pg.add("pg_namespace", row{"oid": c.schemas[name], "nspname": name, "nspowner": ownerOID})
		c.info.add("schemata", row{"catalog_name": plan.Catalog, "schema_name": name, "schema_owner": c.owner})
	}
	c.pg.add("pg_database", row{
		"oid": databaseOID, "datname": plan.Catalog, "datdba": ownerOID, "encoding": utf8Encoding,
		"datlocprovider": "c", "datistemplate": false, "datallowconn": true, "datconnlimit": -1,
		"dattablespace": tablespaceOID, "datcollate": "C", "datctype": "C", "datfrozenxid": 0, "datminmxid": 0,
	})
	role := row{
		"oid": ownerOID, "rolname": c.owner, "rolsuper": false, "rolinherit": true, "rolcreaterole": false,
		"rolcreatedb": false, "rolcanlogin": true, "rolreplication": false, "rolconnlimit": -1,
		"rolbypassrls": false,
	}
	c.pg.add("pg_authid", role)
	role["rolpassword"] = "********"
	c.pg.add("pg_roles", role)
	for _, t := range []string{"pg_user", "pg_shadow"} {
		c.pg.add(t, row{
			"usename": c.owner, "usesysid": ownerOID, "usecreatedb": false, "usesuper": false, "userepl": false,
			"usebypassrls": false, "passwd": "********",
		})
	}
	c.pg.add("pg_language", row{
		"oid": languageOID, "lanname": "internal", "lanowner": ownerOID, "lanispl": false,
		"lanpltrusted": true, "lanplcallfoid": 0, "laninline": 0, "lanvalidator": 0,
	})
	c.pg.add("pg_am", row{"oid": heapOID, "amname": "heap", "amhandler": 3, "amtype": "t"})
	c.pg.add("pg_tablespace", row{"oid": tablespaceOID, "spcname": "pg_default", "spcowner": ownerOID})
	c.pg.add("pg_collation", row{
		"oid": defaultCollate, "collname": "default", "collnamespace": catalogSchema, "collowner": ownerOID,
		"collprovider": "d", "collisdeterministic": true, "collencoding": -1,
	})
	for _, word := range expr.Keywords() {
		c.pg.add("pg_get_keywords", row{"word": word, "catcode": "R", "barelabel": true, "catdesc": "reserved"})
	}
	c.pg.add("pg_timezone_names", row{"name": "UTC", "abbrev": "UTC", "is_dst": false})
}

// fillTypes makes each type and the list of it.
func (c *Catalog) fillTypes() {
	add := func(oid uint32, name, category string, size int64, elem, array uint32, input int) {
		c.pg.add("pg_type", row{
			"oid": oid, "typname": name, "typnamespace": catalogSchema, "typowner": ownerOID, "typlen": size,
			"typbyval": size > 0 && size <= 8, "typtype": map[bool]string{false: "b", true: "p"}[category == "P"], "typcategory": category, "typispreferred": false,
			"typisdefined": true, "typdelim": ",", "typrelid": 0, "typsubscript": 0, "typelem": elem,
			"typarray": array, "typinput": input, "typoutput": 0, "typreceive": 0, "typsend": 0, "typmodin": 0,
			"typmodout": 0, "typanalyze": 0, "typalign": "d", "typstorage": "p", "typnotnull": false,
			"typbasetype": 0, "typtypmod": -1, "typndims": 0, "typcollation": collation(category),
		})
	}
	for _, t := range pgTypes {
		add(t.oid, t.name, t.kind, t.size, 0, t.array, textIn)
		add(t.array, "_"+t.name, "A", -1, t.oid, 0, arrayIn)
	}
}

func collation(category string) int {
	if category == "S" {
		return defaultCollate
	}
	return 0
}

// fillRelation makes a table and its columns.
func (c *Catalog) fillRelation(r *relation) {
	kind, am := "r", heapOID
	if r.view {
		kind, am = "v", 0
	}
	namespace, columns := c.schemas[r.schema], len(r.table.Columns)
	if r.table.Column(tableOID) >= 0 {
		columns--
	}
	c.pg.add("pg_class", row{
		"oid": r.oid, "relname": r.table.Name, "relnamespace": namespace, "reltype": 0, "reloftype": 0,
		"relowner": ownerOID, "relam": am, "relfilenode": 0, "reltablespace": 0, "relpages": 0,
		"reltuples": -1.0, "relallvisible": 0, "reltoastrelid": 0, "relhasindex": false, "relisshared": false,
		"relpersistence": "p", "relkind": kind, "relnatts": columns, "relchecks": 0,
		"relhasrules": false, "relhastriggers": false, "relhassubclass": false, "relrowsecurity": false,
		"relforcerowsecurity": false, "relispopulated": true, "relreplident": "d", "relispartition": false,
		"relrewrite": 0, "relfrozenxid": 0, "relminmxid": 0,
	})
	for i := range r.table.Columns {
		if !r.table.Columns[i].Hidden {
			c.fillColumn(r, i)
		}
	}
	shown := "BASE TABLE"
	if r.view {
		shown = "VIEW"
		c.pg.add("pg_views", row{"schemaname": r.schema, "viewname": r.table.Name, "viewowner": c.owner})
		c.info.add("views", row{
			"table_catalog": plan.Catalog, "table_schema": r.schema, "table_name": r.table.Name,
			"check_option": "NONE", "is_updatable": "NO", "is_insertable_into": "NO",
		})
	} else {
		c.pg.add("pg_tables", row{
			"schemaname": r.schema, "tablename": r.table.Name, "tableowner": c.owner, "hasindexes": false,
			"hasrules": false, "hastriggers": false, "rowsecurity": false,
		})
	}
	c.info.add("tables", row{
		"table_catalog": plan.Catalog, "table_schema": r.schema, "table_name": r.table.Name,
		"table_type": shown, "is_insertable_into": "NO", "is_typed": "NO",
	})
	c.info.add("table_privileges", row{
		"grantor": c.owner, "grantee": c.owner, "table_catalog": plan.Catalog, "table_schema": r.schema,
		"table_name": r.table.Name, "privilege_type": "SELECT", "is_grantable": "NO", "with_hierarchy": "YES",
	})
}

func (c *Catalog) fillColumn(r *relation, i int) {
	column := &r.table.Columns[i]
	oid := OID(column.Type)
	dimensions := 0
	if _, list := column.Type.Elem(); list {
		dimensions = 1
	}
	c.pg.add("pg_attribute", row{
		"attrelid": r.oid, "attname": column.Name, "atttypid": oid, "attstattarget": -1,
		"attlen": int(Size(oid)), "attnum": i + 1, "attndims": dimensions, "attcacheoff": -1, "atttypmod": -1,
		"attbyval": false, "attalign": "d", "attstorage": "p", "attcompression": "", "attnotnull": column.NotNull,
		"atthasdef": false, "atthasmissing": false, "attidentity": "", "attgenerated": "",
		"attisdropped": false, "attislocal": true, "attinhcount": 0,
		"attcollation": collation(map[bool]string{true: "S"}[column.Type == table.String]),
	})
	nullable := "YES"
	if column.NotNull {
		nullable = "NO"
	}
	info := row{
		"table_catalog": plan.Catalog, "table_schema": r.schema, "table_name": r.table.Name,
		"column_name": column.Name, "ordinal_position": i + 1, "is_nullable": nullable,
		"udt_catalog": plan.Catalog, "udt_schema": pgSchema, "is_identity": "NO", "is_generated": "NEVER",
		"is_updatable": "NO",
	}
	if t := typeOf(oid); t != nil {
		info["data_type"], info["udt_name"] = t.pretty, t.name
		switch t.oid {
		case oidInt8:
			info["numeric_precision"], info["numeric_precision_radix"], info["numeric_scale"] = 64, 2, 0
		case oidFloat8:
			info["numeric_precision"], info["numeric_precision_radix"] = 53, 2
		case oidNumeric:
			info["numeric_precision_radix"] = 10
		case oidTimestamptz, oidInterval:
			info["datetime_precision"] = 6
		}
	} else {
		elem, _ := column.Type.Elem()
		info["data_type"], info["udt_name"] = "ARRAY", "_"+typeOf(OID(elem)).name
	}
	c.info.add("columns", info)
}

// fillFunction makes a function. What takes arguments of any type is said to take text.
func (c *Catalog) fillFunction(f *function) {
	kind := "f"
	if f.Aggregate {
		kind = "a"
		c.pg.add("pg_aggregate", row{"aggfnoid": f.oid, "aggkind": "n", "aggnumdirectargs": 0})
	}
	var args []string
	for _, t := range f.args() {
		args = append(args, strconv.FormatUint(uint64(OID(t)), 10))
	}
	c.pg.add("pg_proc", row{
		"oid": f.oid, "proname": f.Name, "pronamespace": c.schemas[f.schema], "proowner": ownerOID,
		"prolang": languageOID, "procost": 1.0, "prorows": 0.0, "provariadic": 0, "prosupport": 0,
		"prokind": kind, "prosecdef": false, "proleakproof": false, "proisstrict": true, "proretset": false,
		"provolatile": "s", "proparallel": "s", "pronargs": len(args), "pronargdefaults": len(args) - f.Min,
		"prorettype": OID(f.Result), "proargtypes": strings.Join(args, " "), "prosrc": f.Name,
	})
}

// args are the types of a function's arguments; of those that take any number, two are shown.
func (f *function) args() (list []table.Type) {
	n := f.Max
	if n < 0 {
		n = max(f.Min, len(f.Args), 2)
	}
	for i := range n {
		t := table.String
		if len(f.Args) > 0 {
			t = f.Args[min(i, len(f.Args)-1)]
		}
		if t == expr.AnyType || t == table.Null {
			t = table.String
		}
		list = append(list, t)
	}
	return list
}

// arguments is how \df shows them.
func (f *function) arguments() string {
	var parts []string
	for i, t := range f.args() {
		name := "\"any\""
		if len(f.Args) > 0 && f.Args[min(i, len(f.Args)-1)] != expr.AnyType {
			name = pretty(OID(t))
		}
		if i >= f.Min {
			name += " DEFAULT NULL"
		}
		parts = append(parts, name)
	}
	if f.Max < 0 {
		return "VARIADIC " + strings.Join(parts[:1], "")
	}
	return strings.Join(parts, ", ")
}

func (f *function) result() string {
	if f.Result == table.Null || f.Result == expr.AnyType {
		return "anyelement"
	}
	return pretty(OID(f.Result))
}

// pretty is how a type is shown.
func pretty(oid uint32) string {
	if t := typeOf(oid); t != nil {
		return t.pretty
	}
	for _, t := range pgTypes {
		if t.array == oid {
			return t.pretty + "[]"
		}
	}
	if oid == 0 {
		return "-"
	}
	return "???" + strconv.FormatUint(uint64(oid), 10)
}
