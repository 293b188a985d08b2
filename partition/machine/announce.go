package machine

import (
	"fmt"
	"slices"

	"github.com/perdure/perdure/protocol/command"
)

// announceLeader begins a new epoch: from here on, what leaders of the past proposed is dropped.
func (s *step) announceLeader(c *command.AnnounceLeader) {
	s.tx.Vars.Epoch++
	s.tx.Vars.LeaderSequence = 0
	s.act(LeaderAnnounced{Token: c.Token, Epoch: s.tx.Vars.Epoch})
}

// knownFeatures are the behaviours that a VersionBarrier may switch on, ascending. A number that
// was used is never given another meaning. There is none yet.
var knownFeatures []command.Feature

func (s *step) versionBarrier(c *command.VersionBarrier) error {
	if !slices.Contains(knownFeatures, c.Feature) {
		return fmt.Errorf("switch on feature %d: %w", c.Feature, ErrUnknownFeature)
	}
	if at, found := slices.BinarySearch(s.tx.Vars.Features, c.Feature); !found {
		s.tx.Vars.Features = slices.Insert(slices.Clone(s.tx.Vars.Features), at, c.Feature)
	}
	return nil
}

// compareDigest stops a replica that had other rows at an earlier position. A replica that does not
// remember that far back says nothing.
func (s *step) compareDigest(c *command.CompareDigest) error {
	digest, ok := s.tx.DigestAt(c.LSN)
	if ok && digest != c.Digest {
		return fmt.Errorf("compare the digest at %s: have %016x, the leader had %016x: %w",
			c.LSN, digest, c.Digest, ErrDiverged)
	}
	return nil
}
