// Command hostile sends a server what no honest client or deployment would send: broken requests
// at the ingress, broken requests and lying deployments at the admin API, and deployments that
// break the service protocol, message by message, and HTTP/2 itself.
//
//	go run ./chaos/hostile
//	go run ./chaos/hostile -run 'deployment/Sleep'
//
// It imports nothing of the server and sees it from outside. An entry names what is sent and what
// must become of it. The entries of one area run side by side; after each, an innocent invocation
// on the same partition must complete. At the end of an area the server must be within its memory,
// is killed, and must come back on the same directory: nothing that was said may have poisoned
// its log. Attempts that failed then get a deployment that behaves, and must complete.
//
// Invariant: an entry passes only if the outcome was seen, not if nothing bad was noticed.
package main
