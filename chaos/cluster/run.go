package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/perdure/perdure/chaos/cluster/check"
	"github.com/perdure/perdure/chaos/cluster/history"
)

const (
	// pace is the longest pause of a client between two operations.
	pace = 40 * time.Millisecond
	// settleWithin is how long everything may take that was accepted, once all faults are over.
	settleWithin = 2 * time.Minute
	// answers is how often each node has to answer after the faults.
	answers = 5
)

// runOptions are those of one run on a cluster.
type runOptions struct {
	Workloads []string
	Nemeses   []string      // drawn from; each alone, or two at once
	First     []string      // strike before any is drawn, in this order
	Time      time.Duration // of load, with calm at both ends
	Hold      time.Duration // of a fault
	Calm      time.Duration // between two
	Both      bool          // now and then two at once
	Seed      uint64
	Prefix    string // of all keys
	Say       func(format string, args ...any)
	// script is what is done to the cluster; nil: the nemeses.
	script func(context.Context, *running) error
}

// run puts a cluster under load, tortures it, lets it recover, and judges. The error says why it
// could not be done; what the cluster did wrong is in the verdicts.
func run(ctx context.Context, c *Cluster, o runOptions) (*outcome, error) {
	r := &running{
		cluster: c, opts: o, rec: history.NewRecorder(), rng: rand.New(rand.NewPCG(o.Seed, 1)),
	}
	r.clients = newClients(c, r.rec)
	for _, name := range o.Workloads {
		w, ok := workloads[name]
		if !ok {
			return nil, fmt.Errorf("there is no workload %q: choose from %v", name, workloadNames)
		}
		r.work = append(r.work, w(o.Prefix+name+"-"))
	}
	alive := check.Verdict{Checker: "liveness", Subject: "cluster"}
	r.torment(ctx, &alive)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return r.judge(ctx, alive), nil
}

// running is a run under way.
type running struct {
	cluster *Cluster
	opts    runOptions
	rec     *history.Recorder
	rng     *rand.Rand
	clients *Clients
	work    []workload
	loaded  time.Duration // until when clients began new things
	settled time.Duration
}

// torment runs load and faults, and waits until everything has ended after them.
func (r *running) torment(ctx context.Context, alive *check.Verdict) {
	life, die := context.WithCancel(ctx)
	defer die()
	ended := r.load(ctx, life)
	script := r.opts.script
	if script == nil {
		script = func(ctx context.Context, r *running) error { return r.faults(ctx) }
	}
	if err := script(ctx, r); err != nil {
		alive.Problem("%v", err)
	}
	if ctx.Err() != nil {
		close(ended.stop)
		<-ended.done
		return
	}
	r.rec.Mark("all faults are over")
	healed := time.Now()
	r.everyNodeAnswers(ctx, alive)
	r.loaded = r.rec.Now()
	close(ended.stop)
	timer := time.NewTimer(settleWithin)
	defer timer.Stop()
	select {
	case <-ended.done:
	case <-timer.C:
		alive.Problem("%v after the last fault some clients still wait for what was accepted", settleWithin)
		die()
		<-ended.done
	}
	r.rec.Mark("all clients have ended")
	// All share the time, but each may look once at least.
	limited, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	for i, w := range r.work {
		if err := w.settle(r.clients.new(limited, r.opts.Seed)); err != nil {
			alive.Problem("%s: %v", r.opts.Workloads[i], err)
		}
	}
	// Nothing else shows a replica that stands still: the others serve without it.
	err := poll(limited, func() error {
		s, err := r.cluster.status(limited)
		if err == nil {
			err = s.level()
		}
		return err
	})
	if err != nil {
		alive.Problem("replicas do not catch up: %v", err)
	}
	r.settled = time.Since(healed)
	r.rec.Mark("everything has ended")
}

// load is clients at work.
type load struct {
	stop chan struct{} // closed: begin nothing more
	done chan struct{} // closed: all have ended
}

func (r *running) load(ctx, life context.Context) load {
	l := load{make(chan struct{}), make(chan struct{})}
	var all sync.WaitGroup
	for i, w := range r.work {
		for range r.crowd(w) {
			c := r.clients.new(life, r.opts.Seed+uint64(i))
			all.Go(func() {
				for ctx.Err() == nil {
					select {
					case <-l.stop:
						return
					default:
						w.work(c)
					}
				}
			})
		}
	}
	go func() { all.Wait(); close(l.done) }()
	return l
}

// crowd is how many clients a workload gets: fewer when there are many workloads.
func (r *running) crowd(w workload) int {
	if len(r.work) > 4 {
		return max(2, w.clients()/3)
	}
	return w.clients()
}

// faults strikes and heals until the time is over, and all have struck that are to be first.
func (r *running) faults(ctx context.Context) error {
	until := time.Now().Add(r.opts.Time)
	pause(ctx, r.opts.Calm)
	for i := 0; ctx.Err() == nil && (i < len(r.opts.First) || time.Now().Before(until)); i++ {
		name := r.opts.Nemeses[r.rng.IntN(len(r.opts.Nemeses))]
		if i < len(r.opts.First) {
			name = r.opts.First[i]
		}
		chosen := []string{name}
		if r.opts.Both && r.rng.IntN(2) == 0 {
			if other := r.opts.Nemeses[r.rng.IntN(len(r.opts.Nemeses))]; compatible(name, other) {
				chosen = append(chosen, other)
			}
		}
		if err := r.strike(ctx, chosen); err != nil {
			return err
		}
		pause(ctx, r.opts.Calm)
	}
	return ctx.Err()
}

// compatible tells whether two nemeses may be at work together: one in the network and one that only
// takes processes away, so that each can end by itself.
func compatible(a, b string) bool {
	simple := []string{"kill", "kill-leader", "pause", "service"}
	if nemeses[b].network {
		a, b = b, a
	}
	return nemeses[a].network && slices.Contains(simple, b)
}

// inOrder puts nemeses in the network last, so that they are ended first: what was taken away cannot
// come back into a cluster that is cut into pieces.
func inOrder(names []string) []string {
	names = slices.Clone(names)
	slices.SortStableFunc(names, func(a, b string) int {
		switch {
		case nemeses[a].network == nemeses[b].network:
			return 0
		case nemeses[a].network:
			return 1
		}
		return -1
	})
	return names
}

// strike has some nemeses at work for a while.
func (r *running) strike(ctx context.Context, names []string) error {
	s := &scene{cluster: r.cluster, clients: r.clients, rng: r.rng, hold: r.opts.Hold}
	var heals []func(context.Context) error
	for _, name := range inOrder(names) {
		n := nemeses[name]
		fault := r.rec.Fault(name)
		detail, heal, err := n.strike(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fault.Describe(detail)
		r.opts.Say("  %6.1fs %s %s", r.rec.Now().Seconds(), name, detail)
		heals = append(heals, func(ctx context.Context) error {
			defer fault.End()
			if err := heal(ctx); err != nil {
				return fmt.Errorf("%s %s does not end: %w", name, detail, err)
			}
			return nil
		})
	}
	pause(ctx, r.opts.Hold)
	var errs []error
	for _, heal := range slices.Backward(heals) {
		errs = append(errs, heal(ctx))
	}
	return errors.Join(errs...)
}

// everyNodeAnswers calls each node until it has answered, on several keys.
func (r *running) everyNodeAnswers(ctx context.Context, alive *check.Verdict) {
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	c := r.clients.new(ctx, r.opts.Seed)
	for _, n := range r.cluster.nodes {
		for i := range answers {
			req := request{workload: "liveness", kind: "get", key: fmt.Sprintf("%slive%d", r.opts.Prefix, i)}
			req.path = call("Count", req.key, "get")
			alive.Checked++
			err := await(c, func() error { return c.once(n, req).err })
			if err != nil {
				alive.Problem("%s does not answer %v after the last fault: %v", n.name, settleWithin, err)
				break
			}
		}
	}
}

// dump ends the nodes that still run and tells what they were doing: what stands still cannot be seen
// from outside.
func (r *running) dump() {
	for _, n := range r.cluster.nodes {
		if !n.running() {
			continue
		}
		waiting, err := n.proc.Dump()
		if err != nil {
			r.opts.Say("  %s: %v", n.name, err)
			continue
		}
		r.opts.Say("  the stacks of %s are in %s; those that wait for a lock:\n%s", n.name, n.log(), waiting)
	}
}

// judge asks all checkers.
func (r *running) judge(ctx context.Context, alive check.Verdict) *outcome {
	stalls, err := r.cluster.stalls(ctx)
	if err != nil {
		alive.Problem("%v", err)
	}
	for _, s := range stalls {
		alive.Problem("the server found a stall: %s", s)
	}
	for _, n := range r.cluster.nodes {
		if !n.running() {
			alive.Problem("node %s has ended by itself:\n%s", n.name, n.proc.Tail())
		}
	}
	if !alive.Valid() {
		r.dump()
	}
	honest := check.Verdict{Checker: "refusals", Subject: "cluster"}
	for _, text := range r.clients.refused {
		honest.Problem("%s", text)
	}
	h := r.rec.History()
	ok, failed, unknown := h.Count()
	alive.Checked += ok
	honest.Checked = ok + failed + unknown
	out := &outcome{
		Options: r.opts, Verdicts: []check.Verdict{alive, honest}, History: h, Errors: r.clients.errors,
		Settled: r.settled, Loaded: r.loaded, Down: h.LongestGap(0, r.loaded), Nodes: len(r.cluster.nodes),
		Zones: r.cluster.opts.Zones,
	}
	if r.cluster.net != nil {
		out.Network = r.cluster.net.Count()
	}
	for _, w := range r.work {
		out.Verdicts = append(out.Verdicts, w.verdicts()...)
	}
	return out
}
