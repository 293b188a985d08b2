// Package pgwire answers PostgreSQL clients: psql, drivers, dashboards. It speaks version 3 of their
// protocol and hands what they ask to the SQL engine; pgcatalog has the tables and functions in which
// they look around.
//
// Invariant: nothing is changed by what a client says, but settings of its own session. What a
// client sends is limited in size before it is read, and a session whose client leaves, or that is
// cancelled, ends the query that runs for it.
//
// A Server may be used by many goroutines. Each session is one goroutine, and one that reads what the
// client sends next, which is how its leaving is noticed.
package pgwire
