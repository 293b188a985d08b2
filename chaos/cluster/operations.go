package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/chaos/cluster/history"
)

const (
	// notice is how long before an operation clients leave a node alone, as a load balancer would.
	notice = 300 * time.Millisecond
	// aftermath is how long a kill is looked at: whatever it cost shows by then.
	aftermath = 5 * time.Second
	// evacuateWithin is the deadline of an evacuation.
	evacuateWithin = 2 * time.Minute
	// randomRound is one run of -random; after so many, everything is made anew.
	randomRound, randomRounds = 60 * time.Second, 5
)

// Goals of failover: the longest gap of a key, in the middle and at worst.
const (
	goalMedian = 800 * time.Millisecond
	goalWorst  = 1500 * time.Millisecond
)

// doRandom draws workloads and nemeses until the time is over. What fails is kept and the next
// round goes on with a new cluster.
func (a *arguments) doRandom(ctx context.Context) (bool, error) {
	rng := rand.New(rand.NewPCG(a.run.Seed, 2))
	until := time.Now().Add(a.random)
	var c *Cluster
	defer func() {
		if c != nil {
			_ = c.Close()
		}
	}()
	rounds, operations, bad := 0, 0, 0
	for ; time.Now().Before(until) && ctx.Err() == nil; rounds++ {
		if c == nil {
			var err error
			if c, err = a.newCluster(ctx); err != nil {
				return false, err
			}
		}
		o := a.run
		o.Workloads, o.Nemeses = draw(rng, workloadNames, 3), a.possible(c, draw(rng, nemesisNames[1:], 4))
		o.Time, o.Both, o.Seed, o.Prefix = randomRound, true, rng.Uint64(), fmt.Sprintf("r%d-", rounds)
		a.run.Say("round %d: %s under %s, seed %d", rounds+1, strings.Join(o.Workloads, ", "),
			strings.Join(o.Nemeses, ", "), o.Seed)
		result, err := run(ctx, c, o)
		if err != nil {
			return false, err
		}
		ok, _, _ := result.History.Count()
		operations += ok
		if !result.valid() {
			bad++
			result.print(a.run.Say)
		}
		if err := result.write(a.out, fmt.Sprintf("round-%d", rounds+1)); err != nil {
			return false, err
		}
		if !result.valid() || (rounds+1)%randomRounds == 0 {
			if err := c.Close(); err != nil {
				return false, err
			}
			c = nil
		}
	}
	a.run.Say("%d rounds, %d operations, %d rounds invalid; reports in %s", rounds, operations, bad, a.out)
	return bad == 0, ctx.Err()
}

func draw(rng *rand.Rand, from []string, count int) []string {
	all := slices.Clone(from)
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:count]
}

// doOperations does what operators and bad luck do, one after the other, under load that measures.
func (a *arguments) doOperations(ctx context.Context) (bool, error) {
	valid := true
	for _, op := range []struct {
		wanted      bool
		name        string
		replication string
		script      func(*running, context.Context) error
	}{
		{a.failover > 0, "failover", "", func(r *running, ctx context.Context) error { return r.failover(ctx, a.failover) }},
		{a.rolling, "rolling", "", (*running).rolling},
		{a.evacuate, "evacuate", "{zone: 2, node: 3}", (*running).evacuate},
	} {
		if !op.wanted {
			continue
		}
		if a.cluster.Nodes < 3 {
			return false, errors.New("this needs three nodes at least")
		}
		a.cluster.Replication = op.replication
		c, err := a.newCluster(ctx)
		if err != nil {
			return false, err
		}
		o := a.run
		// The probe alone is measured; the others say whether anything was lost.
		o.Workloads, o.Prefix = []string{"probe", "chain", "delayed", "exclusive"}, op.name+"-"
		if op.name == "failover" {
			o.Workloads = o.Workloads[:1]
		}
		o.script = func(ctx context.Context, r *running) error { return op.script(r, ctx) }
		good, err := a.one(ctx, c, o, op.name)
		if err := errors.Join(err, c.Close()); err != nil {
			return false, err
		}
		valid = valid && good
	}
	return valid, nil
}

// failover kills the node that leads most, again and again. Clients talk to the others.
func (r *running) failover(ctx context.Context, kills int) error {
	s := &scene{cluster: r.cluster, clients: r.clients, rng: r.rng}
	var all, key []time.Duration
	pause(ctx, r.opts.Calm)
	for i := range kills {
		n, err := s.leader(ctx)
		if err != nil {
			return err
		}
		r.clients.avoid(n, true)
		pause(ctx, notice)
		r.awaitIdle(ctx, n)
		fault := r.rec.Fault("kill-leader")
		fault.Describe(n.String())
		at := r.rec.Now()
		n.kill()
		pause(ctx, aftermath)
		h := r.rec.History()
		a, k := h.LongestGap(at, at+aftermath), h.LongestKeyGap(at, at+aftermath-time.Second)
		all, key = append(all, a.Length()), append(key, k.Length())
		r.opts.Say("  kill %2d, %s: nothing succeeded for %v, key %s for %v", i+1, n, ms(a.Length()), k.Key, ms(k.Length()))
		if err := n.restart(ctx); err != nil {
			return err
		}
		fault.End()
		if err := r.cluster.awaitSettled(ctx, startWithin); err != nil {
			return err
		}
		r.clients.avoid(n, false)
		pause(ctx, r.opts.Calm)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	h := r.rec.History()
	calm := calmGaps(h)
	r.opts.Say("%d kills: without any success: median %v, worst %v; for one key: median %v (goal %v), worst %v (goal %v); "+
		"between kills, when nothing was wrong, for one key: worst %v", kills,
		ms(median(all)), ms(slices.Max(all)), ms(median(key)), goalMedian, ms(slices.Max(key)), goalWorst, ms(calm))
	return nil
}

// awaitIdle waits until no request is under way on a node that is avoided.
func (r *running) awaitIdle(ctx context.Context, n *Node) {
	for r.clients.busy(n) > 0 && ctx.Err() == nil {
		pause(ctx, pollEvery)
	}
}

// calmGaps is the longest gap of a key at times without any fault: how much of the figures is the
// machine.
func calmGaps(h history.History) (worst time.Duration) {
	last := time.Duration(0)
	for _, f := range append(h.Faults, history.Fault{Start: h.Length}) {
		from, to := last+time.Second, f.Start
		if to > from {
			worst = max(worst, h.LongestKeyGap(from, to).Length())
		}
		last = f.End
	}
	return worst
}

// rolling restarts every node in good order.
func (r *running) rolling(ctx context.Context) error {
	pause(ctx, r.opts.Calm)
	began := time.Now()
	for _, n := range r.cluster.nodes {
		r.clients.avoid(n, true)
		pause(ctx, notice)
		r.awaitIdle(ctx, n)
		fault := r.rec.Fault("restart")
		fault.Describe(n.String())
		stopped, err := n.stop()
		if err == nil {
			err = n.restart(ctx)
		}
		if err == nil {
			err = r.cluster.awaitSettled(ctx, startWithin)
		}
		if err != nil {
			return err
		}
		fault.End()
		r.opts.Say("  %s stopped after %v", n, ms(stopped))
		r.clients.avoid(n, false)
	}
	took := time.Since(began)
	pause(ctx, r.opts.Calm)
	h := r.rec.History()
	r.opts.Say("%d nodes restarted in %v; longest gap of a key %v", len(r.cluster.nodes), ms(took),
		ms(h.LongestKeyGap(time.Second, h.Length-time.Second).Length()))
	return nil
}

// evacuate empties a zone, stops its nodes, and brings them back.
func (r *running) evacuate(ctx context.Context) error {
	pause(ctx, r.opts.Calm)
	zone := r.cluster.nodes[r.rng.IntN(len(r.cluster.nodes))].zone
	_, nodes := (&scene{cluster: r.cluster, rng: r.rng}).some(0)
	nodes = slices.DeleteFunc(nodes, func(n *Node) bool { return n.zone != zone })
	fault := r.rec.Fault("evacuate")
	fault.Describe("zone " + zone)
	began := time.Now()
	if err := r.cluster.order(ctx, "zones/region."+zone+"/drain", ""); err != nil {
		return err
	}
	if err := r.cluster.awaitDrained(ctx, evacuateWithin, nodes...); err != nil {
		return err
	}
	took := time.Since(began)
	for _, n := range nodes {
		r.clients.avoid(n, true)
	}
	pause(ctx, notice)
	for _, n := range nodes {
		r.awaitIdle(ctx, n)
		if _, err := n.stop(); err != nil {
			return err
		}
	}
	r.opts.Say("  zone %s, %s: empty after %v, then stopped", zone, names(nodes), ms(took))
	pause(ctx, r.opts.Hold)
	fault.End()
	began = time.Now()
	for _, n := range nodes {
		err := n.restart(ctx)
		if err == nil {
			err = r.cluster.order(ctx, "nodes/"+n.name+"/activate", "")
		}
		if err != nil {
			return err
		}
		r.clients.avoid(n, false)
	}
	if err := r.cluster.awaitSettled(ctx, evacuateWithin); err != nil {
		return err
	}
	back := time.Since(began)
	pause(ctx, r.opts.Calm)
	h := r.rec.History()
	r.opts.Say("zone %s evacuated in %v, back in %v; longest gap of a key %v", zone, ms(took), ms(back),
		ms(h.LongestKeyGap(time.Second, h.Length-time.Second).Length()))
	return nil
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return (d[(len(d)-1)/2] + d[len(d)/2]) / 2
}

func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
