package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

const (
	maxSettle   = 5 * time.Minute // less than what is kept is kept for
	maxSettling = 100_000         // events
	maxForget   = time.Hour
)

// settle stops the faults and looks whether everything ends and nothing is left.
func (w *World) settle() {
	w.trace("the faults stop")
	w.calm = true
	for w.restart() {
	}
	for _, p := range w.partitions {
		n := p.leaderNode() // who leads keeps what it knows: nothing of it may be missing
		if n == nil || w.chance(0.3) {
			n = p.nodes[w.rng.IntN(len(p.nodes))]
		}
		w.elect(p, n, true)
	}
	w.goOn(maxSettle, w.unsettled)
	if w.err == nil {
		w.check.effects()
	}
	if w.err == nil {
		w.trace("everything ended")
		w.goOn(maxForget, w.left)
	}
	for _, n := range w.nodes {
		if w.err == nil {
			if err := checkRows(n); err != nil {
				w.fail("rows of %s at the end: %v", n, err)
			}
		}
	}
}

// goOn lets things happen until nothing is open any more; open says what is.
func (w *World) goOn(limit time.Duration, open func() string) {
	end := w.clock.Now().Add(limit)
	for limit := w.steps + maxSettling; w.err == nil; {
		w.steps++
		if w.happen(ordinary) {
			if w.steps > limit {
				w.fail("too much goes on after the faults have stopped: %s", open())
			}
			continue
		}
		why := open()
		if why == "" {
			return
		}
		if w.resumePaused() {
			continue
		}
		if stalled, err := w.explained(); err != nil || stalled != "" {
			w.fail("stalled: %s (%v)", stalled, err)
			return
		}
		next, ok := w.clock.Next()
		if !ok || next.After(end) {
			w.fail("nothing goes on, but %s", why)
			return
		}
		w.clock.Advance(next.Sub(w.clock.Now()))
	}
}

// leaderNode is the one leader that a settled partition has.
func (p *partitionLog) leaderNode() *node {
	for _, n := range p.nodes {
		if n.leading() && n.p.log.Leader() == n.replica {
			return n
		}
	}
	return nil
}

// resumePaused does what an operator does in the end.
func (w *World) resumePaused() bool {
	any := false
	for _, p := range w.partitions {
		n := p.leaderNode()
		if n == nil {
			continue
		}
		for st, err := range n.Store().Reader().ScanStatus(n.keys) {
			if err != nil {
				w.fail("scan %s: %v", n, err)
				return false
			}
			if st.State == store.Paused {
				w.resume(st.ID)
				any = true
			}
		}
	}
	return any
}

// unsettled says what has not ended.
func (w *World) unsettled() string {
	for _, p := range w.partitions {
		n := p.leaderNode()
		if n == nil {
			return fmt.Sprintf("partition %d has no leader", p.id)
		}
		rows := n.Store().Reader()
		for st, err := range rows.ScanStatus(n.keys) {
			if err != nil || st.State != store.Completed {
				s, _ := w.scriptOfStatus(n, &st)
				return fmt.Sprintf("%s (%s, %s) in partition %d is %s in attempt %d and waits for %+v (%v): %s",
					name(st.ID), st.Target, s, p.id, st.State, st.Attempt, st.Awaiting, err,
					w.explanation(n, &st))
			}
		}
		outbox, err := rows.Outbox(0, 1)
		if err != nil || len(outbox) > 0 {
			return fmt.Sprintf("messages are left in the outbox of partition %d (%v)", p.id, err)
		}
		for l, err := range rows.ScanLocks(n.keys) {
			return fmt.Sprintf("%s is held by %s (%v)", l.Object, l.Lock.Holder, err)
		}
		for q, err := range rows.ScanInbox(n.keys) {
			return fmt.Sprintf("%s waits for %s (%v)", q.Invocation, q.Object, err)
		}
	}
	for _, a := range w.asks {
		return fmt.Sprintf("%q has no answer", a.what)
	}
	return ""
}

func (w *World) scriptOfStatus(n *node, st *store.Status) (string, error) {
	entries, err := n.Store().Reader().Journal(st.ID)
	if err != nil || len(entries) == 0 {
		return "no journal", err
	}
	s, _ := w.scriptOf(entries)
	return s.token(), nil
}

// left says which rows are left once everything was forgotten that is kept for a time only.
func (w *World) left() string {
	for _, p := range w.partitions {
		n := p.leaderNode()
		if n == nil {
			return fmt.Sprintf("partition %d has no leader", p.id)
		}
		rows := n.Store().Reader()
		if answers, err := rows.Answers(store.AnswerKey{}, 1); err != nil || len(answers) > 0 {
			return fmt.Sprintf("answer %x is left in partition %d (%v)", answers, p.id, err)
		}
		timers, err := rows.Timers(command.Timer{}, 1)
		if err != nil || len(timers) > 0 {
			return fmt.Sprintf("timer %+v is left in partition %d (%v)", timers, p.id, err)
		}
		for st, err := range rows.ScanStatus(n.keys) {
			return fmt.Sprintf("status %s is left in partition %d (%v)", st.ID, p.id, err)
		}
		for j, err := range rows.ScanJournal(n.keys) {
			return fmt.Sprintf("a journal entry of %s is left in partition %d (%v)", j.ID, p.id, err)
		}
		for v, err := range rows.ScanEvents(n.keys) {
			return fmt.Sprintf("an event of %s is left in partition %d (%v)", v.ID, p.id, err)
		}
		for x, err := range rows.ScanPromises(n.keys) {
			return fmt.Sprintf("promise %s of %s is left in partition %d (%v)", x.Name, x.Object, p.id,
				err)
		}
		for s, err := range rows.ScanState(n.keys) {
			if strings.HasPrefix(s.Object.Service, "Workflow") {
				return fmt.Sprintf("state of %s is left (%v)", s.Object, err)
			}
		}
	}
	return ""
}

// effects looks whether every accepted script did what it does, once, and in order.
func (c *checker) effects() {
	logs := map[store.Object][]string{}
	counts := map[store.Object]string{}
	for _, p := range c.w.partitions {
		n := p.leaderNode()
		for s, err := range n.Store().Reader().ScanState(n.keys) {
			if err != nil {
				c.w.fail("scan the state of %s: %v", n, err)
				return
			}
			value := string(s.Value.Inline)
			switch key := string(s.Key); {
			case s.Object.Service == patchedService:
				if !c.patches[value] {
					c.w.fail("%s holds %q, which nobody has put there", s.Object, value)
				}
			case key == logKey:
				logs[s.Object] = strings.Fields(value)
			case key == countKey:
				counts[s.Object] = value
			default:
				c.w.fail("state %q of %s is left", key, s.Object)
			}
		}
	}
	for _, s := range c.w.scripts {
		if s.adds() {
			c.tookEffect(s, logs[store.ObjectOf(s.target)])
		}
	}
	for object, log := range logs {
		if counts[object] != short("%d", len(log)) {
			c.w.fail("%s counted %s calls and logged %d", object, counts[object], len(log))
		}
		c.order(object, log)
	}
}

// tookEffect looks for a script's token in its object's log.
func (c *checker) tookEffect(s *script, log []string) {
	count := 0
	for _, token := range log {
		if token == s.token() {
			count++
		}
	}
	least := 1
	if s.loose || mayBePurged(s) {
		least = 0
	}
	if count < least || count > 1 {
		c.w.fail("%s took effect %d times on %s/%s, want %d to 1", s.token(), count,
			s.target.Service, s.target.Key, least)
	}
}

// mayBePurged reports whether the state may have gone with a workflow that somebody purged.
func mayBePurged(s *script) bool {
	return s.target.Kind == protocol.KindWorkflow && s.parent == nil
}

// order looks whether calls that one sender sent to one key took effect in the order of sending.
func (c *checker) order(object store.Object, log []string) {
	for i, later := range log {
		for _, earlier := range log[:i] {
			a, b := c.byToken(earlier), c.byToken(later)
			if a != nil && b != nil && a.parent != nil && a.parent == b.parent && a.ordered && b.ordered &&
				a.order > b.order {
				c.w.fail("%s took effect before %s on %s, though it was sent after it: %v", earlier, later,
					object, log)
			}
		}
	}
}

func (c *checker) byToken(token string) *script {
	i := slices.IndexFunc(c.w.scripts, func(s *script) bool { return s.token() == token })
	if i < 0 {
		c.w.fail("a log holds %q, which nobody has written", token)
		return nil
	}
	return c.w.scripts[i]
}
