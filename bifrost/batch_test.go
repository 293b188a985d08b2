package bifrost

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/perdure/perdure/protocol"
)

// fakeRaft takes proposals and lets the test say what becomes of them.
type fakeRaft struct {
	t       *testing.T
	batcher *batcher
	refuse  error
	applied int

	mu      sync.Mutex
	entries []entry // guarded by mu where many goroutines append
	tickets []*fakeTicket
}

type fakeTicket struct{ over bool }

func (f *fakeTicket) ended() bool { return f.over }

func newFakeRaft(t *testing.T, limitBytes int64) *fakeRaft {
	f := &fakeRaft{t: t}
	f.batcher = &batcher{
		propose: f.propose, onBusy: func() {}, host: &budget{limit: limitBytes}, limit: limitBytes,
		nextID: &atomic.Uint64{}, underway: map[uint64]*batch{},
	}
	return f
}

func (f *fakeRaft) propose(sealed []byte) (ticket, error) {
	if f.refuse != nil {
		return nil, f.refuse
	}
	e, err := decodeEntry(bytes.Clone(sealed))
	if err != nil {
		f.t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.entries = append(f.entries, e)
	f.tickets = append(f.tickets, &fakeTicket{})
	return f.tickets[len(f.tickets)-1], nil
}

// apply commits and applies the next n entries in one go.
func (f *fakeRaft) apply(n int) {
	first := f.applied
	f.applied += n
	f.mu.Lock()
	entries := f.entries[first:f.applied]
	f.mu.Unlock()
	f.batcher.seeCommitted(entries)
	f.batcher.seeApplied(entries, func(i int) protocol.LSN {
		return positions{}.lsn(uint64(first+i+1), 0)
	})
}

func (f *fakeRaft) sizes() (sizes []int) {
	for _, e := range f.entries {
		sizes = append(sizes, len(e.records))
	}
	return sizes
}

// add appends records and notes the answers.
func (f *fakeRaft) add(answers *[]string, payloads ...[]byte) {
	f.t.Helper()
	err := f.batcher.add(func(lsn protocol.LSN, err error) {
		if err != nil {
			*answers = append(*answers, "unknown")
			return
		}
		*answers = append(*answers, lsn.String())
	}, payloads)
	if err != nil {
		f.t.Fatal(err)
	}
}

func TestBatcherSendsAtOnceThenCollects(t *testing.T) {
	f := newFakeRaft(t, 1<<30)
	var answers []string
	for i := range 20 {
		f.add(&answers, fmt.Append(nil, i))
	}
	if want := slices.Repeat([]int{1}, depthSmall); !slices.Equal(f.sizes(), want) {
		t.Fatalf("entries of %v records under way, want %v", f.sizes(), want)
	}
	f.apply(1)
	if got := f.sizes(); len(got) != depthSmall+1 || got[depthSmall] != 12 {
		t.Fatalf("entries of %v records after one was committed, want a last one of 12", got)
	}
	f.apply(depthSmall)
	if len(answers) != 20 || answers[0] != "1.0" || answers[8] != "9.0" || answers[19] != "9.11" {
		t.Fatalf("answers %v", answers)
	}
}

func TestBatcherIsShallowForLargeBatches(t *testing.T) {
	f := newFakeRaft(t, 1<<30)
	var answers []string
	large := slices.Repeat([][]byte{[]byte("x")}, 100)
	for range 20 {
		f.add(&answers, large...)
		if got := f.batcher.uncommitted; got > depthSmall {
			t.Fatalf("%d under way", got)
		}
	}
	f.apply(len(f.entries))
	for range 5 {
		f.add(&answers, large...)
	}
	if f.batcher.uncommitted != depthLarge {
		t.Fatalf("%d large entries under way, want %d", f.batcher.uncommitted, depthLarge)
	}
}

func TestBatcherCutsBatches(t *testing.T) {
	f := newFakeRaft(t, 1<<30)
	var answers []string
	f.batcher.corked = true // collect
	half := make([]byte, maxBatchBytes/2-10)
	f.add(&answers, half)
	f.add(&answers, half)
	f.add(&answers, half)
	f.add(&answers, make([]byte, maxBatchBytes+1))
	for range MaxAppendRecords + 1 {
		f.add(&answers, []byte{1})
	}
	f.batcher.corked = false
	f.batcher.sweep()
	for i := 0; i < len(f.entries); i++ {
		f.apply(1)
	}
	if want := []int{2, 1, 1, MaxAppendRecords, 1}; !slices.Equal(f.sizes(), want) {
		t.Fatalf("cut into %v, want %v", f.sizes(), want)
	}
	if f.batcher.usedBytes != 0 || f.batcher.host.used.Load() != 0 {
		t.Fatalf("%d and %d bytes still in flight", f.batcher.usedBytes, f.batcher.host.used.Load())
	}
}

func TestBatcherSharesAnEntryAmongAppendsOfAnswers(t *testing.T) {
	f := newFakeRaft(t, 1<<30)
	var answers []string
	for range 4 {
		err := f.batcher.add(func(protocol.LSN, error) { f.add(&answers, []byte("next")) }, [][]byte{{1}})
		if err != nil {
			t.Fatal(err)
		}
	}
	f.apply(4)
	if want := []int{1, 1, 1, 1, 4}; !slices.Equal(f.sizes(), want) {
		t.Fatalf("entries of %v records, want %v", f.sizes(), want)
	}
}

func TestBatcherAnswersLostEntriesOnce(t *testing.T) {
	f := newFakeRaft(t, 1<<30)
	var answers []string
	f.add(&answers, []byte("dropped"))
	f.add(&answers, []byte("applied"))
	f.tickets[0].over = true
	f.batcher.sweep()
	f.apply(2) // the first one turns up all the same
	if want := []string{"unknown", "2.0"}; !slices.Equal(answers, want) {
		t.Fatalf("answers %v, want %v", answers, want)
	}
	f.refuse = errors.New("not ready")
	f.add(&answers, []byte("refused"))
	f.batcher.sweep()
	f.refuse = nil
	f.add(&answers, []byte("under way"))
	f.batcher.refuse(ErrClosed)
	f.batcher.end()
	f.apply(1)
	if want := []string{"unknown", "2.0", "unknown", "unknown"}; !slices.Equal(answers, want) {
		t.Fatalf("answers %v, want %v", answers, want)
	}
	if f.batcher.uncommitted != 0 || f.batcher.usedBytes != 0 {
		t.Fatalf("%d entries, %d bytes still under way", f.batcher.uncommitted, f.batcher.usedBytes)
	}
	if err := f.batcher.add(nil, [][]byte{{1}}); !errors.Is(err, ErrClosed) {
		t.Fatalf("append after the end: %v", err)
	}
}

func TestBatcherBoundsTheNode(t *testing.T) {
	f := newFakeRaft(t, 1<<30)
	f.batcher.host.limit = 1000
	var answers []string
	f.add(&answers, make([]byte, 900))
	if err := f.batcher.add(nil, [][]byte{make([]byte, 900)}); !errors.Is(err, ErrBusy) {
		t.Fatalf("append beyond the node's limit: %v", err)
	}
	f.apply(1)
	f.add(&answers, make([]byte, 900))
}

func TestBatcherKeepsEachCallersOrder(t *testing.T) {
	f := newFakeRaft(t, 1<<30)
	var answers atomic.Int64
	var wg sync.WaitGroup
	const callers, each = 8, 500
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				err := f.batcher.add(func(protocol.LSN, error) { answers.Add(1) },
					[][]byte{fmt.Appendf(nil, "%d %d", c, i)})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	appended := make(chan struct{})
	go func() { wg.Wait(); close(appended) }()
	for answers.Load() < callers*each {
		f.mu.Lock()
		ready := len(f.entries) > f.applied
		f.mu.Unlock()
		if ready {
			f.apply(1)
		}
	}
	<-appended
	next := map[int]int{}
	for _, e := range f.entries {
		for _, r := range e.records {
			var c, i int
			if _, err := fmt.Sscan(string(r), &c, &i); err != nil || next[c] != i {
				t.Fatalf("record %q, want number %d of its caller (%v)", r, next[c], err)
			}
			next[c]++
		}
	}
}
