package invoker

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/perdure/perdure/invoker/endpoint"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
	"github.com/perdure/perdure/protocol/service"
)

// benchLog applies proposals at once, one after the other, and keeps no more than it must.
type benchLog struct {
	mu   sync.Mutex
	p    *Partition
	all  map[protocol.InvocationID]*benchInvocation
	todo chan func()
}

type benchInvocation struct {
	snapshot Snapshot
	done     chan struct{}
}

func (l *benchLog) Load(id protocol.InvocationID, _ uint32, _ int, _ bool) (Snapshot, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[id].snapshot, true, nil
}

func (l *benchLog) LoadState(protocol.Target, int) ([]command.StateEntry, bool, error) {
	return nil, false, nil
}

func (l *benchLog) Propose(e *command.InvokerEffect, _ protocol.TraceContext, done func(error)) error {
	l.todo <- func() { l.apply(e); done(nil) }
	return nil
}

func (l *benchLog) apply(e *command.InvokerEffect) {
	l.mu.Lock()
	inv := l.all[e.ID]
	l.mu.Unlock()
	for i := range e.Effects {
		switch ef := &e.Effects[i]; ef.Kind {
		case command.EffectCommand:
			inv.snapshot.Entries = append(inv.snapshot.Entries, ef.Entry)
		case command.EffectRunCompletion:
			n := journal.Notification{
				NotificationType: journal.TypeRunCompletion, ID: journal.Completion(ef.CompletionID),
				Result: journal.OfResult(ef.Result),
			}
			entry := journal.Entry{Type: n.NotificationType, Body: protocol.Inline(n.Append(nil))}
			inv.snapshot.Entries = append(inv.snapshot.Entries, entry)
			l.p.Notify(e.ID, 1, uint32(len(inv.snapshot.Entries)-1), entry)
		case command.EffectEnd:
			close(inv.done)
		}
	}
}

// serveThreeSteps is a deployment that does as little as it can.
func serveThreeSteps(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", service.ContentType(service.V6))
	w.WriteHeader(200)
	rc := http.NewResponseController(w)
	p, buf := service.NewParser(1<<20), make([]byte, 4096)
	frames, step := 0, 0
	for {
		n, err := r.Body.Read(buf)
		seen := frames
		p.Feed(buf[:n], func(service.Frame) error { frames++; return nil })
		if frames > seen && frames >= 2 && step < 3 {
			step++
			b := service.AppendEntry(nil, 0, &journal.Run{CompletionID: uint32(step)})
			b = service.AppendControl(b, service.V6, &service.ProposeRunCompletion{
				CompletionID: uint32(step), Result: protocol.Success([]byte("x")),
			})
			w.Write(b)
			rc.Flush()
		} else if frames > seen && step == 3 {
			b := service.AppendEntry(nil, 0, &journal.Output{Result: protocol.Success([]byte("x"))})
			w.Write(service.AppendControl(b, service.V6, &service.End{}))
			rc.Flush()
			step++
		}
		if err != nil {
			return
		}
	}
}

// BenchmarkThreeSteps runs a workflow of three steps over a real connection and a log that costs
// nothing; the deployment's share is in the figure too.
func BenchmarkThreeSteps(b *testing.B) {
	for _, clients := range []int{1, 32} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			srv := httptest.NewUnstartedServer(http.HandlerFunc(serveThreeSteps))
			srv.Config.Protocols = new(http.Protocols)
			srv.Config.Protocols.SetUnencryptedHTTP2(true)
			srv.Start()
			defer srv.Close()
			client, err := endpoint.New(endpoint.Config{})
			if err != nil {
				b.Fatal(err)
			}
			defer client.Close()
			schemas := register(b, srv.URL, endpoint.HTTP2, manifest("BIDI_STREAM", 6, ""))
			i, err := New(Config{}, schemas, client, Events{})
			if err != nil {
				b.Fatal(err)
			}
			l := &benchLog{all: make(map[protocol.InvocationID]*benchInvocation), todo: make(chan func(), 1024)}
			l.p = i.Lead(0, 1, l, l)
			defer l.p.Close()
			go func() {
				for f := range l.todo {
					f()
				}
			}()
			b.ReportAllocs()
			b.ResetTimer()
			runClients(b, l, clients)
		})
	}
}

func runClients(b *testing.B, l *benchLog, clients int) {
	var wg sync.WaitGroup
	next := make(chan int)
	in := &journal.Input{Value: []byte("x")}
	entry := journal.Entry{Type: in.Type(), Body: protocol.Inline(in.Append(nil))}
	for range clients {
		wg.Go(func() {
			for n := range next {
				id := protocol.InvocationID{Key: protocol.PartitionKey(n)}
				inv := &benchInvocation{done: make(chan struct{}), snapshot: Snapshot{
					ID: id, Target: plainTarget, Attempt: 1, Entries: []journal.Entry{entry},
				}}
				l.mu.Lock()
				l.all[id] = inv
				l.mu.Unlock()
				l.p.StartFresh(inv.snapshot)
				<-inv.done
			}
		})
	}
	for n := range b.N {
		next <- n
	}
	close(next)
	wg.Wait()
}
