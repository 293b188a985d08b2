package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/perdure/perdure/bench/load"
	"github.com/perdure/perdure/bench/probe"
	"github.com/perdure/perdure/bench/report"
	"github.com/perdure/perdure/bench/target"
	"github.com/perdure/perdure/bench/workload"
)

// sqlCommand measures queries on servers that have many invocations.
const sqlCommand = "sql"

const (
	stockPartitions = 24              // of servers that are not told otherwise
	stockTimeout    = 5 * time.Minute // until what was sent has ended
	stockPoll       = time.Second
	sampleIDs       = 200 // invocations that are looked up
	maxAsks         = 500 // of one query in one round
)

// stocked is a server with many invocations.
type stocked struct {
	*target.Instance
	stock workload.Stock
	ids   []string // of some of them
}

// sql fills every server with invocations and then asks them in turn, in all rounds.
func (s *session) sql(ctx context.Context) (err error) {
	servers := make([]*stocked, len(s.cfg.servers))
	defer func() {
		for _, x := range servers {
			if x != nil {
				err = errors.Join(err, retire(x.Instance))
			}
		}
	}()
	for i, server := range s.cfg.servers {
		instance, err := target.NewInstance(server.Spec, s.scratch)
		if err != nil {
			return err
		}
		servers[i] = &stocked{Instance: instance}
		if _, err := s.start(ctx, instance, true); err != nil {
			return err
		}
		s.seen(ctx, i, instance)
		if err := s.stockUp(ctx, servers[i]); err != nil {
			return fmt.Errorf("fill %s: %w", instance.Name(), err)
		}
	}
	for round := 1; round <= s.cfg.rounds; round++ {
		order := s.order(round, func(server) bool { return true })
		if err := s.askRound(ctx, order, servers, round); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		if s.cfg.queries == 0 {
			continue
		}
		err := s.each(order, func(at int) error { return s.besideRound(ctx, servers[at], round) })
		if err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
	}
	return nil
}

// stockUp makes the invocations unless an earlier run has, waits until all that can end have ended,
// and counts them.
func (s *session) stockUp(ctx context.Context, x *stocked) error {
	made, err := x.count(ctx, batchQuery)
	if err != nil {
		return fmt.Errorf("look for invocations: %w", err)
	}
	if made > 0 {
		x.stock = workload.StockOf(made)
		s.note("%s had %d invocations from an earlier run", x.Name(), x.stock.Total)
		if err = s.awaitStock(ctx, x); err == nil {
			x.ids, err = s.someIDs(ctx, x)
		}
		return err
	}
	return s.fillStock(ctx, x)
}

// batchQuery counts the batches that were made.
const batchQuery = "SELECT count(*) AS n FROM sys_invocation " +
	"WHERE target_service_name = '" + workload.RestockService + "'"

// count asks for a number, which is called n.
func (x *stocked) count(ctx context.Context, query string) (int, error) {
	answer, err := x.Query(ctx, query)
	if err != nil {
		return 0, err
	}
	var found struct{ Rows []struct{ N int } }
	if err := json.Unmarshal(answer, &found); err != nil || len(found.Rows) != 1 {
		return 0, fmt.Errorf("%s: want one row, not %.300s", query, answer)
	}
	return found.Rows[0].N, nil
}

func (s *session) fillStock(ctx context.Context, x *stocked) error {
	generator, err := load.NewGenerator(load.Config{
		Address: x.Ingress(), Clients: s.cfg.fillClients, Timeout: s.cfg.timeout,
	})
	if err != nil {
		return err
	}
	defer generator.Close()
	run := report.Run{
		Case:   report.Case{Part: report.PartFill, Scenario: "fill"},
		Server: x.Name(), Round: 1, Figures: map[string]float64{},
	}
	batches := (s.cfg.invocations + workload.StockBatch - 1) / workload.StockBatch
	watch, begin := probe.StartWatch(x.PID()), time.Now()
	result := generator.Run(ctx, load.Phase{Requests: batches, Duration: s.cfg.fillTime},
		workload.NewStock().Next)
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted: %w", ctx.Err())
	}
	if err := result.Err(); err != nil {
		return err
	}
	x.stock = workload.StockOf(int(result.Requests))
	err = s.awaitStock(ctx, x)
	took, peak := time.Since(begin), watch.Stop()
	if err != nil {
		return err
	}
	if x.ids, err = s.someIDs(ctx, x); err != nil {
		return err
	}
	run.Figures["invocations"] = float64(x.stock.Total)
	run.Figures["invocations_per_second"] = float64(x.stock.Total) / took.Seconds()
	if peak > 0 {
		run.Figures["rss_mib"] = float64(peak) / mib
	}
	if x.DataDir() != "" {
		if err := addSize(&run, x.Instance); err != nil {
			return err
		}
	}
	s.report.Runs = append(s.report.Runs, run)
	fmt.Fprintf(s.log, "filled %s: %d invocations in %.0f s, %.0f MiB on disk\n",
		x.Name(), x.stock.Total, took.Seconds(), run.Figures["data_mib"])
	return nil
}

// ofStock leaves out calls that are made besides: the first ones, and those beside queries.
const ofStock = "WHERE target_service_name NOT IN ('Echo', 'ThreeStep')"

const stockQuery = "SELECT status, count(*) AS n FROM sys_invocation " + ofStock + " GROUP BY status"

// awaitStock waits until there are as many invocations of each status as were made.
func (s *session) awaitStock(ctx context.Context, x *stocked) error {
	ctx, cancel := context.WithTimeout(ctx, stockTimeout)
	defer cancel()
	want := map[string]int{"completed": x.stock.Completed}
	if x.stock.Suspended > 0 {
		want["suspended"], want["scheduled"] = x.stock.Suspended, x.stock.Scheduled
	}
	for {
		answer, err := x.Query(ctx, stockQuery)
		if err != nil {
			return fmt.Errorf("count what was made: %w", err)
		}
		var rows struct {
			Rows []struct {
				Status string
				N      int
			}
		}
		if err := json.Unmarshal(answer, &rows); err != nil {
			return fmt.Errorf("count what was made: %w", err)
		}
		found := map[string]int{}
		for _, row := range rows.Rows {
			found[row.Status] = row.N
		}
		if fmt.Sprint(found) == fmt.Sprint(want) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until there are %v: there are %v: %w", want, found, ctx.Err())
		case <-time.After(stockPoll):
		}
	}
}

func (s *session) someIDs(ctx context.Context, x *stocked) ([]string, error) {
	answer, err := x.Query(ctx, fmt.Sprintf("SELECT id FROM sys_invocation "+
		"WHERE target_service_name = '%s' LIMIT %d", workload.RestockService, sampleIDs))
	if err != nil {
		return nil, fmt.Errorf("look for invocations: %w", err)
	}
	var rows struct{ Rows []struct{ ID string } }
	if err := json.Unmarshal(answer, &rows); err != nil {
		return nil, fmt.Errorf("look for invocations: %w", err)
	}
	var ids []string
	for _, row := range rows.Rows {
		ids = append(ids, row.ID)
	}
	if len(ids) == 0 {
		return nil, errors.New("look for invocations: there are none")
	}
	return ids, nil
}

// question is a query and what its answer must be.
type question struct {
	name, text string // {id} is an invocation
	// rows is how many rows there are, of a server with this stock.
	rows func(workload.Stock) int
	// count is what the column n of the only row says; nil: there is none.
	count func(workload.Stock) int
}

func exactly(n int) func(workload.Stock) int { return func(workload.Stock) int { return n } }

// questions are what the console, the command line and people ask.
var questions = []question{
	{name: "by id", text: "SELECT * FROM sys_invocation WHERE id = '{id}'", rows: exactly(1)},
	{name: "journal by id", text: "SELECT index, entry_type, name FROM sys_journal WHERE id = '{id}' " +
		"LIMIT 10", rows: exactly(10)},
	{name: "list by status", text: "SELECT * FROM sys_invocation WHERE status = 'suspended' LIMIT 100",
		rows: func(s workload.Stock) int { return min(100, s.Suspended) }},
	{name: "list by handler", text: "SELECT id, target, status, created_at FROM sys_invocation " +
		"WHERE target_service_name = 'Stock3' AND target_handler_name = 'count' " +
		"AND status = 'completed' LIMIT 100"},
	{name: "list by key", text: "SELECT id, target, status, created_at FROM sys_invocation " +
		"WHERE target_service_name = 'Shelf' AND target_service_key = '7' LIMIT 100"},
	{name: "list as the command line", text: "SELECT id FROM sys_invocation inv " +
		"WHERE status != 'completed' ORDER BY inv.created_at DESC, inv.id LIMIT 100",
		rows: func(s workload.Stock) int { return min(100, s.Suspended+s.Scheduled) }},
	{name: "newest 100", text: "SELECT id, target, status FROM sys_invocation " +
		"ORDER BY created_at DESC LIMIT 100", rows: exactly(100)},
	{name: "count", text: "SELECT count(*) AS n FROM sys_invocation " + ofStock, rows: exactly(1),
		count: func(s workload.Stock) int { return s.Total }},
	{name: "count all", text: "SELECT count(*) AS n FROM sys_invocation", rows: exactly(1)},
	{name: "count by status", text: "SELECT count(*) AS n FROM sys_invocation " +
		"WHERE status = 'suspended'", rows: exactly(1),
		count: func(s workload.Stock) int { return s.Suspended }},
	{name: "group by service, status", text: "SELECT target_service_name, status, count(*), " +
		"min(created_at) FROM sys_invocation GROUP BY target_service_name, status"},
	{name: "group as the console", text: "SELECT target_service_name, target_handler_name, status, " +
		"COUNT(1), MIN(created_at), FIRST_VALUE(id ORDER BY created_at ASC) FROM sys_invocation " +
		"GROUP BY target_service_name, target_handler_name, status ORDER BY target_handler_name"},
	{name: "group journals by type", text: "SELECT entry_type, count(*) FROM sys_journal " +
		"GROUP BY entry_type"},
}

// askRound asks every server every question, the servers taking turns.
func (s *session) askRound(ctx context.Context, order []int, servers []*stocked, round int) error {
	for i := range questions {
		for _, at := range order {
			run, err := s.ask(ctx, servers[at], &questions[i])
			if err != nil {
				return fmt.Errorf("%s on %s: %w", questions[i].name, servers[at].Name(), err)
			}
			run.Round = round
			s.report.Runs = append(s.report.Runs, run)
			fmt.Fprintf(s.log, "round %d/%d %s %s: p50 %.2f ms, %.0f rows, %.0f errors\n", round,
				s.cfg.rounds, run.Case.Name(), run.Server, run.Figures["p50_ms"], run.Figures["rows"],
				run.Figures["errors"])
		}
	}
	return nil
}

// ask asks one question for some time.
func (s *session) ask(ctx context.Context, x *stocked, q *question) (report.Run, error) {
	run := report.Run{
		Case:   report.Case{Part: report.PartQueries, Scenario: q.name},
		Server: x.Name(), Figures: map[string]float64{"errors": 0},
	}
	before, watch, begin := s.sample(x.Instance), probe.StartWatch(x.PID()), time.Now()
	var took []time.Duration
	for len(took) == 0 || len(took) < maxAsks && time.Since(begin) < s.cfg.duration {
		text := fillIn(q.text, x.ids[len(took)%len(x.ids)])
		start := time.Now()
		answer, err := x.Query(ctx, text)
		took = append(took, time.Since(start))
		if ctx.Err() != nil {
			break
		}
		rows := 0
		if err == nil {
			rows, err = q.check(x.stock, answer)
		}
		if err != nil {
			run.Figures["errors"]++
			if len(run.Errors) < maxExamples {
				run.Errors = append(run.Errors, err.Error())
			}
			if len(run.Errors) == maxExamples {
				break
			}
			continue
		}
		run.Figures["rows"] = float64(rows)
	}
	peak := watch.Stop()
	if ctx.Err() != nil {
		return run, fmt.Errorf("interrupted: %w", ctx.Err())
	}
	after := s.sample(x.Instance)
	slices.Sort(took)
	run.Figures["p50_ms"] = millis(took[len(took)/2])
	run.Figures["max_ms"] = millis(took[len(took)-1])
	if before.server != nil && after.server != nil {
		run.Figures["server_cpu_ms_per_request"] =
			millis(after.server.CPU-before.server.CPU) / float64(len(took))
	}
	if peak > 0 {
		run.Figures["rss_mib"] = float64(peak) / mib
	}
	return run, nil
}

const maxExamples = 3 // of wrong answers to one question

// check looks at an answer and counts its rows.
func (q *question) check(stock workload.Stock, answer []byte) (rows int, err error) {
	var found struct{ Rows []json.RawMessage }
	if err := json.Unmarshal(answer, &found); err != nil {
		return 0, fmt.Errorf("%s: decode the answer: %w", q.text, err)
	}
	rows = len(found.Rows)
	if q.rows != nil && rows != q.rows(stock) {
		return rows, fmt.Errorf("%s: %d rows, want %d", q.text, rows, q.rows(stock))
	}
	if q.rows == nil && rows == 0 {
		return rows, fmt.Errorf("%s: no rows", q.text)
	}
	if q.count == nil {
		return rows, nil
	}
	var row struct{ N int }
	if err := json.Unmarshal(found.Rows[0], &row); err != nil || row.N != q.count(stock) {
		return rows, fmt.Errorf("%s: %s, want %d", q.text, found.Rows[0], q.count(stock))
	}
	return rows, nil
}
