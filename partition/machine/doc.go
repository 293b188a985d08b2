// Package machine decides: Apply turns one command of a partition's log into row changes and
// actions.
//
// Invariants. Apply is a function of the rows, the header and the command: no clock, no chance, no
// memory of its own. Each action is derived from a row that is written before it, so that losing
// every action is harmless: Recover derives them again. An invocation that has not ended is always
// waiting for something that will come: its time (a timer row), its lock (an inbox row), the
// invoker (an attempt), a notification, or an operator. Every end of an invocation answers its
// waiters and passes its lock on.
//
// No command can make Apply panic or poison the log. A command that makes no sense, comes twice or
// comes from a leader of the past changes nothing; a journal entry that cannot be read pauses its
// invocation and says why in an event. Apply returns an error only when the store fails it, when
// replicas turn out to differ, or when a feature is switched on that this code does not know: the
// replica must stop then.
//
// Apply is called by one goroutine at a time.
package machine
