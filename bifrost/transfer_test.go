package bifrost_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/perdure/perdure/bifrost"
)

// appendAlways keeps appends under way on whichever replica leads until the test ends.
func (c *replicas) appendAlways() {
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				for _, l := range c.logs {
					if leads, _ := l.Leader(); leads {
						_, _ = bifrost.AppendWait(context.Background(), l, make([]byte, 100))
					}
				}
			}
		})
	}
	c.t.Cleanup(func() {
		close(stop)
		all.Wait()
	})
}

// A leadership goes over at the first time of asking, however busy the log is: what is asked for comes
// to nothing only by a fault, and meanwhile the log takes nothing.
func TestABusyLogIsHandedOver(t *testing.T) {
	c := startReplicas(t)
	leader := c.leader(-1)
	c.appendAlways()
	for i := range 50 {
		next := (leader + 1 + i%2) % 3
		to := bifrost.NewReplicaID(uint64(next)+1, 0)
		eventually(t, "the request to be taken", func() bool {
			err := c.hosts[leader].Transfer(testLog, to)
			if err != nil && !errors.Is(err, bifrost.ErrBusy) {
				t.Fatal(err)
			}
			return err == nil
		})
		eventually(t, "the next leader to lead", func() bool {
			leads, _ := c.logs[next].Leader()
			return leads
		})
		leader = next
	}
}
