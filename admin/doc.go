// Package admin is the operators' REST interface: deployments, services, invocations and state.
//
// Invariant: it keeps nothing. What is registered changes through the Registry, what runs through
// commands to partitions, and every answer is made of what these said. A Handler may serve many
// requests at once.
package admin
