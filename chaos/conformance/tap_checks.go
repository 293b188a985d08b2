package main

import (
	"fmt"
	"net/http"
	"slices"
)

// tapChecks look at the frames between the server and the services of an SDK.
func tapChecks() []Check {
	return []Check{
		{ID: "DEP-15", Title: "headers and first frame of an attempt", Run: attemptHeader},
		{ID: "DEP-16", Title: "Start carries the idempotency key in version 7 only", Run: startKey},
		{ID: "DEP-14", Title: "a completion comes on the open stream, frame by frame",
			Run: completionOnStream},
		{ID: "RUN-01", Title: "a result is stored, told, and replayed", Run: runOnWire},
		{ID: "STA-03", Title: "eager state: Start carries all of it", Run: eagerOnWire},
		{ID: "STA-04", Title: "lazy state: asked for and told", Run: lazyOnWire},
		{ID: "INV-25", Title: "idle: the server closes its side, the SDK suspends", Run: idleOnWire},
		{ID: "ERR-01", Title: "a suspended race names every leaf", Run: raceOnWire},
		{ID: "ERR-02", Title: "what is awaited is told while it runs", Seven: true,
			Run: awaitingOnWire},
	}
}

// tries returns the attempts of an invocation, and ends the check if there are none.
func (c *Case) tries(id string) []*tapStream {
	tries := c.sdk.tap.of(id)
	if len(tries) == 0 {
		c.failf("invocation %s did not go through the tap", id)
	}
	return tries
}

// version is the protocol version that an attempt speaks.
func (c *Case) version(s *tapStream) int {
	var v int
	_, err := fmt.Sscanf(s.header.Get("content-type"), "application/vnd.restate.invocation.v%d", &v)
	c.must("content-type of the attempt", err)
	return v
}

// find returns the notes of one frame type.
func find(notes []note, kind uint16) []note {
	var found []note
	for _, n := range notes {
		if !n.end && n.kind == kind {
			found = append(found, n)
		}
	}
	return found
}

// one returns the only frame of a type, decoded, and ends the check if there is another number.
func (c *Case) one(notes []note, kind uint16) (note, fields) {
	found := find(notes, kind)
	if len(found) != 1 {
		c.failf("%d frames of type %04x in %v, want one", len(found), kind, notes)
	}
	f, err := parse(found[0].payload)
	c.must(fmt.Sprintf("decode frame %04x", kind), err)
	return found[0], f
}

// start decodes the first frame of an attempt.
func (c *Case) start(s *tapStream) fields {
	_, f := c.one(s.seen(), msgStart)
	return f
}

// order ends the check unless these frames went through one after the other, whatever else went
// between them.
func (c *Case) order(notes []note, want ...string) {
	rest := notes
	for _, w := range want {
		i := 0
		for i < len(rest) && rest[i].String() != w {
			i++
		}
		if i == len(rest) {
			c.failf("frames %v: %s is missing, or not in the order %v", notes, w, want)
		}
		rest = rest[i+1:]
	}
}

func attemptHeader(c *Case) {
	r := c.call(c.path("Basic", "echo"), c.id, nil)
	try := c.tries(r.id())[0]
	v := c.version(try)
	most := 6
	if c.seven {
		most = 7
	}
	if v < 5 || v > most {
		c.failf("version %d is spoken, want 5 to %d", v, most)
	}
	c.equal("accept", try.header.Get("accept"), try.header.Get("content-type"))
	c.equal("x-restate-cluster-name", try.header.Get("x-restate-cluster-name"), "localcluster")
	notes := try.seen()
	c.equal("first frame", notes[0].String(), fmt.Sprintf(">%04x", msgStart))
	c.order(notes, ">0000", ">0400", "<0401", "<0003")
	s := c.start(try)
	c.equal("known_entries", s.varints[3], uint64(1))
	c.equal("partial_state of a service", s.varints[5], uint64(1))
	if s.varints[9] == 0 {
		c.failf("Start has no random seed")
	}
}

// startKey accepts that the reference server leaves the key out unless it queues virtually.
func startKey(c *Case) {
	r := c.call(c.path("Basic", "echo"), 1, nil, "idempotency-key", c.id)
	try := c.tries(r.id())[0]
	s := c.start(try)
	if key := s.text(12); key != "" && (c.version(try) < 7 || key != c.id) {
		c.failf("version %d, and Start has the idempotency key %q", c.version(try), key)
	}
	c.equal("scope", len(s.strings[10]), 0)
	c.equal("limit key", len(s.strings[11]), 0)
}

func completionOnStream(c *Case) {
	r := c.call(c.path("Basic", "sleep"), work{Millis: 300}, nil)
	tries := c.tries(r.id())
	c.equal("attempts", len(tries), 1)
	c.order(tries[0].seen(), ">0000", ">0400", "<040c", ">800c", "<0401", "<0003")
}

// runOnWire has a step stored, the attempt fail, and the next attempt find the result.
func runOnWire(c *Case) {
	r := c.call(c.path("Basic", "runThenFail"), work{ID: c.id, Times: 1}, nil)
	tries := c.tries(r.id())
	c.equal("attempts", len(tries), 2)
	notes := tries[0].seen()
	proposal, f := c.one(notes, msgProposeRun)
	acked := c.version(tries[0]) >= 7 && proposal.flags&flagAck != 0
	told := ">8011"
	if acked {
		told = ">0007"
		_, ack := c.one(notes, msgRunAck)
		c.equal("acknowledged", ack.varints[1], f.varints[1])
	}
	c.order(notes, "<0411", "<0005", told, "<0002")
	c.order(tries[1].seen(), ">0000", ">0400", ">0411", ">8011", "<0401", "<0003")
	_, done := c.one(tries[1].seen(), msgRunDone)
	c.equal("replayed result", done.varints[1], f.varints[1])
	c.equal("known_entries", c.start(tries[1]).varints[3], uint64(3))
	c.equal("effects", c.effects(c.id), 1)
}

func eagerOnWire(c *Case) {
	c.call(c.path("Store", c.id, "add"), 5, nil)
	c.call(c.path("Store", c.id, "set"), entry{Key: "other", Value: "v"}, nil)
	r := c.call(c.path("Store", c.id, "get"), nil, nil)
	try := c.tries(r.id())[0]
	s := c.start(try)
	state := map[string]string{}
	for _, raw := range s.strings[4] {
		f, err := parse(raw)
		c.must("state entry", err)
		state[f.text(1)] = f.text(2)
	}
	c.equal("state", state, map[string]string{"total": "5", "other": `"v"`})
	c.equal("partial_state", s.varints[5], uint64(0))
	c.equal("key", s.text(6), c.id)
	c.equal("lazy reads", len(find(try.seen(), msgGetLazyState)), 0)
}

func lazyOnWire(c *Case) {
	c.call(c.path("LazyStore", c.id, "add"), 5, nil)
	r := c.call(c.path("LazyStore", c.id, "get"), nil, nil)
	try := c.tries(r.id())[0]
	s := c.start(try)
	c.equal("state in Start", len(s.strings[4]), 0)
	c.equal("partial_state", s.varints[5], uint64(1))
	c.order(try.seen(), "<0402", ">8002", "<0401")
	_, asked := c.one(try.seen(), msgGetLazyState)
	_, told := c.one(try.seen(), msgLazyStateDone)
	c.equal("completion", told.varints[1], asked.varints[11])
	c.equal("value", told.text(5), string(wrapped("5")))

	r = c.call(c.path("LazyStore", c.id, "keys"), nil, nil)
	try = c.tries(r.id())[0]
	c.order(try.seen(), "<0406", ">8006", "<0401")
	_, keys := c.one(try.seen(), msgLazyKeysDone)
	c.equal("keys", keys.text(17), string(message{}.text(1, "total")))
}

func idleOnWire(c *Case) {
	r := c.call(c.path("Basic", "suspending"), work{ID: c.id, Millis: 1200}, nil)
	tries := c.tries(r.id())
	c.equal("attempts", len(tries), 2)
	notes := tries[0].seen()
	c.order(notes, "<040c", "<0001", "<end")
	c.order(notes, ">end", "<0001")
	_, f := c.one(notes, msgSuspension)
	_, sleep := c.one(notes, msgSleep)
	future, err := awaited(c.version(tries[0]), f)
	c.must("Suspension", err)
	c.equal("awaited", future.leaves(), []uint64{sleep.varints[11]})
	c.order(tries[1].seen(), ">0000", ">0400", ">040c", ">800c", "<0401", "<0003")
	c.equal("known_entries", c.start(tries[1]).varints[3], uint64(3))
}

// raceOnWire has a race of a long call and a timer suspended at once.
func raceOnWire(c *Case) {
	path := "/services/" + c.sdk.service("Comm")
	c.want(c.rule(http.MethodPatch, path, map[string]any{"inactivity_timeout": "100ms"}), 200)
	r := c.call(c.path("Comm", "race"), contest{CallMillis: 60_000, TimerMillis: 1500}, nil)
	tries := c.tries(r.id())
	if len(tries) < 2 {
		c.failf("the race was not suspended: %v", tries[0].seen())
	}
	notes := tries[0].seen()
	_, f := c.one(notes, msgSuspension)
	_, sleep := c.one(notes, msgSleep)
	_, call := c.one(notes, msgCall)
	future, err := awaited(c.version(tries[0]), f)
	c.must("Suspension", err)
	for _, id := range []uint64{sleep.varints[11], call.varints[11]} {
		if !slices.Contains(future.leaves(), id) {
			c.failf("%s does not name %d", future, id)
		}
	}
	if c.version(tries[0]) >= 7 {
		c.contains("tree", future.String(), "first(")
	}
	c.equal("winner", string(r.body), `"timer"`)
}

// awaitingOnWire waits for what the SDK says while a call of it runs.
func awaitingOnWire(c *Case) {
	id := c.send(c.path("Basic", "sleep"), "", work{Millis: 1000}).InvocationID
	c.want(c.attach(id), http.StatusOK)
	try := c.tries(id)[0]
	if c.version(try) < 7 {
		return // an SDK that does not know version 7 has no way to say it
	}
	hints := find(try.seen(), msgAwaitingOn)
	if len(hints) == 0 {
		return // and one that does may
	}
	f, err := parse(hints[0].payload)
	c.must("AwaitingOn", err)
	future, err := decodeFuture(f.strings[1][0])
	c.must("AwaitingOn", err)
	_, sleep := c.one(try.seen(), msgSleep)
	c.equal("awaited", future.leaves(), []uint64{sleep.varints[11]})
}
