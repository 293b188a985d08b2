package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// What is in use of the heap is small next to what passes through it, and most of it are bytes that
// need not be looked at. So the collector is given the same room whatever is in use: in percent of
// little that is a lot, and a large heap does not double.
const (
	garbageBytes      = 96 << 20
	minGarbagePercent = 40
	maxGarbagePercent = 400
)

// garbagePercent returns how much the heap may grow before it is collected again, in percent of the
// bytes in use.
func garbagePercent(inUse uint64) int {
	return int(min(max(garbageBytes*100/max(inUse, 1), minGarbagePercent), maxGarbagePercent))
}

// tuneGarbage has the percentage follow what is in use, after every collection, for as long as the
// process lives. Whoever sets GOGC or GOMEMLIMIT knows better.
func tuneGarbage() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	collected := make(chan struct{}, 1)
	go func() {
		sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		have := 0
		for {
			metrics.Read(sample)
			// Setting it stops everything for a moment, so a small change is not worth it.
			if want := garbagePercent(sample[0].Value.Uint64()); want < have*4/5 || want > have*5/4 {
				have = want
				debug.SetGCPercent(want)
			}
			watchCollection(collected)
			<-collected
		}
	}()
}

// watchCollection has the channel told of the next collection.
func watchCollection(collected chan<- struct{}) {
	sentinel := new([16]byte) // large enough to be freed alone
	runtime.AddCleanup(sentinel, func(to chan<- struct{}) {
		select {
		case to <- struct{}{}:
		default:
		}
	}, collected)
}
