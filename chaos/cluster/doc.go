// Command cluster runs a real cluster on one machine, breaks it in every way it knows, and judges
// what clients were told meanwhile.
//
//	go run ./chaos/cluster --nemesis kill --workload register --time 30s --seed 1
//	go run ./chaos/cluster --matrix                  every nemesis under every workload
//	go run ./chaos/cluster --random 2h               random combinations
//	go run ./chaos/cluster --failover 20             kills under load, and how long they were felt
//	go run ./chaos/cluster --rolling --evacuate      what operators do, under load
//	go run ./chaos/cluster --plant no-dedup ...      with a fault built in, which must be found
//
// Nodes are processes of "perdure serve" (node.go), each in a network namespace of its own; all that
// they send passes a switch in this process (network), which knows zones and distances (weather.go).
// Nemeses (nemesis.go) strike while clients (client.go) work; workloads (workload.go, work_*.go) call
// the handlers of a service that is a process as well (handlers.go). When the faults are over,
// everything that was accepted has to end and every node has to answer (run.go); then the checkers
// judge the history (check, history), and a page shows it (report). A run of many workloads is judged
// workload by workload (matrix.go).
//
// Where no namespaces can be made (another system, no root), the processes live on loopback and the
// nemeses that need a network are left out; the output says so.
//
// Invariant: the harness knows nothing of the server but what users and operators see. The seed fixes
// what is done to whom; when exactly it happens is up to the machine.
package main
