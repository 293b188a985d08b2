package main

import (
	"slices"
	"time"
)

func sortTimes(t []time.Time) {
	slices.SortFunc(t, func(a, b time.Time) int { return a.Compare(b) })
}

// longest is the longest time between successive times, both ends counted in; times ascend.
func longest(times []time.Time, from, to time.Time) (gap time.Duration) {
	last := from
	for _, t := range times {
		if t.Before(from) || t.After(to) {
			continue
		}
		gap = max(gap, t.Sub(last))
		last = t
	}
	return max(gap, to.Sub(last))
}
