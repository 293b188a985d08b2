package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxTogether is how many checks run at once: most of them wait.
const maxTogether = 24

// ownTogether is how many checks with servers of their own run at once: those work.
const ownTogether = 2

type options struct {
	ingress, admin string // a server that runs already
	server         string // or one to start
	sdks           []string
	match          string
	gentle         bool
	keepLogs       bool
	patience       time.Duration // per check; 0 means checkTimeout
	torment        uint64        // seed of the kills while checks run; 0: none
}

// Env is what all checks share. Only the lock changes while checks run.
type Env struct {
	// registering lets one deployment in at a time: the reference server gives up when dozens
	// change its registry at once.
	registering sync.Mutex

	ingress, admin string
	client         *http.Client
	h2             *http.Client // cleartext HTTP/2
	services       []*Services
	patience       time.Duration // for one check
	// launch starts another server of the kind under test, on a directory of its own; nil if
	// the server under test is not ours.
	launch func(ctx context.Context, settings ...string) (*Server, error)
	// seven tells that the server speaks version 7 of the service protocol.
	seven bool
	// sql tells that the server has SQL introspection.
	sql bool
	// torment kills processes while checks run; nil: nobody does.
	torment *torment
}

type totals struct {
	passed, failed, skipped int
	notOffered              int    // left out for a lack of the SDK
	table                   string // the coverage
}

func (t totals) String() string {
	line := fmt.Sprintf("%d passed, %d failed, %d skipped", t.passed, t.failed, t.skipped)
	if t.notOffered > 0 {
		line += fmt.Sprintf(", %d not offered", t.notOffered)
	}
	return line
}

// suite runs checks and reports each as one line.
type suite struct {
	options
	env    *Env
	server *Server // nil: not ours to kill
	report func(string)

	mu    sync.Mutex
	total totals    // guarded by mu
	cover *coverage // guarded by mu
}

// run starts what is missing, runs every check and stops what it has started.
// The error tells why checks could not be run at all.
func run(ctx context.Context, opts options, report func(string)) (totals, error) {
	dir, err := os.MkdirTemp("", "conformance-")
	if err != nil {
		return totals{}, fmt.Errorf("make a working directory: %w", err)
	}
	defer os.RemoveAll(dir)
	s := &suite{options: opts, report: report, cover: newCoverage()}
	var l *launcher
	if opts.server != "" {
		if l, err = newLauncher(ctx, opts.server, dir, opts.keepLogs); err != nil {
			return totals{}, err
		}
		if s.server, err = l.start(ctx, dir); err != nil {
			return totals{}, err
		}
		defer s.server.kill()
		opts.ingress, opts.admin = s.server.ingress, s.server.admin
		s.gentle = s.gentle || opts.server == "restate"
	}
	if opts.ingress == "" || opts.admin == "" {
		return totals{}, fmt.Errorf("no server: give --server, or --ingress and --admin")
	}
	transport := &http.Transport{MaxIdleConnsPerHost: maxTogether}
	defer transport.CloseIdleConnections()
	second := &http.Transport{Protocols: new(http.Protocols)}
	second.Protocols.SetUnencryptedHTTP2(true)
	defer second.CloseIdleConnections()
	s.env = &Env{
		ingress: strings.TrimSuffix(opts.ingress, "/"),
		admin:   strings.TrimSuffix(opts.admin, "/"),
		client:  &http.Client{Transport: transport},
		h2:      &http.Client{Transport: second},
	}
	s.env.patience = cmp.Or(opts.patience, checkTimeout)
	if l != nil && l.binary != "" {
		s.env.launch = func(ctx context.Context, settings ...string) (*Server, error) {
			home, err := os.MkdirTemp(dir, "own-")
			if err != nil {
				return nil, fmt.Errorf("make a directory for another server: %w", err)
			}
			return l.start(ctx, home, settings...)
		}
	}
	for _, sdk := range opts.sdks {
		services, err := startServices(ctx, sdk, dir, opts.keepLogs)
		if err != nil {
			return totals{}, err
		}
		defer services.kill()
		s.env.services = append(s.env.services, services)
	}
	if err := s.register(ctx); err != nil {
		return totals{}, err
	}
	if err := s.learn(ctx); err != nil {
		return totals{}, err
	}
	if err := s.runAll(ctx); err != nil {
		return totals{}, err
	}
	s.total.table = s.cover.table()
	return s.total, ctx.Err()
}

// learn asks the server what it can do, as far as checks depend on that.
func (s *suite) learn(ctx context.Context) error {
	return newCase(s.env, nil).try(ctx, func(c *Case) {
		var about struct {
			Features map[string]bool `json:"features"`
		}
		c.decode(c.want(c.rule(http.MethodGet, "/version", nil), http.StatusOK), &about)
		s.env.seven = about.Features["protocol_v7"]
		s.env.sql = c.rule(http.MethodPost, "/query", map[string]string{"query": "select 1"}).
			status == http.StatusOK
	})
}

// register makes the services known to the server, at their own addresses.
func (s *suite) register(ctx context.Context) error {
	for _, services := range s.env.services {
		if err := s.registerAt(ctx, services, services.url()); err != nil {
			return err
		}
	}
	return nil
}

// registerAt makes the services of one SDK known at an address, from now on the one that new
// invocations go to.
func (s *suite) registerAt(ctx context.Context, services *Services, url string) error {
	err := newCase(s.env, services).try(ctx, func(c *Case) {
		body := map[string]any{"uri": url, "force": true}
		r := c.rule(http.MethodPost, "/deployments", body)
		if r.status != http.StatusCreated && r.status != http.StatusOK {
			c.failf("%s", r)
		}
	})
	if err != nil {
		return fmt.Errorf("register the %s services: %w", services.sdk, err)
	}
	return nil
}

// runAll runs the phases one after the other. Its error tells why the suite cannot go on.
func (s *suite) runAll(ctx context.Context) error {
	var all []job
	for _, services := range s.env.services {
		for _, check := range sdkChecks() {
			all = append(all, job{services.sdk, services, check})
		}
	}
	any := s.env.services[0]
	for _, check := range httpChecks() {
		all = append(all, job{"http", any, check})
	}
	for _, check := range wireChecks() {
		all = append(all, job{"wire", any, check})
	}
	if s.env.sql {
		for _, check := range queryChecks() {
			all = append(all, job{"sql", any, check})
		}
	}
	var own []job
	all = slices.DeleteFunc(all, func(j job) bool {
		if j.check.Own {
			own = append(own, j)
		}
		return j.check.Own
	})
	if all, err := s.tormented(ctx, all); err != nil {
		return err
	} else {
		s.runJobs(ctx, all, maxTogether)
	}
	s.runJobs(ctx, own, ownTogether)
	if err := s.runTapped(ctx); err != nil {
		return err
	}
	s.runSurvivors(ctx, "service killed", s.killServices)
	if s.server != nil {
		s.runSurvivors(ctx, "server killed", s.killServer)
	}
	return nil
}

// tormented runs those jobs, if kills are asked for, during which anything may be killed, and
// returns the others.
func (s *suite) tormented(ctx context.Context, all []job) ([]job, error) {
	if s.options.torment == 0 {
		return all, nil
	}
	if s.server == nil {
		return nil, fmt.Errorf("torment: the server must be one that the suite starts")
	}
	var calm []job
	all = slices.DeleteFunc(all, func(j job) bool {
		if why := j.calm(); why != "" {
			calm = append(calm, j)
			return true
		}
		return false
	})
	t := newTorment(s.options.torment, s.server, s.env.services)
	patience := s.env.patience
	s.env.torment, s.env.patience = t, tormentPatience*patience
	killing, stop := context.WithCancel(ctx)
	var killer sync.WaitGroup
	killer.Go(func() { t.run(killing) })
	s.runJobs(ctx, all, tormentTogether)
	stop()
	killer.Wait()
	s.env.torment, s.env.patience = nil, patience
	s.env.client.CloseIdleConnections()
	s.env.h2.CloseIdleConnections()
	s.report(fmt.Sprintf("torment with seed %d: %d checks under kills, %d without; %s",
		s.options.torment, len(all), len(calm), t))
	return calm, t.failed()
}

// calm says why nothing may be killed while the job runs.
func (j *job) calm() string {
	if j.area == "wire" {
		return "hand-made deployments follow one attempt frame by frame"
	}
	return j.check.Calm
}

// runTapped runs the checks that look at the frames between the server and an SDK: for their
// time the services are registered at taps.
func (s *suite) runTapped(ctx context.Context) error {
	var all []job
	for _, services := range s.env.services {
		for _, check := range tapChecks() {
			if s.wanted(check.ID, services.sdk, check.Title) {
				all = append(all, job{services.sdk, services, check})
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	for _, services := range s.env.services {
		t, err := newTap(services.address)
		if err != nil {
			return err
		}
		services.tap = t
		defer t.close()
		if err := s.registerAt(ctx, services, t.url); err != nil {
			return err
		}
	}
	s.runJobs(ctx, all, maxTogether)
	return s.register(ctx)
}

type job struct {
	area  string
	sdk   *Services
	check Check
}

// runJobs runs the jobs that are wanted and can be run, so many at once.
func (s *suite) runJobs(ctx context.Context, jobs []job, together int) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, together)
	for _, j := range jobs {
		if !s.wanted(j.check.ID, j.area, j.check.Title) {
			continue
		}
		if lack := missing(j.area, j.check.ID, j.check.Title); lack != "" {
			s.leaveOut(j.check.ID, j.area, j.check.Title, lack)
			continue
		}
		if j.check.Crasher && s.gentle {
			s.skip(j.check.ID, j.area, j.check.Title, "this server does not survive it")
			continue
		}
		if j.check.Better != "" && s.options.server == "restate" {
			s.skip(j.check.ID, j.area, j.check.Title, "meant to differ: "+j.check.Better)
			continue
		}
		if j.check.QuickCleanup && s.options.server != "perdure" && s.options.server != "restate" {
			s.skip(j.check.ID, j.area, j.check.Title, "only on a server the suite configures")
			continue
		}
		if j.check.Own && s.env.launch == nil {
			s.skip(j.check.ID, j.area, j.check.Title, "needs servers that the suite starts")
			continue
		}
		if j.check.Seven && !s.env.seven {
			s.skip(j.check.ID, j.area, j.check.Title, "version 7 of the protocol is off")
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			start := time.Now()
			err := newCase(s.env, j.sdk).try(ctx, j.check.Run)
			for n := 0; n < repeats && errors.Is(err, errCut) && ctx.Err() == nil; n++ {
				s.env.torment.awaitServer(ctx)
				err = newCase(s.env, j.sdk).try(ctx, j.check.Run)
			}
			s.verdict(j.check.ID, j.area, j.check.Title, start, err)
		})
	}
	wg.Wait()
}

// runSurvivors sets all survivors up, has the process killed and started again, and looks.
func (s *suite) runSurvivors(ctx context.Context, how string, kill func(context.Context) error) {
	type half struct {
		job   job
		after func(*Case)
		c     *Case
		start time.Time
	}
	var halves []*half
	for _, services := range s.env.services {
		for _, v := range survivors() {
			check := Check{ID: v.ID, Title: how + ": " + v.Title, Run: v.Before}
			if !s.wanted(v.ID, services.sdk, check.Title) {
				continue
			}
			if lack := missing(services.sdk, v.ID, v.Title); lack != "" {
				s.leaveOut(v.ID, services.sdk, check.Title, lack)
				continue
			}
			halves = append(halves, &half{
				job:   job{services.sdk, services, check},
				after: v.After,
				c:     newCase(s.env, services),
			})
		}
	}
	if len(halves) == 0 {
		return
	}
	var wg sync.WaitGroup
	for _, h := range halves {
		h.start = time.Now()
		wg.Go(func() { h.c.err = h.c.try(ctx, h.job.check.Run) })
	}
	wg.Wait()
	err := kill(ctx)
	for _, h := range halves {
		wg.Go(func() {
			if err != nil && h.c.err == nil {
				h.c.err = err
			}
			if h.c.err == nil {
				h.c.err = h.c.try(ctx, h.after)
			}
			s.verdict(h.job.check.ID, h.job.area, h.job.check.Title, h.start, h.c.err)
		})
	}
	wg.Wait()
}

func (s *suite) killServices(ctx context.Context) error {
	for _, services := range s.env.services {
		services.kill()
	}
	for _, services := range s.env.services {
		if err := services.start(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *suite) killServer(ctx context.Context) error {
	s.server.kill()
	s.env.client.CloseIdleConnections()
	return s.server.start(ctx)
}

func (s *suite) wanted(parts ...string) bool {
	return s.match == "" || strings.Contains(strings.Join(parts, " "), s.match)
}

func (s *suite) skip(id, area, title, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total.skipped++
	s.report(fmt.Sprintf("skip %s %s %s: %s", id, area, title, why))
}

// leaveOut counts a check of what the SDK has no call for.
func (s *suite) leaveOut(id, sdk, title, lack string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total.notOffered++
	s.cover.of(id, sdk).notOffered++
	s.report(fmt.Sprintf("none %s %s %s: not offered by %s", id, sdk, title, lack))
}

func (s *suite) verdict(id, area, title string, start time.Time, err error) {
	took := time.Since(start).Round(time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.total.failed++
		s.cover.of(id, area).failed++
		s.report(fmt.Sprintf("FAIL %s %s %s %s: %v", id, area, title, took, err))
		return
	}
	s.total.passed++
	s.cover.of(id, area).passed++
	s.report(fmt.Sprintf("ok   %s %s %s %s", id, area, title, took))
}
