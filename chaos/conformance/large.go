package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

const (
	bodyLimit = 32 << 20 // bytes of a request body, unless configured
	// largeBytes fits into one message together with what is around it.
	largeBytes = 30 << 20
	// memoryLimit is what a server may take that is given twelve values of largeBytes at once. The
	// reference server took up to 2.1 GB: several copies of each are on their way to disk.
	memoryLimit = 5 << 29
)

// largeChecks carry values near the limit through every place that takes values. Each has a
// server of its own, so that no other check waits for the bytes to reach the disk.
func largeChecks() []Check {
	checks := []Check{
		{ID: "ING-12", Title: "a body one byte over the limit", Run: bodyOverLimit},
		{ID: "ING-12", Title: "a body as large as allowed", Crasher: true, Run: bodyAtLimit},
		{ID: "COM-01", Title: "a large parameter and a large answer", Run: largeCall},
		{ID: "STA-01", Title: "a large value", Run: largeState},
		{ID: "RUN-01", Title: "a large result", Run: func(c *Case) {
			big := filled(largeBytes, 'r')
			replayed(c, message{}.text(14, big), message{}.bytes(5, wrapped(big)))
		}},
		{ID: "EVT-01", Title: "a large value of an awakeable", Run: largeSignal},
		{ID: "ING-12", Title: "large bodies at once stay within bounds", Run: largeMemory},
	}
	for i := range checks {
		run := checks[i].Run
		checks[i].Own = true
		checks[i].Run = func(c *Case) {
			c.own()
			run(c)
		}
	}
	return checks
}

func filled(size int, with byte) string { return string(bytes.Repeat([]byte{with}, size)) }

// post sends bytes over HTTP/2, where an early answer does not break the connection.
func (c *Case) post(path, body string) reply {
	req, err := http.NewRequestWithContext(c.ctx, http.MethodPost, c.ingress+path,
		strings.NewReader(body))
	c.must("build request", err)
	req.Header.Set("content-type", "application/octet-stream")
	return c.roundTrip(c.h2, req)
}

// measure answers with the length of the input.
func measure(a *attempt) error {
	input, err := parse(a.entries[0].payload)
	if err != nil {
		return err
	}
	value, err := parse([]byte(input.text(14)))
	if err != nil {
		return err
	}
	a.finish(strconv.Itoa(len(value.text(1))))
	return nil
}

func bodyAtLimit(c *Case) {
	s := c.play(single(c, bidi, "SERVICE"), nil, measure)
	r := c.want(c.post("/"+s.name+"/h", filled(bodyLimit, 'x')), http.StatusOK)
	c.equal("bytes that arrived", string(r.body), strconv.Itoa(bodyLimit))
}

func bodyOverLimit(c *Case) {
	s := c.play(single(c, bidi, "SERVICE"), nil, measure)
	r := c.post("/"+s.name+"/h", filled(bodyLimit+1, 'x'))
	c.want(r, http.StatusRequestEntityTooLarge)
	c.equal("attempts", s.attempts("h"), 0)
}

// largeCall has a handler call another with a large parameter, which is echoed.
func largeCall(c *Case) {
	big := filled(largeBytes, 'p')
	offer := single(c, bidi, "SERVICE")
	offer.Services[0].Name += "Callee"
	callee := c.play(offer, nil, func(a *attempt) error {
		input, err := parse(a.entries[0].payload)
		if err != nil {
			return err
		}
		a.accept()
		a.send(frame{kind: msgOutput, payload: message{}.text(14, input.text(14))}, endFrame())
		return nil
	})
	s := c.play(single(c, bidi, "SERVICE"), nil, func(a *attempt) error {
		a.accept()
		a.send(frame{kind: msgCall, payload: message{}.text(1, callee.name).text(2, "h").
			text(3, big).varint(10, 1).varint(11, 2)})
		for {
			got, err := a.next()
			if err != nil {
				return err
			}
			if got.kind == msgCallID {
				continue
			}
			a.finishOpen(`1`)
			return expect("the same bytes came back", bytes.Equal(got.payload,
				message{}.varint(1, 2).bytes(5, wrapped(big))), true)
		}
	})
	c.call("/"+s.name+"/h", nil, nil)
	c.hear(callee)
	c.hear(s)
}

func largeState(c *Case) {
	big := filled(largeBytes, 's')
	s := c.play(single(c, bidi, "VIRTUAL_OBJECT"), nil, func(a *attempt) error {
		a.accept()
		a.send(frame{kind: msgSetState, payload: message{}.text(1, "k").bytes(3, wrapped(big))})
		a.finishOpen(`1`)
		return nil
	}, func(a *attempt) error {
		a.finish(`2`)
		if len(a.start.strings[4]) != 1 {
			return fmt.Errorf("%d state entries in Start, want one", len(a.start.strings[4]))
		}
		entry, err := parse(a.start.strings[4][0])
		return errors.Join(err, expect("the same bytes", entry.text(2) == big, true))
	})
	for range 2 {
		c.call("/"+s.name+"/"+c.id+"/h", nil, nil)
		c.hear(s)
	}
}

func largeSignal(c *Case) {
	big := filled(largeBytes, 'a')
	ready := make(chan string, 1)
	s := c.play(single(c, bidi, "SERVICE"), nil, func(a *attempt) error {
		a.accept()
		ready <- awakeableID([]byte(a.start.text(1)), 17)
		got, err := a.next()
		a.finishOpen(`1`)
		if err != nil {
			return err
		}
		return expect("the same bytes", bytes.Equal(got.payload,
			message{}.varint(2, 17).bytes(5, wrapped(big))), true)
	})
	id := c.send("/"+s.name+"/h", "", nil).InvocationID
	select {
	case awakeable := <-ready:
		c.want(c.post("/restate/awakeables/"+awakeable+"/resolve", big), http.StatusAccepted)
	case <-c.ctx.Done():
		c.failf("the deployment was not called in time")
	}
	c.hear(s)
	c.want(c.attach(id), http.StatusOK)
}

// largeMemory calls with large bodies, a few at a time, again and again: memory must not grow
// with the number of calls.
func largeMemory(c *Case) {
	const clients, calls = 12, 2
	s := c.play(single(c, bidi, "SERVICE"), nil, measure)
	var wg sync.WaitGroup
	errs := make([]error, clients)
	for i := range clients {
		wg.Go(func() {
			for range calls {
				one := &Case{Env: c.Env, sdk: c.sdk, id: c.id}
				errs[i] = errors.Join(errs[i], one.try(c.ctx, func(one *Case) {
					one.want(one.post("/"+s.name+"/h", filled(largeBytes, 'm')), http.StatusOK)
				}))
			}
		})
	}
	wg.Wait()
	c.must("call", errors.Join(errs...))
	_, peak, err := c.server.proc.Memory()
	c.must("read the memory of the server", err)
	if peak > memoryLimit {
		c.failf("the server took up to %d MiB, more than %d", peak>>20, memoryLimit>>20)
	}
}
