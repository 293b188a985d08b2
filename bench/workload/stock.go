package workload

import (
	"strconv"
	"sync/atomic"
	"time"

	restate "github.com/restatedev/sdk-go"
	"github.com/restatedev/sdk-go/server"

	"github.com/perdure/perdure/bench/load"
)

// The stock is many invocations for queries to look at: most have ended, some wait to be completed,
// some wait for their time. One call makes a batch of them, which costs less than calling each.
const (
	stockService   = "Stock" // and a number
	stockServices  = 10
	shelfService   = "Shelf"
	orderService   = "Order"
	restockService = "Restock"

	shelves    = 1000 // objects
	stockDelay = 30 * 24 * time.Hour

	// orderInactivity is how long an order stays with its attempt before it is suspended.
	orderInactivity = time.Millisecond
)

// StockBatch is how many invocations one call of the stock scenario makes, itself among them.
const StockBatch = 500

// batchSends are those that nobody waits for. One more is called and waited for, so that batches are
// not made faster than they are worked off; and one is the call that makes them.
const batchSends = StockBatch - 2

var stockHandlers = [...]string{"take", "count", "check"}

// Of every 20 invocations that a batch sends, one is suspended, one scheduled, four are of objects.
const (
	stockCycle  = 20
	suspendedAt = 0
	scheduledAt = 1
	objectsTill = 5
)

// Stock says how many invocations some batches have made, by status.
type Stock struct{ Total, Completed, Suspended, Scheduled int }

// StockOf counts what is there after some batches, all of them worked off.
func StockOf(batches int) Stock {
	s := Stock{Total: batches * StockBatch}
	for n := range batchSends {
		switch n % stockCycle {
		case suspendedAt:
			s.Suspended += batches
		case scheduledAt:
			s.Scheduled += batches
		}
	}
	s.Completed = s.Total - s.Suspended - s.Scheduled
	return s
}

// RestockService has the invocations that make batches, one for each.
const RestockService = restockService

func bindStock(r *server.Restate) *server.Restate {
	for i := range stockServices {
		service := restate.NewService(stockService + strconv.Itoa(i))
		for _, handler := range stockHandlers {
			service.Handler(handler, restate.NewServiceHandler(echo))
		}
		r = r.Bind(service)
	}
	return r.
		Bind(restate.NewObject(shelfService).Handler("put", restate.NewObjectHandler(put))).
		Bind(restate.NewService(orderService).Handler("await", restate.NewServiceHandler(await,
			restate.WithInactivityTimeout(orderInactivity)))).
		Bind(restate.NewService(restockService).Handler("run", restate.NewServiceHandler(restock)))
}

func put(_ restate.ObjectContext, input string) (string, error) { return input, nil }

// await waits for somebody who never comes.
func await(ctx restate.Context, _ string) (string, error) {
	return restate.Awakeable[string](ctx).Result()
}

// restock makes a batch and returns its number.
func restock(ctx restate.Context, batch int) (int, error) {
	for n := range batchSends {
		input := strconv.Itoa(n)
		service := stockService + strconv.Itoa((n/stockCycle+batch)%stockServices)
		handler := stockHandlers[n%len(stockHandlers)]
		switch at := n % stockCycle; {
		case at == suspendedAt:
			restate.ServiceSend(ctx, orderService, "await").Send(input)
		case at == scheduledAt:
			restate.ServiceSend(ctx, service, handler).Send(input, restate.WithDelay(stockDelay))
		case at <= objectsTill:
			key := strconv.Itoa((batch*batchSends + n) % shelves)
			restate.ObjectSend(ctx, shelfService, key, "put").Send(input)
		default:
			restate.ServiceSend(ctx, service, handler).Send(input)
		}
	}
	_, err := restate.Service[string](ctx, stockService+"0", stockHandlers[0]).Request("last")
	return batch, err
}

// stockScenario makes one batch after the other.
type stockScenario struct {
	stateless
	made atomic.Int64
}

// NewStock returns the calls that make the stock, StockBatch invocations each.
func NewStock() Scenario { return &stockScenario{} }

func (s *stockScenario) Next(int) load.Request {
	batch := strconv.AppendInt(nil, s.made.Add(1), 10)
	const path = "/" + restockService + "/run"
	return load.Request{Path: path, Body: batch, Check: expect(path, batch)}
}
