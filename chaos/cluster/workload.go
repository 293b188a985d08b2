package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/chaos/cluster/check"
)

// workload is something that clients do, and what must hold of it.
type workload interface {
	// clients is how many work at once.
	clients() int
	// work is one round of one client. It is called again and again until the run ends; what it has
	// begun it carries through.
	work(c *client)
	// settle waits, after all faults are over, until everything that was accepted has ended, and
	// reads what is left. It fails when something does not end.
	settle(c *client) error
	// verdicts judge.
	verdicts() []check.Verdict
}

// workloads makes a workload by name. Keys begin with the prefix, so that runs on one cluster do not
// meet.
var workloads = map[string]func(prefix string) workload{
	"register": func(p string) workload { return &registerWork{keys: keys{prefix: p}} },
	"list":     func(p string) workload { return &listWork{keys: keys{prefix: p}} },
	"set":      func(p string) workload { return &setWork{keys: keys{prefix: p}} },
	"counter":  func(p string) workload { return &counterWork{keys: keys{prefix: p}, name: "counter", object: "Count"} },
	"forgetful": func(p string) workload {
		return &counterWork{keys: keys{prefix: p}, name: "forgetful", object: "Forgetful"}
	},
	"idempotent": func(p string) workload { return &idempotentWork{keys: keys{prefix: p}} },
	"chain":      func(p string) workload { return &chainWork{keys: keys{prefix: p}} },
	"order":      func(p string) workload { return &orderWork{keys: keys{prefix: p}} },
	"delayed":    func(p string) workload { return &delayedWork{keys: keys{prefix: p}} },
	"awakeable":  func(p string) workload { return &awakeableWork{keys: keys{prefix: p}} },
	"workflow":   func(p string) workload { return &workflowWork{keys: keys{prefix: p}} },
	"cancel":     func(p string) workload { return &cancelWork{keys: keys{prefix: p}} },
	"exclusive":  func(p string) workload { return &exclusiveWork{keys: keys{prefix: p}} },
	"probe":      func(p string) workload { return &probeWork{keys: keys{prefix: p}} },
}

// workloadNames are those that can be asked for, in the order in which they are run. The probe
// measures.
var workloadNames = []string{"register", "list", "set", "counter", "forgetful", "idempotent", "chain", "order",
	"delayed", "awakeable", "workflow", "cancel", "exclusive"}

// keys makes keys and IDs.
type keys struct {
	prefix string
	last   atomic.Int64
}

// fresh is an ID that nobody has had.
func (k *keys) fresh(kind string) string {
	return fmt.Sprintf("%s%s%d", k.prefix, kind, k.last.Add(1))
}

// one is one of so many keys that all clients share.
func (k *keys) one(c *client, kind string, of int) string {
	return fmt.Sprintf("%s%s%d", k.prefix, kind, c.rng.IntN(of))
}

// all are those keys.
func (k *keys) all(kind string, of int) (list []string) {
	for i := range of {
		list = append(list, fmt.Sprintf("%s%s%d", k.prefix, kind, i))
	}
	return list
}

// turn is a key that is used for so many operations and then left, which keeps the search for a
// linearization short.
func (k *keys) turn(kind string, operations int64) string {
	return fmt.Sprintf("%s%s%d", k.prefix, kind, k.last.Add(1)/operations)
}

// call is the path of a handler.
func call(service, key, handler string) string {
	if key == "" {
		return "/" + service + "/" + handler
	}
	return "/" + service + "/" + key + "/" + handler
}

// read asks a shared handler until it answers. It is no operation of the history.
func read[T any](c *client, service, key, handler string) (v T, err error) {
	r := c.persist(request{path: call(service, key, handler), quiet: true})
	if err = r.into(&v); err != nil {
		err = fmt.Errorf("read %s/%s: %w", service, key, err)
	}
	return v, err
}

// readAll asks for each key.
func readAll[T any](c *client, service, handler string, keys []string) (map[string]T, error) {
	all := map[string]T{}
	for _, key := range keys {
		v, err := read[T](c, service, key, handler)
		if err != nil {
			return all, err
		}
		all[key] = v
	}
	return all, nil
}

// await looks until there is no reason to wait any more; the reason is the error when the client's
// life ends before that.
func await(c *client, look func() error) error {
	for {
		err := look()
		if err == nil || c.life.Err() != nil {
			return err
		}
		pause(c.life, 2*repeatPause)
	}
}

// attach waits for the end of an invocation, whatever it is.
func attach(c *client, r request, id string) reply {
	r.method, r.path, r.body, r.idempotency = http.MethodGet, "/restate/invocation/"+id+"/attach", nil, ""
	return c.persist(r)
}

// ended waits, for each of some invocations that were accepted, until it has ended.
func ended(c *client, ids []string, want ...int) error {
	for _, id := range ids {
		if a := attach(c, request{quiet: true, want: want}, id); !a.ok() {
			return fmt.Errorf("%s was accepted and has not ended: %w", id, a.err)
		}
	}
	return nil
}

// tally counts how often each word is in a list.
func tally(list []string) map[string]int {
	count := map[string]int{}
	for _, w := range list {
		count[w]++
	}
	return count
}

// missing names those of some words that are not in a list.
func missing(want, list []string) error {
	have := tally(list)
	var none []string
	for _, w := range want {
		if have[w] == 0 {
			none = append(none, w)
		}
	}
	if len(none) == 0 {
		return nil
	}
	slices.Sort(none)
	return fmt.Errorf("%d of %d are missing: %s", len(none), len(want),
		strings.Join(none[:min(5, len(none))], ", "))
}

// breath is the pause of a client between two rounds.
func (c *client) breath(most time.Duration) {
	pause(c.life, time.Duration(c.rng.Int64N(int64(most))))
}
