package cluster

import (
	"slices"

	"github.com/perdure/perdure/bifrost"
)

// want is who should be a member of a group. A voter that is only wanted as a learner stays what it
// is: a vote cannot be taken back without a new replica.
type want struct{ voters, learners []Replica }

func (w want) has(r Replica) bool {
	return slices.Contains(w.voters, r) || slices.Contains(w.learners, r)
}

// stepKind is what to do to a group next.
type stepKind uint8

const (
	stepNone     stepKind = iota
	stepAdd               // as a learner
	stepPromote           // a learner that has caught up
	stepRemove            // from the group
	stepHandOver          // the leadership, to the replica
)

type step struct {
	kind    stepKind
	replica Replica
}

// group is what nextStep decides about.
type group struct {
	want   want
	have   bifrost.Members
	self   Replica            // the leader, which takes the step
	caught func(Replica) bool // a learner has come close to the leader
	alive  func(Replica) bool
	asked  func(Replica) int // how often it was asked to take over from self
}

// nextStep is one safe change that brings a group closer to what is wanted. Replicas come before
// others go: a member leaves only when all wanted voters have their votes.
func nextStep(g group) step {
	for _, wanted := range [][]Replica{g.want.voters, g.want.learners} {
		for _, r := range wanted {
			if !g.have.Has(r) {
				return step{stepAdd, r}
			}
		}
	}
	complete := true
	for _, r := range g.want.voters {
		if slices.Contains(g.have.Voters, r) {
			continue
		}
		complete = false
		if g.caught(r) {
			return step{stepPromote, r}
		}
	}
	for _, r := range g.have.Learners {
		if !g.want.has(r) {
			return step{stepRemove, r}
		}
	}
	if !complete {
		return step{}
	}
	for _, r := range g.have.Voters {
		if g.want.has(r) {
			continue
		}
		if r != g.self {
			return step{stepRemove, r}
		}
		next := step{}
		for _, to := range g.want.voters {
			if to != r && g.alive(to) && (next.kind == stepNone || g.asked(to) < g.asked(next.replica)) {
				next = step{stepHandOver, to}
			}
		}
		if next.kind != stepNone {
			return next
		}
	}
	return step{}
}

// settled says that a group has exactly the wanted members.
func settled(w want, have bifrost.Members) bool {
	for _, r := range w.voters {
		if !slices.Contains(have.Voters, r) {
			return false
		}
	}
	for _, r := range slices.Concat(have.Voters, have.Learners) {
		if !w.has(r) {
			return false
		}
	}
	return true
}
