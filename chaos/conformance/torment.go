package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/perdure/perdure/chaos/process"
)

const (
	// Between two kills a process lives this long at least, and up to that much longer.
	tormentPause  = 100 * time.Millisecond
	tormentSpread = 700 * time.Millisecond
	// A killed process stays away for up to this long.
	tormentAway = 300 * time.Millisecond
	// tormentTogether is how many checks run at once: few, so that they take long enough to be hit.
	tormentTogether = 3
	// repeats is how often a check is begun anew because an answer was lost.
	repeats = 60
	// tormentPatience multiplies the time for one check: much of it passes without a server.
	tormentPatience = 6
)

// countsInMemory is why checks need calm whose handlers count their attempts: a killed service has
// forgotten them.
const countsInMemory = "the handler counts its attempts in memory"

// errCut ends a check that sent something whose answer was lost with the server: nobody knows
// whether it took effect, so that the check begins anew, with new keys. What a check sees otherwise
// must be as it is without kills.
var errCut = errors.New("the answer was lost with the server")

// torment kills the server and the services at random points while checks run.
type torment struct {
	rng      *rand.Rand
	server   *Server
	services []*Services

	mu    sync.Mutex
	kills map[string]int // guarded by mu; by what was killed
	cuts  int            // guarded by mu; checks begun anew
	err   error          // guarded by mu; a process did not come back
}

func newTorment(seed uint64, server *Server, services []*Services) *torment {
	return &torment{
		rng: rand.New(rand.NewPCG(seed, 3)), server: server, services: services,
		kills: make(map[string]int),
	}
}

// run kills one process after the other until ctx ends; all run when it returns.
func (t *torment) run(ctx context.Context) {
	for t.failed() == nil {
		pause := tormentPause + time.Duration(t.rng.Int64N(int64(tormentSpread)))
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		away := time.Duration(t.rng.Int64N(int64(tormentAway)))
		if n := t.rng.IntN(2 * len(t.services)); n < len(t.services) {
			t.strike(t.services[n].sdk, away, t.services[n].kill, t.services[n].start)
		} else {
			t.strike("server", away, t.server.kill, t.server.start)
		}
	}
}

// strike kills and starts again, whether or not ctx has ended meanwhile.
func (t *torment) strike(what string, away time.Duration, kill func(),
	start func(context.Context) error,
) {
	kill()
	time.Sleep(away) // how long the process is away is part of the fault
	err := start(context.Background())
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kills[what]++
	if err != nil && t.err == nil {
		t.err = fmt.Errorf("start %s again after a kill: %w", what, err)
	}
}

func (t *torment) failed() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// String says what was killed and what that cost.
func (t *torment) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	all, services := 0, 0
	for what, n := range t.kills {
		all += n
		if what != "server" {
			services += n
		}
	}
	return fmt.Sprintf("%d kills, %d of the server and %d of services; "+
		"%d checks begun anew because an answer was lost", all, all-services, services, t.cuts)
}

// tormented asks until there is an answer. What was surely not received, and what may be asked twice,
// is asked again; anything else whose answer is lost cuts the check.
func (c *Case) tormented(client *http.Client, req *http.Request) (reply, error) {
	for {
		r, err := roundTrip(client, req)
		switch {
		case err == nil && r.status == http.StatusServiceUnavailable:
			// It was refused: a partition has no leader yet.
		case err == nil || c.ctx.Err() != nil || req.Context().Err() != nil:
			return r, err
		case !unsent(err) && !repeatable(req):
			return r, fmt.Errorf("%w: %w", errCut, err)
		}
		if req.Body != nil && req.GetBody == nil {
			return r, fmt.Errorf("%w: %w", errCut, errors.Join(err, errors.New("body used up")))
		}
		if req.GetBody != nil {
			if req.Body, err = req.GetBody(); err != nil {
				return r, err
			}
		}
		select {
		case <-req.Context().Done():
			return r, req.Context().Err()
		case <-time.After(pollEvery):
		}
	}
}

// unsent reports whether a request surely did not reach anybody.
func unsent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// repeatable reports whether a request may be sent twice.
func repeatable(req *http.Request) bool {
	return req.Method == http.MethodGet || req.Method == http.MethodHead ||
		req.Header.Get("idempotency-key") != ""
}

// anyLost reports whether one of the things that a check complains about is a lost answer.
func anyLost(args []any) bool {
	for _, arg := range args {
		if err, ok := arg.(error); ok && lost(err) {
			return true
		}
	}
	return false
}

// awaitServer waits until the server answers again.
func (t *torment) awaitServer(ctx context.Context) {
	t.mu.Lock()
	t.cuts++
	t.mu.Unlock()
	for !process.Healthy(ctx, t.server.ingress+"/restate/health") {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pollEvery):
		}
	}
}

// lost reports whether an error may come from a server that was killed.
func lost(err error) bool {
	var op *net.OpError
	var address *url.Error
	return errors.Is(err, errCut) || errors.As(err, &op) || errors.As(err, &address) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF)
}
