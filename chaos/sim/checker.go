package main

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// checker watches over a world and remembers what must not change.
type checker struct {
	w       *World
	digests map[place]uint64
	seen    map[protocol.PartitionID]protocol.LSN // newest record that was looked at
	// journals are the longest ones seen, entry by entry.
	journals map[incarnation][]string
	results  map[string]journal.NotificationResult // by invocation
	patches  map[string]bool
	records  int
}

type place struct {
	partition protocol.PartitionID
	lsn       protocol.LSN
}

// incarnation tells an invocation from a later one with the same ID.
type incarnation struct {
	id   protocol.InvocationID
	life uint64
}

func newChecker(w *World) *checker {
	return &checker{
		w: w, digests: map[place]uint64{}, seen: map[protocol.PartitionID]protocol.LSN{},
		journals: map[incarnation][]string{}, results: map[string]journal.NotificationResult{},
		patches: map[string]bool{},
	}
}

const rowsEvery = 40 // records after which the rows of a replica are looked at as a whole

// opened looks at a replica that came back.
func (c *checker) opened(n *node) { c.digest(n) }

// applied looks at a replica after it applied records.
func (c *checker) applied(n *node, records []bifrost.Record) {
	c.digest(n)
	for _, r := range records {
		if r.LSN <= c.seen[n.p.id] {
			continue
		}
		c.seen[n.p.id] = r.LSN
		c.record(n, r)
	}
	c.records += len(records)
	if c.records >= rowsEvery {
		c.records = 0
		if err := checkRows(n); err != nil {
			c.w.fail("rows of %s: %v", n, err)
		}
	}
}

// digest compares replicas at the same position.
func (c *checker) digest(n *node) {
	vars, err := n.Store().Reader().Vars()
	if err != nil {
		c.w.fail("read the vars of %s: %v", n, err)
		return
	}
	at := place{n.p.id, vars.Applied}
	if first, ok := c.digests[at]; ok && first != vars.Digest {
		c.w.fail("%s has digest %016x at %s, another replica had %016x", n, vars.Digest,
			vars.Applied, first)
	}
	c.digests[at] = vars.Digest
}

// record looks at a command when the first replica applies it.
func (c *checker) record(n *node, r bifrost.Record) {
	h, cmd, err := command.Decode(r.Data)
	if err != nil {
		c.w.fail("record %s of %s cannot be read: %v", r.LSN, n, err)
		return
	}
	if c.w.opts.Trace != nil {
		c.w.trace("  %s: %s %s", r.LSN, strings.TrimPrefix(fmt.Sprintf("%T", cmd), "*command."),
			describe(&h, cmd))
	}
	if fired, ok := cmd.(*command.TimerFired); ok && h.Time.Millis() < fired.Timer.Due {
		c.w.fail("a timer of %s due at %d fired at %d", fired.Timer.Invocation, fired.Timer.Due,
			h.Time.Millis())
	}
}

func describe(h *command.Header, c command.Command) string {
	switch c := c.(type) {
	case *command.InvokerEffect:
		return short("epoch %d.%d %s attempt %d: %s", h.Producer.Epoch, h.Sequence, name(c.ID),
			c.Attempt, kinds(c.Effects))
	case *command.Invoke:
		return name(c.ID) + " " + c.Target.String() + " " + string(c.Parameter.Inline)
	case *command.Envelope:
		s := short("from %d", h.Producer.Partition)
		for _, m := range c.Messages {
			s += short(" [%d %T %s]", m.Sequence, m.Command, describe(h, m.Command))
		}
		return s
	case *command.Complete:
		return short("%s completion %d", name(c.ID), c.CompletionID)
	case *command.Signal:
		return short("%s %s", name(c.ID), c.Signal)
	case *command.TimerFired:
		return short("%s kind %d", name(c.Timer.Invocation), c.Timer.Kind)
	case *command.Terminate:
		return name(c.ID)
	case *command.TruncateOutbox:
		return short("%d", c.Sequences)
	}
	return ""
}

// journal compares a journal with the longest one that was seen: entries are never lost, replaced
// or moved. A leader of the past may see a shorter one.
func (c *checker) journal(st *store.Status, entries []journal.Entry) error {
	key := incarnation{st.ID, st.Life}
	known := c.journals[key]
	for i := range entries {
		e := string(entries[i].Type.Name()) + " " + string(entries[i].Body.Inline)
		if i >= len(known) {
			known = append(known, e)
		} else if known[i] != e {
			return fmt.Errorf("entry %d is %q, and was %q", i, e, known[i])
		}
	}
	c.journals[key] = known
	return nil
}

// stored looks whether what a leader was told is stored is stored.
func (c *checker) stored(r *run, effects []command.Effect) {
	n := r.a.n
	if epoch, ok := n.leader.Leading(); !ok || epoch != r.a.proposer.Epoch() {
		return // it was told too late to believe it
	}
	rows := n.Store().Reader()
	st, ok, err := rows.GetStatus(r.id)
	vars, err2 := rows.Vars()
	if err != nil || err2 != nil {
		c.w.fail("read %s: %v, %v", r.id, err, err2)
		return
	}
	if !ok || st.CreatedAt != r.createdAt || st.State != store.Invoked || st.Attempt != r.attempt ||
		vars.Epoch != r.a.proposer.Epoch() {
		return // it was dropped, and r is told so
	}
	for i := range effects {
		switch e := &effects[i]; e.Kind {
		case command.EffectCommand:
			if st.CommandCount <= e.CommandIndex {
				c.w.fail("command %d of %s was acknowledged and is lost", e.CommandIndex, r.id)
			}
		case command.EffectRunCompletion:
			if _, ok, err := rows.GetNotification(r.id, journal.Completion(e.CompletionID)); !ok {
				c.w.fail("the result of run %d of %s was acknowledged and is lost (%v)", e.CompletionID,
					r.id, err)
			}
		}
	}
}

// result compares what somebody is told of an invocation's end with what others were told.
func (c *checker) result(id string, s *script, r journal.NotificationResult) {
	first, ok := c.results[id]
	if ok && !reflect.DeepEqual(first, r) {
		c.w.fail("%s (%s) ended with %+v, and with %+v", id, s.token(), first, r)
	}
	c.results[id] = r
	text := string(r.Value)
	if r.Kind == journal.ResultFailure {
		text = r.Failure.Message
	}
	if strings.HasPrefix(text+" ", s.token()+" ") && s.fails == (r.Kind == journal.ResultFailure) {
		return
	}
	if s.loose && r.Kind == journal.ResultFailure && r.Failure.Code == protocol.CodeConflict {
		return
	}
	c.w.fail("%s (%s) ended with %+v", id, s.token(), r)
}

// once looks whether a notification came once.
func (c *checker) once(h *handler, id noteID) {
	count := 0
	for i := range h.t.notes {
		if h.t.notes[i].ID == id {
			count++
		}
	}
	if count != 1 {
		c.w.fail("%s came to %s %d times", id, h.r.id, count)
	}
}
