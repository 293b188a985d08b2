// Command conformance checks a running server against the contract that SDKs and HTTP
// clients rely on.
//
// It is a client only: it speaks plain HTTP to the ingress and the admin API, starts the
// scenario services of the official SDKs as processes, and plays badly behaved deployments
// itself. It imports nothing of the server, so it judges any server that claims the contract:
//
//	go run ./chaos/conformance --server perdure
//	go run ./chaos/conformance --server restate
//	go run ./chaos/conformance --server 'cmd --dir {dir} --ingress {ingress} ...'
//	go run ./chaos/conformance --ingress http://127.0.0.1:8080 --admin http://127.0.0.1:9070
//
// A check is named by the capability it shows (SVC-01, RUN-05, ...) and by its area: the SDK
// of the called service (go, ts, ...), http for plain requests, wire for hand-made deployments.
// Checks of one phase run at the same time and share nothing but the server: each draws its
// own keys. Checks that need other settings start servers of their own, two at a time. For the
// checks of frames the services are registered at a tap, a proxy that notes what passes. The
// phases that kill a process come last, one after the other; the server is killed only if the
// suite has started it.
//
// With --torment SEED the server and the services are killed at random points while checks run. What
// a check sees must be the same: requests that surely were not received, and those that may be sent
// twice, are sent again; where another answer is lost the check begins anew, because nobody can know
// what became of the request. Checks that count attempts in a service's memory or follow one attempt
// frame by frame run afterwards, without kills.
//
// The run ends with a table of the rows of the checklist (rows.go) that were checked, by area and by
// who checked them.
//
// Two kinds of checks are left out where they would be unfair: input that the reference server
// is known not to survive, and expiry, which needs a server that cleans up every second. What
// an SDK has no call for (offered.go) is not checked with that SDK, and counted on its own.
// Version 7 of the service protocol is checked if the server speaks it; the reference server does
// with RESTATE_EXPERIMENTAL_ENABLE_PROTOCOL_V7=true in the environment.
package main
