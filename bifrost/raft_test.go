package bifrost_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lni/dragonboat/v4"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/bifrost/transport"
	"github.com/perdure/perdure/protocol"
)

const patience = 30 * time.Second

func openRaft(t testing.TB, dir string, change ...func(*bifrost.RaftConfig)) *bifrost.RaftHost {
	t.Helper()
	cfg := bifrost.RaftConfig{Dir: dir}
	for _, f := range change {
		f(&cfg)
	}
	h, err := bifrost.OpenRaft(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return h
}

// eventually polls until ok or patience ends.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for: %s", patience, what)
		}
	}
}

func start(t testing.TB, h bifrost.Host, id bifrost.LogID, a bifrost.Applier) bifrost.Log {
	t.Helper()
	l, err := h.Start(t.Context(), id, a)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a leader", func() bool { leads, _ := l.Leader(); return leads })
	return l
}

func TestDirectoryIsNotShared(t *testing.T) {
	dir := t.TempDir()
	openRaft(t, dir)
	if _, err := bifrost.OpenRaft(bifrost.RaftConfig{Dir: dir}); err == nil ||
		!strings.Contains(err.Error(), "another server is using it") {
		t.Fatalf("second host in one directory: %v", err)
	}
}

func TestDirectoryOfAnotherIsRefused(t *testing.T) {
	dir := t.TempDir()
	mustClose(t, openRaft(t, dir))
	for want, cfg := range map[string]bifrost.RaftConfig{
		"cluster 9": {Dir: dir, Cluster: 9},
		"replica 2": {Dir: dir, Node: 2},
	} {
		if h, err := bifrost.OpenRaft(cfg); err == nil {
			_ = h.Close()
			t.Errorf("directory opened as %s", want)
		} else if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "belongs to") {
			t.Errorf("directory opened as %s: %v", want, err)
		}
	}
	mustClose(t, openRaft(t, dir))

	identity := filepath.Join(dir, "identity.json")
	data, err := os.ReadFile(identity)
	if err != nil {
		t.Fatal(err)
	}
	for format, want := range map[string]string{
		"1": "begin with an empty data directory", "3": "run the release that wrote it",
	} {
		writeFile(t, identity, strings.Replace(string(data), `"format": 2`, `"format": `+format, 1))
		if _, err := bifrost.OpenRaft(bifrost.RaftConfig{Dir: dir}); err == nil ||
			!strings.Contains(err.Error(), "format "+format) || !strings.Contains(err.Error(), want) {
			t.Errorf("directory of format %s: %v", format, err)
		}
	}
	if err := os.Remove(identity); err != nil {
		t.Fatal(err)
	}
	if _, err := bifrost.OpenRaft(bifrost.RaftConfig{Dir: dir}); err == nil ||
		!strings.Contains(err.Error(), "not written by this server") {
		t.Errorf("directory without identity: %v", err)
	}
}

func writeFile(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestHostMayChangeItsName(t *testing.T) {
	dir := t.TempDir()
	h := openRaft(t, dir)
	mustAppend(t, start(t, h, testLog, newRecorder(&disk{})), []byte("kept"))
	mustClose(t, h)

	// Make the directory look as if a host of another name had written it.
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, name), filepath.Join(dir, "former")); err != nil {
		t.Fatal(err)
	}
	identity := filepath.Join(dir, "identity.json")
	data, err := os.ReadFile(identity)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, identity, strings.Replace(string(data), name, "former", 1))

	r := newRecorder(&disk{})
	l := start(t, openRaft(t, dir), testLog, r)
	mustAppend(t, l, []byte("more"))
	if records, _ := seen(t, r); len(records) != 2 || string(records[0].Data) != "kept" {
		t.Fatalf("after the change of name: %v", records)
	}
	if _, err := os.Stat(filepath.Join(dir, "former")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the former directory is still there: %v", err)
	}
}

func TestStateThatDoesNotFitTheLogIsRefused(t *testing.T) {
	dir := t.TempDir()
	h := openRaft(t, dir)
	d := &disk{}
	l := start(t, h, testLog, newRecorder(d))
	for i := range 5 {
		mustAppend(t, l, fmt.Append(nil, i))
	}
	if err := l.Trim(t.Context(), l.Tail()); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, []byte("untrimmed"))
	mustClose(t, h)

	h = openRaft(t, dir)
	older := &disk{records: d.records[:2]}
	if _, err := h.Start(t.Context(), testLog, newRecorder(older)); err == nil ||
		!strings.Contains(err.Error(), "the state has lost records") {
		t.Fatalf("state from before the trim: %v", err)
	}
	if _, err := h.Start(t.Context(), bifrost.MetadataLog, newRecorder(d)); err == nil ||
		!strings.Contains(err.Error(), "it has lost records") {
		t.Fatalf("state of more than the log ever had: %v", err)
	}
	r := newRecorder(d) // the refused ones have harmed nothing
	l = start(t, h, testLog, r)
	mustAppend(t, l, []byte("more"))
	if records, sinceOpen := seen(t, r); len(records) != 7 || sinceOpen != 2 {
		t.Fatalf("%d records, %d since the start; want 7, 2", len(records), sinceOpen)
	}
}

func TestBadConfigurationIsRefused(t *testing.T) {
	for _, bad := range []bifrost.RaftConfig{
		{},
		{Dir: "x", Node: 1 << 16},
		{Dir: "x", Tick: time.Microsecond},
		{Dir: "x", ElectionTicks: 2, HeartbeatTicks: 1},
		{Dir: "x", ProposalTimeout: time.Millisecond},
		{Dir: "x", MaxBytesInFlight: -1},
	} {
		if _, err := bifrost.OpenRaft(bad); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
}

func TestEventsTellWhatHappened(t *testing.T) {
	var proposed, applied, leaders, trimmed atomic.Int64
	h := openRaft(t, t.TempDir(), func(c *bifrost.RaftConfig) {
		c.OnLeader = func(id bifrost.LogID, l bifrost.Leadership) {
			if id == testLog && l.Leads {
				leaders.Add(1)
			}
		}
		c.Events.EntryProposed = func(_ bifrost.LogID, i bifrost.EntryInfo) {
			proposed.Add(int64(i.Records))
		}
		c.Events.Applied = func(_ bifrost.LogID, i bifrost.AppliedInfo) {
			applied.Add(int64(i.Records))
		}
		c.Events.Trimmed = func(bifrost.LogID, protocol.LSN) { trimmed.Add(1) }
	})
	l := start(t, h, testLog, newRecorder(&disk{}))
	for range 10 {
		mustAppend(t, l, []byte("a"), []byte("b"))
	}
	if err := l.Trim(t.Context(), l.Tail()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the leader event", func() bool { return leaders.Load() == 1 })
	if proposed.Load() != 20 || applied.Load() != 20 || trimmed.Load() != 1 {
		t.Errorf("proposed %d, applied %d, trimmed %d; want 20, 20, 1",
			proposed.Load(), applied.Load(), trimmed.Load())
	}
}

// cluster opens three hosts that replicate to each other over loopback.
func cluster(t *testing.T, change ...func(*bifrost.RaftConfig)) (hosts []*bifrost.RaftHost) {
	t.Helper()
	network := newNetwork(t, 3)
	for i := range uint64(3) {
		member := func(c *bifrost.RaftConfig) {
			c.Node, c.Transport = i+1, network[i]
			c.Group = func(bifrost.LogID) (bifrost.Group, error) {
				g := bifrost.Founding(1, 2, 3)
				g.Replica = bifrost.NewReplicaID(i+1, 0)
				return g, nil
			}
		}
		hosts = append(hosts, openRaft(t, t.TempDir(), append(change, member)...))
	}
	return hosts
}

// newNetwork makes transports that reach each other over loopback, for nodes 1 to count.
func newNetwork(t *testing.T, count int) (transports []*transport.Transport) {
	t.Helper()
	listeners := map[uint64]net.Listener{}
	for i := range uint64(count) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners[i+1] = prefixed{l}
	}
	for i := range uint64(count) {
		tr, err := transport.New(transport.Config{
			Self: i + 1, Cluster: "test", Prefix: testPrefix,
			Resolve: func(n uint64) (string, bool) { return listeners[n].Addr().String(), true },
		})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- tr.Serve(listeners[i+1]) }()
		t.Cleanup(func() {
			err := errors.Join(listeners[i+1].Close(), tr.Close(), <-ended)
			if err != nil {
				t.Errorf("close a transport: %v", err)
			}
		})
		transports = append(transports, tr)
	}
	return transports
}

const testPrefix = "TESTRAFT"

// prefixed takes the prefix off, as the port that several protocols share does.
type prefixed struct{ net.Listener }

func (p prefixed) Accept() (net.Conn, error) {
	c, err := p.Listener.Accept()
	if err == nil {
		_, _ = io.ReadFull(c, make([]byte, len(testPrefix))) // a failure shows in what follows
	}
	return c, err
}

// replicas are the replicas of one log on every host of a cluster.
type replicas struct {
	t         *testing.T
	hosts     []*bifrost.RaftHost
	logs      []bifrost.Log
	recorders []*recorder
}

func startReplicas(t *testing.T, change ...func(*bifrost.RaftConfig)) *replicas {
	t.Helper()
	c := &replicas{t: t, hosts: cluster(t, change...)}
	c.logs, c.recorders = make([]bifrost.Log, 3), make([]*recorder, 3)
	for i := range c.hosts {
		c.start(i, &disk{})
	}
	return c
}

func (c *replicas) start(i int, d *disk) {
	c.t.Helper()
	c.recorders[i] = newRecorder(d)
	l, err := c.hosts[i].Start(c.t.Context(), testLog, c.recorders[i])
	if err != nil {
		c.t.Fatal(err)
	}
	c.logs[i] = l
}

// leader waits for a leader other than one.
func (c *replicas) leader(except int) (found int) {
	c.t.Helper()
	eventually(c.t, "a leader", func() bool {
		for i, l := range c.logs {
			if leads, _ := l.Leader(); leads && i != except {
				found = i
				return true
			}
		}
		return false
	})
	return found
}

// sameRecords waits until two replicas are level and returns what both have.
func (c *replicas) sameRecords(i, j int) []bifrost.Record {
	c.t.Helper()
	eventually(c.t, "two replicas to be level", func() bool {
		return c.logs[i].Tail() == c.logs[j].Tail()
	})
	have, _ := seen(c.t, c.recorders[i])
	same, _ := seen(c.t, c.recorders[j])
	if fmt.Sprint(have) != fmt.Sprint(same) {
		c.t.Fatalf("replicas %d and %d have %d and %d records, and not the same",
			i, j, len(have), len(same))
	}
	return have
}

func TestThreeReplicasAgreeAcrossALostLeader(t *testing.T) {
	c := startReplicas(t)
	first := c.leader(-1)
	follower := (first + 1) % 3
	_, err := bifrost.AppendWait(t.Context(), c.logs[follower], []byte("x"))
	if !errors.Is(err, bifrost.ErrNotLeader) {
		t.Fatalf("append to a follower: %v", err)
	}
	for i := range 20 {
		mustAppend(t, c.logs[first], fmt.Append(nil, i))
	}
	if err := c.hosts[first].Stop(testLog); err != nil {
		t.Fatal(err)
	}
	second := c.leader(first)
	eventually(t, "an append under the second leader", func() bool {
		_, err := bifrost.AppendWait(t.Context(), c.logs[second], []byte("20"))
		return err == nil
	})
	have := c.sameRecords(second, 3-first-second)
	if len(have) < 21 {
		t.Fatalf("%d records, want at least 21", len(have))
	}
	for i := range 20 {
		if string(have[i].Data) != fmt.Sprint(i) {
			t.Fatalf("record %d is %q: an acknowledged append is gone", i, have[i].Data)
		}
	}
}

// The library lets go of a replica that sees itself leave its group, without being asked to: stopping
// it closes what is left.
func TestAReplicaThatHasLeftCanBeStopped(t *testing.T) {
	c := startReplicas(t)
	leader := c.leader(-1)
	other := c.hosts[(leader+1)%3]
	left := bifrost.NewReplicaID(uint64(leader)+1, 0)
	eventually(t, "the leader to leave", func() bool {
		members, err := other.Members(t.Context(), testLog)
		if err == nil && members.Has(left) {
			err = other.Remove(t.Context(), testLog, members, left)
		}
		return err == nil && !members.Has(left)
	})
	eventually(t, "the library to let go", func() bool {
		return errors.Is(c.hosts[leader].Transfer(testLog, left), dragonboat.ErrShardNotFound)
	})
	if err := c.hosts[leader].Stop(testLog); err != nil {
		t.Fatal(err)
	}
	if c.recorders[leader].leftOpen() {
		t.Error("its state is still open")
	}
	if err := c.hosts[leader].Forget(t.Context(), testLog, left); err != nil {
		t.Error(err)
	}
}

func TestALaggingReplicaGetsASnapshot(t *testing.T) {
	c := startReplicas(t)
	leader := c.leader(-1)
	away, other := (leader+1)%3, (leader+2)%3
	mustAppend(t, c.logs[leader], []byte("before"))
	c.sameRecords(leader, away)
	if err := c.hosts[away].Stop(testLog); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		mustAppend(t, c.logs[leader], fmt.Append(nil, i))
	}
	c.sameRecords(leader, other)
	for _, i := range []int{leader, other} { // whoever leads later: nobody has the log any more
		if err := c.logs[i].Trim(t.Context(), c.logs[i].Tail()); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the cut", func() bool {
			_, err := c.logs[i].Read(t.Context(), 0, 1)
			return errors.Is(err, bifrost.ErrTrimmed)
		})
	}
	c.start(away, &disk{})
	mustAppend(t, c.logs[c.leader(away)], []byte("after"))
	if have := c.sameRecords(c.leader(away), away); len(have) != 52 {
		t.Fatalf("%d records, want 52", len(have))
	}
	if _, sinceOpen := seen(t, c.recorders[away]); sinceOpen > 2 {
		t.Fatalf("%d records were applied one by one, want a snapshot and at most 2", sinceOpen)
	}
}
