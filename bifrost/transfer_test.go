package bifrost_test

import (
	"bytes"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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
						_, _ = bifrost.AppendWait(c.t.Context(), l, make([]byte, 100))
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

// said tells whether the library has said that a replica did not stand for election.
type said struct{ atomic.Bool }

func (s *said) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("campaign skipped")) {
		s.Store(true)
	}
	return len(line), nil
}

// A replica that is told that its leader is gone stands for election as soon as it has applied what is
// committed; the library alone would forget about it.
func TestABusyReplicaStandsForElection(t *testing.T) {
	var skipped said
	c := startReplicas(t, func(cfg *bifrost.RaftConfig) {
		cfg.Tick, cfg.ElectionTicks, cfg.ProposalTimeout = 100*time.Millisecond, 600, time.Hour
		cfg.Logger = slog.New(slog.NewTextHandler(&skipped, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	eventually(t, "a leader", func() bool {
		if err := c.hosts[0].Campaign(testLog); err != nil {
			t.Fatal(err)
		}
		leads, _ := c.logs[0].Leader()
		return leads
	})
	if err := c.hosts[1].Stop(testLog); err != nil {
		t.Fatal(err)
	}
	applying, goOn := make(chan struct{}), make(chan struct{})
	c.recorders[1] = newRecorder(&disk{})
	c.recorders[1].onApply = func([]bifrost.Record) error {
		close(applying)
		<-goOn
		return nil
	}
	l, err := c.hosts[1].Start(t.Context(), testLog, c.recorders[1])
	if err != nil {
		t.Fatal(err)
	}
	c.logs[1] = l
	mustAppend(t, c.logs[0], []byte("record"))
	<-applying
	skipped.Store(false) // and not of what was committed at the beginning
	if err := c.hosts[1].Campaign(testLog); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the library to let it pass", func() bool { return skipped.Load() })
	close(goOn)
	eventually(t, "the busy replica to lead", func() bool {
		leads, _ := c.logs[1].Leader()
		return leads
	})
}
