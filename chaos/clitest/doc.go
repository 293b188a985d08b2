// Command clitest runs the official command line against this server and against the reference
// server, and compares what people would see.
//
//	go run ./chaos/clitest
//
// It builds this server and the scenario services, has npm install the command line and the
// reference server into the user's cache, and runs one script of commands on both, each on a fresh
// directory. IDs, times and addresses are replaced, rows are sorted (the reference server lists
// handlers in no order), and every line that is left has to be the same, as has the exit code. Where
// this server lacks a feature, it has to fail with a text that says so. Commands that refresh what they
// show run on a terminal until they have shown something.
//
// A test asks the command line for all of its commands, and fails if one is in no script.
//
// Many commands ask SQL. Which ones these are was seen through a logging proxy before the reference
// server:
//
//	asks nothing but the REST interface       asks /query too
//	------------------------------------      ---------------------------------------
//	whoami                                    sql
//	deployments register, list, describe      deployments list --extra, remove
//	services list, describe                   services status
//	services config view, patch, edit         invocations list, describe
//	kafka-clusters, subscriptions             invocations cancel, kill, purge, pause,
//	                                            resume, restart-as-new, by ID as well
//	                                          state get, edit, patch, clear
//	                                          rules list
package main
