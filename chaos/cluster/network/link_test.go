package network

import (
	"container/heap"
	"testing"
	"time"
)

var start = time.Unix(1000, 0)

func TestCutsAreOneWay(t *testing.T) {
	l := newLinks(2, 1)
	l.set(0, 1, Link{Cut: true})
	if out := l.route(start, 0, 1, nil); out != nil {
		t.Error("a frame passed a link that is cut")
	}
	if out := l.route(start, 1, 0, nil); len(out) != 1 || !out[0].at.Equal(start) {
		t.Errorf("the way back: %v", out)
	}
}

func TestJitterKeepsTheOrder(t *testing.T) {
	l := newLinks(2, 1)
	l.set(0, 1, Link{Delay: time.Millisecond, Jitter: 10 * time.Millisecond})
	last := start
	for i := range 1000 {
		now := start.Add(time.Duration(i) * 100 * time.Microsecond)
		at := l.route(now, 0, 1, nil)[0].at
		if at.Before(last) || at.Before(now.Add(time.Millisecond)) {
			t.Fatalf("frame %d of %v arrives at %v, the one before at %v", i, now, at, last)
		}
		last = at
	}
}

func TestChancesAreKept(t *testing.T) {
	l := newLinks(2, 7)
	l.set(0, 1, Link{Delay: time.Millisecond, Loss: 0.2, Duplicate: 0.1, Reorder: 0.3})
	for range 10_000 {
		l.route(start, 0, 1, nil)
	}
	for what, want := range map[string]uint64{"lost": 2000, "repeated": 800, "overtook": 2400, "passed": 8800} {
		if got := l.count[what]; got < want*8/10 || got > want*12/10 {
			t.Errorf("%s %d times, want about %d", what, got, want)
		}
	}
}

func TestQueueGivesWhatIsDue(t *testing.T) {
	var q queue
	for i, ms := range []int{5, 1, 3, 1} {
		heap.Push(&q, frame{start.Add(time.Duration(ms) * time.Millisecond), uint64(i), []byte{byte(i)}})
	}
	frames, next, more := q.due(start.Add(2 * time.Millisecond))
	if len(frames) != 2 || frames[0].data[0] != 1 || frames[1].data[0] != 3 {
		t.Errorf("due: %v", frames)
	}
	if !more || next != time.Millisecond {
		t.Errorf("the next one in %v, %v", next, more)
	}
	if frames, _, more = q.due(start.Add(time.Hour)); len(frames) != 2 || more {
		t.Errorf("later: %v, %v", frames, more)
	}
}
