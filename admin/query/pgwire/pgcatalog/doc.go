// Package pgcatalog is what PostgreSQL clients look around in: the types that values are sent as, the
// tables of pg_catalog, and the functions that go with them. psql's meta-commands, the metadata of
// drivers and the menus of dashboards read them with SQL like any other tables.
//
// Invariant: everything is made from the schemas that a Catalog is given and never changes
// afterwards. OIDs of the same schemas are the same on every node and after every start.
//
// A Catalog may be used by many goroutines.
package pgcatalog
