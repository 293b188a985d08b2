package history

import (
	"slices"
	"time"
)

// Gap is a time without success.
type Gap struct {
	Key      string // "" for all keys together
	From, To time.Duration
}

// Length is how long the gap is.
func (g Gap) Length() time.Duration { return g.To - g.From }

// LongestGap is the longest time within [from, to] in which no operation succeeded.
func (h History) LongestGap(from, to time.Duration) Gap {
	return longest("", h.successes(func(Operation) string { return "" })[""], from, to)
}

// LongestKeyGap is the longest time within [from, to] in which no operation on one key succeeded,
// of the keys that were used before and after.
func (h History) LongestKeyGap(from, to time.Duration) (worst Gap) {
	for key, ends := range h.successes(func(o Operation) string { return o.Key }) {
		if key == "" || ends[0] > from || ends[len(ends)-1] < to {
			continue
		}
		g := longest(key, ends, from, to)
		if g.Length() > worst.Length() || g.Length() == worst.Length() && g.Key < worst.Key {
			worst = g
		}
	}
	return worst
}

// successes are the times at which operations succeeded, in order, per group.
func (h History) successes(group func(Operation) string) map[string][]time.Duration {
	ends := map[string][]time.Duration{}
	for _, o := range h.Operations {
		if o.Outcome == OK {
			ends[group(o)] = append(ends[group(o)], o.End)
		}
	}
	for _, e := range ends {
		slices.Sort(e)
	}
	return ends
}

// longest looks at the distances between successes, of which one begins within [from, to].
func longest(key string, ends []time.Duration, from, to time.Duration) (worst Gap) {
	worst.Key = key
	last := from
	for _, e := range append(slices.Clone(ends), to) {
		if e < from {
			last = e // the gap that a fault is in begins before the fault
			continue
		}
		if last < to && e-last > worst.Length() {
			worst.From, worst.To = last, e
		}
		last = e
	}
	return worst
}

// Count counts operations by outcome.
func (h History) Count() (ok, failed, unknown int) {
	for _, o := range h.Operations {
		switch o.Outcome {
		case OK:
			ok++
		case Failed:
			failed++
		default:
			unknown++
		}
	}
	return ok, failed, unknown
}
