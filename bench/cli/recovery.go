package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/perdure/perdure/bench/load"
	"github.com/perdure/perdure/bench/probe"
	"github.com/perdure/perdure/bench/report"
	"github.com/perdure/perdure/bench/target"
	"github.com/perdure/perdure/bench/workload"
)

const recoveryAdds = 1000 // acknowledged before the kill, looked for after it

// recovery measures how soon calls are answered after a kill with finished invocations on disk,
// and checks that no acknowledged change was lost by it.
func (s *session) recovery(ctx context.Context, server, round int) (err error) {
	instance, err := target.NewInstance(s.cfg.servers[server].Spec, s.scratch)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, instance.Remove()) }()
	if _, err := s.start(ctx, instance, true); err != nil {
		return err
	}
	s.seen(ctx, server, instance)
	run := report.Run{
		Case:   s.part(report.PartRecovery, fmt.Sprintf("recovery %d", s.cfg.invocations)),
		Server: instance.Name(), Round: round, Figures: map[string]float64{},
	}
	empty, err := probe.DirBytes(instance.DataDir())
	if err != nil {
		return err
	}
	counters, err := s.fill(ctx, instance, &run)
	if err != nil {
		return err
	}
	instance.Kill()
	if err := addSize(&run, instance); err != nil {
		return err
	}
	run.Figures["disk_bytes_per_call"] =
		(run.Figures["data_mib"]*mib - float64(empty)) / float64(s.cfg.invocations+recoveryAdds)
	took, err := s.start(ctx, instance, false)
	if err != nil {
		return fmt.Errorf("start after the kill: %w", err)
	}
	run.Figures["health_seconds"] = took.health.Seconds()
	run.Figures["answered_seconds"] = took.answered.Seconds()
	if usage, err := probe.ReadUsage(instance.PID()); err == nil {
		run.Figures["rss_mib"] = float64(usage.RSSBytes) / mib
	}
	if run.Figures["errors"] == 0 {
		s.verify(ctx, &run, instance, counters)
	}
	s.report.Runs = append(s.report.Runs, run)
	fmt.Fprintf(s.log, "round %d/%d recovery %s: healthy after %.2f s, answered after %.2f s\n",
		round, s.cfg.rounds, run.Server, took.health.Seconds(), took.answered.Seconds())
	instance.Stop()
	return nil
}

// fill runs the invocations and then some additions to counters, whose scenario it returns for
// the check after the kill.
func (s *session) fill(
	ctx context.Context, i *target.Instance, run *report.Run,
) (workload.Scenario, error) {
	clients := s.cfg.fillClients
	generator, err := load.NewGenerator(load.Config{
		Address: i.Ingress(), Clients: clients, Timeout: s.cfg.timeout,
	})
	if err != nil {
		return nil, err
	}
	defer generator.Close()
	cfg := workload.Config{Run: runName(), Payload: workload.DefaultPayload, Clients: clients}
	echo, err := workload.New("echo", cfg)
	if err != nil {
		return nil, err
	}
	counters, err := workload.New("counter-1000", cfg)
	if err != nil {
		return nil, err
	}
	before := s.sample(i)
	result := generator.Run(ctx, load.Phase{Requests: s.cfg.invocations}, echo.Next)
	addErrors(run, result)
	addWritten(run, before, s.sample(i), float64(result.Requests))
	run.Figures["requests_per_second"] = result.PerSecond()
	addErrors(run, generator.Run(ctx, load.Phase{Requests: recoveryAdds}, counters.Next))
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("interrupted: %w", err)
	}
	return counters, nil
}

// addWritten adds what the calls had the server write.
func addWritten(run *report.Run, before, after sample, calls float64) {
	if before.server == nil || after.server == nil || calls == 0 {
		return
	}
	run.Figures["written_kib_per_request"] =
		float64(after.server.WriteBytes-before.server.WriteBytes) / kib / calls
}
