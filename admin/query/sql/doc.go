// Package sql parses the read-only SQL that introspection speaks: the SELECT language of PostgreSQL
// and DataFusion as far as their tools use it.
//
// Invariant: parsing never panics, whatever the text, and is bounded in depth; an Error says where
// in the text it stopped. The parser knows no tables and no types.
package sql
