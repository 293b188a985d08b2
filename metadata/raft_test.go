package metadata

import (
	"fmt"
	"testing"

	"github.com/perdure/perdure/bifrost"
)

// TestOnRaft: the store on the real log, with trimming, through restarts of the host.
func TestOnRaft(t *testing.T) {
	logs, dir := t.TempDir(), t.TempDir()
	const rounds, each = 3, 20
	for round := range rounds {
		host, err := bifrost.OpenRaft(bifrost.RaftConfig{Dir: logs})
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), Config{Host: host, Dir: dir, TrimBytes: 200,
			Background: func(err error) { t.Errorf("in the background: %v", err) }})
		if err != nil {
			t.Fatal(err)
		}
		if round > 0 {
			wantValue(t, s, "a", fmt.Sprint(round*each-1), uint64(round*each))
		}
		for i := round * each; i < (round+1)*each; i++ {
			mustSwap(t, s, "a", uint64(i), fmt.Sprint(i))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := host.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if m, err := loadFile(dir); err != nil || m.applied == 0 {
		t.Fatalf("no snapshot was ever made: %+v, %v", m, err)
	}
}
