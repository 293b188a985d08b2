package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/bench/floor"
	"github.com/perdure/perdure/bench/load"
	"github.com/perdure/perdure/bench/probe"
	"github.com/perdure/perdure/bench/report"
	"github.com/perdure/perdure/bench/target"
	"github.com/perdure/perdure/bench/workload"
)

const kib, mib = 1 << 10, 1 << 20

// loadRound measures all cases on all servers, the servers taking turns within each case.
func (s *session) loadRound(ctx context.Context, order []int, round int) (err error) {
	kept := make([]*target.Instance, len(s.cfg.servers))
	defer func() {
		for _, instance := range kept {
			err = errors.Join(err, retire(instance))
		}
	}()
	for _, name := range s.cfg.scenarios {
		for _, clients := range s.cfg.clients {
			c := report.Case{
				Scenario: name, Clients: clients, Rate: s.cfg.rate, Payload: s.cfg.payload,
			}
			for _, server := range order {
				if s.cfg.servers[server].Kind == target.KindFloor && !floor.Plays(name) {
					s.note("%s is not played by the floor", name)
					continue
				}
				if err := s.measureCase(ctx, kept, server, c, round); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *session) measureCase(
	ctx context.Context, kept []*target.Instance, server int, c report.Case, round int,
) error {
	if kept[server] == nil {
		instance, err := target.NewInstance(s.cfg.servers[server], s.scratch)
		if err != nil {
			return err
		}
		kept[server] = instance
		if _, err := s.start(ctx, instance, true); err != nil {
			return err
		}
		s.seen(ctx, server, instance)
	}
	run, err := s.drive(ctx, kept[server], c)
	if err != nil {
		return fmt.Errorf("%s on %s: %w", c.Scenario, run.Server, err)
	}
	run.Round = round
	s.report.Runs = append(s.report.Runs, run)
	fmt.Fprintf(s.log, "round %d/%d %s clients=%d %s: %.0f req/s, p50 %.2f ms, %.0f errors\n",
		round, s.cfg.rounds, c.Scenario, c.Clients, run.Server, run.Figures["requests_per_second"],
		run.Figures["p50_ms"], run.Figures["errors"])
	if s.cfg.process == processFresh {
		err = retire(kept[server])
		kept[server] = nil
	}
	return err
}

// retire stops an instance and deletes its data. Nil is none.
func retire(instance *target.Instance) error {
	if instance == nil {
		return nil
	}
	instance.Stop()
	return instance.Remove()
}

// drive measures one case on one server.
func (s *session) drive(
	ctx context.Context, i *target.Instance, c report.Case,
) (report.Run, error) {
	run := report.Run{Case: c, Server: i.Name(), Figures: map[string]float64{}}
	scenario, err := workload.New(c.Scenario, workload.Config{
		Run: runName(), Payload: c.Payload, Clients: c.Clients,
	})
	if err != nil {
		return run, err
	}
	generator, err := load.NewGenerator(load.Config{
		Address: i.Ingress(), Clients: c.Clients, Rate: c.Rate, Timeout: s.cfg.timeout,
	})
	if err != nil {
		return run, err
	}
	defer generator.Close()
	if s.cfg.warmup > 0 {
		warm := generator.Run(ctx, load.Phase{Duration: s.cfg.warmup}, scenario.Next)
		addErrors(&run, warm)
	}
	before, watch := s.sample(i), probe.StartWatch(i.PID())
	result := generator.Run(ctx, load.Phase{Duration: s.cfg.duration}, scenario.Next)
	rss, after := watch.Stop(), s.sample(i)
	if err := ctx.Err(); err != nil {
		return run, fmt.Errorf("interrupted: %w", err)
	}
	addLatency(&run, c, result)
	addErrors(&run, result)
	addCost(&run, before, after, float64(result.Requests), result.Elapsed)
	if rss > 0 {
		run.Figures["rss_mib"] = float64(rss) / mib
	}
	if s.cfg.strace {
		s.trace(ctx, &run, i, generator, scenario)
	}
	if run.Figures["errors"] == 0 {
		s.verify(ctx, &run, i, scenario)
	}
	return run, nil
}

// verify counts a server whose state disagrees with its answers as one failed call.
func (s *session) verify(
	ctx context.Context, run *report.Run, i *target.Instance, scenario workload.Scenario,
) {
	client := load.NewClient(i.Ingress(), s.cfg.timeout)
	defer client.Close()
	if err := scenario.Verify(ctx, client); err != nil {
		run.Figures["errors"]++
		run.Errors = append(run.Errors, err.Error())
	}
}

// trace counts flush calls in a window of its own, because strace makes the server slow.
func (s *session) trace(
	ctx context.Context, run *report.Run, i *target.Instance,
	generator *load.Generator, scenario workload.Scenario,
) {
	if i.PID() == 0 {
		s.note("flush calls are not counted on %s: give --pid", i.Name())
		return
	}
	trace, err := probe.StartTrace(i.PID(), s.scratch)
	if err != nil {
		s.note("%v", err)
		return
	}
	result := generator.Run(ctx, load.Phase{Duration: s.cfg.traceTime}, scenario.Next)
	counts, err := trace.Stop()
	if err != nil {
		s.note("%v", err)
		return
	}
	addErrors(run, result)
	if result.Requests == 0 {
		return
	}
	calls := 0.0
	for _, count := range counts {
		calls += float64(count)
	}
	run.Figures["sync_calls_per_request"] = calls / float64(result.Requests)
}

// sample is what had been used at one moment. Nil parts could not be read.
type sample struct {
	server, service *probe.Usage
	disk            *probe.Disk
}

func (s *session) sample(i *target.Instance) sample {
	var now sample
	if i.PID() != 0 {
		if usage, err := probe.ReadUsage(i.PID()); err != nil {
			s.note("%v", err)
		} else {
			now.server = &usage
		}
	}
	if usage, err := probe.ReadUsage(s.service.process.PID()); err == nil {
		now.service = &usage
	}
	if s.device != "" {
		if disk, err := probe.ReadDisk(s.device); err != nil {
			s.note("%v", err)
		} else {
			now.disk = &disk
		}
	}
	return now
}

func addLatency(run *report.Run, c report.Case, result *load.Result) {
	f := run.Figures
	f["requests_per_second"] = result.PerSecond()
	f["p50_ms"] = millis(result.Latency(0.50))
	f["p99_ms"] = millis(result.Latency(0.99))
	f["p999_ms"] = millis(result.Latency(0.999))
	f["max_ms"] = millis(result.MaxLatency())
	if c.Rate > 0 {
		f["lag_p99_ms"] = millis(result.Lag(0.99))
	}
}

// addErrors counts the failed calls of a phase, warm-up and trace window included: a server that
// fails only there fails all the same.
func addErrors(run *report.Run, result *load.Result) {
	run.Figures["errors"] += float64(result.Errors)
	run.Errors = append(run.Errors, result.Examples...)
}

func addCost(run *report.Run, before, after sample, requests float64, elapsed time.Duration) {
	if requests == 0 {
		return
	}
	f := run.Figures
	if before.server != nil && after.server != nil {
		cpu := after.server.CPU - before.server.CPU
		f["server_cpu_ms_per_request"] = millis(cpu) / requests
		f["server_cpu_cores"] = cpu.Seconds() / elapsed.Seconds()
		f["written_kib_per_request"] =
			float64(after.server.WriteBytes-before.server.WriteBytes) / kib / requests
		f["voluntary_switches_per_request"] =
			float64(after.server.Voluntary-before.server.Voluntary) / requests
		f["involuntary_switches_per_request"] =
			float64(after.server.Involuntary-before.server.Involuntary) / requests
	}
	if before.service != nil && after.service != nil {
		f["service_cpu_ms_per_request"] = millis(after.service.CPU-before.service.CPU) / requests
	}
	if before.disk != nil && after.disk != nil {
		f["device_flushes_per_request"] = float64(after.disk.Flushes-before.disk.Flushes) / requests
		f["device_kib_per_request"] =
			float64(after.disk.WriteBytes-before.disk.WriteBytes) / kib / requests
	}
}

func millis(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
