package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// moreWireChecks look at results, timers, signals and rights.
func moreWireChecks() []Check {
	checks := []Check{
		{ID: "RUN-04", Title: "a failed step is stored with its metadata", Run: failedRun},
		{ID: "RUN-01", Title: "an empty result is a result", Run: emptyRun},
		{ID: "RUN-01", Title: "the first of two results counts", Run: twiceRun},
		{ID: "RUN-06", Title: "many timers, none of them early", Run: manyTimers},
		{ID: "EVT-05", Title: "a signal before anybody waits is there at once", Run: earlySignal},
		{ID: "ERR-08", Title: "a cancellation wakes a suspended handler", Run: func(c *Case) {
			cancelled(c, 6)
		}},
		{ID: "ERR-08", Title: "version 7: a cancellation wakes a suspended handler", Seven: true,
			Run: func(c *Case) { cancelled(c, 7) }},
		{ID: "STA-01", Title: "an empty value is not no value", Run: emptyState},
	}
	for _, bad := range []struct {
		title, service, handler string
		kind                    uint16
		payload                 message
	}{
		{"state written by a shared handler", "VIRTUAL_OBJECT", "SHARED", msgSetState,
			message{}.text(1, "k").bytes(3, wrapped("1"))},
		{"state cleared by a shared handler", "VIRTUAL_OBJECT", "SHARED", msgClearState,
			message{}.text(1, "k")},
		{"state read by a service", "SERVICE", "", msgGetLazyState,
			message{}.text(1, "k").varint(11, 1)},
		{"promise of a virtual object", "VIRTUAL_OBJECT", "EXCLUSIVE", msgGetPromise,
			message{}.text(1, "p").varint(11, 1)},
	} {
		checks = append(checks, Check{ID: "STA-06", Title: bad.title, Run: func(c *Case) {
			forbidden(c, bad.service, bad.handler, frame{kind: bad.kind, payload: bad.payload})
		}})
	}
	return checks
}

// forbidden sends what the handler may not do: only the attempt fails.
func forbidden(c *Case, service, handler string, bad frame) {
	offer := offering(bidi, c.unique("Bad"), service, fakeHandler{Name: "h", Ty: handler})
	s := c.play(offer, nil, func(a *attempt) error {
		if a.number < 3 {
			a.accept()
			a.send(bad)
			a.drain()
			return nil
		}
		a.finish(`"healed"`)
		return expect("entries", len(a.entries), 1)
	})
	path := "/" + s.name + "/h"
	if service != "SERVICE" {
		path = "/" + s.name + "/" + c.id + "/h"
	}
	c.equal("answer", value[string](c, path), "healed")
	for range 3 {
		c.hear(s)
	}
}

// proposed sends a step with its result and returns what the server makes of it.
func proposed(a *attempt, result message) (frame, error) {
	a.send(frame{kind: msgRun, payload: message{}.varint(11, 1).text(12, "step")},
		frame{kind: msgProposeRun, payload: append(message{}.varint(1, 1), result...)})
	return a.next()
}

// replayed expects a run and its completion, first from the stream and then in the journal.
func replayed(c *Case, result, want message) {
	done := frame{kind: msgRunDone, payload: append(message{}.varint(1, 1), want...)}
	s := c.play(single(c, bidi, "SERVICE"), nil, func(a *attempt) error {
		a.accept()
		got, err := proposed(a, result)
		a.send(errorFrame(500, "once more, for the replay"))
		return errors.Join(err, expect("completion", got, done))
	}, func(a *attempt) error {
		a.finish(`1`)
		if len(a.entries) != 3 {
			return fmt.Errorf("%d entries, want Input, Run and its completion", len(a.entries))
		}
		return expect("in the journal", a.entries[2], done)
	})
	c.call("/"+s.name+"/h", nil, nil)
	c.hear(s)
	c.hear(s)
}

func failedRun(c *Case) {
	failure := message{}.varint(1, 417).text(2, "no "+c.id).
		bytes(3, message{}.text(1, "by").text(2, "check"))
	replayed(c, message{}.bytes(15, failure), message{}.bytes(6, failure))
}

func emptyRun(c *Case) {
	replayed(c, message{}.bytes(14, nil), message{}.bytes(5, nil))
}

func twiceRun(c *Case) {
	s := c.play(single(c, bidi, "SERVICE"), nil, func(a *attempt) error {
		a.accept()
		got, err := proposed(a, message{}.text(14, "first"))
		a.send(frame{kind: msgProposeRun, payload: message{}.varint(1, 1).text(14, "second")},
			errorFrame(500, "once more, for the replay"))
		return errors.Join(err, expect("completion", got.payload,
			message{}.varint(1, 1).bytes(5, wrapped("first"))))
	}, func(a *attempt) error {
		a.finish(`1`)
		// A server may keep the second one too, behind the first.
		if len(a.entries) < 3 {
			return fmt.Errorf("%d entries, want Input, Run and its completion", len(a.entries))
		}
		return expect("in the journal", a.entries[2].payload,
			message{}.varint(1, 1).bytes(5, wrapped("first")))
	})
	c.call("/"+s.name+"/h", nil, nil)
	c.hear(s)
	c.hear(s)
}

// manyTimers has one handler wait for timers that are due all over a second, some at one time.
func manyTimers(c *Case) {
	const timers = 200
	s := c.play(single(c, bidi, "SERVICE"), nil, func(a *attempt) error {
		a.accept()
		due := map[uint64]int64{}
		start := time.Now().UnixMilli()
		for i := range uint64(timers) {
			due[i+1] = start + 100 + int64(i*37%900)
			a.send(sleepFrame(due[i+1], i+1))
		}
		for range timers {
			done, err := a.next()
			if err != nil {
				return err
			}
			f, err := parse(done.payload)
			if err != nil {
				return err
			}
			id := f.varints[1]
			if early := due[id] - time.Now().UnixMilli(); early > 0 {
				return fmt.Errorf("timer %d fired %d ms early", id, early)
			}
			delete(due, id)
		}
		a.finishOpen(`1`)
		return expect("timers left", len(due), 0)
	})
	c.call("/"+s.name+"/h", nil, nil)
	c.hear(s)
	c.equal("attempts", s.attempts("h"), 1)
}

// finishOpen ends an attempt that was accepted before.
func (a *attempt) finishOpen(json string) { a.send(outputFrame(json), endFrame()) }

// earlySignal completes signals while the attempt looks at nothing; they are pushed, and they
// are in the journal of the next attempt in the same order.
func earlySignal(c *Case) {
	ready := make(chan string, 1)
	s := c.play(single(c, bidi, "SERVICE"), nil, func(a *attempt) error {
		a.accept()
		ready <- a.start.text(2)
		var order []uint64
		for range 2 {
			got, err := a.next()
			if err != nil {
				return err
			}
			f, err := parse(got.payload)
			if err != nil {
				return err
			}
			order = append(order, f.varints[2])
		}
		a.send(errorFrame(500, "once more, for the replay"))
		return expect("pushed signals", order, []uint64{18, 17})
	}, func(a *attempt) error {
		a.finish(`1`)
		var order []uint64
		for _, e := range a.entries[1:] {
			f, err := parse(e.payload)
			if err != nil {
				return err
			}
			order = append(order, f.varints[2])
		}
		return expect("signals in the journal", order, []uint64{18, 17})
	})
	id := c.send("/"+s.name+"/h", "", nil).InvocationID
	select {
	case <-ready:
	case <-c.ctx.Done():
		c.failf("the deployment was not called in time")
	}
	c.signal(id, 18, "resolve")
	c.signal(id, 17, "resolve")
	c.hear(s)
	c.hear(s)
	c.want(c.attach(id), http.StatusOK)
}

// cancelled suspends on a signal and on the one that cancels, and is cancelled.
func cancelled(c *Case, version int) {
	await := future{combinator: firstCompleted, signals: []uint64{1, 17}}
	s := c.play(speaking(c, version), nil, func(a *attempt) error {
		a.accept()
		if version >= 7 {
			a.send(suspendOn(await))
		} else {
			a.send(frame{kind: msgSuspension, payload: message{}.bytes(2, message{1, 17})})
		}
		_, err := io.Copy(io.Discard, a.r.Body)
		return err
	}, func(a *attempt) error {
		a.accept()
		a.send(frame{kind: msgOutput, payload: message{}.
			bytes(15, message{}.varint(1, 409).text(2, "cancelled"))}, endFrame())
		return expect("signal", a.entries[len(a.entries)-1],
			frame{kind: msgSignal, payload: message{}.varint(2, 1).bytes(4, nil)})
	})
	id := c.send("/"+s.name+"/h", "", nil).InvocationID
	c.hear(s)
	c.want(act(c, id, "cancel"), http.StatusAccepted)
	c.hear(s)
	c.fails(c.attach(id), http.StatusConflict, "invocation", "cancelled")
}

// emptyState sets a value of no bytes, which is there, eagerly and lazily.
func emptyState(c *Case) {
	s := c.play(single(c, bidi, "VIRTUAL_OBJECT"), nil, func(a *attempt) error {
		a.accept()
		a.send(frame{kind: msgSetState, payload: message{}.text(1, "k").bytes(3, nil)})
		a.finishOpen(`1`)
		return nil
	}, func(a *attempt) error {
		a.accept()
		a.send(frame{kind: msgGetLazyState, payload: message{}.text(1, "k").varint(11, 1)})
		got, err := a.next()
		a.finishOpen("")
		found := slices.ContainsFunc(a.start.strings[4], func(raw []byte) bool {
			f, err := parse(raw)
			return err == nil && f.text(1) == "k" && f.text(2) == ""
		})
		return errors.Join(err, expect("the value is in Start", found, true),
			expect("lazily", got.payload, message{}.varint(1, 1).bytes(5, nil)))
	})
	path := "/" + s.name + "/" + c.id + "/h"
	c.call(path, nil, nil)
	c.hear(s)
	r := c.call(path, nil, nil)
	c.hear(s)
	c.equal("an empty answer", len(r.body), 0)
	c.equal("its content-type", r.header.Get("content-type"), "")
}
