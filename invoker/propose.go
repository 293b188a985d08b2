package invoker

import (
	"time"

	"github.com/perdure/perdure/protocol/command"
)

// proposals are the effects of a run that the log has not applied yet, oldest first.
type proposals struct {
	queue     []proposal    // not taken by the log yet
	pushAt    time.Time     // when to offer the queue again; zero: it is empty
	pause     time.Duration // before the next offer
	unapplied int           // those in queue included
	bytes     int           // of the unapplied
}

type proposal struct {
	effect *command.InvokerEffect
	bytes  int
	last   bool // the run ends when it is applied
}

func (p *proposals) none() bool { return p.unapplied == 0 }

// full reports whether the deployment must wait for the log.
func (p *proposals) full(limitBytes int) bool {
	return p.unapplied >= maxUnapplied || p.bytes >= limitBytes || len(p.queue) > 0
}

// propose hands effects to the log as one record; last says that the run ends with them.
func (r *run) propose(effects []command.Effect, last bool) {
	p := proposal{
		effect: &command.InvokerEffect{ID: r.id, Attempt: r.attempt, Effects: effects}, last: last,
	}
	for i := range effects {
		p.bytes += effectBytes(&effects[i])
	}
	ps := &r.proposals
	ps.unapplied++
	ps.bytes += p.bytes
	if len(ps.queue) > 0 || !r.proposeNow(p) {
		ps.queue = append(ps.queue, p)
		if ps.pushAt.IsZero() {
			ps.pause = pushBackMin
			ps.pushAt = time.Now().Add(ps.pause)
		}
	}
}

func (r *run) proposeNow(p proposal) bool {
	return r.p.proposer.Propose(p.effect, r.trace, func(err error) { r.applied(p, err) }) == nil
}

// offer offers again what the log pushed back, if the time has come.
func (r *run) offer(now time.Time) {
	ps := &r.proposals
	if ps.pushAt.IsZero() || now.Before(ps.pushAt) {
		return
	}
	for len(ps.queue) > 0 {
		if !r.proposeNow(ps.queue[0]) {
			ps.pause = min(2*ps.pause, pushBackMax)
			ps.pushAt = now.Add(ps.pause)
			return
		}
		ps.queue = ps.queue[1:]
	}
	ps.queue, ps.pushAt = nil, time.Time{}
}

// applied takes the fate of a proposal.
func (r *run) applied(p proposal, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase == phaseGone {
		return
	}
	r.proposals.unapplied--
	r.proposals.bytes -= p.bytes
	if err != nil || p.last {
		r.goneLocked()
		return
	}
	now := time.Now()
	if r.phase == phaseRunning {
		limit := r.p.invoker.cfg.InvocationMemoryLimitBytes
		r.try.setReading(!r.proposals.full(limit))
		return
	}
	r.tryAgain(now)
	r.arm()
}
