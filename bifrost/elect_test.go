package bifrost_test

import (
	"testing"
	"time"

	"github.com/perdure/perdure/bifrost"
)

// The only replica of a log does not wait for an election, which here would take minutes, neither on
// an empty directory nor with records to replay.
func TestAloneLeadsAtOnce(t *testing.T) {
	dir, d := t.TempDir(), &disk{}
	for range 2 {
		h := openRaft(t, dir, func(c *bifrost.RaftConfig) {
			c.Tick, c.ElectionTicks, c.ProposalTimeout = 10*time.Second, 30, time.Hour
		})
		mustAppend(t, start(t, h, bifrost.MetadataLog, newRecorder(d)), []byte("record"))
		mustClose(t, h)
	}
}
