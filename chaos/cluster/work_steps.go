package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/perdure/perdure/chaos/cluster/check"
	"github.com/perdure/perdure/chaos/cluster/history"
)

// idempotentWork asks for the same thing on several nodes at once, and again when it is done.
type idempotentWork struct {
	keys
	mu      sync.Mutex
	answers []check.Answers   // guarded by mu
	ids     []check.Answers   // guarded by mu; of the invocations
	ops     []check.Increment // guarded by mu
	last    map[string]int    // guarded by mu
}

func (w *idempotentWork) clients() int { return 4 }

func (w *idempotentWork) work(c *client) {
	key, id := w.one(c, "i", counters), w.fresh("k")
	r := request{workload: "idempotent", kind: "add", key: key, path: call("Count", key, "add"),
		body: 1, idempotency: id}
	// Two requests for one thing on different nodes, neither knowing whether the other gets through.
	twin := c.new(c.life, c.rng.Uint64())
	second := make(chan reply)
	go func() { second <- twin.persist(r) }()
	all := []reply{c.persist(r)}
	all = append(all, <-second)
	if c.rng.IntN(2) == 0 {
		all = append(all, c.persist(r))
	}
	told, ids := check.Answers{ID: id}, check.Answers{ID: id}
	var got int
	for _, a := range all {
		if err := a.into(&got); err != nil {
			c.refuse(fmt.Sprintf("%s has not ended: %v", id, err))
			return
		}
		told.Told, ids.Told = append(told.Told, string(a.body)), append(ids.Told, a.invocation)
	}
	w.mu.Lock()
	w.answers, w.ids = append(w.answers, told), append(w.ids, ids)
	w.ops = append(w.ops, check.Increment{Span: all[0].span, Key: key, Got: got})
	w.mu.Unlock()
	c.breath(pace)
}

func (w *idempotentWork) settle(c *client) (err error) {
	w.last, err = readAll[int](c, "Count", "get", w.all("i", counters))
	return err
}

func (w *idempotentWork) verdicts() []check.Verdict {
	answers := check.Agree("idempotent", w.answers)
	answers.Checker = "same-answer"
	ids := check.Agree("idempotent", w.ids)
	ids.Checker = "same-id"
	return []check.Verdict{check.Counter("idempotent", w.ops, w.last), answers, ids}
}

// chainWork starts tasks that leave a trace in three places, by a call, a send and a relay.
type chainWork struct {
	keys
	mu    sync.Mutex
	tasks []task              // guarded by mu
	last  map[string][]string // guarded by mu
}

// task is something that was asked for once and has to happen in some places.
type task struct {
	id       string
	places   []string
	accepted bool
}

const places = 6

func (w *chainWork) clients() int { return 4 }

func (w *chainWork) work(c *client) {
	t := task{id: w.fresh("t"), places: []string{w.one(c, "p", places), w.one(c, "q", places), w.one(c, "u", places)}}
	r := request{workload: "chain", kind: "run", key: t.places[0], path: call("Chain", "", "run"),
		body: link{t.id, t.places}}
	if c.rng.IntN(2) == 0 {
		r.kind, r.path = "send", r.path+"/send"
	}
	if c.rng.IntN(2) == 0 {
		r.idempotency = t.id
		t.accepted = c.persist(r).ok()
	} else {
		a := c.anywhere(r)
		if a.outcome == history.Failed {
			return
		}
		t.accepted = a.ok()
	}
	w.mu.Lock()
	w.tasks = append(w.tasks, t)
	w.mu.Unlock()
	c.breath(pace)
}

func (w *chainWork) settle(c *client) (err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last, err = awaitLists(c, "Trace", w.tasks)
	return err
}

// awaitLists reads the places of all tasks until those that were accepted have been everywhere.
func awaitLists(c *client, service string, tasks []task) (map[string][]string, error) {
	want := map[string][]string{}
	for _, t := range tasks {
		for _, p := range t.places {
			if want[p] == nil {
				want[p] = []string{}
			}
			if t.accepted {
				want[p] = append(want[p], t.id)
			}
		}
	}
	last := map[string][]string{}
	var first error
	for _, p := range slices.Sorted(maps.Keys(want)) {
		err := await(c, func() error {
			list, err := read[[]string](c, service, p, "read")
			if err == nil {
				last[p] = list
				err = missing(want[p], list)
			}
			return err
		})
		if err != nil && first == nil {
			first = fmt.Errorf("%s %s: %w", service, p, err)
		}
	}
	return last, first
}

func (w *chainWork) verdicts() []check.Verdict {
	return []check.Verdict{check.Once("chain", effects(w.tasks, w.last))}
}

// effects counts, for each task, how often it left its trace in each place.
func effects(tasks []task, last map[string][]string) (all []check.Effect) {
	count := map[string]map[string]int{}
	for p, list := range last {
		count[p] = tally(list)
	}
	for _, t := range tasks {
		for _, p := range t.places {
			all = append(all, check.Effect{ID: t.id, Accepted: t.accepted, Times: count[p][t.id], Where: p})
		}
	}
	return all
}

// orderWork has senders send numbered messages to receivers on other partitions.
type orderWork struct {
	keys
	sequences []check.Sequence
}

const (
	senders   = 4
	receivers = 3
)

func (w *orderWork) clients() int { return 4 }

// work lets a sender emit to its one receiver, so that its numbers have no gaps there.
func (w *orderWork) work(c *client) {
	sender := c.rng.IntN(senders)
	key := w.all("x", senders)[sender]
	to := w.all("y", receivers)[sender%receivers]
	c.anywhere(request{workload: "order", kind: "emit", key: key, path: call("Sender", key, "emit"),
		body: emission{to, 1 + c.rng.IntN(8)}})
	c.breath(2 * pace)
}

func (w *orderWork) settle(c *client) error {
	sent, err := readAll[int](c, "Sender", "sent", w.all("x", senders))
	if err != nil {
		return err
	}
	to := w.all("y", receivers)
	got := map[string][]int{}
	waiting := await(c, func() error {
		clear(got)
		for _, r := range to {
			list, err := read[[]string](c, "Trace", r, "read")
			if err != nil {
				return err
			}
			for _, m := range list {
				sender, number, _ := strings.Cut(m, ":")
				n, err := strconv.Atoi(number)
				if err != nil {
					return fmt.Errorf("message %q: %w", m, err)
				}
				got[sender] = append(got[sender], n)
			}
		}
		for s, n := range sent {
			if len(got[s]) < n {
				return fmt.Errorf("%s has sent %d messages, of which %d have arrived", s, n, len(got[s]))
			}
		}
		return nil
	})
	for i, s := range w.all("x", senders) {
		w.sequences = append(w.sequences, check.Sequence{Sender: s, Receiver: to[i%receivers], Got: got[s], Sent: sent[s]})
	}
	return waiting
}

func (w *orderWork) verdicts() []check.Verdict {
	return []check.Verdict{check.Order("order", w.sequences)}
}

// delayedWork sends what is to happen later.
type delayedWork struct {
	keys
	mu     sync.Mutex
	tasks  []task              // guarded by mu
	alarms []check.Alarm       // guarded by mu
	last   map[string][]string // guarded by mu
}

func (w *delayedWork) clients() int { return 4 }

func (w *delayedWork) work(c *client) {
	key := w.one(c, "d", places)
	t := task{id: w.fresh("a"), places: []string{key}}
	delay := time.Duration(c.rng.IntN(3000)) * time.Millisecond
	due := time.Now().Add(delay).UnixNano()
	r := request{workload: "delayed", kind: "send", key: key, body: t.id,
		path: call("Alarm", key, "ring") + "/send?delay=" + strconv.FormatInt(delay.Milliseconds(), 10) + "ms"}
	if c.rng.IntN(2) == 0 {
		r.idempotency = t.id
		t.accepted = c.persist(r).ok()
	} else {
		a := c.anywhere(r)
		if a.outcome == history.Failed {
			return
		}
		t.accepted = a.ok()
	}
	w.mu.Lock()
	w.tasks = append(w.tasks, t)
	// The delay is cut to milliseconds, and so is the server's clock.
	w.alarms = append(w.alarms, check.Alarm{ID: t.id, Accepted: t.accepted, Due: due - int64(2*time.Millisecond)})
	w.mu.Unlock()
	c.breath(pace)
}

func (w *delayedWork) settle(c *client) (err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	want := map[string][]string{}
	for _, t := range w.tasks {
		want[t.places[0]] = append(want[t.places[0]], t.id)
	}
	rang := map[string][]int64{}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		waiting := await(c, func() error {
			list, err := read[[]string](c, "Alarm", key, "read")
			if err != nil {
				return err
			}
			for _, id := range want[key] {
				delete(rang, id)
			}
			for _, entry := range list {
				id, at, _ := strings.Cut(entry, "@")
				n, err := strconv.ParseInt(at, 10, 64)
				if err != nil {
					return fmt.Errorf("alarm %q: %w", entry, err)
				}
				rang[id] = append(rang[id], n)
			}
			for _, t := range w.tasks {
				if t.accepted && t.places[0] == key && len(rang[t.id]) == 0 {
					return fmt.Errorf("%s was accepted and has not rung", t.id)
				}
			}
			return nil
		})
		if waiting != nil && err == nil {
			err = fmt.Errorf("alarm %s: %w", key, waiting)
		}
	}
	for i := range w.alarms {
		w.alarms[i].Rang = rang[w.alarms[i].ID]
	}
	return err
}

func (w *delayedWork) verdicts() []check.Verdict {
	return []check.Verdict{check.Alarms("delayed", w.alarms)}
}

// awakeableWork waits on one node for what is completed through another.
type awakeableWork struct {
	keys
	mu      sync.Mutex
	answers []check.Answers // guarded by mu
}

func (w *awakeableWork) clients() int { return 4 }

func (w *awakeableWork) work(c *client) {
	key := w.fresh("w")
	r := request{workload: "awakeable", kind: "wait", key: key, path: call("Waiter", key, "wait") + "/send",
		idempotency: key}
	if a := c.persist(r); !a.ok() {
		c.refuse(fmt.Sprintf("%s was not accepted: %v", key, a.err))
		return
	}
	var pending string
	err := await(c, func() (err error) {
		pending, err = read[string](c, "Waiter", key, "pending")
		if err == nil && pending == "" {
			err = fmt.Errorf("%s has not begun to wait", key)
		}
		return err
	})
	if err == nil {
		err = c.persist(request{workload: "awakeable", kind: "resolve", key: key,
			path: "/restate/awakeables/" + pending + "/resolve", body: key}).err
	}
	a := check.Answers{ID: key, Want: strconv.Quote(key)}
	r.kind, r.path = "attach", call("Waiter", key, "wait")
	for range 2 {
		if err == nil {
			got := c.persist(r)
			a.Told, err = append(a.Told, string(got.body)), got.err
		}
	}
	if err != nil {
		c.refuse(fmt.Sprintf("%s was accepted and has not ended: %v", key, err))
		return
	}
	w.mu.Lock()
	w.answers = append(w.answers, a)
	w.mu.Unlock()
	c.breath(pace)
}

func (w *awakeableWork) settle(*client) error { return nil } // every client has waited for its own

func (w *awakeableWork) verdicts() []check.Verdict {
	return []check.Verdict{check.Agree("awakeable", w.answers)}
}

// workflowWork starts each workflow through two nodes, and decides it through a third.
type workflowWork struct {
	keys
	mu      sync.Mutex
	tasks   []task              // guarded by mu
	answers []check.Answers     // guarded by mu
	last    map[string][]string // guarded by mu
}

func (w *workflowWork) clients() int { return 4 }

func (w *workflowWork) work(c *client) {
	id := w.fresh("f")
	t := task{id: id, places: []string{w.one(c, "v", places)}}
	start := request{workload: "workflow", kind: "start", key: id, path: call("Flow", id, "run") + "/send",
		body: t.places[0]}
	second := make(chan reply)
	twin := c.new(c.life, c.rng.Uint64())
	go func() { second <- twin.persist(start) }()
	a := c.persist(start)
	b := <-second
	if a.ok() {
		a = c.persist(request{workload: "workflow", kind: "decide", key: id, path: call("Flow", id, "decide"), body: id})
	}
	told := check.Answers{ID: id}
	for range 2 {
		if a.err == nil && b.err == nil {
			a = c.persist(request{workload: "workflow", kind: "attach", key: id, method: http.MethodGet,
				path: "/restate/workflow/Flow/" + id + "/attach"})
			told.Told = append(told.Told, string(a.body))
		}
	}
	if a.err != nil || b.err != nil {
		c.refuse(fmt.Sprintf("workflow %s was accepted and has not ended: %v, %v", id, a.err, b.err))
		return
	}
	t.accepted = true
	w.mu.Lock()
	w.tasks, w.answers = append(w.tasks, t), append(w.answers, told)
	w.mu.Unlock()
	c.breath(pace)
}

func (w *workflowWork) settle(c *client) (err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last, err = awaitLists(c, "Trace", w.tasks)
	return err
}

func (w *workflowWork) verdicts() []check.Verdict {
	return []check.Verdict{check.Agree("workflow", w.answers), check.Once("workflow", effects(w.tasks, w.last))}
}

// cancelWork cancels tasks that would run for hours, through any node.
type cancelWork struct {
	keys
	mu   sync.Mutex
	held map[string][]string // guarded by mu
	ends []check.Answers     // guarded by mu
}

func (w *cancelWork) clients() int { return 4 }

// statusCancelled is how an invocation ends that was cancelled.
const statusCancelled = http.StatusConflict

func (w *cancelWork) work(c *client) {
	id, key := w.fresh("z"), w.one(c, "h", places)
	r := request{workload: "cancel", kind: "start", key: key, path: call("Saga", "", "run") + "/send",
		body: link{id, []string{key}}, idempotency: id}
	a := c.persist(r)
	if !a.ok() {
		c.refuse(fmt.Sprintf("%s was not accepted: %v", id, a.err))
		return
	}
	c.breath(4 * pace)
	cancel := c.persist(request{workload: "cancel", kind: "cancel", key: key, method: http.MethodPatch,
		path: "/invocations/" + a.invocation + "/cancel", admin: true,
		again: []int{http.StatusConflict}}) // it has ended already
	if !cancel.ok() {
		c.refuse(fmt.Sprintf("%s was not cancelled: %v", id, cancel.err))
		return
	}
	r.kind, r.path, r.want = "attach", call("Saga", "", "run"), []int{statusCancelled}
	end := c.persist(r)
	if !end.ok() {
		c.refuse(fmt.Sprintf("%s was cancelled and has not ended: %v", id, end.err))
		return
	}
	w.mu.Lock()
	w.ends = append(w.ends, check.Answers{ID: id, Told: []string{strconv.Itoa(end.status)}, Want: strconv.Itoa(statusCancelled)})
	w.mu.Unlock()
	c.breath(pace)
}

func (w *cancelWork) settle(c *client) (err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var failed error
	_ = await(c, func() error { // what is still held in the end is a verdict's matter
		if w.held, failed = readAll[[]string](c, "Held", "read", w.all("h", places)); failed != nil {
			return failed
		}
		for key, ids := range w.held {
			if len(ids) > 0 {
				return fmt.Errorf("%s still holds %v", key, ids)
			}
		}
		return nil
	})
	return failed
}

func (w *cancelWork) verdicts() []check.Verdict {
	undone := check.Verdict{Checker: "undone", Subject: "cancel", Checked: len(w.ends)}
	for _, key := range slices.Sorted(maps.Keys(w.held)) {
		for _, id := range w.held[key] {
			undone.Problem("%s was cancelled and is still in %s: its compensation is lost", id, key)
		}
	}
	return []check.Verdict{check.Agree("cancel", w.ends), undone}
}
