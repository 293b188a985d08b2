package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const maxPause = time.Millisecond // of a caller whose node is about to be lost

// load adds to counters, one caller each, through nodes that are not about to be lost.
type load struct {
	nodes   []*node
	client  *http.Client
	away    atomic.Pointer[node]
	stopped atomic.Bool
	callers sync.WaitGroup
	through map[*node]*atomic.Int64 // calls in flight

	mu     sync.Mutex
	sums   []int         // acknowledged additions; guarded by mu
	times  [][]time.Time // of successes; guarded by mu
	failed []string      // guarded by mu
	calls  int           // guarded by mu
}

func startLoad(nodes []*node, keys int) *load {
	l := &load{
		nodes: nodes, through: map[*node]*atomic.Int64{}, sums: make([]int, keys),
		times:  make([][]time.Time, keys),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: keys}},
	}
	for _, n := range nodes {
		l.through[n] = new(atomic.Int64)
	}
	for key := range keys {
		l.callers.Go(func() { l.call(key) })
	}
	return l
}

// leave has no caller use a node, and waits until none does; nil lets them use all.
func (l *load) leave(n *node) {
	l.away.Store(n)
	for n != nil && l.through[n].Load() > 0 {
		time.Sleep(maxPause)
	}
}

func (l *load) call(key int) {
	for round := 0; !l.stopped.Load(); round++ {
		n := l.nodes[(key+round)%len(l.nodes)]
		l.through[n].Add(1)
		if l.away.Load() == n {
			l.through[n].Add(-1)
			continue
		}
		err := l.add(n, key, round)
		l.through[n].Add(-1)
		l.mu.Lock()
		l.calls++
		if err == nil {
			l.sums[key]++
			l.times[key] = append(l.times[key], time.Now())
		} else {
			l.failed = append(l.failed, fmt.Sprintf("key %d through %s: %v", key, n.name, err))
		}
		l.mu.Unlock()
	}
}

func (l *load) add(n *node, key, round int) error {
	url := fmt.Sprintf("http://%s/Counter/k%d/add", n.ingress, key)
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader("1"))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", fmt.Sprintf("%d-%d", key, round))
	resp, err := l.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, b)
	}
	return err
}

// gaps are the longest time without any success, and without one of some key, between two times.
func (l *load) gaps(from, to time.Time) (any, key time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []time.Time
	for _, times := range l.times {
		key = max(key, longest(times, from, to))
		for _, t := range times {
			if t.After(from) && t.Before(to) {
				all = append(all, t)
			}
		}
	}
	sortTimes(all)
	return longest(all, from, to), key
}

func (l *load) stop() (calls int, failed []string) {
	l.stopped.Store(true)
	l.callers.Wait()
	return l.calls, l.failed
}

// check compares every counter with what was acknowledged.
func (l *load) check(ctx context.Context, n *node) error {
	wrong := 0
	for key, want := range l.sums {
		got, err := l.get(ctx, n, key)
		if err != nil {
			return err
		}
		if got != fmt.Sprint(want) {
			wrong++
			fmt.Printf("counter %d is %s, %d additions were acknowledged\n", key, got, want)
		}
	}
	if wrong > 0 && len(l.failed) == 0 {
		return fmt.Errorf("%d counters are wrong", wrong)
	}
	fmt.Printf("%d of %d counters are exact\n", len(l.sums)-wrong, len(l.sums))
	return nil
}

func (l *load) get(ctx context.Context, n *node, key int) (string, error) {
	url := fmt.Sprintf("http://%s/Counter/k%d/get", n.ingress, key)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := l.client.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return strings.TrimSpace(string(b)), err
}
