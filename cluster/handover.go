package cluster

import (
	"context"
	"time"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/protocol"
)

// While a log is being handed over it takes nothing, for most of half a second if the one that is to
// have it does not take it. Asking again and again would stop the log for good.
const (
	// handOverPause is how long to wait before a leadership is offered once more to where it should be;
	// it doubles up to handOverMaxPause while that comes to nothing.
	handOverPause    = 2 * time.Second
	handOverMaxPause = time.Minute
	// handOverAsk is the pause of somebody who cannot go on leading, and handOverAsks how often it asks
	// one replica before it turns to another.
	handOverAsk  = 150 * time.Millisecond
	handOverAsks = 3
)

// tenure is a leadership as the agent has first seen it, and to whom it was offered since then.
type tenure struct {
	term   uint64
	since  time.Time
	last   time.Time // of all offers
	offers map[Replica]offers
}

// offers are what one replica was offered.
type offers struct {
	count int
	last  time.Time
}

func newTenure(term uint64, now time.Time) *tenure {
	return &tenure{term: term, since: now, offers: map[Replica]offers{}}
}

// due tells whether r, which should lead, may be asked now.
func (t *tenure) due(r Replica, now time.Time) bool {
	o := t.offers[r]
	return o.count == 0 || now.Sub(o.last) >= min(handOverPause<<min(o.count-1, 8), handOverMaxPause)
}

// offer notes that r is asked now.
func (t *tenure) offer(r Replica, now time.Time) {
	t.last = now
	t.offers[r] = offers{t.offers[r].count + 1, now}
}

// ledFor is how long this node has led a log.
func (a *Agent) ledFor(log bifrost.LogID, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t := a.leads[log]; t != nil {
		return now.Sub(t.since)
	}
	return 0
}

// asked is how often r was asked to take over from this leadership.
func (a *Agent) asked(log bifrost.LogID, r Replica) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t := a.leads[log]; t != nil {
		return t.offers[r].count
	}
	return 0
}

// handOver offers a leadership to where it should be, unless that has come to nothing lately.
func (a *Agent) handOver(ctx context.Context, log bifrost.LogID, to Replica) {
	now := time.Now()
	a.mu.Lock()
	t := a.leads[log]
	due := t != nil && !a.stopping && t.due(to, now)
	if due {
		t.offer(to, now)
	}
	a.mu.Unlock()
	if due {
		a.fault(ctx, a.cfg.Groups.Transfer(log, to))
	}
}

// passOn offers a leadership that cannot stay here to one replica after the other. It reports whether
// there is any.
func (a *Agent) passOn(ctx context.Context, log bifrost.LogID) bool {
	to := a.heir(log)
	if to == 0 {
		return false
	}
	now := time.Now()
	a.mu.Lock()
	t := a.leads[log]
	if t == nil {
		t = newTenure(0, now)
		a.leads[log] = t
	}
	due := now.Sub(t.last) >= handOverAsk
	if due {
		t.offer(to, now)
	}
	a.mu.Unlock()
	if due {
		a.fault(ctx, a.cfg.Groups.Transfer(log, to))
	}
	return true
}

// HandOver gives every leadership to another node, until none is left here or ctx ends. The agent
// changes nothing after it. It reports how many logs are still led from here.
func (a *Agent) HandOver(ctx context.Context) (left int) {
	a.mu.Lock()
	a.stopping = true
	a.mu.Unlock()
	a.tell(time.Now())
	ticker := time.NewTicker(handOverPoll)
	defer ticker.Stop()
	for {
		left = 0
		for _, log := range a.led() {
			if a.passOn(ctx, log) {
				left++ // otherwise nobody can take it
			}
		}
		if left == 0 {
			return 0
		}
		select {
		case <-ctx.Done():
			return left
		case <-ticker.C:
		}
	}
}

// led are the logs that are led from here.
func (a *Agent) led() (logs []bifrost.LogID) {
	a.mu.Lock()
	all := []bifrost.LogID{bifrost.MetadataLog}
	for p := range a.local {
		all = append(all, logOf(p))
	}
	a.mu.Unlock()
	for _, log := range all {
		if l, ok := a.cfg.Groups.LeaderOf(log); ok && l.Leads {
			logs = append(logs, log)
		}
	}
	return logs
}

// heir is the replica that takes a log over: of those that are alive and were not asked in vain, the one
// furthest on.
func (a *Agent) heir(log bifrost.LogID) (best Replica) {
	now := time.Now()
	var most protocol.LSN
	var rounds int
	consider := func(r Replica, tail protocol.LSN, ok bool) {
		if n := NodeID(r.Node()); n == a.self || !ok || !a.cfg.Directory.Alive(n, now) {
			return
		}
		vain := a.asked(log, r) / handOverAsks
		if best == 0 || vain < rounds || vain == rounds && tail > most {
			best, most, rounds = r, tail, vain
		}
	}
	if log == bifrost.MetadataLog {
		l, _, err := ReadLayout(a.cfg.Store)
		if err != nil {
			return 0
		}
		for _, n := range l.Voters {
			tail, ok := a.cfg.Directory.metadataTail(n)
			consider(bifrost.NewReplicaID(uint64(n), 0), tail, ok)
		}
		return best
	}
	number, _ := bifrost.PartitionOfLog(log)
	a.mu.Lock()
	members := a.members[log]
	a.mu.Unlock()
	for _, r := range members.Voters {
		tail, ok := a.cfg.Directory.tail(protocol.PartitionID(number), r)
		consider(r, tail, ok)
	}
	return best
}
