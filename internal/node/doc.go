// Package node is the composition root: it reads the configuration of one node, builds every
// part from it, hands each part the others it needs, and starts and stops them in order. It is
// the only package that sees all others, and the only one that reads files, flags and
// environment variables for settings.
//
// Invariant: Load returns a configuration that passes Validate, or an error that names every
// problem at once. Each setting comes from the last source that names it: built-in defaults,
// configuration file, environment, command line.
//
// A Config is a plain value. After Load nobody writes to it, so many goroutines may read it.
package node
