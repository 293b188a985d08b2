package node

import (
	"testing"
	"time"
)

func TestActivity(t *testing.T) {
	var a activity
	now := time.Unix(1_000_000, 0)
	a.busyAt(now)
	for _, step := range []struct {
		records int64
		after   time.Duration
		busy    bool
	}{
		{0, activityWindow, false},
		{10, activityWindow / 2, false}, // the window is not over
		{10, activityWindow / 2, true},
		{0, activityWindow / 2, true},
		{0, activityWindow / 2, false},
		{9, time.Second, false}, // too few for a second
		{100, time.Second, true},
		{1, activityWindow, true},
		{0, activityWindow, false},
	} {
		a.records.Add(step.records)
		now = now.Add(step.after)
		if got := a.busyAt(now); got != step.busy {
			t.Errorf("%d records, after %s: busy is %t", step.records, step.after, got)
		}
	}
}
