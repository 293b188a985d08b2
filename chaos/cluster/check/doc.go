// Package check judges histories. Each checker takes what clients asked and were told and says
// whether a correct server could have done that.
//
// Invariant: a checker never blames a correct server. What is not known (an answer that was lost)
// is taken as it suits the server; what cannot be decided in time is said to be undecided.
//
// All functions are pure but for the time they take.
package check
