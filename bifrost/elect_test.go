package bifrost_test

import (
	"testing"
	"time"

	"github.com/perdure/perdure/bifrost"
)

// unhurried has replicas wait for minutes before they stand for election by themselves.
func unhurried(c *bifrost.RaftConfig) {
	c.Tick, c.ElectionTicks, c.ProposalTimeout = 10*time.Second, 30, time.Hour
}

// The only replica of a log does not wait for an election, neither on an empty directory nor with
// records to replay.
func TestAloneLeadsAtOnce(t *testing.T) {
	dir, d := t.TempDir(), &disk{}
	for range 2 {
		h := openRaft(t, dir, unhurried)
		mustAppend(t, start(t, h, bifrost.MetadataLog, newRecorder(d)), []byte("record"))
		mustClose(t, h)
	}
}

// A replica that takes itself for the only one leaves a leader in peace.
func TestAloneLeavesALeaderInPeace(t *testing.T) {
	c := startReplicas(t, unhurried)
	eventually(t, "a leader", func() bool {
		if err := c.hosts[0].Campaign(testLog); err != nil {
			t.Fatal(err)
		}
		leads, _ := c.logs[0].Leader()
		return leads
	})
	var before bifrost.Leadership
	eventually(t, "another replica to know the leader", func() (known bool) {
		before, known = c.hosts[1].LeaderOf(testLog)
		return known
	})
	c.hosts[1].Elect(testLog)
	if after, _ := c.hosts[1].LeaderOf(testLog); after != before {
		t.Errorf("the leader was %+v and is %+v", before, after)
	}
}
