package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxFutureDepth is how deeply awaited futures may nest on a server nobody configured.
const maxFutureDepth = 1000

// sevenWireChecks look at what version 7 of the protocol brings, and at what version 6 makes of
// the same frames.
func sevenWireChecks() []Check {
	checks := []Check{
		{ID: "RUN-03", Title: "version 7: a result is acknowledged if asked", Seven: true,
			Run: func(c *Case) { runAck(c, 7, msgRunAck) }},
		{ID: "RUN-03", Title: "version 6: a result comes back whole", Run: func(c *Case) {
			runAck(c, 6, msgRunDone)
		}},
		{ID: "ERR-10", Title: "version 7: an error that pauses", Seven: true, Run: func(c *Case) {
			pausedBy(c, frame{kind: msgError,
				payload: message(errorFrame(500, "pause on purpose").payload).varint(9, 1)})
		}},
		{ID: "ERR-10", Title: "version 7: an error that ends it", Seven: true,
			Run: func(c *Case) { failsForGood(c, 7) }},
		{ID: "ERR-10", Title: "version 6: an error that ends it",
			Run: func(c *Case) { failsForGood(c, 6) }},
		{ID: "ERR-10", Title: "version 7: an error that is retried", Seven: true,
			Run: retried},
		{ID: "ERR-04", Title: "futures nested as deeply as allowed", Seven: true, Run: deepEnough},
		{ID: "ERR-04", Title: "a suspension nested too deeply pauses", Seven: true,
			Run: func(c *Case) { pausedBy(c, suspendOn(chain(maxFutureDepth+1))) }},
		{ID: "ERR-03", Title: "a hint of what is awaited changes nothing", Seven: true,
			Run: func(c *Case) {
				hinted(c, future{combinator: firstCompleted, completions: []uint64{1}})
			}},
		{ID: "ERR-04", Title: "a hint nested too deeply changes nothing", Seven: true,
			Run: func(c *Case) { hinted(c, chain(maxFutureDepth+1)) }},
		{ID: "ERR-13", Title: "a hint that nothing is awaited", Seven: true,
			Run: func(c *Case) { sevenSurvives(c, awaitingFrame(future{})) }},
		{ID: "ERR-13", Title: "a suspension on an empty tree", Seven: true,
			Run: func(c *Case) { sevenSurvives(c, suspendOn(future{})) }},
		{ID: "UPG-04", Title: "an invocation keeps the version it began with", Seven: true,
			Run: keepsVersion},
		{ID: "DEP-16", Title: "a limit key without scope fails the attempt", Seven: true,
			Run: func(c *Case) {
				sevenSurvives(c, frame{kind: msgCall, payload: message{}.text(1, c.sdk.service("Basic")).
					text(2, "ping").text(8, "limit").varint(10, 1).varint(11, 2)})
			}},
		{ID: "RUN-01", Title: "a command is acknowledged if asked", Run: commandAck},
	}
	for _, t := range trees() {
		checks = append(checks, Check{ID: "ERR-02", Title: "version 7: " + t.name, Seven: true,
			Run: t.run})
	}
	return checks
}

// speaking is an offer of one service at exactly one protocol version.
func speaking(c *Case, version int) manifest {
	offer := single(c, bidi, "SERVICE")
	offer.Min, offer.Max = 5, version
	return offer
}

func suspendOn(f future) frame {
	return frame{kind: msgSuspension, payload: message{}.bytes(4, f.message())}
}

func awaitingFrame(f future) frame {
	return frame{kind: msgAwaitingOn, payload: message{}.bytes(1, f.message())}
}

// chain is a future of signal 17, nested so that the tree has depth levels.
func chain(depth int) future {
	f := future{combinator: firstCompleted, signals: []uint64{17}}
	for range depth - 1 {
		f = future{combinator: firstCompleted, nested: []future{f}}
	}
	return f
}

// runAck proposes two results, the first with the request to acknowledge it, which version 7
// does instead of sending it back.
func runAck(c *Case, version int, first uint16) {
	s := c.play(speaking(c, version), nil, func(a *attempt) error {
		a.accept()
		for id := uint64(1); id <= 2; id++ {
			proposal := frame{kind: msgProposeRun, payload: message{}.varint(1, id).text(14, "r")}
			if id == 1 {
				proposal.flags = flagAck
			}
			a.send(frame{kind: msgRun, payload: message{}.varint(11, id)}, proposal)
			done, err := a.next()
			if err != nil {
				return err
			}
			whole := message{}.varint(1, id).bytes(5, wrapped("r"))
			want := frame{kind: msgRunDone, payload: whole}
			if id == 1 && first == msgRunAck {
				want = frame{kind: msgRunAck, payload: message{}.varint(1, id)}
			}
			if err := expect("answer", done, want); err != nil {
				return err
			}
		}
		a.send(errorFrame(500, "once more, for the replay"))
		return nil
	}, func(a *attempt) error {
		a.finish(`1`)
		var kinds []uint16
		for _, e := range a.entries {
			kinds = append(kinds, e.kind)
		}
		return expect("journal", kinds,
			[]uint16{msgInput, msgRun, msgRunDone, msgRun, msgRunDone})
	})
	c.call("/"+s.name+"/h", nil, nil)
	c.hear(s)
	c.hear(s)
}

// commandAck asks for an acknowledgement of a command that brings no completion.
func commandAck(c *Case) {
	s := c.play(single(c, bidi, "VIRTUAL_OBJECT"), nil, func(a *attempt) error {
		a.accept()
		a.send(frame{kind: msgSetState, flags: flagAck,
			payload: message{}.text(1, "k").bytes(3, wrapped("v"))})
		ack, err := a.next()
		a.send(outputFrame(`1`), endFrame())
		if err != nil {
			return err
		}
		return expect("answer", ack, frame{kind: msgCommandAck, payload: message{}.varint(1, 1)})
	})
	c.call("/"+s.name+"/"+c.id+"/h", nil, nil)
	c.hear(s)
}

// pausedBy sends a frame that must pause the invocation, and resumes it.
func pausedBy(c *Case, bad frame) {
	s := c.play(speaking(c, 7), nil, func(a *attempt) error {
		a.accept()
		a.send(bad)
		a.drain()
		return nil
	}, func(a *attempt) error {
		a.finish(`"resumed"`)
		return nil
	})
	id := c.send("/"+s.name+"/h", "", nil).InvocationID
	c.hear(s)
	c.never("a second attempt", 2*watchFor, func() bool { return s.attempts("h") > 1 })
	c.want(c.output(id), 470)
	c.want(act(c, id, "resume"), http.StatusOK)
	var out string
	c.attached(id, &out)
	c.equal("output", out, "resumed")
}

func failsForGood(c *Case, version int) {
	s := c.play(speaking(c, version), nil, func(a *attempt) error {
		a.accept()
		a.send(frame{kind: msgError,
			payload: message(errorFrame(418, "for good "+c.id).payload).varint(9, 2)})
		return nil
	})
	r := c.ask(http.MethodPost, "/"+s.name+"/h", nil)
	c.fails(r, http.StatusTeapot, "invocation", "for good "+c.id)
	c.equal("attempts", s.attempts("h"), 1)
}

func retried(c *Case) {
	s := c.play(speaking(c, 7), nil, func(a *attempt) error {
		a.accept()
		a.send(frame{kind: msgError,
			payload: message(errorFrame(500, "again").payload).varint(9, 0)})
		return nil
	}, func(a *attempt) error {
		a.finish(`"again"`)
		return nil
	})
	c.equal("answer", value[string](c, "/"+s.name+"/h"), "again")
	c.equal("attempts", s.attempts("h"), 2)
}

func deepEnough(c *Case) {
	s := c.play(speaking(c, 7), nil, func(a *attempt) error {
		a.accept()
		a.send(suspendOn(chain(maxFutureDepth)))
		return nil
	}, func(a *attempt) error {
		a.finish(`1`)
		return nil
	})
	id := c.send("/"+s.name+"/h", "", nil).InvocationID
	c.hear(s)
	c.signal(id, 17, "resolve")
	c.want(c.attach(id), http.StatusOK)
}

// signal resolves or rejects a signal of an invocation by its awakeable ID.
func (c *Case) signal(id string, index byte, verb string) {
	raw, err := decodeID(id)
	c.must("invocation ID", err)
	path := "/restate/awakeables/" + awakeableID(raw, index) + "/" + verb
	c.want(c.do(http.MethodPost, c.ingress+path, strings.NewReader("x")), http.StatusAccepted)
}

// hinted says what it waits for before it waits.
func hinted(c *Case, hint future) {
	s := c.play(speaking(c, 7), nil, func(a *attempt) error {
		a.accept()
		a.send(frame{kind: msgRun, payload: message{}.varint(11, 1)},
			frame{kind: msgAwaitingOn, payload: message{}.bytes(1, hint.message()).varint(2, 1)},
			frame{kind: msgProposeRun, payload: message{}.varint(1, 1).text(14, "r")})
		done, err := a.next()
		a.send(outputFrame(`1`), endFrame())
		if err != nil {
			return err
		}
		return expect("kind", done.kind, msgRunDone)
	})
	c.call("/"+s.name+"/h", nil, nil)
	c.hear(s)
	c.equal("attempts", s.attempts("h"), 1)
}

// sevenSurvives sends a frame of version 7 that must fail the attempt, and heals.
func sevenSurvives(c *Case, bad frame) {
	s := c.play(speaking(c, 7), nil, func(a *attempt) error {
		if a.number < 3 {
			a.accept()
			a.send(bad)
			a.drain()
			return nil
		}
		a.finish(`"healed"`)
		return nil
	})
	c.equal("answer", value[string](c, "/"+s.name+"/h"), "healed")
	c.equal("attempts", s.attempts("h"), 3)
}

// keepsVersion lets an invocation begin with version 6 and its deployment learn version 7.
func keepsVersion(c *Case) {
	spoken := func(a *attempt, want string) error {
		return expect("content-type", a.r.Header.Get("content-type"),
			"application/vnd.restate.invocation."+want)
	}
	s := c.play(speaking(c, 6), nil, func(a *attempt) error {
		a.accept()
		a.send(frame{kind: msgRun, payload: message{}.varint(11, 1)},
			frame{kind: msgProposeRun, payload: message{}.varint(1, 1).text(14, "r")})
		if _, err := a.next(); err != nil {
			return err
		}
		a.send(frame{kind: msgSuspension, payload: message{}.bytes(2, message{17})})
		return spoken(a, "v6")
	}, func(a *attempt) error {
		a.finish(`1`)
		if a.start.text(2) != "" && len(a.entries) > 1 {
			return spoken(a, "v6")
		}
		return spoken(a, "v7")
	})
	id := c.send("/"+s.name+"/h", "", nil).InvocationID
	c.hear(s)
	s.change(func(m *manifest) { m.Max = 7 })
	c.register(s.fake, map[string]any{"force": true})
	c.call("/"+s.name+"/h", nil, nil) // a new one
	c.hear(s)
	c.signal(id, 17, "resolve")
	c.want(c.attach(id), http.StatusOK)
	c.hear(s)
}

// tree is a future over signals 17, 18 and 19, and what completes them in turn: +17 resolves,
// -17 rejects. Only the last step may wake the invocation.
type tree struct {
	name  string
	await future
	steps []int
}

func trees() []tree {
	pair := func(combinator uint64) future {
		return future{combinator: combinator, signals: []uint64{17, 18}}
	}
	nested := func(outer, inner uint64) future {
		return future{combinator: outer, signals: []uint64{19}, nested: []future{pair(inner)}}
	}
	return []tree{
		{"any of two", pair(anyCompleted), []int{18}},
		{"first of two", pair(firstCompleted), []int{18}},
		{"first of two, failed", pair(firstCompleted), []int{-17}},
		{"all of two", pair(allCompleted), []int{17, 18}},
		{"all of two, failed", pair(allCompleted), []int{-18, -17}},
		{"first success of two", pair(firstSucceeded), []int{-17, 18}},
		{"first success of two that fail", pair(firstSucceeded), []int{-17, -18}},
		{"all successes of two", pair(allSucceeded), []int{17, 18}},
		{"all successes of two, one fails", pair(allSucceeded), []int{-18}},
		{"all of one and the first of two", nested(allCompleted, firstCompleted), []int{17, 19}},
		{"first of one and all of two", nested(firstCompleted, allCompleted), []int{17, 18}},
		{"first of one and all of two, one", nested(firstCompleted, allCompleted), []int{17, 19}},
		{"all successes of one and two that must",
			nested(allSucceeded, allSucceeded), []int{19, -17}},
	}
}

func (t tree) run(c *Case) {
	s := c.play(speaking(c, 7), nil, func(a *attempt) error {
		a.accept()
		a.send(suspendOn(t.await))
		_, err := io.Copy(io.Discard, a.r.Body)
		return err
	}, func(a *attempt) error {
		a.finish(`1`)
		return errors.Join(expect("entries", len(a.entries), 1+len(t.steps)))
	})
	id := c.send("/"+s.name+"/h", "", nil).InvocationID
	c.hear(s)
	for i, step := range t.steps {
		if i > 0 {
			c.never(fmt.Sprintf("%s is resolved by %v", t.await, t.steps[:i]), watchFor,
				func() bool { return s.attempts("h") > 1 })
		}
		verb := "resolve"
		if step < 0 {
			verb, step = "reject", -step
		}
		c.signal(id, byte(step), verb)
	}
	c.hear(s)
	c.want(c.attach(id), http.StatusOK)
}
