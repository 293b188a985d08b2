package main

import (
	"fmt"
	"time"

	"github.com/perdure/perdure/protocol"
)

// event does one thing that may happen next; false: there is nothing of its kind.
type event struct {
	weight int
	do     func(*World) bool
}

var ordinary = []event{
	{30, (*World).apply},
	{30, (*World).attempt},
	{15, (*World).outside},
	{15, (*World).network},
	{2, (*World).runBackground}, // rarely: much happens while a new leader reads its rows
}

var faulty = []event{
	{4, (*World).passTime},
	{2, (*World).fault},
	{1, (*World).restart},
	{1, (*World).election},
}

// step lets one event happen.
func (w *World) step() {
	w.steps++
	if !w.happen(append(ordinary[:len(ordinary):len(ordinary)], faulty...)) {
		w.passTime()
	}
}

// happen picks events by weight until one of them is possible.
func (w *World) happen(events []event) bool {
	total := 0
	for _, e := range events {
		total += e.weight
	}
	for total > 0 {
		n := w.rng.IntN(total)
		i := 0
		for n >= events[i].weight {
			n -= events[i].weight
			i++
		}
		if events[i].do(w) {
			return true
		}
		total -= events[i].weight
		rest := append([]event{}, events[:i]...)
		events = append(rest, events[i+1:]...)
	}
	return false
}

// apply lets one replica apply what comes next in its log.
func (w *World) apply() bool {
	n := pick(w, w.nodes, func(n *node) bool {
		return n.up() && (n.lost || n.replica.Behind() > 0)
	})
	if n == nil {
		return false
	}
	n.lost = false
	applied, err := n.replica.Step(1 + w.rng.IntN(3))
	if err != nil {
		w.fail("%s: %v", n, err)
		return true
	}
	if w.opts.Trace != nil {
		w.trace("%s applies %d entries through %s", n, applied, n.replica.Tail())
	}
	return true
}

func (w *World) runBackground() bool {
	n := pick(w, w.nodes, func(n *node) bool { return len(n.background) > 0 })
	if n == nil {
		return false
	}
	f := n.background[0]
	n.background = n.background[1:]
	f()
	return true
}

const maxPassed = 200 * time.Millisecond // in one event, while there are faults

// passTime moves the clock to the next timer or a little.
func (w *World) passTime() bool {
	d := time.Duration(w.rng.IntN(20)) * time.Millisecond
	if next, ok := w.clock.Next(); ok && w.chance(0.7) {
		d = min(next.Sub(w.clock.Now()), maxPassed)
	}
	w.clock.Advance(d)
	return true
}

// name is how an invocation appears in the trace.
func name(id protocol.InvocationID) string { return fmt.Sprintf("inv-%x", id.UUID[:3]) }

func short(format string, args ...any) string { return fmt.Sprintf(format, args...) }
