package main

import (
	"net/http"
	"strconv"
	"time"
)

// misbehaviour is something a deployment does that must fail that attempt and nothing else.
// Of those marked as crashers the reference server 1.7.12 loses a partition or its life.
type misbehaviour struct {
	id, title string
	crasher   bool
	play      func(*attempt)
}

func misbehaviours() []misbehaviour {
	raw := func(kind uint16, payload ...byte) func(*attempt) {
		return func(a *attempt) {
			a.accept()
			a.send(frame{kind: kind, payload: payload})
		}
	}
	status := func(code int) func(*attempt) {
		return func(a *attempt) { a.w.WriteHeader(code) }
	}
	bytes := func(data ...byte) func(*attempt) {
		return func(a *attempt) {
			a.accept()
			_, _ = a.w.Write(data)
		}
	}
	return []misbehaviour{
		{"ERR-13", "End without Output", true, raw(msgEnd)},
		{"ERR-13", "stream closed without a frame", false, func(a *attempt) { a.accept() }},
		{"ERR-13", "Output without End", false, func(a *attempt) {
			a.accept()
			a.send(outputFrame(`"half"`))
		}},
		{"ERR-13", "frame type that does not exist", true, bytes(
			0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 4, 1, 2, 3, 4, 0xff, 0xff, 0xff, 0xff)},
		{"ERR-13", "garbage inside a known frame", true,
			raw(msgOutput, 0xff, 0xff, 0xff, 0xff, 0xff, 0x07)},
		{"ERR-13", "text instead of frames", false, bytes([]byte("HTTP/1.1 200 OK\r\n\r\n")...)},
		{"ERR-13", "frame header of four gigabytes", false, bytes(
			0x04, 0x01, 0, 0, 0xff, 0xff, 0xff, 0xff, 1)},
		{"ERR-13", "frame cut in the middle", false, bytes(0x04, 0x01, 0, 0, 0, 0, 0, 9, 1)},
		{"ERR-13", "header cut in the middle", false, bytes(0x04, 0x01, 0)},
		{"ERR-13", "Start from the deployment", false, raw(msgStart)},
		{"ERR-13", "notification from the deployment", false, raw(msgSleepDone, 8, 1, 34, 0)},
		{"ERR-13", "Error frame", false, func(a *attempt) {
			a.accept()
			a.send(errorFrame(500, "on purpose"))
		}},
		{"ERR-11", "Error frame of a journal mismatch", false, func(a *attempt) {
			a.accept()
			a.send(errorFrame(570, "mismatch on purpose"))
		}},
		{"ERR-13", "stream reset", false, func(a *attempt) {
			a.accept()
			panic(http.ErrAbortHandler)
		}},
		{"ERR-13", "suspension on nothing", false, raw(msgSuspension)},
		{"DEP-15", "another content type", false, func(a *attempt) {
			a.w.Header().Set("content-type", "application/json")
			a.send(outputFrame(`"no"`), endFrame())
		}},
		{"DEP-15", "no content type", false, func(a *attempt) {
			a.w.Header()["Content-Type"] = nil
			a.send(outputFrame(`"no"`), endFrame())
		}},
		{"ERR-13", "answer 500", false, status(http.StatusInternalServerError)},
		{"ERR-13", "answer 404", false, status(http.StatusNotFound)},
		{"ERR-13", "answer 301", false, status(http.StatusMovedPermanently)},
		{"DEP-15", "answer 415", false, status(http.StatusUnsupportedMediaType)},
		{"ERR-13", "answer 413", false, status(http.StatusRequestEntityTooLarge)},
		{"ERR-13", "answer 502", false, status(http.StatusBadGateway)},
		{"STA-06", "state written by a service", false, raw(msgSetState,
			message{}.text(1, "k").bytes(3, wrapped("1"))...)},
		{"COM-10", "call of an unknown service", false, raw(msgCall, message{}.
			text(1, "NobodyHasThis").text(2, "h").varint(10, 1).varint(11, 2)...)},
	}
}

// wireBadChecks hold the server to two promises: a bad attempt is tried again until the
// deployment behaves, and nothing else suffers meanwhile.
func wireBadChecks() []Check {
	var checks []Check
	for _, bad := range misbehaviours() {
		checks = append(checks, Check{ID: bad.id, Title: bad.title, Crasher: bad.crasher,
			Run: func(c *Case) { survives(c, bad.play) }})
	}
	return append(checks,
		Check{ID: "INV-24", Title: "Retry-After of a 429 is honoured", Run: func(c *Case) {
			retryAfter(c, http.StatusTooManyRequests)
		}},
		Check{ID: "INV-24", Title: "Retry-After of a 503 is honoured", Run: func(c *Case) {
			retryAfter(c, http.StatusServiceUnavailable)
		}},
		Check{ID: "INV-26", Title: "a deployment that hangs is given up", Run: hangs},
	)
}

func survives(c *Case, play func(*attempt)) {
	name := c.unique("Bad")
	f := c.newFake(offering(bidi, name, "SERVICE",
		fakeHandler{Name: "bad"}, fakeHandler{Name: "good"}), false,
		map[string]func(*attempt){
			"bad":  play,
			"good": func(a *attempt) { a.finish(`"good"`) },
		})
	c.register(f, nil)
	bad := c.send("/"+name+"/bad", "", nil)
	c.until("the attempt is repeated", func() bool { return f.attempts("bad") >= 3 })
	c.want(c.output(bad.InvocationID), 470)
	var out string
	c.call("/"+name+"/good", nil, &out)
	c.equal("another invocation", out, "good")
	c.want(c.ask(http.MethodGet, "/restate/health", nil), http.StatusOK)

	f.set("bad", func(a *attempt) { a.finish(`"healed"`) })
	c.want(c.attach(bad.InvocationID), http.StatusOK)
}

func retryAfter(c *Case, status int) {
	const seconds = 1
	name := c.unique("Busy")
	times := make(chan time.Time, 100)
	f := c.newFake(offering(bidi, name, "SERVICE", fakeHandler{Name: "busy"}), false,
		map[string]func(*attempt){"busy": func(a *attempt) {
			times <- time.Now()
			if a.number == 1 {
				a.w.Header().Set("retry-after", strconv.Itoa(seconds))
				a.w.WriteHeader(status)
				return
			}
			a.finish(`"free"`)
		}})
	c.register(f, nil)
	var out string
	c.call("/"+name+"/busy", nil, &out)
	c.equal("answer", out, "free")
	first, second := <-times, <-times
	if gap := second.Sub(first); gap < seconds*time.Second {
		c.failf("the second attempt came %s after the first, before Retry-After", gap)
	}
}

func hangs(c *Case) {
	name := c.unique("Hang")
	offer := offering(bidi, name, "SERVICE", fakeHandler{Name: "hang"})
	idle, abort := 100, 200
	offer.Services[0].InactivityTimeout = &idle
	offer.Services[0].AbortTimeout = &abort
	f := c.newFake(offer, false, map[string]func(*attempt){"hang": func(a *attempt) {
		if a.number == 1 {
			a.accept()
			<-a.r.Context().Done() // neither a frame nor the end
			return
		}
		a.finish(`"over"`)
	}})
	c.register(f, nil)
	var out string
	c.call("/"+name+"/hang", nil, &out)
	c.equal("answer", out, "over")
	c.equal("attempts", f.attempts("hang"), 2)
}
