package main

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// failing plays an attempt that fails.
func failing(a *attempt) error {
	a.accept()
	a.send(errorFrame(500, "attempt fails on purpose"))
	return nil
}

// policyWireChecks look at what a manifest may ask of the server.
func policyWireChecks() []Check {
	return []Check{
		{ID: "INV-23", Title: "kill after the last attempt", Run: func(c *Case) {
			offer := single(c, bidi, "SERVICE")
			most := 3
			offer.Services[0].RetryPolicyMaxAttempts = &most
			offer.Services[0].RetryPolicyOnMaxAttempts = "KILL"
			s := c.play(offer, nil, failing)
			r := c.ask(http.MethodPost, "/"+s.name+"/h", nil)
			c.fails(r, http.StatusInternalServerError, "invocation", "fails on purpose")
			c.equal("attempts", s.attempts("h"), most)
		}},
		{ID: "INV-22", Title: "pause after the last attempt, and resume", Run: func(c *Case) {
			offer := single(c, bidi, "SERVICE")
			most := 2
			offer.Services[0].RetryPolicyMaxAttempts = &most
			offer.Services[0].RetryPolicyOnMaxAttempts = "PAUSE"
			s := c.play(offer, nil, failing, failing, func(a *attempt) error {
				a.finish(`"resumed"`)
				return nil
			})
			id := c.send("/"+s.name+"/h", "", nil).InvocationID
			c.until("both attempts are made", func() bool { return s.attempts("h") == most })
			c.never("a third attempt", 2*watchFor, func() bool { return s.attempts("h") > most })
			c.want(c.output(id), 470)
			c.want(act(c, id, "resume"), http.StatusOK)
			var out string
			c.attached(id, &out)
			c.equal("output", out, "resumed")
		}},
		{ID: "INV-22", Title: "by default, waits begin with 500 ms and double", Run: func(c *Case) {
			times := make(chan time.Time, 10)
			offer := single(c, bidi, "SERVICE")
			offer.Services[0].RetryPolicyInitialInterval = nil
			offer.Services[0].RetryPolicyMaxInterval = nil
			s := c.play(offer, nil, func(a *attempt) error {
				times <- time.Now()
				if a.number < 4 {
					return failing(a)
				}
				a.finish(`1`)
				return nil
			})
			c.call("/"+s.name+"/h", nil, nil)
			last := receive(c, times)
			for _, least := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second} {
				next := receive(c, times)
				if gap := next.Sub(last); gap < least {
					c.failf("an attempt came %s after the one before, not after %s", gap, least)
				}
				last = next
			}
		}},
		{ID: "ERR-06", Title: "the deployment sets the next delay", Run: func(c *Case) {
			times := make(chan time.Time, 10)
			s := c.play(single(c, bidi, "SERVICE"), nil, func(a *attempt) error {
				times <- time.Now()
				a.accept()
				a.send(frame{kind: msgError,
					payload: message(errorFrame(500, "later").payload).varint(8, 700)})
				return nil
			}, func(a *attempt) error {
				times <- time.Now()
				a.finish(`1`)
				return expect("retry count", a.start.varints[7], 1)
			})
			c.call("/"+s.name+"/h", nil, nil)
			c.hear(s)
			c.hear(s)
			first, second := <-times, <-times
			if gap := second.Sub(first); gap < 700*time.Millisecond {
				c.failf("the second attempt came after %s, not 700 ms", gap)
			}
		}},
		{ID: "SVC-08", Title: "a workflow is forgotten after its retention",
			QuickCleanup: true, Run: forgotten},
		{ID: "INV-09", Title: "without retention nothing is kept", Run: func(c *Case) {
			offer := single(c, bidi, "SERVICE")
			none := 0
			offer.Services[0].JournalRetention = &none
			offer.Services[0].IdempotencyRetention = &none
			s := c.play(offer, nil, func(a *attempt) error {
				a.finish(`1`)
				return nil
			})
			r := c.call("/"+s.name+"/h", nil, nil)
			c.until("the result is gone", func() bool {
				return c.output(r.id()).status == http.StatusNotFound
			})
		}},
		{ID: "EVT-06", Title: "an awakeable of a stream that is open", Run: openAwakeable},
		{ID: "COM-10", Title: "a call waits until its target is registered", Run: lateTarget},
		{ID: "SVC-10", Title: "output content type and setContentTypeIfEmpty", Run: func(c *Case) {
			offer := offering(bidi, c.unique("Typed"), "SERVICE", fakeHandler{Name: "h",
				Output: map[string]any{"contentType": "text/csv", "setContentTypeIfEmpty": true}})
			s := c.play(offer, nil, func(a *attempt) error {
				a.finish("")
				return nil
			})
			r := c.call("/"+s.name+"/h", nil, nil)
			c.equal("content-type", r.header.Get("content-type"), "text/csv")
			c.equal("body", len(r.body), 0)
		}},
	}
}

// openAwakeable completes a signal that the deployment waits for on its open stream.
func openAwakeable(c *Case) {
	ready := make(chan string, 1)
	s := c.play(single(c, bidi, "SERVICE"), nil, func(a *attempt) error {
		a.accept()
		raw := []byte(a.start.text(1))
		ready <- awakeableID(raw, 17)
		signal, err := a.next()
		a.send(outputFrame(`1`), endFrame())
		if err != nil {
			return err
		}
		return errors.Join(expect("kind", signal.kind, msgSignal),
			expect("payload", signal.payload,
				message{}.varint(2, 17).bytes(5, wrapped(`"now"`))))
	})
	id := c.send("/"+s.name+"/h", "", nil).InvocationID
	select {
	case awakeable := <-ready:
		path := "/restate/awakeables/" + awakeable + "/resolve"
		c.want(c.ask(http.MethodPost, path, "now"), http.StatusAccepted)
	case <-c.ctx.Done():
		c.failf("the deployment was not called in time")
	}
	c.hear(s)
	c.want(c.attach(id), http.StatusOK)
}

// lateTarget calls a service that is registered only afterwards.
func lateTarget(c *Case) {
	name := c.unique("Late")
	caller := c.play(single(c, bidi, "SERVICE"), nil, func(a *attempt) error {
		a.accept()
		a.send(frame{kind: msgCall, payload: message{}.
			text(1, name).text(2, "h").varint(10, 1).varint(11, 2)})
		for {
			f, err := a.next()
			if err != nil {
				return nil // the attempt was given up, as it should be for now
			}
			if f.kind == msgCallDone {
				a.send(outputFrame(`"called"`), endFrame())
				return nil
			}
			if f.kind != msgCallID {
				return fmt.Errorf("unexpected frame %#04x", f.kind)
			}
		}
	})
	id := c.send("/"+caller.name+"/h", "", nil).InvocationID
	c.until("the call was tried twice", func() bool { return caller.attempts("h") >= 2 })
	c.want(c.output(id), 470)
	target := c.newFake(offering(bidi, name, "SERVICE", fakeHandler{Name: "h"}), false,
		map[string]func(*attempt){"h": func(a *attempt) { a.finish(`1`) }})
	c.register(target, nil)
	var out string
	c.attached(id, &out)
	c.equal("output", out, "called")
}

func forgotten(c *Case) {
	retention := 500
	offer := offering(bidi, c.unique("Brief"), "WORKFLOW", fakeHandler{Name: "run", Ty: "WORKFLOW",
		WorkflowCompletionRetention: &retention})
	s := c.play(offer, nil, func(a *attempt) error {
		a.accept()
		a.send(frame{kind: msgSetState, payload: message{}.text(1, "k").bytes(3, wrapped("v"))},
			frame{kind: msgCompletePromise, payload: message{}.text(1, "p").bytes(2, wrapped("done")).
				varint(11, 1)})
		_, err := a.next()
		a.finishOpen(`1`)
		return err
	}, func(a *attempt) error {
		a.accept()
		a.send(frame{kind: msgPeekPromise, payload: message{}.text(1, "p").varint(11, 1)})
		peeked, err := a.next()
		a.finishOpen(`2`)
		return errors.Join(err, expect("state of the first run", len(a.start.strings[4]), 0),
			expect("promise of the first run", peeked.payload, message{}.varint(1, 1).bytes(4, nil)))
	})
	c.call("/"+s.name+"/"+c.id+"/run", nil, nil)
	c.hear(s)
	at := "/restate/workflow/" + s.name + "/" + c.id + "/output"
	c.until("the output is gone", func() bool {
		return c.ask(http.MethodGet, at, nil).status == http.StatusNotFound
	})
	c.call("/"+s.name+"/"+c.id+"/run", nil, nil)
	c.hear(s)
	c.equal("runs", s.attempts("run"), 2)
}
