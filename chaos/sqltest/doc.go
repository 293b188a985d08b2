// Command sqltest asks this server and the reference server the same SQL and compares the answers.
//
//	go run ./chaos/sqltest                 this server against what is recorded
//	go run ./chaos/sqltest -beside         both servers against each other
//	go run ./chaos/sqltest -record         write down what this server answers
//
// Each server gets scenario services of its own and the same invocations: some have ended, others
// run, wait, are paused, hold a lock or are to start later. Then the queries of
// testdata/queries.sql are asked, which are those that the official command line and the console
// send, and more. IDs are replaced by what they stand for, times and addresses by words, and rows
// are sorted, since no server promises an order.
//
// A query marked "# differs: why" must give different answers; the marks are what docs/sql.md lists.
package main
