// Package source has the tables of SQL introspection: it reads them from the rows of the partitions
// led here, from the attempts that run, and from the schema.
//
// A scan sees each partition as of one instant. It decodes what the query asks for and nothing else,
// passes over rows that do not meet its conditions before it makes them, and reads single rows
// where the conditions name them. It takes no lock that a running invocation waits for.
package source
