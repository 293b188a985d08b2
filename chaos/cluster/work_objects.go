package main

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/perdure/perdure/chaos/cluster/check"
	"github.com/perdure/perdure/chaos/cluster/history"
)

// Keys of registers and lists are left after so many operations.
const perKey = 60

// registerWork reads, writes, and compares and sets.
type registerWork struct {
	keys
	mu  sync.Mutex
	ops []check.RegisterOp // guarded by mu
}

func (w *registerWork) clients() int { return 5 }

func (w *registerWork) work(c *client) {
	key := w.turn("r", perKey)
	o := check.RegisterOp{Key: key, From: c.rng.IntN(4), To: c.rng.IntN(4)}
	r := request{workload: "register", key: key}
	switch c.rng.IntN(5) {
	case 0, 1:
		o.Kind, r.path = check.Read, call("Register", key, "read")
	case 2:
		o.Kind, r.path = check.Read, call("Register", key, "peek")
	case 3:
		o.Kind, r.path, r.body = check.Write, call("Register", key, "write"), o.To
	default:
		o.Kind, r.path, r.body = check.Swap, call("Register", key, "cas"), swap{o.From, o.To}
	}
	r.kind = string(o.Kind)
	a := c.anywhere(r)
	o.Span = a.span
	var err error
	switch o.Kind {
	case check.Read:
		err = a.into(&o.Got)
	case check.Swap:
		err = a.into(&o.Swapped)
	}
	if a.ok() && err != nil {
		c.refuse(err.Error())
	}
	if a.outcome != history.Failed {
		w.mu.Lock()
		w.ops = append(w.ops, o)
		w.mu.Unlock()
	}
	c.breath(pace)
}

func (w *registerWork) settle(c *client) error {
	for range 5 { // what is settled must still fit the history
		w.mu.Lock()
		last := w.ops[max(0, len(w.ops)-1)].Key
		w.mu.Unlock()
		a := c.persist(request{workload: "register", kind: "read", key: last, path: call("Register", last, "peek")})
		o := check.RegisterOp{Key: last, Kind: check.Read, Span: a.span}
		if err := a.into(&o.Got); err != nil {
			return fmt.Errorf("read register %s: %w", last, err)
		}
		w.mu.Lock()
		w.ops = append(w.ops, o)
		w.mu.Unlock()
	}
	return nil
}

func (w *registerWork) verdicts() []check.Verdict {
	return []check.Verdict{check.Register("register", w.ops)}
}

// listWork appends and reads.
type listWork struct {
	keys
	mu  sync.Mutex
	ops []check.ListOp // guarded by mu
}

func (w *listWork) clients() int { return 5 }

func (w *listWork) work(c *client) {
	w.operate(c, w.turn("l", perKey), c.rng.IntN(3) == 0)
	c.breath(pace)
}

func (w *listWork) operate(c *client, key string, reads bool) {
	o := check.ListOp{Key: key}
	r := request{workload: "list", kind: "read", key: key, path: call("List", key, "read")}
	if !reads {
		o.Append = w.fresh("e")
		r.kind, r.path, r.body = "append", call("List", key, "append"), o.Append
	}
	a := c.anywhere(r)
	o.Span = a.span
	if err := a.into(&o.Seen); a.ok() && err != nil {
		c.refuse(err.Error())
	}
	if a.outcome != history.Failed {
		w.mu.Lock()
		w.ops = append(w.ops, o)
		w.mu.Unlock()
	}
}

func (w *listWork) settle(c *client) error {
	w.mu.Lock()
	all := map[string]bool{}
	for _, o := range w.ops {
		all[o.Key] = true
	}
	w.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(all)) {
		a := c.persist(request{workload: "list", kind: "read", key: key, path: call("List", key, "read")})
		o := check.ListOp{Key: key, Span: a.span}
		if err := a.into(&o.Seen); err != nil {
			return fmt.Errorf("read list %s: %w", key, err)
		}
		w.mu.Lock()
		w.ops = append(w.ops, o)
		w.mu.Unlock()
	}
	return nil
}

func (w *listWork) verdicts() []check.Verdict {
	return []check.Verdict{check.List("list", w.ops)}
}

// setWork adds elements, by calls and by sends, and reads now and then.
type setWork struct {
	keys
	mu    sync.Mutex
	adds  []check.Add         // guarded by mu
	views []check.View        // guarded by mu
	last  map[string][]string // guarded by mu
}

// Elements of one set; reads get longer with it.
const perSet = 200

func (w *setWork) clients() int { return 5 }

func (w *setWork) work(c *client) {
	key := w.turn("s", perSet)
	if c.rng.IntN(4) == 0 {
		a := c.anywhere(request{workload: "set", kind: "read", key: key, path: call("List", key, "read")})
		v := check.View{Span: a.span, Key: key}
		if err := a.into(&v.Elements); a.ok() && err != nil {
			c.refuse(err.Error())
		}
		w.mu.Lock()
		w.views = append(w.views, v)
		w.mu.Unlock()
	} else {
		add := check.Add{Key: key, Element: w.fresh("e"), Later: c.rng.IntN(2) == 0}
		r := request{workload: "set", kind: "add", key: key, path: call("List", key, "append"), body: add.Element}
		if add.Later {
			r.kind, r.path = "send", r.path+"/send"
		}
		a := c.anywhere(r)
		add.Span = a.span
		if a.outcome != history.Failed {
			w.mu.Lock()
			w.adds = append(w.adds, add)
			w.mu.Unlock()
		}
	}
	c.breath(pace)
}

func (w *setWork) settle(c *client) (err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	acked := w.acked()
	w.last = map[string][]string{}
	for _, key := range slices.Sorted(maps.Keys(acked)) {
		waiting := await(c, func() error {
			v, err := read[[]string](c, "List", key, "read")
			if err == nil {
				w.last[key] = v
				err = missing(acked[key], v)
			}
			return err
		})
		if waiting != nil && err == nil {
			err = fmt.Errorf("set %s: %w", key, waiting)
		}
	}
	return err
}

// acked are the elements of each set that were added for certain. Those sets are among them to which
// nobody could add anything, but that somebody has read. w.mu must be held.
func (w *setWork) acked() map[string][]string {
	acked := map[string][]string{}
	for _, v := range w.views {
		acked[v.Key] = nil
	}
	for _, a := range w.adds {
		known := acked[a.Key]
		if !a.Unknown {
			known = append(known, a.Element)
		}
		acked[a.Key] = known
	}
	return acked
}

func (w *setWork) verdicts() []check.Verdict {
	return []check.Verdict{check.Set("set", w.adds, w.views, w.last)}
}

// counterWork adds one to counters, without telling requests apart.
type counterWork struct {
	keys
	name, object string
	mu           sync.Mutex
	ops          []check.Increment // guarded by mu
	last         map[string]int    // guarded by mu
}

const counters = 8

func (w *counterWork) clients() int { return 5 }

func (w *counterWork) work(c *client) {
	key := w.one(c, "c", counters)
	a := c.anywhere(request{workload: w.name, kind: "add", key: key, path: call(w.object, key, "add"), body: 1})
	o := check.Increment{Span: a.span, Key: key}
	if err := a.into(&o.Got); a.ok() && err != nil {
		c.refuse(err.Error())
	}
	if a.outcome != history.Failed {
		w.mu.Lock()
		w.ops = append(w.ops, o)
		w.mu.Unlock()
	}
	c.breath(pace)
}

func (w *counterWork) settle(c *client) (err error) {
	w.last, err = readAll[int](c, w.object, "get", w.all("c", counters))
	return err
}

func (w *counterWork) verdicts() []check.Verdict {
	return []check.Verdict{check.Counter(w.name, w.ops, w.last)}
}

// exclusiveWork has many enter a gate that lets one in at a time.
type exclusiveWork struct {
	keys
	mu    sync.Mutex
	holds []check.Hold // guarded by mu
}

const gates = 3

func (w *exclusiveWork) clients() int { return 6 }

func (w *exclusiveWork) work(c *client) {
	key, id := w.one(c, "g", gates), w.fresh("h")
	r := request{workload: "exclusive", kind: "enter", key: key, path: call("Gate", key, "enter"),
		body: 1 + c.rng.IntN(5), idempotency: id}
	a := c.persist(r)
	var h hold
	if err := a.into(&h); err != nil {
		c.refuse(fmt.Sprintf("%s has not ended: %v", id, err))
		return
	}
	w.mu.Lock()
	w.holds = append(w.holds, check.Hold{Key: key, Holder: id, From: h.From, To: h.To})
	w.mu.Unlock()
	c.breath(pace)
}

func (w *exclusiveWork) settle(*client) error { return nil } // every client has waited for its own

func (w *exclusiveWork) verdicts() []check.Verdict {
	return []check.Verdict{check.Exclusive("exclusive", w.holds)}
}

// probeWork has each client count on a key of its own, one call after the other, so that the longest
// time between two answers is how long a key was out of order.
type probeWork struct {
	keys
	mu     sync.Mutex
	ops    []check.Increment // guarded by mu
	failed []string          // guarded by mu
	own    map[int]string    // keys by client; guarded by mu
	last   map[string]int
}

// probes is how many keys there are: enough to be on every partition.
const probes = 24

func (w *probeWork) clients() int { return probes }

func (w *probeWork) work(c *client) {
	w.mu.Lock()
	if w.own == nil {
		w.own = map[int]string{}
	}
	if w.own[c.id] == "" {
		w.own[c.id] = w.fresh("b")
	}
	key := w.own[c.id]
	w.mu.Unlock()
	a := c.anywhere(request{workload: "probe", kind: "add", key: key, path: call("Count", key, "add"), body: 1})
	o := check.Increment{Span: a.span, Key: key}
	if err := a.into(&o.Got); a.ok() && err != nil {
		c.refuse(err.Error())
	}
	w.mu.Lock()
	if a.outcome != history.Failed {
		w.ops = append(w.ops, o)
	}
	if !a.ok() {
		w.failed = append(w.failed, fmt.Sprintf("%s on %s: %v", a.span, a.node.name, a.err))
	}
	w.mu.Unlock()
	c.breath(pace / 4)
}

func (w *probeWork) settle(c *client) (err error) {
	w.mu.Lock()
	own := slices.Collect(maps.Values(w.own))
	w.mu.Unlock()
	w.last, err = readAll[int](c, "Count", "get", own)
	return err
}

// verdicts judge more than what must hold of any run: the clients leave nodes alone that are about to
// go, so that none of their requests may fail.
func (w *probeWork) verdicts() []check.Verdict {
	served := check.Verdict{Checker: "no-failure", Subject: "probe", Checked: len(w.ops)}
	for _, f := range w.failed {
		served.Problem("a request to a node that was up failed: %s", f)
	}
	return []check.Verdict{check.Counter("probe", w.ops, w.last), served}
}
