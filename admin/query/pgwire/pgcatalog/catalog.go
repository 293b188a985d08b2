package pgcatalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/perdure/perdure/admin/query"
	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/plan"
	"github.com/perdure/perdure/admin/query/table"
)

// Names of the schemas that are made here.
const (
	pgSchema   = "pg_catalog"
	infoSchema = "information_schema"
)

// OIDs of what there is besides tables. Those below 16384 are PostgreSQL's own.
const (
	ownerOID        = 10
	catalogSchema   = 11
	heapOID         = 2
	languageOID     = 12
	tablespaceOID   = 1663
	databaseOID     = 16384
	publicSchema    = 2200
	infoSchemaOID   = 13_000
	infoTables      = 13_001 // and those that follow
	publicTables    = 20_000
	functionOIDs    = 30_000
	ownFunctionOIDs = 40_000
	otherSchemas    = 50_000
	utf8Encoding    = 6
	arrayIn         = 750 // the function by which drivers know types of lists
	textIn          = 46
	defaultCollate  = 100
)

// known are the OIDs of tables that drivers have by heart.
var known = map[string]int64{
	"pg_type": 1247, "pg_attribute": 1249, "pg_proc": 1255, "pg_class": 1259, "pg_authid": 1260,
	"pg_auth_members": 1261, "pg_database": 1262, "pg_tablespace": 1213, "pg_attrdef": 2604,
	"pg_constraint": 2606, "pg_description": 2609, "pg_index": 2610, "pg_inherits": 2611,
	"pg_language": 2612, "pg_namespace": 2615, "pg_rewrite": 2618, "pg_trigger": 2620, "pg_am": 2601,
	"pg_depend": 2608, "pg_shdescription": 2396, "pg_collation": 3456, "pg_enum": 3501,
	"pg_extension": 3079, "pg_policy": 3256, "pg_publication": 6104, "pg_range": 3541,
}

// relation is a table as clients see it.
type relation struct {
	oid    int64
	schema string
	table  *table.Table
	view   bool
}

// function is a function as clients see it.
type function struct {
	oid    int64
	schema string
	expr.Signature
}

// Catalog is what is in pg_catalog for the tables of an engine.
type Catalog struct {
	owner     string
	schemas   map[string]int64
	names     []string // of schemas
	relations []relation
	functions []function
	calls     map[string]expr.Function

	pg, info *source
}

// New makes the catalog of an engine's schemas; owner is whom everything belongs to.
func New(e *query.Engine, owner string) *Catalog {
	c := &Catalog{owner: owner, schemas: map[string]int64{}}
	c.pg = &source{tables: defined(definitions)}
	for _, t := range c.pg.tables {
		t.Columns = append(t.Columns, table.Column{Name: tableOID, Type: table.Int64, Hidden: true})
	}
	c.info = &source{tables: defined(infoDefinitions)}
	for _, s := range e.Schemas() {
		c.addSchema(s.Name)
		if s.Name != infoSchema {
			c.addRelations(s.Name, s.Tables.Tables())
			continue
		}
		list := c.info.tables
		for _, t := range s.Tables.Tables() {
			if find(list, t.Name) == nil {
				list = append(list, t)
			}
		}
		c.addRelations(infoSchema, list)
	}
	c.addSchema(pgSchema)
	c.addRelations(pgSchema, slices.Concat(c.pg.tables, settingsTables))
	c.calls = c.makeFunctions()
	for i, f := range expr.Signatures() {
		c.functions = append(c.functions, function{functionOIDs + int64(i), plan.Public, f})
	}
	for i, f := range signatures(c.calls) {
		c.functions = append(c.functions, function{ownFunctionOIDs + int64(i), pgSchema, f})
	}
	c.fill()
	c.markRows()
	return c
}

// markRows tells each row of pg_catalog of which table it is.
func (c *Catalog) markRows() {
	for i := range c.relations {
		r := &c.relations[i]
		at := r.table.Column(tableOID)
		if r.schema != pgSchema || at < 0 {
			continue
		}
		for _, values := range c.pg.rows[r.table.Name] {
			values[at] = table.Integer(r.oid)
		}
	}
}

func (c *Catalog) addSchema(name string) {
	oid := int64(otherSchemas + len(c.names))
	switch name {
	case pgSchema:
		oid = catalogSchema
	case infoSchema:
		oid = infoSchemaOID
	case plan.Public:
		oid = publicSchema
	}
	c.schemas[name] = oid
	c.names = append(c.names, name)
}

func (c *Catalog) addRelations(schema string, tables []*table.Table) {
	next := int64(publicTables + len(c.relations))
	if schema == infoSchema {
		next = infoTables
	}
	if schema == pgSchema {
		next = 14_000
	}
	for i, t := range tables {
		oid := next + int64(i)
		if n, ok := known[t.Name]; ok && schema == pgSchema {
			oid = n
		}
		c.relations = append(c.relations, relation{oid, schema, t, t.View || schema == infoSchema})
	}
}

// Schemas are what a session knows beside the engine's own.
func (c *Catalog) Schemas() []query.Schema {
	return []query.Schema{
		{Name: pgSchema, Tables: c.pg, Implied: true}, {Name: infoSchema, Tables: c.info},
	}
}

// Functions are those that go with the tables.
func (c *Catalog) Functions() map[string]expr.Function { return c.calls }

// source has rows that never change.
type source struct {
	tables []*table.Table
	rows   map[string][][]table.Value
}

var _ table.Source = (*source)(nil)

func find(tables []*table.Table, name string) *table.Table {
	for _, t := range tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// Tables implements table.Source.
func (s *source) Tables() []*table.Table { return s.tables }

// Partitions implements table.Source.
func (s *source) Partitions(*table.Scan) []uint16 { return []uint16{0} }

// Open implements table.Source.
func (s *source) Open(_ context.Context, _ uint16, q *table.Scan) (table.Reader, error) {
	return table.Listed(q, s.rows[q.Table.Name]), nil
}

// row is a row by the names of its columns; those that are left out are NULL.
type row map[string]any

// add adds a row to a table.
func (s *source) add(name string, r row) {
	t := find(s.tables, name)
	values := make([]table.Value, len(t.Columns))
	for column, x := range r {
		at := t.Column(column)
		if at < 0 {
			panic(fmt.Sprintf("the table %s has no column %s", name, column))
		}
		values[at] = valueOf(x)
		if got := values[at].Type; got != t.Columns[at].Type {
			panic(fmt.Sprintf("column %s of %s is given a %s", column, name, got))
		}
	}
	if s.rows == nil {
		s.rows = map[string][][]table.Value{}
	}
	s.rows[name] = append(s.rows[name], values)
}

func valueOf(x any) table.Value {
	switch x := x.(type) {
	case int:
		return table.Integer(int64(x))
	case int64:
		return table.Integer(x)
	case uint32:
		return table.Integer(int64(x))
	case float64:
		return table.Real(x)
	case bool:
		return table.Truth(x)
	case string:
		return table.Text(x)
	case []int64:
		v := table.Value{Type: table.List | table.Int64}
		for _, n := range x {
			v.List = append(v.List, table.Integer(n))
		}
		return v
	case []string:
		v := table.Value{Type: table.ListString}
		for _, s := range x {
			v.List = append(v.List, table.Text(s))
		}
		return v
	}
	panic(fmt.Sprintf("%v is no value of a catalog", x))
}

// relation finds a table by its OID.
func (c *Catalog) relation(oid int64) *relation {
	for i := range c.relations {
		if c.relations[i].oid == oid {
			return &c.relations[i]
		}
	}
	return nil
}

// named finds a table by its name, which may have a schema and quotes.
func (c *Catalog) named(name string) *relation {
	parts, ok := identifiers(name)
	if !ok || len(parts) > 3 {
		return nil
	}
	schema := ""
	if len(parts) > 1 {
		schema = parts[len(parts)-2]
	}
	for i := range c.relations {
		r := &c.relations[i]
		if r.table.Name == parts[len(parts)-1] && (r.schema == schema || schema == "" && visible(r.schema)) {
			return r
		}
	}
	return nil
}

// visible: what is found without a schema.
func visible(schema string) bool { return schema != infoSchema }

// identifiers takes a."B".c apart.
func identifiers(s string) (parts []string, ok bool) {
	s = strings.TrimSpace(s)
	for {
		var part string
		if strings.HasPrefix(s, `"`) {
			var b strings.Builder
			i := 1
			for ; i < len(s); i++ {
				if s[i] != '"' {
					b.WriteByte(s[i])
				} else if i+1 < len(s) && s[i+1] == '"' {
					b.WriteByte('"')
					i++
				} else {
					break
				}
			}
			if i >= len(s) {
				return nil, false
			}
			part, s = b.String(), strings.TrimSpace(s[i+1:])
		} else {
			end := strings.IndexByte(s, '.')
			if end < 0 {
				end = len(s)
			}
			part, s = strings.ToLower(strings.TrimSpace(s[:end])), s[end:]
		}
		if part == "" {
			return nil, false
		}
		parts = append(parts, part)
		if s == "" {
			return parts, true
		}
		if s, ok = strings.CutPrefix(s, "."); !ok {
			return nil, false
		}
		s = strings.TrimSpace(s)
	}
}
