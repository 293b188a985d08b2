package ingress

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// holding is partitions that take their time: accepting, then answering.
type holding struct {
	fakePartitions
	accept, answer chan struct{}
	held, most     atomic.Int64 // bytes that were read and are not accepted
}

func (p *holding) Call(_ context.Context, _ protocol.TraceContext, inv *command.Invoke, _ bool,
	accepted func(),
) (command.Reply, bool, error) {
	held := p.held.Add(int64(inv.Parameter.Len()))
	for most := p.most.Load(); held > most && !p.most.CompareAndSwap(most, held); {
		most = p.most.Load()
	}
	<-p.accept
	p.held.Add(-int64(inv.Parameter.Len()))
	inv.Parameter = protocol.Payload{}
	accepted()
	<-p.answer
	r := protocol.Success(nil)
	return command.Reply{Status: command.ReplyCompleted, Result: &r}, false, nil
}

// Large bodies that are on their way to the log stay within the limit; once accepted they no longer
// count, however long their calls last.
func TestBodyMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, limit, calls = 1 << 20, 3 << 20, 12
		p := &holding{accept: make(chan struct{}), answer: make(chan struct{})}
		h := New(Config{RequestSizeLimit: limit, BodyMemoryLimit: limit}, newSchema(t), p, nil, Events{})
		codes := make(chan int, calls)
		for i := range calls {
			go func() {
				r := httptest.NewRequest(http.MethodPost, "/Greeter/any",
					bytes.NewReader(make([]byte, size)))
				r.Header.Set("Content-Type", "application/octet-stream")
				if i%2 == 0 {
					r.ContentLength = -1 // counts as much as it may become
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				codes <- w.Code
			}()
		}
		for range calls {
			synctest.Wait()
			p.accept <- struct{}{}
		}
		synctest.Wait()
		if len(codes) != 0 {
			t.Fatal("a call was answered before its time")
		}
		close(p.answer)
		for range calls {
			if code := <-codes; code != http.StatusOK {
				t.Errorf("a call was answered with %d", code)
			}
		}
		if most := p.most.Load(); most > limit || most < size {
			t.Errorf("up to %d bytes were held, the limit is %d", most, limit)
		}
	})
}

// Who waits too long for memory is told so, small bodies pass, and who gave up leaves nothing behind.
func TestBodyMemoryPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBodies(100 << 20)
		done, err := b.take(t.Context(), 80<<20)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := b.take(t.Context(), 30<<20); !errors.Is(err, errBodyMemory) {
			t.Errorf("got %v, want the refusal", err)
		}
		if took := time.Since(start); took != bodyPatience {
			t.Errorf("it waited for %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.take(ctx, 30<<20); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the caller's own end", err)
		}
		if _, err := b.take(t.Context(), smallBodyBytes); err != nil {
			t.Errorf("a small body was refused: %v", err)
		}
		done()
		done() // once is enough
		all, err := b.take(t.Context(), 1<<40)
		if err != nil {
			t.Fatalf("the whole memory is not free: %v", err)
		}
		all()
	})
}
