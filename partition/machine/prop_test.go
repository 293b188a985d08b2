package machine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

const (
	propSeeds = 40
	propSteps = 250
)

func eachSeed(t *testing.T, count uint64, run func(t *testing.T, seed uint64)) {
	for seed := range count {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { run(t, seed) })
	}
}

// Rows hang together after every command, whatever came.
func TestInvariants(t *testing.T) {
	eachSeed(t, propSeeds, func(t *testing.T, seed uint64) {
		w := newWorld(t, seed)
		for range propSteps {
			w.step()
			checkRows(t, w.store)
			if t.Failed() {
				t.Fatalf("after %d commands", len(w.log))
			}
		}
	})
}

// Two replicas agree, however their records are cut into batches and whatever their caches hold.
func TestReplayAgrees(t *testing.T) {
	eachSeed(t, propSeeds, func(t *testing.T, seed uint64) {
		w := newWorld(t, seed)
		for range propSteps {
			w.step()
		}
		want, err := w.store.Reader().Vars()
		if err != nil {
			t.Fatal(err)
		}
		for _, cached := range []int{-1, 2, 4096} {
			s := newStore(t, store.Config{CachedStatuses: cached})
			for first := 0; first < len(w.log); {
				count := min(1+w.rng.IntN(20), len(w.log)-first)
				applyRecords(t, s, first, w.log[first:first+count]...)
				first += count
			}
			got, err := s.Reader().Vars()
			if err != nil || got.Digest != want.Digest || got.Applied != want.Applied {
				t.Fatalf("with %d cached statuses: %+v, %v; want %+v", cached, got, err, want)
			}
		}
	})
}

// A crash leaves a whole prefix of the batches, and replay from there leads to the same rows.
func TestCrashLeavesPrefix(t *testing.T) {
	eachSeed(t, 10, func(t *testing.T, seed uint64) {
		w := newWorld(t, seed)
		for range propSteps {
			w.step()
		}
		want, err := w.store.Reader().Vars()
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(seed, 2))
		fs := vfs.NewCrashableMem()
		s := newStore(t, store.Config{FS: fs, MemTableSizeBytes: 256 << 10})
		digests := map[protocol.LSN]uint64{0: 0}
		var crashed []*vfs.MemFS
		for first := 0; first < len(w.log); {
			count := min(1+rng.IntN(20), len(w.log)-first)
			applyRecords(t, s, first, w.log[first:first+count]...)
			first += count
			vars, err := s.Reader().Vars()
			if err != nil {
				t.Fatal(err)
			}
			digests[vars.Applied] = vars.Digest
			if rng.IntN(8) == 0 {
				if err := s.Flush(); err != nil {
					t.Fatal(err)
				}
			}
			if rng.IntN(8) == 0 {
				crashed = append(crashed, fs.CrashClone(vfs.CrashCloneCfg{
					UnsyncedDataPercent: rng.IntN(101), RNG: rng,
				}))
			}
		}
		for _, fs := range crashed {
			checkPrefix(t, newStore(t, store.Config{FS: fs}), digests, w.log, want)
		}
	})
}

func checkPrefix(
	t *testing.T, s *store.Store, digests map[protocol.LSN]uint64, log [][]byte, want store.Vars,
) {
	vars, err := s.Reader().Vars()
	if err != nil {
		t.Fatal(err)
	}
	if digest, ok := digests[vars.Applied]; !ok || digest != vars.Digest {
		t.Fatalf("after a crash: %+v, which is no prefix", vars)
	}
	if durable, err := s.DurableLSN(); err != nil || durable != vars.Applied {
		t.Fatalf("after a crash %s is durable, %v; want %s", durable, err, vars.Applied)
	}
	checkRows(t, s)
	for i := range log {
		if lsnOf(i) > vars.Applied {
			applyRecords(t, s, i, log[i])
		}
	}
	if got, err := s.Reader().Vars(); err != nil || got.Digest != want.Digest {
		t.Fatalf("replayed to %+v, %v; want %+v", got, err, want)
	}
}

// When handlers behave and people resume what they paused, everything that was accepted ends, and
// nothing of it is left but what is retained.
func TestEverythingEnds(t *testing.T) {
	eachSeed(t, propSeeds, func(t *testing.T, seed uint64) {
		w := newWorld(t, seed)
		for range propSteps {
			w.step()
		}
		for round := 0; w.drain(); round++ {
			if round > 10_000 {
				t.Fatal("it goes on for ever")
			}
		}
		checkRows(t, w.store)
		checkDrained(t, w.store.Reader())
	})
}

// drain makes something happen that somebody will make happen; false says that nothing is left.
func (w *world) drain() bool {
	if w.shuffle() {
		return true
	}
	for st, err := range w.store.Reader().ScanStatus(protocol.PartitionRange(0, 1)) {
		switch {
		case err != nil:
			w.t.Fatal(err)
		case st.State == store.Invoked:
			w.command(&command.InvokerEffect{ID: st.ID, Attempt: st.Attempt, Effects: []command.Effect{
				w.output(st.CommandCount), {Kind: command.EffectEnd},
			}})
			return true
		case st.State == store.Paused:
			w.command(&command.Resume{ID: st.ID})
			return true
		}
	}
	w.now += 5000
	if w.fire(w.now) {
		return true
	}
	// Whoever still waits does so for a signal, a promise or a mistake of the handler.
	for st, err := range w.store.Reader().ScanStatus(protocol.PartitionRange(0, 1)) {
		if err != nil {
			w.t.Fatal(err)
		}
		if st.State == store.Suspended {
			w.command(&command.Terminate{ID: st.ID, Mode: command.TerminateCancel})
			return true
		}
	}
	return false
}

func checkDrained(t *testing.T, r store.Reader) {
	all := protocol.PartitionRange(0, 1)
	for st, err := range r.ScanStatus(all) {
		if err != nil || st.State != store.Completed {
			t.Errorf("%s is left %s, %v", st.ID, st.State, err)
		}
	}
	for l, err := range r.ScanLocks(all) {
		t.Errorf("%s is left locked by %s, %v", l.Object, l.Lock.Holder, err)
	}
	for q, err := range r.ScanInbox(all) {
		t.Errorf("%s is left in the inbox of %s, %v", q.Invocation, q.Object, err)
	}
	if messages, err := r.Outbox(0, 1); err != nil || len(messages) > 0 {
		t.Errorf("messages are left: %v, %v", messages, err)
	}
}

// checkRows checks what must hold between rows after every command.
func checkRows(t *testing.T, s *store.Store) {
	t.Helper()
	r := s.Reader()
	all := protocol.PartitionRange(0, 1)
	holders := map[store.Object]protocol.InvocationID{}
	queued := map[store.Object]uint32{}
	inboxed := map[protocol.InvocationID]uint64{}
	for q, err := range r.ScanInbox(all) {
		if err != nil {
			t.Fatal(err)
		}
		queued[q.Object]++
		if q.Mutation == nil {
			inboxed[q.Invocation] = q.Sequence
		}
	}
	for l, err := range r.ScanLocks(all) {
		if err != nil {
			t.Fatal(err)
		}
		holders[l.Object] = l.Lock.Holder
		if l.Lock.Queued != queued[l.Object] {
			t.Errorf("%s counts %d queued, has %d", l.Object, l.Lock.Queued, queued[l.Object])
		}
		delete(queued, l.Object)
	}
	if len(queued) > 0 {
		t.Errorf("inboxes of free objects: %v", queued)
	}
	sleeps := checkTimers(t, r)
	for st, err := range r.ScanStatus(all) {
		if err != nil {
			t.Fatal(err)
		}
		checkStatus(t, s, &st, inboxed, sleeps[st.ID])
		if object := store.ObjectOf(st.Target); holdsLock(st.Target) && st.State.Started() {
			if holders[object] != st.ID {
				t.Errorf("%s is %s but %s holds %s", st.ID, st.State, holders[object], object)
			}
			delete(holders, object)
		}
	}
	if len(holders) > 0 || len(inboxed) > 0 {
		t.Errorf("locks or inbox rows of nobody: %v, %v", holders, inboxed)
	}
}

// checkTimers counts the sleeps of each invocation; every timer must be for somebody.
func checkTimers(t *testing.T, r store.Reader) map[protocol.InvocationID]uint32 {
	sleeps := map[protocol.InvocationID]uint32{}
	timers, err := r.Timers(command.Timer{}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, timer := range timers {
		if timer.Kind == command.TimerSleep {
			sleeps[timer.Invocation]++
		}
		if timer.Kind == command.TimerAnswers {
			continue
		}
		if _, ok, err := r.GetStatus(timer.Invocation); err != nil || !ok {
			t.Errorf("timer %+v of nobody, %v", timer, err)
		}
	}
	return sleeps
}

func checkStatus(
	t *testing.T, s *store.Store, st *store.Status, inboxed map[protocol.InvocationID]uint64,
	sleeps uint32,
) {
	r := s.Reader()
	entries, err := r.Journal(st.ID)
	if err != nil {
		t.Fatal(err)
	}
	commands := uint32(0)
	for i := range entries {
		if entries[i].Type.IsCommand() {
			commands++
		}
		if n, ok := notification(&entries[i]); ok {
			if _, found, err := r.GetNotification(st.ID, n.ID); err != nil || !found {
				t.Errorf("%s: %s is not indexed, %v", st.ID, n.ID, err)
			}
		}
	}
	if uint32(len(entries)) != st.EntryCount || commands != st.CommandCount {
		t.Errorf("%s counts %d entries and %d commands, has %d and %d",
			st.ID, st.EntryCount, st.CommandCount, len(entries), commands)
	}
	if st.Timers != sleeps {
		t.Errorf("%s counts %d sleeps, has %d timers", st.ID, st.Timers, sleeps)
	}
	sequence, waits := inboxed[st.ID]
	delete(inboxed, st.ID)
	switch {
	case waits != (st.State == store.Inboxed) || waits && sequence != st.InboxSequence:
		t.Errorf("%s is %s, inbox %d and %d", st.ID, st.State, st.InboxSequence, sequence)
	case st.State == store.Scheduled:
		if set, err := r.HasTimer(scheduledTimer(st)); err != nil || !set {
			t.Errorf("%s waits for no timer, %v", st.ID, err)
		}
	case st.State == store.Completed:
		if set, err := r.HasTimer(forgetTimer(st)); err != nil || !set || st.Result == nil {
			t.Errorf("%s will not be forgotten, %v", st.ID, err)
		}
	case st.State == store.Suspended:
		checkSuspended(t, s, st)
	}
}

// checkSuspended: what it waits for has not come, else it was slept over.
func checkSuspended(t *testing.T, s *store.Store, st *store.Status) {
	tx := s.Begin()
	over, err := (&step{tx: tx}).resolved(st, &st.Awaiting)
	if err := errors.Join(err, tx.Discard()); err != nil || over {
		t.Errorf("%s sleeps over what it waits for, %v", st.ID, err)
	}
	if st.ProtocolVersion >= firstTreeVersion {
		return
	}
	for id := range leaves(&st.Awaiting) {
		if _, ok, err := s.Reader().GetNotification(st.ID, id); err != nil || ok {
			t.Errorf("%s sleeps over %s, %v", st.ID, id, err)
		}
	}
}
