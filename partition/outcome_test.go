package partition

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/cluster"
	"github.com/perdure/perdure/partition/leader"
	"github.com/perdure/perdure/protocol/noderpc"
)

// TestAnErrorOnAnotherNodeIsTheSameHere: what decides whether a request is repeated, and what its
// caller hears, does not depend on where the leader is.
func TestAnErrorOnAnotherNodeIsTheSameHere(t *testing.T) {
	const node = cluster.NodeID(2)
	full := fmt.Errorf("append to the log: 12 MiB are free: %w", bifrost.ErrDiskFull)
	for _, want := range []error{
		leader.ErrLost, leader.ErrNotLeader, leader.ErrTooManyCallers, bifrost.ErrBusy, full,
	} {
		outcome, text := outcomeOf(fmt.Errorf("request: %w", want))
		encoded := (&noderpc.Answer{Outcome: outcome, Text: text}).Append(nil)
		answer, err := noderpc.DecodeAnswer(encoded)
		if err != nil {
			t.Fatalf("%v: %v", want, err)
		}
		have := outcomeError(node, answer)
		for _, kind := range []error{leader.ErrLost, leader.ErrNotLeader, leader.ErrTooManyCallers,
			bifrost.ErrBusy, bifrost.ErrDiskFull} {
			if errors.Is(have, kind) != errors.Is(want, kind) {
				t.Errorf("%v came back as %v", want, have)
			}
		}
		if passes(have) != passes(want) {
			t.Errorf("%v is repeated here or there, but not in both places", want)
		}
	}
	outcome, text := outcomeOf(full)
	have := outcomeError(node, noderpc.Answer{Outcome: outcome, Text: text}).Error()
	if !strings.Contains(have, "12 MiB are free") || strings.Count(have, bifrost.ErrDiskFull.Error()) != 1 {
		t.Errorf("the caller hears %q", have)
	}
}
