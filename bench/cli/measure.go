package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/perdure/perdure/bench/load"
	"github.com/perdure/perdure/bench/probe"
	"github.com/perdure/perdure/bench/report"
	"github.com/perdure/perdure/bench/target"
	"github.com/perdure/perdure/bench/workload"
)

// session is one command while it runs.
type session struct {
	cfg     config
	scratch string // below the data directory
	device  string // that holds the data; empty if there is none
	service *service
	report  report.Report
	log     io.Writer

	noCounter bool // flush calls cannot be counted beside a measurement
}

// measure runs one of the measuring commands from flags to report.
func measure(
	ctx context.Context, kind string, args, flags []string, stdout, stderr io.Writer,
) (err error) {
	cfg, err := parse(kind, flags, stderr)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(cfg.dataDir, "bench-*")
	if err != nil {
		return fmt.Errorf("make a scratch directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	s := &session{cfg: cfg, scratch: scratch, log: stderr}
	if err := s.prepare(ctx, args); err != nil {
		return err
	}
	defer s.service.stop()
	if err := s.rounds(ctx); err != nil {
		return s.abandon(err, stdout)
	}
	return s.finish(stdout)
}

// abandon writes the report of what was measured until err came: it may have taken an hour.
func (s *session) abandon(err error, stdout io.Writer) error {
	if len(s.report.Runs) == 0 {
		return err
	}
	s.note("this report is not complete: %v", err)
	return errors.Join(err, s.finish(stdout))
}

func (s *session) prepare(ctx context.Context, args []string) error {
	machine, err := probe.ReadMachine(ctx, s.scratch)
	if err != nil {
		return err
	}
	s.device = machine.Mount.Device
	s.report = report.Report{
		Kind: s.cfg.kind, Date: time.Now().UTC().Truncate(time.Second), Machine: machine,
		Command: "bench " + strings.Join(args, " "),
	}
	if s.device == "" {
		s.note("the data lies on %s, which has no block device: flushes are not measured, "+
			"and fsync may cost nothing there", machine.Mount.FileSystem)
	}
	self := ""
	if len(hostArgs(args)) > 0 {
		self, _ = os.Executable() // without it the server is built
	}
	bench, err := selfCommand(args)
	if err != nil {
		return fmt.Errorf("find the benchmark's own program: %w", err)
	}
	resolver := target.Resolver{Scratch: s.scratch, Perdure: self, Bench: bench, Log: s.log}
	for i, server := range s.cfg.servers {
		resolved, err := resolver.Resolve(ctx, server.Spec)
		if err != nil {
			return err
		}
		s.cfg.servers[i].Spec = resolved
		s.report.Servers = append(s.report.Servers, report.Server{
			Name: server.Name, Role: server.role, Partitions: server.Partitions,
			Command: resolved.Describe(),
		})
	}
	if s.cfg.kind == report.KindAll {
		s.report.Servers = append(s.report.Servers, report.Server{
			Name: machineName, Command: "no server: a zeroed file and a TCP connection",
		})
	}
	s.service, err = startService(args, s.log)
	return err
}

// rounds measures everything as often as it is wanted.
func (s *session) rounds(ctx context.Context) error {
	if s.cfg.kind == sqlCommand {
		return s.sql(ctx) // the servers are filled once for all rounds
	}
	for round := 1; round <= s.cfg.rounds; round++ {
		if err := s.round(ctx, round); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
	}
	return nil
}

// round measures everything once.
func (s *session) round(ctx context.Context, round int) error {
	order := s.order(round, func(server) bool { return true })
	switch s.cfg.kind {
	case "idle":
		return s.each(order, func(server int) error { return s.idle(ctx, server, round) })
	case "recovery":
		return s.each(order, func(server int) error { return s.recovery(ctx, server, round) })
	case report.KindAll:
		return s.allRound(ctx, round)
	}
	return s.loadRound(ctx, order, s.cfg.grid(), s.cfg.process, round)
}

func (s *session) each(order []int, do func(server int) error) error {
	for _, server := range order {
		if err := do(server); err != nil {
			return err
		}
	}
	return nil
}

// started says how long a server took from the start of its process.
type started struct {
	health   time.Duration // both interfaces healthy
	answered time.Duration // first call answered
}

// start starts an instance, makes it call the services, and waits for a first answer. A server
// that knows the services from before is not told again.
func (s *session) start(
	ctx context.Context, i *target.Instance, register bool,
) (took started, err error) {
	begin := time.Now()
	if err := i.Start(ctx); err != nil {
		return started{}, err
	}
	took.health = time.Since(begin)
	if register {
		if err := i.Register(ctx, s.service.uri); err != nil {
			return started{}, err
		}
	}
	if err := s.awaitAnswer(ctx, i); err != nil {
		return started{}, err
	}
	took.answered = time.Since(begin)
	return took, nil
}

const retryInterval = 5 * time.Millisecond

// awaitAnswer calls echo until it is answered.
func (s *session) awaitAnswer(ctx context.Context, i *target.Instance) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.answerTimeout)
	defer cancel()
	scenario, err := workload.New("echo", workload.Config{Clients: 1})
	if err != nil {
		return err
	}
	client := load.NewClient(i.Ingress(), s.cfg.answerTimeout)
	defer client.Close()
	request := scenario.Next(0)
	for {
		status, answer, err := client.Post(ctx, request.Path, request.Body)
		if err == nil && status == 200 {
			return request.Check(answer)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for a first answer of %s: status %d %s: %w",
				i.Name(), status, answer, errors.Join(err, ctx.Err()))
		case <-time.After(retryInterval):
		}
	}
}

func (s *session) finish(stdout io.Writer) error {
	s.report.Summarize()
	if err := s.report.WriteTable(stdout); err != nil {
		return err
	}
	if s.cfg.jsonPath != "" {
		if err := s.report.WriteJSON(s.cfg.jsonPath); err != nil {
			return err
		}
	}
	if s.cfg.outPath != "" {
		if err := s.report.WriteFiles(s.cfg.outPath); err != nil {
			return err
		}
	}
	if s.report.Failed() > 0 {
		return errFailedCalls
	}
	return nil
}

// note adds a remark to the report, once.
func (s *session) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	for _, known := range s.report.Notes {
		if known == text {
			return
		}
	}
	s.report.Notes = append(s.report.Notes, text)
	fmt.Fprintln(s.log, "note:", text)
}

// seen records what a server says of itself.
func (s *session) seen(ctx context.Context, server int, i *target.Instance) {
	if s.report.Servers[server].Version == "" {
		s.report.Servers[server].Version = i.Version(ctx)
	}
}

// runName returns a name for keys that were never used before, on any server.
func runName() string { return strings.ToLower(rand.Text()[:12]) }
