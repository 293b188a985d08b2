package leader

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

func timerAt(due protocol.Millis, n uint32) command.Timer {
	return command.Timer{Due: due, Kind: command.TimerSleep, CompletionID: n}
}

// Random adds, removals and steps, with a window far smaller than the rows: every timer that is not
// removed fires once, never early, and never later than the step after it fell due.
func TestTimersFireEachRowOnce(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		rows := map[command.Timer]bool{} // what the store would hold
		fired := map[command.Timer]int{}
		core := NewTimers(1 + rng.IntN(8))
		load := func() {
			all := slices.SortedFunc(maps.Keys(rows), CompareTimers)
			if h := core.Horizon(); h != nil {
				all = slices.DeleteFunc(all, func(x command.Timer) bool { return CompareTimers(x, *h) <= 0 })
			}
			limit := 1 + rng.IntN(6)
			more := len(all) > limit
			if more {
				all = all[:limit]
			}
			core.Loaded(all, more)
		}
		load()
		now := protocol.Millis(0)
		step := func() {
			for {
				due, next, reload := core.Step(now)
				for _, x := range due {
					if x.Due > now {
						t.Fatalf("seed %d: timer due %d fired at %d", seed, x.Due, now)
					}
					fired[x]++
					delete(rows, x)
					core.Fired(x)
				}
				if !reload {
					if next <= now {
						t.Fatalf("seed %d: next look at %d is not after %d", seed, next, now)
					}
					break
				}
				load()
			}
			for x := range rows {
				if x.Due <= now {
					t.Fatalf("seed %d: timer due %d still waits at %d", seed, x.Due, now)
				}
			}
		}
		for n := range uint32(200) {
			switch rng.IntN(4) {
			case 0, 1:
				x := timerAt(now+protocol.Millis(1+rng.IntN(50)), n)
				rows[x] = true
				core.Add(x)
			case 2:
				for x := range rows {
					delete(rows, x)
					core.Remove(x)
					break
				}
			case 3:
				now += protocol.Millis(rng.IntN(20))
				step()
			}
		}
		now += 1000
		step()
		for x, times := range fired {
			if times != 1 {
				t.Fatalf("seed %d: timer %v fired %d times", seed, x, times)
			}
		}
	}
}

func TestTimersRetryWhatCouldNotBeAppended(t *testing.T) {
	core := NewTimers(4)
	core.Loaded(nil, false)
	core.Add(timerAt(5, 1))
	due, _, _ := core.Step(5)
	if len(due) != 1 {
		t.Fatalf("%d timers fired, want 1", len(due))
	}
	core.Retry(due[0])
	if due, _, _ = core.Step(5); len(due) != 1 {
		t.Fatalf("%d timers fired after a retry, want 1", len(due))
	}
}
