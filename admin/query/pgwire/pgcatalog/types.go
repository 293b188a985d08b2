package pgcatalog

import (
	"slices"

	"github.com/perdure/perdure/admin/query/table"
)

// OIDs of the types that values are sent as.
const (
	oidBool        = 16
	oidBytea       = 17
	oidInt8        = 20
	oidText        = 25
	oidFloat8      = 701
	oidDate        = 1082
	oidTimestamptz = 1184
	oidInterval    = 1186
	oidNumeric     = 1700
	oidRecord      = 2249
)

// pgType is a type of PostgreSQL.
type pgType struct {
	oid    uint32
	name   string     // as pg_type has it
	pretty string     // as format_type says it
	size   int64      // bytes; -1: it varies
	kind   string     // typcategory
	array  uint32     // OID of the list of it
	is     table.Type // what values of it are here
	sql    string     // the name in information_schema, where it differs from pretty
}

// pgTypes are the types that clients may meet: those that values are sent as come first for each of
// ours, the others may be those of parameters.
var pgTypes = []pgType{
	{oid: oidBool, name: "bool", pretty: "boolean", size: 1, kind: "B", array: 1000, is: table.Bool},
	{oid: oidBytea, name: "bytea", pretty: "bytea", size: -1, kind: "U", array: 1001, is: table.Binary},
	{oid: oidInt8, name: "int8", pretty: "bigint", size: 8, kind: "N", array: 1016, is: table.Int64},
	{oid: oidText, name: "text", pretty: "text", size: -1, kind: "S", array: 1009, is: table.String},
	{oid: oidFloat8, name: "float8", pretty: "double precision", size: 8, kind: "N", array: 1022,
		is: table.Float64},
	{oid: oidDate, name: "date", pretty: "date", size: 4, kind: "D", array: 1182, is: table.Date},
	{oid: oidTimestamptz, name: "timestamptz", pretty: "timestamp with time zone", size: 8, kind: "D",
		array: 1185, is: table.Timestamp},
	{oid: oidInterval, name: "interval", pretty: "interval", size: 16, kind: "T", array: 1187,
		is: table.Interval},
	{oid: oidNumeric, name: "numeric", pretty: "numeric", size: -1, kind: "N", array: 1231,
		is: table.Float64},
	{oid: oidRecord, name: "record", pretty: "record", size: -1, kind: "P", array: 2287, is: table.Record},
	{oid: 18, name: "char", pretty: `"char"`, size: 1, kind: "Z", array: 1002, is: table.String},
	{oid: 19, name: "name", pretty: "name", size: 64, kind: "S", array: 1003, is: table.String},
	{oid: 21, name: "int2", pretty: "smallint", size: 2, kind: "N", array: 1005, is: table.Int64},
	{oid: 23, name: "int4", pretty: "integer", size: 4, kind: "N", array: 1007, is: table.Int64},
	{oid: 26, name: "oid", pretty: "oid", size: 4, kind: "N", array: 1028, is: table.Int64},
	{oid: 114, name: "json", pretty: "json", size: -1, kind: "U", array: 199, is: table.String},
	{oid: 700, name: "float4", pretty: "real", size: 4, kind: "N", array: 1021, is: table.Float64},
	{oid: 1042, name: "bpchar", pretty: "character", size: -1, kind: "S", array: 1014, is: table.String},
	{oid: 1043, name: "varchar", pretty: "character varying", size: -1, kind: "S", array: 1015,
		is: table.String},
	{oid: 1114, name: "timestamp", pretty: "timestamp without time zone", size: 8, kind: "D", array: 1115,
		is: table.Timestamp},
	{oid: 2205, name: "regclass", pretty: "regclass", size: 4, kind: "N", array: 2210, is: table.Int64},
	{oid: 2950, name: "uuid", pretty: "uuid", size: 16, kind: "U", array: 2951, is: table.String},
	{oid: 3802, name: "jsonb", pretty: "jsonb", size: -1, kind: "U", array: 3807, is: table.String},
}

// OID is the OID of the type that values are sent as. Unsigned numbers of 64 bits, which bigint has no
// room for, are numeric, and lengths of time are intervals.
func OID(t table.Type) uint32 {
	if elem, list := t.Elem(); list {
		return typeOf(OID(elem)).array
	}
	switch t {
	case table.Null:
		return oidText
	case table.Uint32:
		return oidInt8
	case table.Uint64:
		return oidNumeric
	case table.Duration:
		return oidInterval
	}
	return pgTypes[slices.IndexFunc(pgTypes, func(p pgType) bool { return p.is == t })].oid
}

// Type is the type that values of a PostgreSQL type are here; Null if it is not known.
func Type(oid uint32) table.Type {
	if t := typeOf(oid); t != nil {
		return t.is
	}
	if i := slices.IndexFunc(pgTypes, func(p pgType) bool { return p.array == oid }); i >= 0 && oid != 0 {
		return table.List | pgTypes[i].is
	}
	return table.Null
}

// Size is how many bytes values of a type take, -1 if that varies.
func Size(oid uint32) int16 {
	if t := typeOf(oid); t != nil {
		return int16(t.size)
	}
	return -1
}

func typeOf(oid uint32) *pgType {
	if i := slices.IndexFunc(pgTypes, func(p pgType) bool { return p.oid == oid }); i >= 0 {
		return &pgTypes[i]
	}
	return nil
}
