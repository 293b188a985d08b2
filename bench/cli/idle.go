package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/bench/probe"
	"github.com/perdure/perdure/bench/report"
	"github.com/perdure/perdure/bench/target"
)

// idle measures a start on empty data, a quiet time, and a start on the same data.
func (s *session) idle(ctx context.Context, server, round int) (err error) {
	instance, err := target.NewInstance(s.cfg.servers[server].Spec, s.scratch)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, instance.Remove()) }()
	run := report.Run{
		Case: s.part(report.PartStart, "idle"), Server: instance.Name(), Round: round,
		Figures: map[string]float64{},
	}
	took, err := s.start(ctx, instance, true)
	if err != nil {
		return err
	}
	s.seen(ctx, server, instance)
	run.Figures["health_seconds"] = took.health.Seconds()
	run.Figures["answered_seconds"] = took.answered.Seconds()
	if err := wait(ctx, s.cfg.settle); err != nil {
		return err
	}
	before, begin := s.sample(instance), time.Now()
	if err := wait(ctx, s.cfg.idleTime); err != nil {
		return err
	}
	addIdle(&run, before, s.sample(instance), time.Since(begin).Seconds())
	if err := addSize(&run, instance); err != nil {
		return err
	}
	instance.Stop()
	if took, err = s.start(ctx, instance, false); err != nil {
		return fmt.Errorf("start again: %w", err)
	}
	run.Figures["restart_health_seconds"] = took.health.Seconds()
	run.Figures["restart_answered_seconds"] = took.answered.Seconds()
	s.report.Runs = append(s.report.Runs, run)
	fmt.Fprintf(s.log, "round %d/%d idle %s: %.0f MiB, %.2f %% of a core\n", round, s.cfg.rounds,
		run.Server, run.Figures["rss_mib"], run.Figures["idle_cpu_percent"])
	instance.Stop()
	return nil
}

func addIdle(run *report.Run, before, after sample, seconds float64) {
	f := run.Figures
	if before.server != nil && after.server != nil {
		f["rss_mib"] = float64(after.server.RSSBytes) / mib
		f["idle_cpu_percent"] = 100 * (after.server.CPU - before.server.CPU).Seconds() / seconds
		f["idle_switches_per_second"] =
			float64(after.server.Voluntary-before.server.Voluntary) / seconds
	}
	if before.disk != nil && after.disk != nil {
		f["idle_flushes_per_second"] = float64(after.disk.Flushes-before.disk.Flushes) / seconds
	}
}

func addSize(run *report.Run, instance *target.Instance) error {
	size, err := probe.DirBytes(instance.DataDir())
	if err != nil {
		return err
	}
	run.Figures["data_mib"] = float64(size) / mib
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("interrupted: %w", ctx.Err())
	}
}

// part returns the case of a scenario, with its part where the report has several.
func (s *session) part(part report.Part, scenario string) report.Case {
	if s.cfg.kind != report.KindAll {
		part = ""
	}
	return report.Case{Part: part, Scenario: scenario}
}
