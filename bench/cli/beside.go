package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/bench/report"
	"github.com/perdure/perdure/bench/workload"
)

// besideScenarios are the calls that are made with and without queries beside them.
var besideScenarios = []string{"echo", "three-step"}

const (
	queryPatience = 20 * time.Second       // after which a query's client leaves
	fickleAfter   = 300 * time.Millisecond // after which every fifth leaves
	fickleEvery   = 5
	queryPause    = 20 * time.Millisecond // between two queries of a client
)

// heavyQueries are what many clients ask at once: all rows, large sorts, joins of everything with
// everything, and what is no query.
var heavyQueries = []string{
	"SELECT target, status, count(*), min(created_at), max(modified_at) FROM sys_invocation " +
		"GROUP BY target, status",
	"SELECT max(n) FROM (SELECT row_number() OVER (ORDER BY modified_at, id) AS n FROM sys_invocation) x",
	"SELECT count(*) FROM sys_invocation a CROSS JOIN sys_invocation b WHERE a.created_at < b.created_at",
	"SELECT count(*) FROM sys_invocation WHERE target LIKE '%9/check'",
	"SELECT count(DISTINCT id) FROM sys_invocation",
	"SELECT entry_type, count(*) FROM sys_journal GROUP BY entry_type",
	"SELECT count(* FROM sys_invocation",
}

// besideRound makes calls at a fixed rate with and without queries beside them.
func (s *session) besideRound(ctx context.Context, x *stocked, round int) error {
	for _, scenario := range besideScenarios {
		runs := map[bool]report.Run{}
		for _, asked := range []bool{round%2 == 0, round%2 == 1} {
			run, err := s.beside(ctx, x, scenario, asked)
			if err != nil {
				return fmt.Errorf("%s on %s: %w", run.Case.Scenario, x.Name(), err)
			}
			run.Round = round
			runs[asked] = run
			fmt.Fprintf(s.log, "round %d/%d %s %s: p50 %.2f ms, p99 %.2f ms, %.0f errors\n", round,
				s.cfg.rounds, run.Case.Name(), run.Server, run.Figures["p50_ms"],
				run.Figures["p99_ms"], run.Figures["errors"])
		}
		for _, key := range []string{"p50", "p99"} {
			if without := runs[false].Figures[key+"_ms"]; without > 0 {
				runs[true].Figures[key+"_beside"] = runs[true].Figures[key+"_ms"] / without
			}
		}
		s.report.Runs = append(s.report.Runs, runs[false], runs[true])
	}
	return nil
}

// beside makes the calls of one scenario, and lets clients ask meanwhile.
func (s *session) beside(ctx context.Context, x *stocked, scenario string, asked bool,
) (report.Run, error) {
	c := report.Case{
		Part: report.PartBeside, Scenario: scenario, Clients: s.cfg.besideClients, Rate: s.cfg.rate,
		Payload: workload.DefaultPayload,
	}
	if !asked {
		return s.drive(ctx, x.Instance, c, c.Rate, s.cfg.besideTime)
	}
	askers := s.startAskers(ctx, x)
	if err := wait(ctx, s.cfg.warmup); err != nil {
		askers.stop()
		return report.Run{Case: c}, err
	}
	run, err := s.drive(ctx, x.Instance, c, c.Rate, s.cfg.besideTime)
	seconds := askers.stop().Seconds()
	run.Case.Scenario = fmt.Sprintf("%s, %d queries", scenario, s.cfg.queries)
	if err != nil {
		return run, err
	}
	run.Figures["queries_answered"] = float64(askers.answered.Load()) / seconds
	run.Figures["queries_refused"] = float64(askers.refused.Load()) / seconds
	if err := x.unhealthy(ctx); err != nil {
		return run, fmt.Errorf("after the queries: %w", err)
	}
	return run, nil
}

// unhealthy returns why the server does not answer a small query.
func (x *stocked) unhealthy(ctx context.Context) error {
	answer, err := x.Query(ctx, fillIn(questions[0].text, x.ids[0]))
	if err == nil {
		_, err = questions[0].check(x.stock, answer)
	}
	return err
}

// askers are clients that ask heavy queries, one after the other each.
type askers struct {
	begin    time.Time
	cancel   context.CancelFunc
	running  sync.WaitGroup
	answered atomic.Int64
	refused  atomic.Int64 // in words: too many, too large, wrong
}

func (s *session) startAskers(ctx context.Context, x *stocked) *askers {
	a := &askers{begin: time.Now()}
	ctx, a.cancel = context.WithCancel(ctx)
	for i := range s.cfg.queries {
		patience := queryPatience
		if i%fickleEvery == 0 {
			patience = fickleAfter
		}
		a.running.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				a.ask(ctx, x, heavyQueries[n%len(heavyQueries)], patience)
			}
		})
	}
	return a
}

func (a *askers) ask(ctx context.Context, x *stocked, text string, patience time.Duration) {
	inner, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	switch _, err := x.Query(inner, text); {
	case err == nil:
		a.answered.Add(1)
	case !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled):
		a.refused.Add(1)
	}
	_ = wait(ctx, queryPause) // what ends the wait ends the loop of the caller too
}

// stop ends all queries and returns how long there were any.
func (a *askers) stop() time.Duration {
	took := time.Since(a.begin)
	a.cancel()
	a.running.Wait()
	return took
}

func fillIn(text, id string) string { return strings.ReplaceAll(text, "{id}", id) }
