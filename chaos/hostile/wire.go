package main

import (
	"fmt"
	"net/http"
	"slices"
)

// verdict is what must become of an invocation whose deployment misbehaves.
type verdict int

const (
	retried   verdict = iota // the attempt fails and is repeated; a good one completes it later
	completed                // it completes with a value
	waiting                  // it waits, without another attempt, until it is killed
	paused                   // it is paused at once; resumed, it completes
	teapot                   // it completes with failure 418
	odd                      // it completes with a failure that is no HTTP status
)

// wireRow is one misbehaviour.
type wireRow struct {
	name    string
	service string // object if empty
	want    verdict
	play    func(*attempt)
}

func deploymentEntries() []entry {
	var out []entry
	for _, row := range slices.Concat(frameRows(), phaseRows(), valueRows(), futureRows(),
		httpRows(), fieldRows()) {
		out = append(out, entry{row.name, row.run})
	}
	return out
}

func (row wireRow) run(t *trial) error {
	service := row.service
	if service == "" {
		service = object
	}
	path := "/" + service + "/" + t.key + "/h"
	if service == plain {
		path = "/" + service + "/h"
	}
	part := t.cast.role(t.key, row.play)
	id, err := t.send(path, t.key)
	if err != nil {
		return err
	}
	return t.judge(id, row.want, part.started, part.played, func() { part.set(behave) })
}

// judge waits for the verdict on an invocation. heal makes its deployment behave.
func (t *trial) judge(id string, want verdict, started, played func() int, heal func()) error {
	switch want {
	case retried:
		if err := t.until("a second attempt", func() bool { return started() >= 2 }); err != nil {
			return t.explain(id, err)
		}
		if r, err := t.get("output", id); wantStatus(r, err, 470) != nil {
			return wantStatus(r, err, 470)
		}
		t.afterRestart(func(t *trial) error {
			heal()
			// The next attempt may be seconds away.
			if _, err := t.manage(http.MethodPatch, "/invocations/"+id+"/resume", ""); err != nil {
				return err
			}
			r, err := t.get("attach", id)
			return wantStatus(r, err, http.StatusOK)
		})
	case waiting:
		if err := t.until("the end of an attempt", func() bool { return played() >= 1 }); err != nil {
			return t.explain(id, err)
		}
		r, err := t.get("output", id)
		t.afterRestart(func(t *trial) error { return t.kill(id) })
		return wantStatus(r, err, 470)
	case paused:
		return t.judgePaused(id, started, heal)
	default:
		status := map[verdict]int{completed: 200, teapot: 418, odd: 500}[want]
		r, err := t.get("attach", id)
		t.afterRestart(func(t *trial) error {
			r, err := t.get("output", id)
			return wantStatus(r, err, status)
		})
		return t.explain(id, wantStatus(r, err, status))
	}
	return nil
}

// judgePaused resumes until that is possible; a retried invocation would have more attempts.
func (t *trial) judgePaused(id string, started func() int, heal func()) error {
	if err := t.until("an attempt", func() bool { return started() >= 1 }); err != nil {
		return err
	}
	err := t.until("the invocation is paused", func() bool {
		r, err := t.manage(http.MethodPatch, "/invocations/"+id+"/pause", "")
		return err == nil && r.status == http.StatusOK // 202: it was running
	})
	if err != nil {
		return t.explain(id, err)
	}
	if n := started(); n != 1 {
		return fmt.Errorf("%d attempts were made before the pause, want 1", n)
	}
	t.afterRestart(func(t *trial) error {
		heal()
		r, err := t.manage(http.MethodPatch, "/invocations/"+id+"/resume", "")
		if err := wantStatus(r, err, http.StatusOK); err != nil {
			return err
		}
		r, err = t.get("attach", id)
		return wantStatus(r, err, http.StatusOK)
	})
	return nil
}

// kill ends an invocation that waits.
func (t *trial) kill(id string) error {
	r, err := t.manage(http.MethodPatch, "/invocations/"+id+"/kill", "")
	if err := wantStatus(r, err, http.StatusOK); err != nil {
		return err
	}
	r, err = t.get("attach", id)
	return wantStatus(r, err, http.StatusConflict)
}

// explain adds the state of an invocation to an error.
func (t *trial) explain(id string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("invocation %s: %w", id, err)
}

// sending answers well and sends frames; then the stream ends.
func sending(frames ...frame) func(*attempt) {
	return func(a *attempt) {
		a.accept()
		a.send(frames...)
	}
}

// finishing sends frames and then ends the invocation.
func finishing(frames ...frame) func(*attempt) {
	return sending(append(slices.Clone(frames), finish()...)...)
}

// rawly answers well and sends bytes.
func rawly(b ...byte) func(*attempt) {
	return func(a *attempt) {
		a.accept()
		a.raw(b)
	}
}

// once plays the first attempt; later ones behave.
func once(play func(*attempt)) func(*attempt) {
	return func(a *attempt) {
		if a.number > 1 {
			play = behave
		}
		play(a)
	}
}
