// Package process starts the programs that black-box suites look at: servers, services, the
// reference server. Whatever it starts runs in a process group of its own and dies with it.
package process
