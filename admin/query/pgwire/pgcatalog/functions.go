package pgcatalog

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/plan"
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

var null = table.Value{}

// constant makes a function that gives the same whatever it is given.
func constant(v table.Value, result table.Type, least, most int) expr.Function {
	return expr.Function{Min: least, Max: most, Args: []table.Type{expr.AnyType}, Result: result, Nullable: true,
		Call: func([]table.Value) table.Value { return v }}
}

// lookup makes a function of an OID, and of more that does not matter, that gives a text or NULL.
func lookup(most int, f func(oid int64) (string, bool)) expr.Function {
	args := []table.Type{table.Int64, expr.AnyType}
	return expr.Function{Min: 1, Max: most, Args: args, Result: table.String, Nullable: true,
		Call: func(v []table.Value) table.Value {
			if v[0].Type == table.Null {
				return null
			}
			if s, ok := f(v[0].Int); ok {
				return table.Text(s)
			}
			return null
		}}
}

// makeFunctions makes the functions that clients call on the tables here.
func (c *Catalog) makeFunctions() map[string]expr.Function {
	list := map[string]expr.Function{}
	c.addNames(list)
	c.addPrivileges(list)
	c.addServer(list)
	c.addIdentifiers(list)
	return list
}

// addNames adds what makes names of OIDs, and OIDs of names.
func (c *Catalog) addNames(list map[string]expr.Function) {
	list["pg_get_userbyid"] = lookup(1, func(oid int64) (string, bool) {
		if oid == ownerOID {
			return c.owner, true
		}
		return "unknown (OID=" + strconv.FormatInt(oid, 10) + ")", true
	})
	list["format_type"] = lookup(2, func(oid int64) (string, bool) { return pretty(uint32(oid)), true })
	list["pg_get_function_result"] = lookup(1, func(oid int64) (string, bool) {
		if f := c.function(oid); f != nil {
			return f.result(), true
		}
		return "", false
	})
	arguments := lookup(1, func(oid int64) (string, bool) {
		if f := c.function(oid); f != nil {
			return f.arguments(), true
		}
		return "", false
	})
	list["pg_get_function_arguments"], list["pg_get_function_identity_arguments"] = arguments, arguments
	list["pg_encoding_to_char"] = lookup(1, func(n int64) (string, bool) {
		if n == utf8Encoding {
			return "UTF8", true
		}
		return "", true
	})
	nothing := lookup(3, func(int64) (string, bool) { return "", false })
	for _, name := range []string{
		"pg_get_constraintdef", "pg_get_indexdef", "pg_get_ruledef", "pg_get_triggerdef", "pg_get_viewdef",
		"pg_get_functiondef", "pg_get_partkeydef", "pg_get_statisticsobjdef", "pg_get_statisticsobjdef_columns",
		"pg_get_partition_constraintdef", "pg_tablespace_location", "obj_description", "shobj_description",
		"col_description", "pg_get_function_sqlbody",
	} {
		list[name] = nothing
	}
	list["pg_get_expr"] = constant(null, table.String, 2, 3)
	list["pg_index_column_has_property"] = constant(null, table.Bool, 3, 3)
	list["_pg_expandarray"] = expr.Function{Min: 1, Max: 1, Args: []table.Type{table.List | table.Int64},
		Result: table.List | table.Record, Set: true, Call: func(v []table.Value) table.Value {
			set := table.Value{Type: table.List | table.Record}
			for i, x := range v[0].List {
				set.List = append(set.List, expr.RecordOf(x, i+1))
			}
			return set
		}}
	list["pg_get_serial_sequence"] = constant(null, table.String, 2, 2)
	for _, what := range []string{"table", "function", "type", "operator", "collation", "opclass", "opfamily",
		"conversion", "statistics_obj", "ts_config", "ts_dict", "ts_parser", "ts_template"} {
		list["pg_"+what+"_is_visible"] = expr.Function{Min: 1, Max: 1, Args: []table.Type{table.Int64},
			Result: table.Bool, Call: func(v []table.Value) table.Value {
				r := c.relation(v[0].Int)
				return table.Truth(what != "table" || r != nil && visible(r.schema))
			}}
	}
	c.addReg(list)
}

// reg are the types of PostgreSQL that are OIDs and look like names. A text cast to one of them becomes
// the OID, an OID becomes the text.
func (c *Catalog) addReg(list map[string]expr.Function) {
	add := func(kind, state string, oid func(string) (int64, bool), name func(int64) (string, bool)) {
		one := []table.Type{table.String}
		list[plan.RegIn+kind] = expr.Function{Min: 1, Max: 1, Args: one, Result: table.Int64,
			Call: func(v []table.Value) table.Value {
				if n, err := strconv.ParseInt(v[0].Str, 10, 64); err == nil {
					return table.Integer(n)
				}
				if n, ok := oid(v[0].Str); ok {
					return table.Integer(n)
				}
				panic(sql.Errorf(state, -1, "there is no %s %q", strings.TrimPrefix(kind, "reg"), v[0].Str))
			}}
		list["to_"+kind] = expr.Function{Min: 1, Max: 1, Args: one, Result: table.Int64,
			Call: func(v []table.Value) table.Value {
				if n, ok := oid(v[0].Str); ok {
					return table.Integer(n)
				}
				return null
			}}
		list[plan.RegOut+kind] = lookup(1, func(n int64) (string, bool) {
			if s, ok := name(n); ok {
				return s, true
			}
			if n == 0 {
				return "-", true
			}
			return strconv.FormatInt(n, 10), true
		})
	}
	add("regclass", sql.StateUndefinedTable, func(s string) (int64, bool) {
		if r := c.named(s); r != nil {
			return r.oid, true
		}
		return 0, false
	}, func(oid int64) (string, bool) {
		r := c.relation(oid)
		if r == nil {
			return "", false
		}
		if visible(r.schema) {
			return quoteIdent(r.table.Name), true
		}
		return quoteIdent(r.schema) + "." + quoteIdent(r.table.Name), true
	})
	add("regtype", "42704", func(s string) (int64, bool) {
		oid, ok := typeNamed(s)
		return int64(oid), ok
	}, func(oid int64) (string, bool) { return pretty(uint32(oid)), Type(uint32(oid)) != table.Null })
	add("regnamespace", "3F000", func(s string) (int64, bool) {
		parts, ok := identifiers(s)
		if !ok {
			return 0, false
		}
		oid, ok := c.schemas[parts[0]]
		return oid, ok
	}, func(oid int64) (string, bool) {
		for name, n := range c.schemas {
			if n == oid {
				return quoteIdent(name), true
			}
		}
		return "", false
	})
	add("regrole", "42704", func(s string) (int64, bool) { return ownerOID, s == c.owner },
		func(oid int64) (string, bool) { return quoteIdent(c.owner), oid == ownerOID })
	function := func(s string) (int64, bool) {
		s, _, _ = strings.Cut(s, "(")
		parts, ok := identifiers(s)
		if !ok {
			return 0, false
		}
		switch name := parts[len(parts)-1]; name {
		case "array_in":
			return arrayIn, true
		default:
			for i := range c.functions {
				if c.functions[i].Name == name {
					return c.functions[i].oid, true
				}
			}
		}
		return 0, false
	}
	functionName := func(oid int64) (string, bool) {
		if f := c.function(oid); f != nil {
			return f.Name, true
		}
		return "array_in", oid == arrayIn
	}
	add("regproc", sql.StateUndefinedFunc, function, functionName)
	add("regprocedure", sql.StateUndefinedFunc, function, functionName)
}

// typeNamed finds a type by either of its names.
func typeNamed(s string) (uint32, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	s = strings.TrimPrefix(s, pgSchema+".")
	elem, list := strings.CutSuffix(s, "[]")
	elem = strings.Trim(elem, `"`)
	aliases := map[string]string{
		"int": "int4", "decimal": "numeric", "float": "float8", "timestamp": "timestamp", "char": "bpchar",
		"string": "text", "bool": "bool",
	}
	if a := aliases[elem]; a != "" {
		elem = a
	}
	for _, t := range pgTypes {
		switch {
		case t.name == elem || t.pretty == elem:
			if list {
				return t.array, true
			}
			return t.oid, true
		case "_"+t.name == elem:
			return t.array, true
		}
	}
	return 0, false
}

func (c *Catalog) function(oid int64) *function {
	for i := range c.functions {
		if c.functions[i].oid == oid {
			return &c.functions[i]
		}
	}
	return nil
}

// addPrivileges adds what tells what a user may: to read everything.
func (c *Catalog) addPrivileges(list map[string]expr.Function) {
	for _, what := range []string{"table", "any_column", "column", "schema", "database", "function", "sequence",
		"type", "language", "tablespace", "server", "foreign_data_wrapper"} {
		list["has_"+what+"_privilege"] = expr.Function{Min: 2, Max: 4, Args: []table.Type{expr.AnyType},
			Result: table.Bool, Call: func(v []table.Value) table.Value {
				switch right := strings.ToUpper(expr.Text(&v[len(v)-1])); {
				case strings.Contains(right, "SELECT"), strings.Contains(right, "USAGE"),
					strings.Contains(right, "CONNECT"), strings.Contains(right, "EXECUTE"):
					return table.Truth(true)
				}
				return table.Truth(false)
			}}
	}
	list["pg_has_role"] = constant(table.Truth(true), table.Bool, 2, 3)
	list["row_security_active"] = constant(table.Truth(false), table.Bool, 1, 1)
}

// addServer adds what tells about the server.
func (c *Catalog) addServer(list map[string]expr.Function) {
	began := table.Value{Type: table.Timestamp, Int: time.Now().UnixMilli()}
	text, number, truth := table.Text, table.Integer, table.Truth
	for name, v := range map[string]table.Value{
		"pg_is_in_recovery": truth(false), "pg_postmaster_start_time": began, "pg_conf_load_time": began,
		"pg_my_temp_schema": number(0), "getdatabaseencoding": text("UTF8"), "pg_client_encoding": text("UTF8"),
		"txid_current": number(1), "pg_is_wal_replay_paused": truth(false), "pg_jit_available": truth(false),
	} {
		list[name] = constant(v, v.Type, 0, 0)
	}
	for _, name := range []string{"inet_server_addr", "inet_client_addr"} {
		list[name] = constant(null, table.String, 0, 0)
	}
	for _, name := range []string{"inet_server_port", "inet_client_port"} {
		list[name] = constant(null, table.Int64, 0, 0)
	}
	for _, name := range []string{"pg_relation_size", "pg_total_relation_size", "pg_table_size", "pg_indexes_size",
		"pg_database_size", "pg_tablespace_size", "pg_stat_get_numscans", "pg_stat_get_live_tuples"} {
		list[name] = constant(number(0), table.Int64, 1, 2)
	}
	list["pg_is_other_temp_schema"] = constant(truth(false), table.Bool, 1, 1)
	list["pg_relation_is_publishable"] = constant(truth(false), table.Bool, 1, 1)
	list["pg_char_to_encoding"] = constant(number(utf8Encoding), table.Int64, 1, 1)
	list["current_schemas"] = expr.Function{Min: 1, Max: 1, Args: []table.Type{table.Bool}, Result: table.ListString,
		Call: func(v []table.Value) table.Value {
			if v[0].Int != 0 {
				return valueOf([]string{pgSchema, plan.Public})
			}
			return valueOf([]string{plan.Public})
		}}
	list["pg_size_pretty"] = expr.Function{Min: 1, Max: 1, Args: []table.Type{table.Int64}, Result: table.String,
		Call: func(v []table.Value) table.Value {
			n, unit := float64(v[0].Int), 0
			units := []string{" bytes", " kB", " MB", " GB", " TB", " PB"}
			for ; math.Abs(n) >= 10*1024 && unit < len(units)-1; unit++ {
				n /= 1024
			}
			return text(strconv.FormatFloat(math.Round(n), 'f', 0, 64) + units[unit])
		}}
}

// addIdentifiers adds what takes names apart.
func (c *Catalog) addIdentifiers(list map[string]expr.Function) {
	list["parse_ident"] = expr.Function{Min: 1, Max: 2, Args: []table.Type{table.String, table.Bool},
		Result: table.ListString, Call: func(v []table.Value) table.Value {
			parts, ok := identifiers(v[0].Str)
			if !ok {
				panic(sql.Errorf("22023", -1, "%q is no identifier", v[0].Str))
			}
			return valueOf(parts)
		}}
}

func quoteIdent(s string) string { return expr.QuoteIdent(s) }

// signatures are those of functions, in the order of their names.
func signatures(calls map[string]expr.Function) (list []expr.Signature) {
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		if strings.Contains(name, " ") {
			continue // casts
		}
		f := calls[name]
		list = append(list, expr.Signature{
			Name: name, Min: f.Min, Max: f.Max, Args: f.Args, Result: f.Result,
		})
	}
	return list
}
