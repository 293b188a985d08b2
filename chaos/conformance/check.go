package main

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"
)

const (
	checkTimeout = 30 * time.Second // one check, or one half of a surviving one, unless told
	pollEvery    = 20 * time.Millisecond

	// watchFor is how long a check looks on to see that something does not happen.
	watchFor = 300 * time.Millisecond
)

// Check shows one capability. Run fails it by one of the Case methods, which end it.
type Check struct {
	ID    string // row of the feature list
	Title string
	Run   func(*Case)
	// Crasher marks input that the reference server does not survive.
	Crasher bool
	// QuickCleanup needs a server that looks for expired rows every second, not every hour.
	QuickCleanup bool
	// Own marks a check that starts servers of its own, with other settings.
	Own bool
	// Seven marks a check of version 7 of the service protocol, which the reference server
	// speaks only when it is told to.
	Seven bool
	// Better says what the reference server does instead, where ours is meant to differ.
	Better string
	// Calm says why nothing may be killed while the check runs; empty: anything may.
	Calm string
}

// Survivor shows that something outlives the death of a process: Before sets it up, then the
// process is killed and started again, then After looks.
type Survivor struct {
	ID     string
	Title  string
	Before func(*Case)
	After  func(*Case)
}

// Case is one check being run. It belongs to the goroutine that runs it.
type Case struct {
	*Env
	ctx context.Context
	// sdk holds the services to call; for the areas http and wire, any.
	sdk *Services
	// server is the case's own one, if the check has started one.
	server *Server
	// id is unique to this check: the base of its keys.
	id string
	// kept carries what Before learned over to After.
	kept map[string]string
	err  error
	ends []func() // run when the case is over, last first
}

// caseSerial and caseEpoch make IDs that differ between checks and between runs.
var (
	caseSerial atomic.Int64
	caseEpoch  = time.Now().UnixNano() / int64(time.Millisecond) % 1e9
)

func newCase(env *Env, sdk *Services) *Case {
	id := fmt.Sprintf("c%d-%d", caseEpoch, caseSerial.Add(1))
	return &Case{Env: env, sdk: sdk, id: id, kept: map[string]string{}}
}

// try runs part of the case on a goroutine of its own and returns how it failed, or nil.
func (c *Case) try(ctx context.Context, part func(*Case)) error {
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	c.ctx = ctx
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			// A check that breaks must not take the processes' only owner with it.
			if broken := recover(); broken != nil {
				c.err = fmt.Errorf("the check itself broke: %v\n%s", broken, debug.Stack())
			}
		}()
		part(c)
	}()
	<-done
	for i := len(c.ends) - 1; i >= 0; i-- {
		c.ends[i]()
	}
	c.ends = nil
	return c.err
}

// atEnd has clean run after the part of the case that is running.
func (c *Case) atEnd(clean func()) { c.ends = append(c.ends, clean) }

// failf ends the check. It must be called on the check's own goroutine.
func (c *Case) failf(format string, args ...any) {
	c.err = fmt.Errorf(format, args...)
	if c.torment != nil && c.ctx.Err() == nil && anyLost(args) {
		c.err = fmt.Errorf("%w: %w", errCut, c.err)
	}
	runtime.Goexit()
}

// must ends the check when err is not nil.
func (c *Case) must(what string, err error) {
	if err != nil {
		c.failf("%s: %w", what, err)
	}
}

// equal ends the check unless both values are deeply equal.
func (c *Case) equal(what string, got, want any) {
	if !reflect.DeepEqual(got, want) {
		c.failf("%s: got %#v, want %#v", what, got, want)
	}
}

// contains ends the check unless text has part in it.
func (c *Case) contains(what, text, part string) {
	if !strings.Contains(text, part) {
		c.failf("%s: %q is not in %q", what, part, text)
	}
}

// until asks again and again, and ends the check when the answer stays no.
func (c *Case) until(what string, yes func() bool) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !yes() {
		select {
		case <-c.ctx.Done():
			c.failf("still not so when time was up: %s", what)
		case <-tick.C:
		}
	}
}

// never asks for as long as span, and ends the check when the answer is yes once.
func (c *Case) never(what string, span time.Duration, yes func() bool) {
	for end := time.Now().Add(span); time.Now().Before(end); {
		if yes() {
			c.failf("it happened: %s", what)
		}
		select {
		case <-c.ctx.Done():
			c.failf("time was up while watching: %s", what)
		case <-time.After(pollEvery):
		}
	}
}
