package cli

import (
	"context"
	"fmt"

	"github.com/perdure/perdure/bench/probe"
	"github.com/perdure/perdure/bench/report"
	"github.com/perdure/perdure/bench/target"
)

// allRound measures everything there is a target for, once.
func (s *session) allRound(ctx context.Context, round int) error {
	if err := s.limits(round); err != nil {
		return err
	}
	main := s.order(round, func(x server) bool { return x.role != report.RoleVariant })
	if err := s.loadRound(ctx, main, fullLoad(), s.cfg.process, round); err != nil {
		return err
	}
	variants := s.order(round, func(x server) bool { return x.role == report.RoleVariant })
	if err := s.loadRound(ctx, variants, partitionLoad(), processFresh, round); err != nil {
		return err
	}
	real := s.order(round, func(x server) bool {
		return x.role != report.RoleVariant && x.Kind != target.KindFloor
	})
	err := s.each(real, func(server int) error { return s.idle(ctx, server, round) })
	if err != nil {
		return err
	}
	return s.each(real, func(server int) error { return s.recovery(ctx, server, round) })
}

// machineName stands for a server in what is measured without one.
const machineName = "machine"

// limits measures what disk and loopback take alone, under the conditions of this round.
func (s *session) limits(round int) error {
	figures := map[string]float64{}
	p50, p99, err := probe.MeasureDatasync(s.scratch)
	if err != nil {
		return err
	}
	figures["datasync_p50_ms"], figures["datasync_p99_ms"] = millis(p50), millis(p99)
	if p50, p99, err = probe.MeasureLoopback(); err != nil {
		return err
	}
	figures["loopback_p50_ms"], figures["loopback_p99_ms"] = millis(p50), millis(p99)
	s.report.Runs = append(s.report.Runs, report.Run{
		Case:   report.Case{Part: report.PartMachine, Scenario: "limits"},
		Server: machineName, Round: round, Figures: figures,
	})
	fmt.Fprintf(s.log, "round %d/%d limits: fdatasync %.3f ms, loopback %.3f ms\n",
		round, s.cfg.rounds, figures["datasync_p50_ms"], figures["loopback_p50_ms"])
	return nil
}

// memory records the largest memory of a server that went through a whole round.
func (s *session) memory(i *target.Instance, round int) {
	if s.cfg.kind != report.KindAll || i.PID() == 0 {
		return
	}
	peak, err := probe.PeakRSS(i.PID())
	if err != nil {
		s.note("%v", err)
		return
	}
	s.report.Runs = append(s.report.Runs, report.Run{
		Case:   report.Case{Part: report.PartMemory, Scenario: "whole load"},
		Server: i.Name(), Round: round,
		Figures: map[string]float64{"peak_rss_mib": float64(peak) / mib},
	})
}
