package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	parallel       = 6                // entries that run at once
	entryTimeout   = 60 * time.Second // for one entry and the canary after it
	areaCanaries   = 100              // innocent invocations at the end of an area
	memoryLimit    = 1 << 30          // bytes resident at the end of an area
	memoryPatience = 30 * time.Second // for the server to give memory back
	pollEvery      = 20 * time.Millisecond
)

type options struct{ server, dir, match string }

// entry is one hostile act; run returns an error unless what must become of it was seen.
type entry struct {
	name string
	run  func(*trial) error
}

// area is a group of entries after which the server is killed and started again.
type area struct {
	name    string
	entries []entry
}

// suite is one run against one server.
type suite struct {
	server *server
	client *http.Client // HTTP/1.1
	h2     *http.Client // HTTP/2 with prior knowledge
	cast   *cast        // deployments that most entries share

	mu    sync.Mutex
	later []func(*trial) error // what must hold after the restart; guarded by mu
}

// trial is one entry being run. Its key is that of the objects it calls, and of its canary.
type trial struct {
	*suite
	ctx context.Context
	key string
}

// afterRestart keeps something to be checked when the server was killed and is back.
func (t *trial) afterRestart(check func(*trial) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.later = append(t.later, func(later *trial) error {
		later.key = t.key
		return check(later)
	})
}

// run tries everything and reports each entry; the error says that the server was lost.
func run(ctx context.Context, opts options, report func(name string, err error)) error {
	if opts.dir == "" {
		dir, err := os.MkdirTemp("", "hostile")
		if err != nil {
			return fmt.Errorf("make a directory for the server: %w", err)
		}
		defer os.RemoveAll(dir)
		opts.dir = dir
	}
	srv, err := startServer(ctx, opts)
	if err != nil {
		return err
	}
	defer srv.kill()
	s := &suite{server: srv, client: newClient(false), h2: newClient(true)}
	defer s.client.CloseIdleConnections()
	defer s.h2.CloseIdleConnections()
	if s.cast, err = s.hire(ctx); err != nil {
		return err
	}
	defer s.cast.close()
	areas := []area{
		{"ingress", ingressEntries()},
		{"admin", adminEntries()},
		{"discovery", discoveryEntries()},
		{"deployment", deploymentEntries()},
		{"http2", http2Entries()},
	}
	for _, a := range areas {
		if err := s.runArea(ctx, a, opts.match, report); err != nil {
			return fmt.Errorf("area %s: %w; the server's last words:\n%s", a.name, err, srv.proc.Tail())
		}
	}
	return ctx.Err()
}

func (s *suite) runArea(ctx context.Context, a area, match string, report func(string, error)) error {
	slots, reports := make(chan struct{}, parallel), sync.Mutex{}
	var running sync.WaitGroup
	tried := 0
	for _, e := range a.entries {
		name := a.name + "/" + e.name
		if !strings.Contains(name, match) {
			continue
		}
		tried++
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			err := s.try(ctx, e.run)
			reports.Lock()
			defer reports.Unlock()
			report(name, err)
		})
	}
	running.Wait()
	if tried == 0 {
		return nil
	}
	if err := s.canaries(ctx); err != nil {
		return err
	}
	report(a.name+"/memory", s.checkMemory(ctx))
	s.server.kill()
	if err := s.server.start(ctx); err != nil {
		return fmt.Errorf("start again on the same directory: %w", err)
	}
	if err := s.canaries(ctx); err != nil {
		return fmt.Errorf("after the restart: %w", err)
	}
	later := s.later
	s.later = nil
	var errs []error
	for _, check := range later {
		if err := s.try(ctx, check); err != nil {
			errs = append(errs, err)
		}
	}
	report(a.name+"/restart", errors.Join(errs...))
	return nil
}

// try runs one entry, and its canary.
func (s *suite) try(ctx context.Context, run func(*trial) error) error {
	ctx, cancel := context.WithTimeout(ctx, entryTimeout)
	defer cancel()
	t := &trial{suite: s, ctx: ctx, key: newKey()}
	if err := run(t); err != nil {
		return fmt.Errorf("%s: %w", t.key, err)
	}
	if err := t.canary(t.key); err != nil {
		return fmt.Errorf("the canary afterwards: %w", err)
	}
	return nil
}

// canary is an innocent invocation on the partition of a key.
func (t *trial) canary(key string) error {
	r, err := t.post("/"+canaryService+"/"+key+"/h", "tweet") // no role has this key
	if err != nil {
		return err
	}
	if r.status != http.StatusOK || string(r.body) != `"good"` {
		return fmt.Errorf("an innocent invocation got %s", r)
	}
	return nil
}

// canaries calls on so many keys that every partition is met.
func (s *suite) canaries(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, entryTimeout)
	defer cancel()
	for range areaCanaries {
		t := &trial{suite: s, ctx: ctx, key: newKey()}
		if err := t.canary(t.key); err != nil {
			return err
		}
	}
	return nil
}

// checkMemory waits until the server holds no more than it may.
func (s *suite) checkMemory(ctx context.Context) error {
	deadline := time.Now().Add(memoryPatience)
	for {
		rss, err := s.server.resident()
		if err != nil || rss <= memoryLimit {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the server holds %d MiB, more than %d", rss>>20, memoryLimit>>20)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pollEvery):
		}
	}
}

// until polls until yes is true.
func (t *trial) until(what string, yes func() bool) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !yes() {
		select {
		case <-t.ctx.Done():
			return fmt.Errorf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
	return nil
}
