package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/protocol"
)

// stepKind is one thing a handler does.
type stepKind uint8

const (
	stepRun          stepKind = iota
	stepSleep                 // for
	stepCall                  // child, and wait
	stepFork                  // child; joined by a later stepJoin
	stepJoin                  // wait for everything forked
	stepSelect                // child and a sleep; go on with what ends first
	stepSend                  // child, after the delay for
	stepSendAttach            // child, then wait for its result
	stepSendOutput            // child, then look whether it has a result
	stepSendSignal            // child, which waits for a signal, then the signal
	stepAdd                   // read the log of the object, append the token, write it
	stepScratch               // write and clear another key
	stepKeys                  // list the state's keys
	stepAwakeable             // resolved by somebody outside
	stepAwakeByChild          // resolved by child, which gets the awakeable's ID
	stepResolve               // resolve the awakeable in the parameter
	stepAwaitNamed            // wait for the signal "go"
	stepPromise               // wait for the promise "p" of the workflow
	stepKeepPromise           // complete that promise
)

type step struct {
	kind  stepKind
	child *script
	wait  time.Duration // of a sleep, or the delay of a send
	eager bool          // read what came with the journal, do not ask
}

// script is what one invocation does. An invocation's parameter says which script it follows.
type script struct {
	id     int
	parent *script
	depth  int
	order  int // among the parent's steps
	target protocol.Target
	steps  []step
	fails  bool // ends with a failure of its own
	// idempotencyKey is nil if it has none.
	idempotencyKey *string
	retention      time.Duration
	// loose: it or an ancestor may be cancelled or killed, so its effects may be missing.
	loose bool
	// ordered: sent without delay, so that it comes after what its parent sent to the key before.
	ordered bool
}

// token stands for the script in its object's log.
func (s *script) token() string { return "t" + strconv.Itoa(s.id) }

// padding makes some results large: those are kept elsewhere than small ones.
func (s *script) padding() string {
	if s.id%3 != 0 {
		return ""
	}
	return " " + strings.Repeat("-", 2<<10)
}

func (s *script) parameter(suffix string) []byte {
	return []byte(strings.TrimSpace(strconv.Itoa(s.id) + " " + suffix))
}

// root is the script that a client started.
func (s *script) root() *script {
	for s.parent != nil {
		s = s.parent
	}
	return s
}

func (s *script) adds() bool {
	for _, st := range s.steps {
		if st.kind == stepAdd {
			return true
		}
	}
	return false
}

const (
	maxDepth     = 2 // of calls; deeper ones go to services of their own, so that none can deadlock
	maxSteps     = 5
	objectKeys   = 3
	maxSleep     = 200 * time.Millisecond
	keptFor      = 10 * time.Minute // longer than all faults together
	chanceFailed = 0.1
)

// shape is what a new script must be like.
type shape uint8

const (
	shapeAny      shape = iota
	shapeSignaled       // begins by waiting for the signal "go"
	shapeResolver       // begins by resolving the awakeable in its parameter
)

// newScript makes up a script and its children.
func (w *World) newScript(parent *script, loose bool, as shape) *script {
	s := &script{id: len(w.scripts), parent: parent, loose: loose}
	w.scripts = append(w.scripts, s)
	if parent != nil {
		s.depth, s.order = parent.depth+1, len(parent.steps)
	}
	w.chooseTarget(s, as)
	if s.target.HandlerKind == protocol.HandlerWorkflow || w.chance(0.5) {
		s.retention = keptFor
	}
	switch as {
	case shapeSignaled:
		s.steps = append(s.steps, step{kind: stepAwaitNamed})
	case shapeResolver:
		s.steps = append(s.steps, step{kind: stepResolve})
	}
	for range 1 + w.rng.IntN(maxSteps) {
		s.steps = append(s.steps, w.newStep(s))
	}
	if s.target.CanWriteState() {
		s.steps = append(s.steps, step{kind: stepAdd, eager: w.chance(0.5)})
	}
	s.steps = append(s.steps, step{kind: stepJoin})
	s.fails = w.chance(chanceFailed)
	return s
}

func (w *World) chooseTarget(s *script, as shape) {
	key := string(rune('a' + w.rng.IntN(objectKeys)))
	switch n := w.rng.IntN(10); {
	case n < 3:
		s.target = protocol.Target{Kind: protocol.KindService, Handler: "do"}
	case n < 8:
		s.target = protocol.Target{Kind: protocol.KindObject, Handler: "change", Key: key,
			HandlerKind: protocol.HandlerExclusive}
	case n < 9 || s.loose || as != shapeAny:
		s.target = protocol.Target{Kind: protocol.KindObject, Handler: "look", Key: key,
			HandlerKind: protocol.HandlerShared}
	default:
		s.target = protocol.Target{Kind: protocol.KindWorkflow, Handler: "run",
			Key: "wf" + strconv.Itoa(s.id), HandlerKind: protocol.HandlerWorkflow}
	}
	s.target.Service = fmt.Sprintf("%s%d",
		[...]string{1: "Service", 2: "Object", 3: "Workflow"}[s.target.Kind], s.depth)
}

// newStep makes up a step that s may take.
func (w *World) newStep(s *script) step {
	wait := time.Duration(1+w.rng.IntN(int(maxSleep/time.Millisecond))) * time.Millisecond
	st := step{wait: wait, eager: w.chance(0.5)}
	kinds := []stepKind{stepRun, stepRun, stepSleep, stepAwakeable}
	if s.target.Keyed() {
		kinds = append(kinds, stepKeys)
	}
	if s.target.CanWriteState() {
		kinds = append(kinds, stepScratch)
	}
	if s.target.HandlerKind == protocol.HandlerWorkflow {
		kinds = append(kinds, stepPromise)
	}
	if s.depth < maxDepth {
		kinds = append(kinds, stepCall, stepCall, stepFork, stepFork, stepSelect, stepSend, stepSend,
			stepSendAttach, stepSendOutput, stepAwakeByChild)
		if !s.loose { // whoever signals must get that far
			kinds = append(kinds, stepSendSignal)
		}
	}
	st.kind = kinds[w.rng.IntN(len(kinds))]
	switch st.kind {
	case stepCall, stepFork, stepSelect:
		st.child = w.newScript(s, s.loose, shapeAny)
		if st.child.target.HandlerKind != protocol.HandlerWorkflow && w.chance(0.3) {
			key := "again-" + st.child.token() // called twice, done once
			st.child.idempotencyKey, st.child.retention = &key, keptFor
			s.steps = append(s.steps, step{kind: stepFork, child: st.child})
		}
	case stepSend, stepSendAttach, stepSendOutput:
		st.child = w.newScript(s, s.loose, shapeAny)
		st.child.ordered = w.chance(0.7)
		if st.child.ordered {
			st.wait = 0
		}
	case stepSendSignal:
		st.child = w.newScript(s, s.loose, shapeSignaled)
	case stepAwakeByChild:
		st.child = w.newScript(s, s.loose, shapeResolver)
	}
	return st
}
