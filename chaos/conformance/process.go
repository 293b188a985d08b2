package main

import (
	"fmt"
	"net"
	"sync"
)

// usedPorts are those that hand-made deployments have had. A server that still knows the
// deployment of an earlier check at an address would not ask the one of a later check there.
var usedPorts sync.Map

// listenFresh listens on a port that no deployment of this run has had before.
func listenFresh() (net.Listener, error) {
	for range 1000 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("listen for a deployment: %w", err)
		}
		if _, used := usedPorts.LoadOrStore(l.Addr().String(), true); !used {
			return l, nil
		}
		l.Close()
	}
	return nil, fmt.Errorf("listen for a deployment: every port was used before")
}
