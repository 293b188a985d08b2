package bifrost

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSpaceLevels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free, looks := int64(0), 0
		var changes []string
		s := newSpace(t.TempDir(), 1000, func(i SpaceInfo) { changes = append(changes, i.Level.String()) })
		s.stat = func() (int64, int64, error) { looks++; return free, 1 << 20, nil }
		for _, step := range []struct {
			free int64
			want SpaceLevel
		}{
			{5000, SpaceOK}, {1000, SpaceOK}, {999, SpaceLow}, {1100, SpaceLow}, {1250, SpaceOK},
			{499, SpaceFull}, {600, SpaceFull}, {625, SpaceLow}, {1249, SpaceLow}, {1250, SpaceOK}, {0, SpaceFull},
		} {
			free = step.free
			time.Sleep(spaceEvery)
			for range 10 {
				if have := s.now(); have != step.want {
					t.Fatalf("with %d bytes free: %v, want %v", free, have, step.want)
				}
			}
			low, full := s.refuse(SpaceLow), s.refuse(SpaceFull)
			if (low != nil) != (step.want >= SpaceLow) || (full != nil) != (step.want == SpaceFull) {
				t.Fatalf("with %d bytes free: %v, %v", free, low, full)
			}
			if low != nil && (!errors.Is(low, ErrDiskFull) || !errors.Is(low, ErrBusy)) {
				t.Fatal(low)
			}
		}
		if looks != 11 {
			t.Errorf("%d looks at the disk, want one in each %v", looks, spaceEvery)
		}
		if got := strings.Join(changes, " "); got != "low ok full low ok full" {
			t.Errorf("told of %s", got)
		}
	})
}

// TestAWriteThatWaitsForSpaceRefusesAppends whatever the disk says: quotas do not show in its free
// space.
func TestAWriteThatWaitsForSpaceRefusesAppends(t *testing.T) {
	s := newSpace(t.TempDir(), 1, nil)
	s.setStuck(true)
	if err := s.refuse(SpaceFull); !errors.Is(err, ErrDiskFull) {
		t.Fatalf("while a write waits: %v", err)
	}
	s.setStuck(false)
	if err := s.refuse(SpaceLow); err != nil {
		t.Fatalf("after it went on: %v", err)
	}
}
