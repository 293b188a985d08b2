package pgcatalog

import (
	"github.com/perdure/perdure/admin/query"
	"github.com/perdure/perdure/admin/query/expr"
)

// Catalog is what is in pg_catalog for the tables of an engine.
type Catalog struct{}

// New makes the catalog of an engine's schemas.
func New(e *query.Engine) *Catalog { return &Catalog{} }

// Schemas are what a session knows beside the engine's own.
func (c *Catalog) Schemas() []query.Schema { return nil }

// Functions are those that go with the tables.
func (c *Catalog) Functions() map[string]expr.Function { return nil }
