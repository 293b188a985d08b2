package workload

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	counters     = 5
	retryEvery   = 20 * time.Millisecond
	settleWithin = 2 * time.Minute // for everything accepted to end after the last restart
)

// Clients use the server and remember what they were told.
type Clients struct {
	ingress string
	http    *http.Client

	mu        sync.Mutex
	added     [counters]int         // guarded by mu; acknowledged increments
	told      [counters]map[int]int // guarded by mu; values the increments were told, and how often
	workflows []string              // guarded by mu; accepted
	retries   int                   // guarded by mu
	errs      []error               // guarded by mu; answers that should not be
}

// NewClients makes clients of an ingress address, host and port.
func NewClients(ingress string) *Clients {
	c := &Clients{ingress: "http://" + ingress, http: &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 64},
	}}
	for i := range c.told {
		c.told[i] = make(map[int]int)
	}
	return c
}

// Run uses the server with n clients of each kind until ctx ends; what was begun is carried through.
func (c *Clients) Run(ctx context.Context, n int) {
	var wg sync.WaitGroup
	for id := range n {
		for _, f := range []func(string, int) error{c.addOne, c.startOne} {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for i := 0; ctx.Err() == nil; i++ {
					if err := f(fmt.Sprintf("%d-%d", id, i), (id+i)%counters); err != nil {
						c.fail(err)
						return
					}
				}
			}()
		}
	}
	wg.Wait()
}

func (c *Clients) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errs = append(c.errs, err)
}

// addOne increments a counter, repeating itself until it is acknowledged.
func (c *Clients) addOne(id string, counter int) error {
	var value int
	err := c.persist(http.MethodPost, fmt.Sprintf("/Counter/c%d/add", counter), "add-"+id, 1, &value)
	if err != nil {
		return fmt.Errorf("increment counter %d: %w", counter, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.added[counter]++
	c.told[counter][value]++
	return nil
}

// startOne starts a workflow and does not wait for it.
func (c *Clients) startOne(id string, _ int) error {
	if err := c.persist(http.MethodPost, "/Steps/w-"+id+"/run/send", "", nil, nil); err != nil {
		return fmt.Errorf("start workflow %s: %w", id, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.workflows = append(c.workflows, "w-"+id)
	return nil
}

// Err returns the first answer that should not have been.
func (c *Clients) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.errs) == 0 {
		return nil
	}
	return c.errs[0]
}

// String counts what was done.
func (c *Clients) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	total := 0
	for _, n := range c.added {
		total += n
	}
	return fmt.Sprintf("%d increments and %d workflows, %d requests repeated", total, len(c.workflows),
		c.retries)
}

// Verify checks all that was promised, once the server stays up.
func (c *Clients) Verify(s *Service) error {
	for i := range counters {
		var n int
		if err := c.persist(http.MethodPost, fmt.Sprintf("/Counter/c%d/get", i), "", nil, &n); err != nil {
			return fmt.Errorf("read counter %d: %w", i, err)
		}
		if n != c.added[i] {
			return fmt.Errorf("counter %d is %d after %d acknowledged increments", i, n, c.added[i])
		}
		for value, times := range c.told[i] {
			if times > 1 || value < 1 || value > n {
				return fmt.Errorf("counter %d: %d increments were told %d", i, times, value)
			}
		}
	}
	for _, w := range c.workflows {
		var sum int
		if err := c.persist(http.MethodGet, "/restate/workflow/Steps/"+w+"/attach", "", nil, &sum); err != nil {
			return fmt.Errorf("wait for workflow %s: %w", w, err)
		}
		if sum != steps*(steps+1)/2 {
			return fmt.Errorf("workflow %s gave %d", w, sum)
		}
		if err := s.verify(w); err != nil {
			return err
		}
	}
	return nil
}

// persist repeats a request until the server has answered it with success. A refusal that no crash
// explains is an error.
func (c *Clients) persist(method, path, idempotencyKey string, body, answer any) error {
	deadline := time.Now().Add(settleWithin)
	for {
		retry, err := c.try(method, path, idempotencyKey, body, answer)
		if err == nil {
			return nil
		}
		if !retry || time.Now().After(deadline) {
			return err
		}
		c.mu.Lock()
		c.retries++
		c.mu.Unlock()
		time.Sleep(retryEvery)
	}
}

func (c *Clients) try(method, path, idempotencyKey string, body, answer any) (retry bool, err error) {
	var b []byte
	if body != nil {
		if b, err = json.Marshal(body); err != nil {
			return false, err
		}
	}
	r, err := http.NewRequest(method, c.ingress+path, bytes.NewReader(b))
	if err != nil {
		return false, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if idempotencyKey != "" {
		r.Header.Set("Idempotency-Key", idempotencyKey)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return true, err // refused or cut off: the server is down
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		return true, err
	}
	if resp.StatusCode/100 != 2 {
		return resp.StatusCode == http.StatusServiceUnavailable, fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, got)
	}
	if answer == nil {
		return false, nil
	}
	return false, json.Unmarshal(got, answer)
}
