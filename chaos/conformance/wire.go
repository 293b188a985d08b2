package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"
)

// wireChecks look at the frames between the server and a deployment.
func wireChecks() []Check {
	return slices.Concat(discoveryWireChecks(), attemptWireChecks(), policyWireChecks(),
		wireBadChecks(), sevenWireChecks(), moreWireChecks(), largeChecks())
}

// script is a deployment that reports, from its attempts, what a check wants to know.
type script struct {
	*fake
	name string
	said chan error // one per report
}

// play starts and registers a deployment of one handler, "h", that runs one function per
// attempt; the last function is used for all later attempts. A function's error fails the
// check that waits in hear.
func (c *Case) play(offer manifest, extra map[string]any, parts ...func(*attempt) error) *script {
	s := &script{name: offer.Services[0].Name, said: make(chan error, 100)}
	handlers := map[string]func(*attempt){}
	for _, h := range offer.Services[0].Handlers {
		handlers[h.Name] = func(a *attempt) {
			err := a.err
			if err == nil {
				err = parts[min(a.number, len(parts))-1](a)
			}
			s.said <- err
		}
	}
	s.fake = c.newFake(offer, extra["use_http_11"] == true, handlers)
	c.register(s.fake, extra)
	return s
}

// hear waits for the report of one attempt and ends the check if it is an error.
func (c *Case) hear(s *script) {
	select {
	case err := <-s.said:
		c.must("inside the deployment", err)
	case <-c.ctx.Done():
		c.failf("the deployment was not called in time")
	}
}

// receive waits for what a deployment has to tell, and ends the check when time is up.
func receive[T any](c *Case, from <-chan T) (v T) {
	select {
	case v = <-from:
	case <-c.ctx.Done():
		c.failf("the deployment was not called in time")
	}
	return v
}

// expect is an error unless both are equal.
func expect(what string, got, want any) error {
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		return fmt.Errorf("%s: got %s, want %s", what, g, w)
	}
	return nil
}

func single(c *Case, mode, ty string) manifest {
	return offering(mode, c.unique("Wire"), ty, fakeHandler{Name: "h"})
}

func discoveryWireChecks() []Check {
	return []Check{
		{ID: "DEP-17", Title: "discovery asks for four manifest versions", Run: func(c *Case) {
			f, _ := c.simple("Discovered", `1`)
			c.register(f, nil)
			var want []string
			for v := 1; v <= 4; v++ {
				want = append(want,
					fmt.Sprintf("application/vnd.restate.endpointmanifest.v%d+json", v))
			}
			c.equal("accept", c.discovery(f).Get("accept"), strings.Join(want, ", "))
		}},
		{ID: "DEP-10", Title: "additional headers on discovery and attempts", Run: func(c *Case) {
			s := c.play(single(c, bidi, "SERVICE"),
				map[string]any{"additional_headers": map[string]string{"x-extra": c.id}},
				func(a *attempt) error {
					a.finish(`1`)
					return expect("x-extra", a.r.Header.Get("x-extra"), c.id)
				})
			c.call("/"+s.name+"/h", nil, nil)
			c.hear(s)
			c.equal("on discovery", c.discovery(s.fake).Get("x-extra"), c.id)
		}},
		{ID: "DEP-15", Title: "the newest common version is spoken", Run: func(c *Case) {
			offer := single(c, bidi, "SERVICE")
			offer.Max = 7
			want := "application/vnd.restate.invocation.v6"
			if c.seven {
				want = "application/vnd.restate.invocation.v7"
			}
			versionSpoken(c, offer, want)
		}},
		{ID: "DEP-15", Title: "version 6 is spoken to one that knows 5 and 6", Run: func(c *Case) {
			offer := single(c, bidi, "SERVICE")
			versionSpoken(c, offer, "application/vnd.restate.invocation.v6")
		}},
		{ID: "DEP-15", Title: "version 5 is spoken to one that knows no other", Run: func(c *Case) {
			offer := single(c, bidi, "SERVICE")
			offer.Max = 5
			versionSpoken(c, offer, "application/vnd.restate.invocation.v5")
		}},
		{ID: "DEP-12", Title: "a deployment of HTTP/1.1", Run: func(c *Case) {
			s := c.play(single(c, requestResponse, "SERVICE"),
				map[string]any{"use_http_11": true}, func(a *attempt) error {
					a.drain()
					a.finish(`"old"`)
					return expect("protocol", a.r.Proto, "HTTP/1.1")
				})
			c.equal("answer", value[string](c, "/"+s.name+"/h"), "old")
			c.hear(s)
		}},
	}
}

func versionSpoken(c *Case, offer manifest, want string) {
	s := c.play(offer, nil, func(a *attempt) error {
		a.finish(`1`)
		return errors.Join(
			expect("content-type", a.r.Header.Get("content-type"), want),
			expect("accept", a.r.Header.Get("accept"), want))
	})
	c.call("/"+s.name+"/h", nil, nil)
	c.hear(s)
}

func attemptWireChecks() []Check {
	return []Check{
		{ID: "INV-01", Title: "Start and Input of a service call", Run: startOfService},
		{ID: "SVC-01", Title: "calls of one service run in parallel", Run: parallel},
		{ID: "STA-03", Title: "Start carries the whole state", Run: func(c *Case) {
			offer := single(c, bidi, "VIRTUAL_OBJECT")
			s := c.play(offer, nil, func(a *attempt) error {
				a.accept()
				a.send(frame{kind: msgSetState,
					payload: message{}.text(1, "k").bytes(3, wrapped(`"v"`))})
				a.send(outputFrame(`1`), endFrame())
				return nil
			}, func(a *attempt) error {
				a.finish(`2`)
				state := fmt.Sprintf("%q", a.start.strings[4])
				return errors.Join(
					expect("state", state, fmt.Sprintf("%q",
						[][]byte{message{}.text(1, "k").text(2, `"v"`)})),
					expect("partial_state", a.start.varints[5], 0),
					expect("key", a.start.text(6), c.id+"/ü"))
			})
			path := "/" + s.name + "/" + c.id + "%2F%C3%BC/h"
			c.call(path, nil, nil)
			c.hear(s)
			c.call(path, nil, nil)
			c.hear(s)
		}},
		{ID: "STA-04", Title: "lazy state is asked for and answered", Run: lazyState},
		{ID: "DEP-13", Title: "request and response: all is sent, then read", Run: func(c *Case) {
			s := c.play(single(c, requestResponse, "SERVICE"), nil, func(a *attempt) error {
				_, err := a.next()
				a.finish(`1`)
				if !errors.Is(err, io.EOF) {
					return fmt.Errorf("the request does not end after the journal: %w", err)
				}
				return nil
			})
			c.call("/"+s.name+"/h", nil, nil)
			c.hear(s)
		}},
		{ID: "DEP-14", Title: "a completion comes on the open stream", Run: func(c *Case) {
			s := c.play(single(c, bidi, "SERVICE"), nil, func(a *attempt) error {
				a.accept()
				a.send(sleepFrame(time.Now().UnixMilli()+100, 1))
				done, err := a.next()
				a.send(outputFrame(`1`), endFrame())
				if err != nil {
					return err
				}
				return errors.Join(expect("kind", done.kind, msgSleepDone),
					expect("payload", done.payload, message{}.varint(1, 1).bytes(4, nil)))
			})
			c.call("/"+s.name+"/h", nil, nil)
			c.hear(s)
			c.equal("attempts", s.attempts("h"), 1)
		}},
		{ID: "RUN-01", Title: "a proposed result comes back stored", Run: func(c *Case) {
			s := c.play(single(c, bidi, "SERVICE"), nil, func(a *attempt) error {
				a.accept()
				a.send(frame{kind: msgRun, payload: message{}.varint(11, 1).text(12, "step")},
					frame{kind: msgProposeRun, payload: message{}.varint(1, 1).text(14, `"r"`)})
				done, err := a.next()
				a.send(outputFrame(`1`), endFrame())
				if err != nil {
					return err
				}
				return errors.Join(expect("kind", done.kind, msgRunDone),
					expect("payload", done.payload,
						message{}.varint(1, 1).bytes(5, wrapped(`"r"`))))
			})
			c.call("/"+s.name+"/h", nil, nil)
			c.hear(s)
		}},
		{ID: "ERR-12", Title: "a suspension on a sleep is woken with the journal", Run: func(c *Case) {
			s := c.play(single(c, bidi, "SERVICE"), nil, func(a *attempt) error {
				a.accept()
				a.send(sleepFrame(time.Now().UnixMilli()+200, 1),
					frame{kind: msgSuspension, payload: message{}.bytes(1, message{1})})
				return nil
			}, func(a *attempt) error {
				a.finish(`1`)
				kinds := []uint16{}
				for _, e := range a.entries {
					kinds = append(kinds, e.kind)
				}
				return expect("journal", kinds, []uint16{msgInput, msgSleep, msgSleepDone})
			})
			c.call("/"+s.name+"/h", nil, nil)
			c.hear(s)
			c.hear(s)
		}},
		{ID: "INV-25", Title: "an idle request is closed by the server", Run: func(c *Case) {
			offer := single(c, bidi, "SERVICE")
			idle := 200
			offer.Services[0].InactivityTimeout = &idle
			s := c.play(offer, nil, func(a *attempt) error {
				a.accept()
				a.send(sleepFrame(time.Now().UnixMilli()+1000, 1))
				_, err := a.next()
				a.send(frame{kind: msgSuspension, payload: message{}.bytes(1, message{1})})
				if !errors.Is(err, io.EOF) {
					return fmt.Errorf("want the end of the request, got %w", err)
				}
				return nil
			}, func(a *attempt) error {
				a.finish(`1`)
				return nil
			})
			c.call("/"+s.name+"/h", nil, nil)
			c.hear(s)
			c.hear(s)
		}},
		{ID: "ERR-15", Title: "early signals of one name keep their order", Run: signalOrder},
		{ID: "COM-07", Title: "output of an invocation, ready or not", Run: outputOfOther},
	}
}

func startOfService(c *Case) {
	id := make(chan string, 1)
	offer := single(c, bidi, "SERVICE")
	s := c.play(offer, nil, func(a *attempt) error {
		a.finish(`1`)
		name := a.start.text(2)
		id <- name
		input, err := parse(a.entries[0].payload)
		if err != nil {
			return err
		}
		raw, err := decodeID(name)
		if err != nil {
			return err
		}
		var first fields
		if len(input.strings[1]) > 0 {
			if first, err = parse(input.strings[1][0]); err != nil {
				return err
			}
		}
		return errors.Join(
			expect("path", a.r.URL.Path, "/invoke/"+offer.Services[0].Name+"/h"),
			expect("x-restate-invocation-id", a.r.Header.Get("x-restate-invocation-id"), name),
			expect("known_entries", a.start.varints[3], 1),
			expect("partial_state", a.start.varints[5], 1),
			expect("raw ID", fmt.Sprintf("%x", a.start.text(1)), fmt.Sprintf("%x", raw)),
			expect("first entry", a.entries[0].kind, msgInput),
			expect("input", input.text(14), string(wrapped(`"`+c.id+`"`))),
			expect("first header", first.text(1), "x-restate-ingress-path"))
	})
	r := c.call("/"+s.name+"/h", c.id, nil)
	c.hear(s)
	c.equal("x-restate-id", r.id(), <-id)
}

// parallel has every attempt wait until all calls have one.
func parallel(c *Case) {
	const calls = 10
	all := make(chan struct{})
	s := c.play(single(c, bidi, "SERVICE"), nil, func(a *attempt) error {
		if a.number == calls {
			close(all)
		}
		select {
		case <-all:
		case <-a.r.Context().Done():
			return nil
		}
		a.finish(`1`)
		return nil
	})
	for range calls {
		c.send("/"+s.name+"/h", "", nil)
	}
	for range calls {
		c.hear(s)
	}
	c.equal("attempts", s.attempts("h"), calls)
}

// decodeID returns the 24 bytes of an invocation ID: two base62 numbers of 11 and 22 digits,
// each the little-endian reading of 8 and 16 bytes.
func decodeID(id string) ([]byte, error) {
	const alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits, ok := strings.CutPrefix(id, "inv_1")
	if !ok || len(digits) != 33 {
		return nil, fmt.Errorf("%q is not an invocation ID", id)
	}
	decode := func(text string, size int) ([]byte, error) {
		n := new(big.Int)
		for _, r := range text {
			digit := strings.IndexRune(alphabet, r)
			if digit < 0 {
				return nil, fmt.Errorf("%q is not base62", text)
			}
			n.Add(n.Mul(n, big.NewInt(62)), big.NewInt(int64(digit)))
		}
		if n.BitLen() > size*8 {
			return nil, fmt.Errorf("%q does not fit %d bytes", text, size)
		}
		out := n.FillBytes(make([]byte, size))
		slices.Reverse(out)
		return out, nil
	}
	key, err := decode(digits[:11], 8)
	if err != nil {
		return nil, err
	}
	uuid, err := decode(digits[11:], 16)
	return append(key, uuid...), err
}

func lazyState(c *Case) {
	offer := single(c, bidi, "VIRTUAL_OBJECT")
	lazy := true
	offer.Services[0].EnableLazyState = &lazy
	s := c.play(offer, nil, func(a *attempt) error {
		a.accept()
		a.send(frame{kind: msgSetState,
			payload: message{}.text(1, "k").bytes(3, wrapped(`"v"`))})
		a.send(outputFrame(`1`), endFrame())
		return nil
	}, func(a *attempt) error {
		a.accept()
		a.send(frame{kind: msgGetLazyState, payload: message{}.text(1, "k").varint(11, 1)},
			frame{kind: msgGetLazyState, payload: message{}.text(1, "none").varint(11, 2)})
		found, err := a.next()
		if err != nil {
			return err
		}
		missing, err := a.next()
		a.send(outputFrame(`2`), endFrame())
		if err != nil {
			return err
		}
		return errors.Join(
			expect("partial_state", a.start.varints[5], 1),
			expect("eager state", len(a.start.strings[4]), 0),
			expect("kind", found.kind, msgLazyStateDone),
			expect("found", found.payload, message{}.varint(1, 1).bytes(5, wrapped(`"v"`))),
			expect("missing", missing.payload, message{}.varint(1, 2).bytes(4, nil)))
	})
	c.call("/"+s.name+"/"+c.id+"/h", nil, nil)
	c.hear(s)
	c.call("/"+s.name+"/"+c.id+"/h", nil, nil)
	c.hear(s)
}

// outputOfOther asks for the output of an invocation that sleeps, and of one that has ended.
func outputOfOther(c *Case) {
	slow := c.send(c.path("Basic", "sleep"), "", work{Millis: 60_000}).InvocationID
	done := c.call(c.path("Basic", "echo"), 7, nil).id()
	s := c.play(single(c, bidi, "SERVICE"), nil, func(a *attempt) error {
		a.accept()
		a.send(frame{kind: msgGetOutput, payload: message{}.text(1, slow).varint(11, 1)})
		first, err := a.next()
		if err != nil {
			return err
		}
		a.send(frame{kind: msgGetOutput, payload: message{}.text(1, done).varint(11, 2)})
		second, err := a.next()
		a.send(outputFrame(`1`), endFrame())
		if err != nil {
			return err
		}
		return errors.Join(
			expect("kind", first.kind, msgOutputDone),
			expect("not ready", first.payload, message{}.varint(1, 1).bytes(4, nil)),
			expect("ready", second.payload, message{}.varint(1, 2).bytes(5, wrapped(`7`))))
	})
	c.call("/"+s.name+"/h", nil, nil)
	c.hear(s)
	c.want(act(c, slow, "kill"), http.StatusOK)
}

// signalOrder sends three signals of one name to an invocation that is suspended on another;
// its next attempt must find them in the journal in the order in which they were sent.
func signalOrder(c *Case) {
	target := make(chan string, 1)
	var seen []string
	waiter := c.play(single(c, bidi, "SERVICE"), nil, func(a *attempt) error {
		a.accept()
		a.send(frame{kind: msgSuspension, payload: message{}.text(3, "end")})
		target <- a.start.text(2)
		return nil
	}, func(a *attempt) error {
		for _, e := range a.entries {
			f, err := parse(e.payload)
			if err != nil {
				return err
			}
			if e.kind == msgSignal && f.text(3) == "s" {
				seen = append(seen, f.text(5))
			}
		}
		a.finish(`1`)
		return nil
	})
	id := c.send("/"+waiter.name+"/h", "", nil).InvocationID
	c.hear(waiter)
	offer := single(c, bidi, "SERVICE")
	offer.Services[0].Name += "Sender"
	sender := c.play(offer, nil, func(a *attempt) error {
		a.accept()
		for _, text := range []string{"a", "b", "c"} {
			a.send(frame{kind: msgSendSignal,
				payload: message{}.text(1, id).text(3, "s").bytes(5, wrapped(text))})
		}
		a.send(frame{kind: msgSendSignal,
			payload: message{}.text(1, id).text(3, "end").bytes(5, wrapped(""))})
		a.send(outputFrame(`1`), endFrame())
		return nil
	})
	c.equal("invocation", <-target, id)
	c.call("/"+sender.name+"/h", nil, nil)
	c.hear(sender)
	c.want(c.attach(id), http.StatusOK)
	c.hear(waiter)
	c.equal("signals", seen, []string{string(wrapped("a")), string(wrapped("b")),
		string(wrapped("c"))})
}

// awakeableID is the ID that an SDK gives to the signal of an invocation with this index.
func awakeableID(invocation []byte, index byte) string {
	raw := append(slices.Clone(invocation), 0, 0, 0, index)
	return "sign_1" + base64.RawURLEncoding.EncodeToString(raw)
}
