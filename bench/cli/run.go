package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/bench/load"
	"github.com/perdure/perdure/bench/probe"
	"github.com/perdure/perdure/bench/report"
	"github.com/perdure/perdure/bench/target"
	"github.com/perdure/perdure/bench/workload"
)

const kib, mib = 1 << 10, 1 << 20

// loadRound measures cases on servers, the servers taking turns within each case.
func (s *session) loadRound(
	ctx context.Context, order []int, cases []report.Case, process string, round int,
) (err error) {
	kept := make([]*target.Instance, len(s.cfg.servers))
	found := peaks{}
	defer func() {
		for _, instance := range kept {
			if instance != nil && err == nil && process == processKept {
				s.memory(instance, round)
			}
			err = errors.Join(err, retire(instance))
		}
	}()
	for _, c := range cases {
		for _, server := range order {
			if !s.cfg.servers[server].plays(c) {
				continue
			}
			rate := c.Rate
			if c.Share > 0 {
				rate = c.Share * found.of(server, c)
			}
			run, err := s.measureCase(ctx, kept, server, c, rate, round)
			if err != nil {
				return err
			}
			found.note(server, c, run.Figures["requests_per_second"])
			if process == processFresh {
				err := retire(kept[server])
				kept[server] = nil
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// measureCase measures a case on a server, which it starts if it is not among the kept ones.
func (s *session) measureCase(
	ctx context.Context, kept []*target.Instance, server int, c report.Case, rate float64, round int,
) (report.Run, error) {
	if kept[server] != nil && !kept[server].Running() {
		s.note("%s ended by itself before %s and was started again", kept[server].Name(), c.Name())
		if err := retire(kept[server]); err != nil {
			return report.Run{}, err
		}
		kept[server] = nil
	}
	if kept[server] == nil {
		instance, err := target.NewInstance(s.cfg.servers[server].Spec, s.scratch)
		if err != nil {
			return report.Run{}, err
		}
		kept[server] = instance
		if _, err := s.start(ctx, instance, true); err != nil {
			return report.Run{}, err
		}
		s.seen(ctx, server, instance)
	}
	run, err := s.drive(ctx, kept[server], c, rate, s.cfg.duration)
	if err != nil {
		return report.Run{}, fmt.Errorf("%s on %s: %w", c.Scenario, run.Server, err)
	}
	run.Round = round
	s.report.Runs = append(s.report.Runs, run)
	fmt.Fprintf(s.log, "round %d/%d %s clients=%d %s: %.0f req/s, p50 %.2f ms, %.0f errors\n",
		round, s.cfg.rounds, c.Name(), c.Clients, run.Server, run.Figures["requests_per_second"],
		run.Figures["p50_ms"], run.Figures["errors"])
	return run, nil
}

// retire stops an instance and deletes its data. Nil is none.
func retire(instance *target.Instance) error {
	if instance == nil {
		return nil
	}
	instance.Stop()
	return instance.Remove()
}

// drive measures one case on one server, in an open loop if rate is above 0.
func (s *session) drive(
	ctx context.Context, i *target.Instance, c report.Case, rate float64, duration time.Duration,
) (report.Run, error) {
	run := report.Run{Case: c, Server: i.Name(), Figures: map[string]float64{}}
	if c.Share > 0 && rate == 0 {
		return run, errors.New("no call of the closed loop was answered, so there is no peak " +
			"to take a share of")
	}
	scenario, err := workload.New(c.Scenario, workload.Config{
		Run: runName(), Payload: c.Payload, Clients: c.Clients,
	})
	if err != nil {
		return run, err
	}
	generator, err := load.NewGenerator(load.Config{
		Address: i.Ingress(), Clients: c.Clients, Rate: rate, Timeout: s.cfg.timeout,
	})
	if err != nil {
		return run, err
	}
	defer generator.Close()
	if s.cfg.warmup > 0 {
		warm := generator.Run(ctx, load.Phase{Duration: s.cfg.warmup}, scenario.Next)
		addErrors(&run, warm)
	}
	result, rss := s.window(ctx, &run, i, func() *load.Result {
		return generator.Run(ctx, load.Phase{Duration: duration}, scenario.Next)
	})
	if err := ctx.Err(); err != nil {
		return run, fmt.Errorf("interrupted: %w", err)
	}
	addLatency(&run, rate, result)
	addErrors(&run, result)
	if rss > 0 {
		run.Figures["rss_mib"] = float64(rss) / mib
	}
	if s.cfg.strace {
		s.trace(ctx, &run, i, generator, scenario)
	}
	if s.cfg.profileDir != "" {
		s.profile(ctx, &run, i, generator, scenario)
	}
	if run.Figures["errors"] == 0 {
		s.verify(ctx, &run, i, scenario)
	}
	return run, nil
}

// window makes calls and adds what they cost to run. It returns the largest memory meanwhile.
func (s *session) window(
	ctx context.Context, run *report.Run, i *target.Instance, calls func() *load.Result,
) (*load.Result, int64) {
	counter := s.startCounter(i)
	before, watch := s.sample(i), probe.StartWatch(i.PID())
	result := calls()
	rss, after := watch.Stop(), s.sample(i)
	if counter != nil {
		counts, err := counter.Stop()
		if err != nil && ctx.Err() == nil {
			s.note("%v", err)
		} else if err == nil {
			addSyncs(run, counts, result)
		}
	}
	addCost(run, before, after, float64(result.Requests), result.Elapsed)
	if payload := run.Case.Payload; run.Case.Scenario == "echo" && payload >= kib {
		if written, ok := run.Figures["written_kib_per_request"]; ok {
			run.Figures["write_amplification"] = written * kib / float64(2*payload)
		}
	}
	return result, rss
}

// startCounter returns nil if flush calls are counted in another way or cannot be.
func (s *session) startCounter(i *target.Instance) *probe.Counter {
	if s.cfg.strace || i.PID() == 0 || s.noCounter {
		return nil
	}
	counter, err := probe.StartCounter(i.PID(), s.scratch)
	if err != nil {
		s.noCounter = true // it will not get better, and looking takes time
		s.note("%v; --strace counts in another way", err)
		return nil
	}
	return counter
}

func addSyncs(run *report.Run, counts map[string]int64, result *load.Result) {
	if result.Requests == 0 {
		return
	}
	calls := int64(0)
	for _, count := range counts {
		calls += count
	}
	run.Figures["sync_calls_per_request"] = float64(calls) / float64(result.Requests)
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
	addSyncs(run, counts, result)
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

func addLatency(run *report.Run, rate float64, result *load.Result) {
	f := run.Figures
	if distribution := result.Distribution(); distribution.Total() > 0 {
		run.Latency = &distribution
	}
	f["requests_per_second"] = result.PerSecond()
	f["p50_ms"] = millis(result.Latency(0.50))
	f["p99_ms"] = millis(result.Latency(0.99))
	f["p999_ms"] = millis(result.Latency(0.999))
	f["max_ms"] = millis(result.MaxLatency())
	if rate > 0 {
		f["offered_per_second"] = rate
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
