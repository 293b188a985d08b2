package explain

import (
	"fmt"
	"time"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
)

const (
	rowsPerStep  = 100  // invocations that a step looks at
	maxSuspects  = 1000 // invocations that are watched; beyond it, later rounds find the rest
	confirmAfter = 3 * time.Second
	// roundPause is how long the checker rests between two rounds over all rows.
	roundPause = 2 * time.Second
)

// Finding is a stall that was there for a while.
type Finding struct {
	Explanation
	Found time.Time // when it was seen first
}

// Checker goes over the invocations of one partition, a few at a time, again and again, and reports
// those that nothing will bring on. It is a core: Step does a bounded amount of work.
type Checker struct {
	after    protocol.InvocationID // where the next step begins
	rest     time.Time             // no new rows before
	looked   time.Time             // when the suspects were looked at last
	suspects map[protocol.InvocationID]*suspect
}

type suspect struct {
	row   fingerprint
	since time.Time
	last  Explanation
	found bool
}

// fingerprint changes whenever an invocation has got any further.
type fingerprint struct {
	state    store.State
	modified protocol.Millis
	entries  uint32
	attempt  uint32
}

func fingerprintOf(st *store.Status) fingerprint {
	return fingerprint{st.State, st.ModifiedAt, st.EntryCount, st.Attempt}
}

// NewChecker starts at the first row.
func NewChecker() *Checker {
	return &Checker{suspects: make(map[protocol.InvocationID]*suspect)}
}

// Step looks at the suspects again and at some more rows. It returns how many stalls stand confirmed.
func (c *Checker) Step(w *World, now time.Time) (stalled int, err error) {
	if now.After(c.looked) { // not in each of several steps
		if err := c.again(w, now); err != nil {
			return 0, err
		}
		c.looked = now
	}
	if err := c.onward(w, now); err != nil {
		return 0, err
	}
	for _, s := range c.suspects {
		if s.found {
			stalled++
		}
	}
	return stalled, nil
}

// Rests reports whether there are no rows to look at before a later time.
func (c *Checker) Rests(now time.Time) bool { return now.Before(c.rest) }

// again looks at the suspects: one that is no longer stalled, or has moved, is none.
func (c *Checker) again(w *World, now time.Time) error {
	for id, s := range c.suspects {
		st, ok, err := w.Rows.GetStatus(id)
		if err != nil {
			return fmt.Errorf("check %s: %w", id, err)
		}
		if !ok || st.State == store.Completed || fingerprintOf(&st) != s.row {
			delete(c.suspects, id)
			continue
		}
		x, err := explain(w, &st)
		switch {
		case err != nil:
			return fmt.Errorf("check %s: %w", id, err)
		case !x.Stalled:
			delete(c.suspects, id)
		default:
			s.last, s.found = x, now.Sub(s.since) >= confirmAfter
		}
	}
	return nil
}

func (c *Checker) onward(w *World, now time.Time) error {
	if now.Before(c.rest) {
		return nil
	}
	rows, last, more, err := w.Rows.Unfinished(c.after, rowsPerStep)
	if err != nil {
		return fmt.Errorf("check invocations: %w", err)
	}
	for i := range rows {
		st := &rows[i]
		if c.suspects[st.ID] != nil || len(c.suspects) >= maxSuspects {
			continue
		}
		x, err := explain(w, st)
		if err != nil {
			return fmt.Errorf("check %s: %w", st.ID, err)
		}
		if x.Stalled {
			c.suspects[st.ID] = &suspect{row: fingerprintOf(st), since: now, last: x}
		}
	}
	if c.after = last; !more {
		c.after, c.rest = protocol.InvocationID{}, now.Add(roundPause)
	}
	return nil
}

// Findings are the stalls that stand confirmed, in no order.
func (c *Checker) Findings() []Finding {
	var all []Finding
	for _, s := range c.suspects {
		if s.found {
			all = append(all, Finding{s.last, s.since})
		}
	}
	return all
}
