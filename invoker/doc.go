// Package invoker runs handlers: it carries an invocation's journal to a deployment, turns what the
// handler says into effects for the log, and passes on what the log answers.
//
// A run is one invocation under one attempt number; it is a series of tries until the handler
// suspends, ends, or its tries are used up. A try's decisions are made by a core (attempt.go) that
// sees events and returns frames and effects; goroutines, timers and locks are around it (run.go,
// stream.go). Nothing here is durable: a new leader starts all runs again from its rows.
//
// Invariants: the effects of a run are proposed in the order of the frames they came from; a try
// starts only after all effects of the tries before it were applied or dropped; after
// Partition.Close returns, nothing is proposed for that partition. Whatever a deployment does, it
// can only fail its own try.
//
// An Invoker may be used by many goroutines. The methods of a Partition come from the goroutine
// that applies its log, in the order of the log, and never wait, except Close; Status and Scan may
// be called by anybody.
package invoker
