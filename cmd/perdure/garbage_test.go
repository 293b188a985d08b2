package main

import (
	"runtime"
	"testing"
)

func TestGarbageHasTheSameRoomWhateverIsInUse(t *testing.T) {
	for inUse, want := range map[uint64]int{
		0: 400, 1 << 20: 400, 32 << 20: 300, 48 << 20: 200, 96 << 20: 100, 192 << 20: 50, 4 << 30: 40,
	} {
		if got := garbagePercent(inUse); got != want {
			t.Errorf("%d bytes in use: %d %%, want %d %%", inUse, got, want)
		}
	}
}

func TestACollectionIsTold(t *testing.T) {
	collected := make(chan struct{}, 1)
	watchCollection(collected)
	for {
		runtime.GC()
		select {
		case <-collected:
			return
		case <-t.Context().Done():
			t.Fatal("nobody was told of a collection")
		default:
			runtime.Gosched()
		}
	}
}
