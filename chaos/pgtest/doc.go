// Package pgtest asks a real server through PostgreSQL clients as people use them: psql and its
// meta-commands, the JDBC driver and its metadata, and what Grafana's data source sends.
//
// Its tests need psql, a JDK and Maven on the PATH; ./test installs them where it may. Maven fetches the
// driver once, into the user's cache.
package pgtest
