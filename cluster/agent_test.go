package cluster

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/cluster/placement"
	"github.com/perdure/perdure/protocol"
)

// fakeGroups are groups whose leaders are set by hand.
type fakeGroups struct {
	mu      sync.Mutex
	leaders map[bifrost.LogID]NodeID // 0: none is known
	self    NodeID
	members bifrost.Members
	tail    protocol.LSN

	campaigns []bifrost.LogID
	transfers []Replica
}

func (f *fakeGroups) LeaderOf(id bifrost.LogID) (bifrost.Leadership, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.leaders[id]
	return bifrost.Leadership{
		Leads: n == f.self, Term: 2, Leader: bifrost.NewReplicaID(uint64(n), 0),
	}, n != 0
}

func (f *fakeGroups) lead(n NodeID, ids ...bifrost.LogID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range ids {
		f.leaders[id] = n
	}
}

func (f *fakeGroups) Campaign(id bifrost.LogID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.campaigns = append(f.campaigns, id)
	return nil
}

// took returns what was done since the last call.
func (f *fakeGroups) took() (campaigns []bifrost.LogID, transfers []Replica) {
	f.mu.Lock()
	defer f.mu.Unlock()
	campaigns, transfers = f.campaigns, f.transfers
	f.campaigns, f.transfers = nil, nil
	slices.Sort(campaigns)
	return campaigns, transfers
}

func (f *fakeGroups) Transfer(id bifrost.LogID, to Replica) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.transfers = append(f.transfers, to)
	return nil
}

func (f *fakeGroups) Tail(bifrost.LogID) (protocol.LSN, bool) { return f.tail, true }
func (f *fakeGroups) Members(context.Context, bifrost.LogID) (bifrost.Members, error) {
	return f.members, nil
}
func (*fakeGroups) AddLearner(context.Context, bifrost.LogID, bifrost.Members, Replica) error {
	return nil
}
func (*fakeGroups) Promote(context.Context, bifrost.LogID, bifrost.Members, Replica) error {
	return nil
}
func (*fakeGroups) Remove(context.Context, bifrost.LogID, bifrost.Members, Replica) error { return nil }
func (*fakeGroups) Forget(context.Context, bifrost.LogID, Replica) error                  { return nil }

// fakePartitions open and shut at once.
type fakePartitions struct {
	mu   sync.Mutex
	open map[protocol.PartitionID]bool
}

func (f *fakePartitions) Open(_ context.Context, p protocol.PartitionID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open[p] = true
	return nil
}

func (f *fakePartitions) Shut(p protocol.PartitionID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, p)
	return nil
}

func (*fakePartitions) Remove(protocol.PartitionID) error { return nil }

func (f *fakePartitions) IsOpen(p protocol.PartitionID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open[p]
}

// agentOn runs the agent of node 2 of a cluster of three nodes with four partitions, which node 1
// leads. It must be called in a synctest bubble.
func agentOn(t *testing.T) (*Agent, *fakeGroups, *fakePartitions, *Directory) {
	t.Helper()
	s := newStore()
	r := request("n1", "i1")
	if err := Register(t.Context(), s, clusterOne, r); err != nil {
		t.Fatal(err)
	}
	d := NewDirectory(2, 4, nil, nil)
	for _, name := range []string{"n2", "n3"} {
		if _, err := Join(t.Context(), s, d, clusterOne, request(name, "i"+name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := Provision(t.Context(), s, placement.Replication{Node: 3}, 4, false); err != nil {
		t.Fatal(err)
	}
	err := UpdateLayout(t.Context(), s, func(l *Layout) error {
		l.Voters = []NodeID{1, 2, 3}
		for range 4 {
			set := []Replica{1, 2, 3}
			l.Partitions = append(l.Partitions, Partition{Founders: set, Replicas: set, Leader: 1})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	groups := &fakeGroups{
		self: 2, leaders: map[bifrost.LogID]NodeID{}, tail: 4096 * 10,
		members: bifrost.Members{Voters: []Replica{1, 2, 3}},
	}
	groups.lead(1, bifrost.MetadataLog, logOf(0), logOf(1), logOf(2), logOf(3))
	partitions := &fakePartitions{open: map[protocol.PartitionID]bool{}}
	a := NewAgent(AgentConfig{
		Generation: 1, Store: s, Directory: d, Groups: groups, Partitions: partitions,
		Notify: func(uint64, []byte) {}, Fault: func(err error) { t.Error(err) },
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	hear(d, 1, 3)
	time.Sleep(busyInterval) // for it to open what it should
	synctest.Wait()
	return a, groups, partitions, d
}

// hear has nodes tell that they are there, level with everybody.
func hear(d *Directory, nodes ...NodeID) {
	for _, n := range nodes {
		m := Notice{Node: n, Generation: 1, Millis: time.Now().UnixMilli()}
		m.Metadata = Running{Replica: bifrost.NewReplicaID(uint64(n), 0), Tail: 4096 * 10}
		for p := range protocol.PartitionID(4) {
			m.Replicas = append(m.Replicas, Running{p, bifrost.NewReplicaID(uint64(n), 0), 4096 * 10})
		}
		d.Heard(m, time.Now())
	}
}

func TestAgentOpensWhatTheLayoutSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, partitions, _ := agentOn(t)
		for p := range protocol.PartitionID(4) {
			if !partitions.IsOpen(p) {
				t.Errorf("partition %d is not open", p)
			}
		}
		if open, wanted, err := a.Open(); open != 4 || wanted != 4 || err != nil {
			t.Errorf("%d of %d open, %v", open, wanted, err)
		}
	})
}

// When the process of a leader has ended, each survivor stands for election for its share at once,
// and for the others only where whoever stood first did not win.
func TestSuccessionIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, groups, _, d := agentOn(t)
		d.Broke(1)
		a.Down(1)
		time.Sleep(successorLook / 2)
		synctest.Wait()
		stood, _ := groups.took()
		if want := []bifrost.LogID{bifrost.MetadataLog, logOf(0), logOf(2)}; !slices.Equal(stood, want) {
			t.Fatalf("stood for %v, want %v", stood, want)
		}
		groups.lead(3, logOf(1)) // node 3 has won one of its own
		groups.lead(0, logOf(3)) // and not the other
		time.Sleep(successorLook * 3)
		synctest.Wait()
		stood, _ = groups.took()
		if want := []bifrost.LogID{logOf(3)}; !slices.Equal(stood, want) {
			t.Fatalf("stood for %v after that, want %v", stood, want)
		}
	})
}

// A leadership goes to the node that should have it only when both have been steady for a while: never
// to one that has just fallen silent.
func TestLeadershipGoesHomeSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, groups, _, d := agentOn(t)
		groups.lead(2, logOf(0))
		for range 20 { // node 1 is silent
			time.Sleep(noticeInterval / 2)
			hear(d, 3)
		}
		synctest.Wait()
		if _, to := groups.took(); len(to) > 0 {
			t.Fatalf("handed over to %v, which is silent", to)
		}
		for range 20 {
			hear(d, 1, 3)
			time.Sleep(noticeInterval / 2)
		}
		synctest.Wait()
		if _, to := groups.took(); len(to) == 0 || to[0] != 1 {
			t.Fatalf("handed over to %v, want node 1", to)
		}
	})
}

// A replica that has stopped for good must not keep its partition from going on.
func TestAFailedReplicaHandsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, groups, _, d := agentOn(t)
		groups.lead(2, logOf(0))
		time.Sleep(noticeInterval + busyInterval) // the agent learns the members
		hear(d, 3)
		groups.took()
		a.Failed(logOf(0))
		time.Sleep(busyInterval)
		synctest.Wait()
		if _, to := groups.took(); len(to) == 0 {
			t.Error("it goes on leading")
		}
		groups.lead(3, logOf(0))
		time.Sleep(noticeInterval)
		groups.took()
		d.Broke(3)
		a.Down(3)
		time.Sleep(noticeInterval)
		synctest.Wait()
		if stood, _ := groups.took(); len(stood) > 0 {
			t.Errorf("it stands for election of %v", stood)
		}
	})
}

// While a leadership is being handed over its log takes nothing: where that comes to nothing it is not
// asked for again and again, and there is another who may take it.
func TestAHandOverThatComesToNothingStopsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, groups, _, d := agentOn(t)
		groups.lead(2, logOf(0))
		count := func(d time.Duration) (offers int) {
			for range int(d / noticeInterval) {
				time.Sleep(noticeInterval)
				hear(a.cfg.Directory, 1, 3)
				a.Poke() // other leaders change
			}
			synctest.Wait()
			_, to := groups.took()
			return len(to)
		}
		if n := count(10 * time.Minute); n < 10 || n > 20 {
			t.Errorf("node 1 was asked %d times within ten minutes", n)
		}
		err := UpdateLayout(t.Context(), a.cfg.Store, func(l *Layout) error {
			l.Partitions[0].Leader = 3
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(noticeInterval)
		synctest.Wait()
		if _, to := groups.took(); !slices.Equal(to, []Replica{3}) {
			t.Errorf("asked %v, want node 3 at once: it was never asked", to)
		}
		hear(d, 1, 3)
	})
}

// A stopping node gives every leadership to somebody who is level and alive, and asks again when that
// comes to nothing.
func TestHandOverAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, groups, _, d := agentOn(t)
		groups.lead(2, logOf(0), bifrost.MetadataLog)
		hear(d, 1, 3)
		time.Sleep(2 * noticeInterval) // the agent learns the members
		hear(d, 1)
		d.Broke(3)
		synctest.Wait()
		groups.took()
		left := make(chan int)
		go func() { left <- a.HandOver(t.Context()) }()
		time.Sleep(5 * handOverAsk)
		synctest.Wait()
		if _, to := groups.took(); len(to) < 8 || slices.Contains(to, 3) {
			t.Errorf("asked %v, want node 1 again and again", to)
		}
		hear(d, 3) // behind node 1, which does not take it
		time.Sleep(5 * handOverAsk)
		synctest.Wait()
		if _, to := groups.took(); !slices.Contains(to, 3) {
			t.Errorf("asked %v, want node 3 as well", to)
		}
		groups.lead(1, logOf(0), bifrost.MetadataLog)
		if n := <-left; n != 0 {
			t.Errorf("%d logs are left", n)
		}
	})
}
