package leader

import (
	"math/rand/v2"
	"testing"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

func routeByKey(k protocol.PartitionKey) protocol.PartitionID { return protocol.PartitionID(k) }

// Messages come in order, deliveries fail at random, memory holds few: each receiver gets its
// messages in order, and only failures are ever repeated.
func TestShuffleDeliversInOrder(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 2))
		const destinations = 3
		s := NewShuffle(1 + rng.IntN(6))
		var rows []command.Message // the outbox
		received := map[protocol.PartitionID][]uint64{}
		inFlight := map[protocol.PartitionID][]command.Message{}
		waiting := map[protocol.PartitionID]bool{}
		reload := func() {
			after, ok := s.Reload()
			if !ok {
				return
			}
			var batch []command.Message
			limit, more := 1+rng.IntN(3), false
			for _, m := range rows {
				if m.Sequence > after {
					if more = len(batch) == limit; more {
						break
					}
					batch = append(batch, m)
				}
			}
			s.Loaded(batch, more, routeByKey)
		}
		act := func(to protocol.PartitionID) {
			switch {
			case waiting[to]:
				waiting[to] = false
				s.Retry(to)
			case inFlight[to] == nil:
				inFlight[to] = s.Next(to)
			case rng.IntN(3) == 0: // lost, or lost after it was taken
				if rng.IntN(2) == 0 {
					received[to] = deliver(received[to], inFlight[to])
				}
				inFlight[to] = nil
				waiting[to] = true
				s.Failed(to)
			default:
				received[to] = deliver(received[to], inFlight[to])
				if got := s.Sent(to); len(got) != len(inFlight[to]) {
					t.Fatalf("seed %d: %d sequences delivered, want %d", seed, len(got), len(inFlight[to]))
				}
				inFlight[to] = nil
				reload()
			}
		}
		for n := range uint64(100) {
			m := command.Message{
				Sequence: n + 1, Key: protocol.PartitionKey(rng.IntN(destinations)), Command: &command.Signal{},
			}
			rows = append(rows, m)
			s.Add(routeByKey(m.Key), m)
			act(protocol.PartitionID(rng.IntN(destinations)))
		}
		for range 5000 {
			act(protocol.PartitionID(rng.IntN(destinations)))
			reload()
		}
		for to := range protocol.PartitionID(destinations) {
			var want []uint64
			for _, m := range rows {
				if routeByKey(m.Key) == to {
					want = append(want, m.Sequence)
				}
			}
			if len(received[to]) != len(want) {
				t.Fatalf("seed %d: %d messages reached %d, want %d", seed, len(received[to]), to, len(want))
			}
			for i := range want {
				if received[to][i] != want[i] {
					t.Fatalf("seed %d: message %d to %d is %d, want %d", seed, i, to, received[to][i], want[i])
				}
			}
		}
	}
}

// deliver is the receiver's deduplication: what is not newer than the last is dropped.
func deliver(have []uint64, messages []command.Message) []uint64 {
	for _, m := range messages {
		if len(have) == 0 || m.Sequence > have[len(have)-1] {
			have = append(have, m.Sequence)
		}
	}
	return have
}
