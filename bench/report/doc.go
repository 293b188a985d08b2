// Package report turns the figures of single runs into medians, ratios, tables and files.
//
// Invariant: a report holds everything needed to judge and repeat it: the machine, the servers and
// their command lines, the command of the benchmark, and each run as well as the medians. A figure
// that was not measured is absent, not zero.
//
// A Report belongs to one goroutine.
package report
